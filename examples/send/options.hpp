// The command line of livekit-send.
#pragma once

#include "common/command_line.hpp"

#include "base/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lk::send {

enum class Source { None, Text, File, Lines };
enum class Form { Packet, Stream, Chat, Rpc };

struct Options {
  Source source = Source::None;
  Form form = Form::Packet;
  std::string content; ///< the text, or the path of the file
  std::string topic, method, name, mime_type;
  std::vector<std::string> destinations;
  std::vector<std::pair<std::string, std::string>> attributes;
  bool lossy = false, quiet = false, show_version = false;
  unsigned timeout_ms = 15000; ///< for the answer to a call
  cli::Connection connection;
};

/// An error is a sentence about the usage.
Result<Options> parse (char **argv);

} // namespace lk::send
