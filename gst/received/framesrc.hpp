// The start of one track inside livekitsrc: frames of the transport go out of a source pad in the running
// time of the user's pipeline, on the transport's own thread, and silence (GAP events) fills what does not
// come.
#pragma once

#include "media/frame_receiver.hpp"
#include "media/pad_element.hpp"
#include "media/time_map.hpp"

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace lk::gst {

class FrameSrc : public media::PadHandler, public media::FrameConsumer {
public:
  struct Params {
    media::MediaKind kind = media::MediaKind::Audio;
    std::string stream_id;
    guint group_id = 0;
    Ref<GstCaps> caps; ///< announced before any frame and instead of the frames' own; null = the frames'
    Ref<GstTagList> tags;
    std::shared_ptr<media::TimeMap> time;
  };
  struct Hooks {
    /// Decides (again) what follows this element. Streaming thread. False: nothing is linked, drop.
    std::function<bool ()> prepare;
    std::function<GstClockTime ()> latency;
    std::function<void ()> request_keyframe;
    /// Caps for a video that has not begun this long after the pad could, so that the pad is not kept waiting
    /// for ever; null = wait on. Pool thread.
    std::function<Ref<GstCaps> (GstClockTime waited)> stand_in;
    /// Downstream refused for good. Streaming thread.
    std::function<void (GstFlowReturn)> on_flow_error;
  };

  /// The element holds the handler; both have the pad "src".
  static std::pair<Ref<GstElement>, std::shared_ptr<FrameSrc>> make (Params params, Hooks hooks);

  FrameSrc (Params params, Hooks hooks) : params_ (std::move (params)), hooks_ (std::move (hooks)) {}

  /// PLAYING: frames pass. `now` is the running time from which gaps count.
  void open (GstClockTime now);
  /// Not PLAYING: frames are dropped, no GAP events.
  void close ();
  /// Downstream wants another format: prepare() before the next push.
  void
  reconsider () {
    needs_prepare_ = true;
  }
  /// Something new was linked: it needs a key frame to begin with.
  void
  relinked () {
    needs_key_ = true;
    needs_prepare_ = true;
  }
  /// Flushes downstream when it holds up a push for more than a moment: a sink that waits to play would keep
  /// an element that is stopped alone for ever.
  void let_go ();
  /// Waits for a push under way, then sends EOS. Blocks as long as downstream does.
  void finish ();

  /// Whether fill_gap() would do something at running time `now`. Any thread, no lock.
  bool gap_due (GstClockTime now) const;
  /// Covers what did not come with a GAP event up to `now` less the longest way; skipped while a push is
  /// under way.
  void fill_gap (GstClockTime now);
  /// At most one gap job at a time: true for the caller that may start it.
  bool
  claim_gap_job () {
    return !gap_job_.exchange (true);
  }
  void
  release_gap_job () {
    gap_job_ = false;
  }

  // FrameConsumer
  void on_frame (const media::Frame &frame) override;
  void on_lost (GstClockTime from, GstClockTime duration) override;
  // PadHandler
  bool src_event (Ref<GstEvent> event) override;
  bool src_query (GstQuery *query) override;
  bool
  has_task () const override {
    return false;
  }

private:
  GstClockTime longest_way () const;
  bool ready_to_push (); // push_lock_ held
  void send_head (const Ref<GstCaps> &caps);
  void push (Ref<GstBuffer> buffer);

  const Params params_;
  const Hooks hooks_;
  std::atomic<bool> open_{ false }, needs_prepare_{ true }, needs_key_{ false }, gap_job_{ false };
  std::atomic<GstClockTime> covered_until_{ GST_CLOCK_TIME_NONE }; ///< running time
  std::atomic<GstClockTime> opened_{ GST_CLOCK_TIME_NONE };        ///< running time of the last open()

  std::timed_mutex push_lock_; // held while pushing: one thread at a time is the stream
  bool head_sent_ = false, finished_ = false, waiting_for_key_ = true, discont_ = true;
  bool refused_
      = false; ///< downstream does not take the data, and was told so; until something else is linked
  Ref<GstCaps> caps_;
};

} // namespace lk::gst
