// The command line of livekit-recorder.
#pragma once

#include "job/request.hpp"

#include "base/result.hpp"

namespace lk::recorder {

struct Options {
  record::Request request;
  bool json = false, quiet = false, show_version = false;
};

/// An error is a sentence about the usage.
Result<Options> parse (char **argv);

// Numbers as people write them; nothing where it is none.
std::optional<uint64_t> parse_amount (const std::string &text); ///< 300, 128k, 2.5M, 4G
std::optional<Millis> parse_duration (const std::string &text); ///< 90, 1.5s, 10m, 2h

} // namespace lk::recorder
