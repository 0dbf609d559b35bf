// The pipeline of livekit-send.
#pragma once

#include "options.hpp"

namespace lk::send {

inline constexpr int kDone = 0, kNoRoom = 1, kUsage = 2, kNotSent = 3, kCallFailed = 4;

/// Sends as the options say; returns the exit code.
int run (const Options &options);

} // namespace lk::send
