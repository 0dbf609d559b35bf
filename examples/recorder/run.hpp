// One recording job, told to the terminal.
#pragma once

#include "options.hpp"

namespace lk::recorder {

/// Besides those of common/command_line.hpp.
inline constexpr int kNotWritten = 3, kNothing = 4;

/// Records until it is over; returns the exit code.
int run (const Options &options);

} // namespace lk::recorder
