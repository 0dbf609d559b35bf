#include "rtc/reaper.hpp"

#include "base/log.hpp"
#include "rtc/peer.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <unistd.h>

namespace lk::rtc {

namespace {

using Job = std::function<void ()>;

// Several threads, because one pipeline that cannot stop (a push that a paused consumer blocks) must not keep
// the others alive. Not exclusive: idle ones end by themselves.
constexpr int kThreads = 4;

constexpr std::chrono::seconds kExitLimit{ 2 };

/// How many jobs wait or run. Never destroyed: they may outlive the process's main function.
struct Load {
  std::mutex lock;
  std::condition_variable done;
  unsigned jobs = 0;
};

Load &
load () {
  static auto *instance = new Load;
  return *instance;
}

void
run_job (gpointer data, gpointer) noexcept {
  {
    std::unique_ptr<Job> job (static_cast<Job *> (data));
    (*job) ();
  }
  std::lock_guard hold (load ().lock);
  if (--load ().jobs == 0) load ().done.notify_all ();
}

pid_t registered_in = 0;

void
wait_for_jobs () {
  std::unique_lock hold (load ().lock);
  load ().done.wait_for (hold, kExitLimit, [] { return load ().jobs == 0; });
}

void
on_exit () noexcept {
  if (getpid () == registered_in) wait_for_jobs (); // a fork has none of the threads
}

void
for_each_made_by (GstElement *bin, const char *factory, GstIteratorForeachFunction fn) {
  auto *elements = gst_bin_iterate_all_by_element_factory_name (GST_BIN (bin), factory);
  while (gst_iterator_foreach (elements, fn, nullptr) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (elements);
  gst_iterator_free (elements);
}

/// A message that SCTP has no room for waits inside sctpenc (1.22). With the connection gone there will never
/// be room, and stopping waits for it for ever; only a flush ends it.
void
give_up_data (GstElement *pipeline) {
  for_each_made_by (pipeline, "sctpenc", [] (const GValue *value, gpointer) {
    gst_element_foreach_sink_pad (
        GST_ELEMENT (g_value_get_object (value)),
        [] (GstElement *, GstPad *pad, gpointer) -> gboolean {
          gst_pad_send_event (pad, gst_event_new_flush_start ());
          return TRUE;
        },
        nullptr);
  });
}

/// sctpdec (1.22) goes on using the pad of a data channel that opens while it is being stopped, after the pad
/// was refused: one crash in some 150 connections that were closed right after they were made. So nothing may
/// reach it any more.
void
cut_off_data (GstElement *pipeline) {
  for_each_made_by (pipeline, "sctpdec", [] (const GValue *value, gpointer) {
    auto pad
        = Ref<GstPad>::adopt (gst_element_get_static_pad (GST_ELEMENT (g_value_get_object (value)), "sink"));
    gst_pad_add_probe (
        pad.get (), GstPadProbeType (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_DROP; }, nullptr, nullptr);
    // Waits for the packet that is being worked on; one that is stuck in a full queue is freed by the stop
    // itself.
    for (int tries = 0; tries < 100; ++tries) {
      if (GST_PAD_STREAM_TRYLOCK (pad.get ())) {
        GST_PAD_STREAM_UNLOCK (pad.get ());
        break;
      }
      g_usleep (1000);
    }
  });
}

/// webrtcbin (1.22) goes on negotiating until the very end of its way to NULL: what it adds meanwhile starts
/// and would run for ever, with a thread and the sockets.
void
stop_latecomers (GstElement *pipeline) {
  auto *elements = gst_bin_iterate_recurse (GST_BIN (pipeline));
  auto stop = [] (const GValue *value, gpointer) {
    auto *element = GST_ELEMENT (g_value_get_object (value));
    if (GST_STATE (element) == GST_STATE_NULL) return;
    GST_CAT_DEBUG_OBJECT (log::rtc (), element, "came while its pipeline was stopped");
    gst_element_set_state (element, GST_STATE_NULL);
  };
  while (gst_iterator_foreach (elements, stop, nullptr) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (elements);
  gst_iterator_free (elements);
}

} // namespace

void
run_on_reaper (Job job) {
  static GThreadPool *pool = g_thread_pool_new (run_job, nullptr, kThreads, FALSE, nullptr);
  {
    std::lock_guard hold (load ().lock);
    ++load ().jobs;
  }
  g_thread_pool_push (pool, new Job (std::move (job)), nullptr);
  hold_back_deinit (wait_for_jobs);
}

void
hold_back_deinit (Job wait) {
  // gst_deinit() ends the pool in which elements have their work done, and waits for that.
  auto element = Ref<GstElement>::sink (gst_bin_new (nullptr));
  gst_element_call_async (
      element.get (), [] (GstElement *, gpointer job) { (*static_cast<Job *> (job)) (); },
      new Job (std::move (wait)), [] (gpointer job) { delete static_cast<Job *> (job); });
}

void
finish_jobs_at_exit () {
  static std::once_flag once;
  std::call_once (once, [] {
    registered_in = getpid ();
    std::atexit (on_exit);
  });
}

void
retire (Ref<GstElement> pipeline, std::function<void ()> done) {
  run_on_reaper ([pipeline = std::move (pipeline), done = std::move (done)] () mutable {
    const bool is_bin = pipeline && GST_IS_BIN (pipeline.get ());
    if (is_bin) {
      give_up_data (pipeline.get ());
      cut_off_data (pipeline.get ());
    }
    if (pipeline) gst_element_set_state (pipeline.get (), GST_STATE_NULL);
    if (is_bin) stop_latecomers (pipeline.get ());
    pipeline.reset ();
    if (done) done ();
  });
}

} // namespace lk::rtc
