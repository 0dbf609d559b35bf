// Threads for what may take long and must not hold up a session. Internal to rtc.
#pragma once

#include <functional>

namespace lk::rtc {

/// Runs `job` on a thread of the process's small pool. Never blocks.
void run_on_reaper (std::function<void ()> job);

} // namespace lk::rtc
