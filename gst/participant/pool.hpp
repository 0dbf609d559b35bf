// Threads for what may block.
#pragma once

#include <functional>

namespace lk::gst {

/// Runs `job` on a shared pool of threads that grows as jobs block. Any thread.
void run_in_pool (std::function<void ()> job);

} // namespace lk::gst
