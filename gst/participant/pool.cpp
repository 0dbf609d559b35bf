#include "participant/pool.hpp"

#include <glib.h>

#include <memory>

namespace lk::gst {

using Job = std::function<void ()>;

void
run_in_pool (Job job) {
  static GThreadPool *pool = g_thread_pool_new (
      [] (gpointer data, gpointer) {
        std::unique_ptr<Job> owned (static_cast<Job *> (data));
        (*owned) ();
      },
      nullptr, -1, FALSE, nullptr);
  g_thread_pool_push (pool, new Job (std::move (job)), nullptr);
}

} // namespace lk::gst
