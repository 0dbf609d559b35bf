// The pipeline of livekit-send.
#pragma once

#include "options.hpp"

namespace lk::send {

/// Besides those of common/command_line.hpp.
inline constexpr int kNotSent = 3, kCallFailed = 4;

/// Sends as the options say; returns the exit code.
int run (const Options &options);

} // namespace lk::send
