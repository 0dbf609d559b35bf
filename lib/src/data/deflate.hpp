// Raw DEFLATE (RFC 1951), in pieces, with the output under the caller's control: a bomb costs one piece.
#pragma once

#include "base/ref.hpp"

#include <gio/gio.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lk::data {

class Deflater {
public:
  Deflater ();
  /// Compresses `input` and appends what comes out (maybe nothing yet) to `out`. `last` ends the stream.
  void feed (std::string_view input, bool last, std::string &out);

private:
  Ref<GConverter> converter_;
};

class Inflater {
public:
  /// Takes the next at most 16 KiB of output; false stops.
  using Sink = std::function<bool (std::string_view)>;
  enum class State { More, Done, Broken, Stopped };

  Inflater ();
  /// Feeds compressed bytes. Done after the end of the stream; bytes behind the end are Broken. Stopped and
  /// Broken are final.
  State feed (std::string_view input, const Sink &sink);
  State
  state () const {
    return state_;
  }

private:
  Ref<GConverter> converter_;
  State state_ = State::More;
};

std::string deflate (std::string_view content);
/// Empty for what is broken, incomplete, or would be longer than `limit`.
std::optional<std::string> inflate (std::string_view compressed, size_t limit);

} // namespace lk::data
