// One recording job, told to the terminal.
#pragma once

#include "options.hpp"

namespace lk::recorder {

inline constexpr int kDone = 0, kNoRoom = 1, kUsage = 2, kNotWritten = 3, kNothing = 4;

/// Records until it is over; returns the exit code.
int run (const Options &options);

} // namespace lk::recorder
