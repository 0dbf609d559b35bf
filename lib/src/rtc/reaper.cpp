#include "rtc/reaper.hpp"

#include "rtc/peer.hpp"

namespace lk::rtc {

namespace {

using Job = std::function<void ()>;

// Several threads, because one pipeline that cannot stop (a push that a paused consumer blocks) must not keep
// the others alive. Not exclusive: idle ones end by themselves.
constexpr int kThreads = 4;

void
run_job (gpointer data, gpointer) noexcept {
  std::unique_ptr<Job> job (static_cast<Job *> (data));
  (*job) ();
}

} // namespace

void
run_on_reaper (Job job) {
  static GThreadPool *pool = g_thread_pool_new (run_job, nullptr, kThreads, FALSE, nullptr);
  g_thread_pool_push (pool, new Job (std::move (job)), nullptr);
}

void
retire (Ref<GstElement> pipeline, std::function<void ()> done) {
  run_on_reaper ([pipeline = std::move (pipeline), done = std::move (done)] () mutable {
    if (pipeline) gst_element_set_state (pipeline.get (), GST_STATE_NULL);
    pipeline.reset ();
    if (done) done ();
  });
}

} // namespace lk::rtc
