// Calls at random on a running pipeline with livekitsink "sink" and livekitsrc "src", from several threads.
//
//   Chaos chaos (pipeline, seed, 10s);
//   EXPECT_TRUE (chaos.run (5s)) << chaos.stuck ();    // no call took longer than 10 s
//
// The seed decides what each thread does in which order; how the threads meet is the machine's doing.
#pragma once

#include "base/ref.hpp"

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace lk::test {

/// Takes what the source's pads bring. Held by the signal handlers, which may still run when Chaos is over.
class Drains : public std::enable_shared_from_this<Drains> {
public:
  explicit Drains (Ref<GstElement> pipeline) : pipeline_ (std::move (pipeline)) {}

  static void
  on_pad_added (GstElement *, GstPad *pad, gpointer data) noexcept {
    auto &self = **static_cast<std::shared_ptr<Drains> *> (data);
    auto drain = Ref<GstElement>::sink (gst_element_factory_make ("fakesink", nullptr));
    g_object_set (drain.get (), "async", FALSE, nullptr);
    gst_bin_add (GST_BIN (self.pipeline_.get ()), drain.get ());
    auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (drain.get (), "sink"));
    gst_element_sync_state_with_parent (drain.get ());
    gst_pad_link (pad, to.get ());
    std::lock_guard lock (self.lock_);
    self.drains_[pad] = std::move (drain);
  }

  static void
  on_pad_removed (GstElement *, GstPad *pad, gpointer data) noexcept {
    auto &self = **static_cast<std::shared_ptr<Drains> *> (data);
    Ref<GstElement> drain;
    {
      std::lock_guard lock (self.lock_);
      auto found = self.drains_.extract (pad);
      if (!found) return;
      drain = std::move (found.mapped ());
    }
    gst_element_set_locked_state (drain.get (), TRUE);
    gst_element_set_state (drain.get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (self.pipeline_.get ()), drain.get ());
  }

  /// The handler's number.
  gulong
  connect (GstElement *src, const char *signal, void (*handler) (GstElement *, GstPad *, gpointer)) {
    return g_signal_connect_data (
        src, signal, G_CALLBACK (handler), new std::shared_ptr (shared_from_this ()),
        [] (gpointer held, GClosure *) { delete static_cast<std::shared_ptr<Drains> *> (held); },
        GConnectFlags (0));
  }

private:
  const Ref<GstElement> pipeline_;
  std::mutex lock_;
  std::map<GstPad *, Ref<GstElement>> drains_;
};

class Chaos {
public:
  using Clock = std::chrono::steady_clock;

  Chaos (GstElement *pipeline, unsigned seed, Clock::duration patience)
      : pipeline_ (Ref<GstElement>::retain (pipeline)),
        sink_ (Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline), "sink"))),
        src_ (Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline), "src"))), seed_ (seed),
        patience_ (patience) {
    if (!src_) return;
    auto drains = std::make_shared<Drains> (pipeline_);
    handlers_ = { drains->connect (src_.get (), "pad-added", Drains::on_pad_added),
                  drains->connect (src_.get (), "pad-removed", Drains::on_pad_removed) };
  }
  ~Chaos () {
    for (const auto &source : removed_)
      gst_element_set_state (source.get (), GST_STATE_NULL);
    for (auto handler : handlers_)
      g_signal_handler_disconnect (src_.get (), handler);
  }
  Chaos (const Chaos &) = delete;
  Chaos &operator= (const Chaos &) = delete;

  /// False: a call hangs, and its thread with it.
  bool
  run (Clock::duration length) {
    const auto end = Clock::now () + length;
    std::vector<std::thread> threads;
    for (auto &worker : workers_) {
      worker.random.seed (seed_++);
      worker.began = Clock::now ().time_since_epoch ().count ();
      threads.emplace_back ([this, &worker, end] {
        while (Clock::now () < end)
          one_call (worker);
        worker.call = "over";
        worker.over = true;
      });
    }
    for (bool over = false; !over; std::this_thread::sleep_for (std::chrono::milliseconds (20))) {
      over = true;
      for (auto &worker : workers_) {
        over = over && worker.over;
        if (!worker.over && Clock::now ().time_since_epoch () - Clock::duration (worker.began) > patience_) {
          stuck_ = worker.call;
          for (auto &thread : threads)
            thread.detach ();
          return false;
        }
      }
    }
    for (auto &thread : threads)
      thread.join ();
    return true;
  }
  /// The call that hangs.
  std::string
  stuck () const {
    return stuck_;
  }
  unsigned
  calls () const {
    return calls_;
  }

private:
  struct Worker {
    std::mt19937 random;
    std::atomic<Clock::rep> began = 0;
    std::atomic<const char *> call = "";
    std::atomic<bool> over = false;
  };

  unsigned
  pick (Worker &worker, unsigned below) {
    return unsigned (worker.random () % below);
  }

  void
  one_call (Worker &worker) {
    auto begin = [&] (const char *call) {
      worker.call = call;
      worker.began = Clock::now ().time_since_epoch ().count ();
      ++calls_;
    };
    switch (pick (worker, 16)) {
    case 0:
      begin ("set_state (NULL)");
      gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
      break;
    case 1:
      begin ("set_state (READY)");
      gst_element_set_state (pipeline_.get (), GST_STATE_READY);
      break;
    case 2:
      begin ("set_state (PAUSED)");
      gst_element_set_state (pipeline_.get (), GST_STATE_PAUSED);
      break;
    case 3:
    case 4:
    case 5:
    case 6:
      begin ("set_state (PLAYING)");
      gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
      break;
    case 7:
      begin ("add a pad");
      add_track (worker);
      break;
    case 8:
      begin ("release a pad");
      release_track (worker);
      break;
    case 9:
      // Not to the pipeline: GstBaseSrc (1.22) waits with the state lock for its thread, which any sink may
      // keep. Two fakesinks hang alike.
      begin ("send_event (EOS)");
      if (src_) gst_element_send_event (src_.get (), gst_event_new_eos ());
      break;
    case 10:
      begin ("read stats");
      read_stats (sink_.get ());
      read_stats (src_.get ());
      break;
    case 11:
      begin ("query latency");
      {
        auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
        gst_element_query (pipeline_.get (), query.get ());
      }
      break;
    case 12:
      begin ("stop one element and start it again");
      if (auto *element = pick (worker, 2) && src_ ? src_.get () : sink_.get ()) {
        gst_element_set_state (element, GST_STATE_NULL);
        gst_element_sync_state_with_parent (element);
      }
      break;
    default:
      begin ("wait");
      std::this_thread::sleep_for (std::chrono::milliseconds (pick (worker, 60)));
    }
    drop_messages ();
  }

  static void
  read_stats (GstElement *element) {
    if (!element) return;
    GstStructure *stats = nullptr;
    g_object_get (element, "stats", &stats, nullptr);
    StructurePtr owner (stats);
  }

  void
  drop_messages () {
    auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
    while (auto message = Ref<GstMessage>::adopt (gst_bus_pop (bus.get ()))) {
    }
  }

  struct Track {
    Ref<GstElement> source;
    Ref<GstPad> pad;
  };

  void
  add_track (Worker &worker) {
    if (!sink_) return;
    const bool audio = pick (worker, 2) == 0;
    Track track;
    {
      std::lock_guard lock (lock_);
      if (tracks_.size () >= 4) return;
    }
    track.source = Ref<GstElement>::sink (gst_parse_bin_from_description (
        audio ? "audiotestsrc is-live=true"
              : "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=32,height=32,framerate=10/1",
        TRUE, nullptr));
    track.pad
        = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink_.get (), audio ? "audio_%u" : "video_%u"));
    gst_bin_add (GST_BIN (pipeline_.get ()), track.source.get ());
    auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (track.source.get (), "src"));
    gst_pad_link (src.get (), track.pad.get ());
    gst_element_sync_state_with_parent (track.source.get ());
    std::lock_guard lock (lock_);
    tracks_.push_back (std::move (track));
  }

  void
  release_track (Worker &worker) {
    Track track;
    {
      std::lock_guard lock (lock_);
      if (tracks_.empty ()) return;
      auto which = tracks_.begin () + pick (worker, unsigned (tracks_.size ()));
      track = std::move (*which);
      tracks_.erase (which);
    }
    // Either order is legal.
    const bool pad_first = pick (worker, 2) == 0;
    if (pad_first) gst_element_release_request_pad (sink_.get (), track.pad.get ());
    gst_element_set_locked_state (track.source.get (), TRUE);
    gst_element_set_state (track.source.get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline_.get ()), track.source.get ());
    if (!pad_first) gst_element_release_request_pad (sink_.get (), track.pad.get ());
    // A state change of the pipeline that is under way may reach the source even now.
    std::lock_guard lock (lock_);
    removed_.push_back (std::move (track.source));
  }

  const Ref<GstElement> pipeline_, sink_, src_;
  unsigned seed_;
  const Clock::duration patience_;
  Worker workers_[4];
  std::atomic<unsigned> calls_ = 0;
  std::string stuck_;
  std::mutex lock_;
  std::vector<Track> tracks_;
  std::vector<gulong> handlers_;
  std::vector<Ref<GstElement>> removed_; // sources; stopped for good at the end
};

} // namespace lk::test
