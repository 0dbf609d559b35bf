// livekitsrc on a fake session: tracks are announced and frames delivered by the test, and a bare pad takes
// what comes out.
#pragma once

#include "fakes/fake_remote.hpp"
#include "media/time_map.hpp"
#include "pipeline_case.hpp"

#include <gst/check/gstharness.h>
#include <gst/livekit/enums.h>

#include <condition_variable>

namespace lk::test {

using RemotePtr = std::shared_ptr<FakeRemoteTrack>;

/// A sink pad that keeps what it is given.
class Drain {
public:
  struct Got {
    GstClockTime pts, duration;
    gsize size;
    bool gap, discont, delta;
    std::string caps; ///< in force
  };

  explicit Drain (const char *caps = "ANY") {
    auto pad_template = Ref<GstPadTemplate>::sink (gst_pad_template_new (
        "sink", GST_PAD_SINK, GST_PAD_ALWAYS, Ref<GstCaps>::adopt (gst_caps_from_string (caps)).get ()));
    pad_ = Ref<GstPad>::sink (gst_pad_new_from_template (pad_template.get (), "sink"));
    pad_.get ()->chaindata = pad_.get ()->eventdata = this;
    gst_pad_set_chain_function_full (
        pad_.get (),
        [] (GstPad *pad, GstObject *, GstBuffer *buffer) noexcept {
          return static_cast<Drain *> (pad->chaindata)->take (Ref<GstBuffer>::adopt (buffer));
        },
        this, nullptr);
    gst_pad_set_event_function_full (
        pad_.get (),
        [] (GstPad *pad, GstObject *, GstEvent *event) noexcept -> gboolean {
          static_cast<Drain *> (pad->eventdata)->note (Ref<GstEvent>::adopt (event));
          return TRUE;
        },
        this, nullptr);
    gst_pad_set_active (pad_.get (), TRUE);
  }
  ~Drain () {
    release ();
    unlink ();
    gst_pad_set_active (pad_.get (), FALSE);
  }

  void
  link (const Ref<GstPad> &from) {
    ASSERT_TRUE (from);
    ASSERT_EQ (gst_pad_link (from.get (), pad_.get ()), GST_PAD_LINK_OK);
  }
  void
  unlink () {
    if (auto peer = Ref<GstPad>::adopt (gst_pad_get_peer (pad_.get ())))
      gst_pad_unlink (peer.get (), pad_.get ());
  }
  GstPad *
  pad () const {
    return pad_.get ();
  }
  std::vector<Got>
  got () const {
    std::lock_guard guard (lock_);
    return got_;
  }
  size_t
  count () const {
    return got ().size ();
  }
  std::vector<Ref<GstEvent>>
  events (GstEventType type) const {
    std::lock_guard guard (lock_);
    std::vector<Ref<GstEvent>> found;
    for (const auto &event : events_)
      if (GST_EVENT_TYPE (event.get ()) == type) found.push_back (event);
    return found;
  }
  bool
  ended () const {
    return !events (GST_EVENT_EOS).empty ();
  }
  /// From now on a buffer does not come back before release().
  void
  hold () {
    std::lock_guard guard (lock_);
    held_ = true;
  }
  void
  release () {
    {
      std::lock_guard guard (lock_);
      held_ = false;
    }
    changed_.notify_all ();
  }
  bool
  holds () const {
    std::lock_guard guard (lock_);
    return holding_;
  }
  std::atomic<GstFlowReturn> flow{ GST_FLOW_OK };

private:
  GstFlowReturn
  take (Ref<GstBuffer> buffer) {
    auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad_.get ()));
    auto has = [&] (guint flag) { return bool (GST_BUFFER_FLAG_IS_SET (buffer.get (), flag)); };
    std::unique_lock guard (lock_);
    got_.push_back ({ GST_BUFFER_PTS (buffer.get ()), GST_BUFFER_DURATION (buffer.get ()),
                      gst_buffer_get_size (buffer.get ()), has (GST_BUFFER_FLAG_GAP),
                      has (GST_BUFFER_FLAG_DISCONT), has (GST_BUFFER_FLAG_DELTA_UNIT),
                      caps ? CString (gst_caps_to_string (caps.get ())).get () : "" });
    holding_ = held_;
    changed_.wait (guard, [this] { return !held_; });
    holding_ = false;
    return flow;
  }
  void
  note (Ref<GstEvent> event) {
    std::lock_guard guard (lock_);
    events_.push_back (std::move (event));
  }

  Ref<GstPad> pad_;
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::vector<Got> got_;
  std::vector<Ref<GstEvent>> events_;
  bool held_ = false, holding_ = false;
};

/// What an encoder makes of a test picture.
inline std::vector<media::Frame>
encode (const std::string &codec, int count, int width = 320, int height = 240) {
  const std::string encoder
      = codec == "h264"  ? "x264enc tune=zerolatency speed-preset=ultrafast sliced-threads=false ! h264parse "
                           "config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au"
        : codec == "vp9" ? "vp9enc deadline=1 cpu-used=8 lag-in-frames=0"
                         : "vp8enc deadline=1 cpu-used=8";
  const std::string line = "videotestsrc pattern=ball num-buffers=" + std::to_string (count)
                           + " ! video/x-raw,format=I420,framerate=30/1,width=" + std::to_string (width)
                           + ",height=" + std::to_string (height) + " ! " + encoder
                           + " ! appsink name=out sync=false";
  auto pipeline = Ref<GstElement>::sink (gst_parse_launch (line.c_str (), nullptr));
  auto out = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline.get ()), "out"));
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  std::vector<media::Frame> frames;
  Ref<GstCaps> caps;
  while (true) {
    GstSample *next = nullptr;
    g_signal_emit_by_name (out.get (), "pull-sample", &next);
    auto sample = Ref<GstSample>::adopt (next);
    if (!sample) break;
    if (!caps) caps = Ref<GstCaps>::retain (gst_sample_get_caps (sample.get ()));
    frames.push_back (
        { Ref<GstBuffer>::adopt (gst_buffer_copy (gst_sample_get_buffer (sample.get ()))), caps });
  }
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  return frames;
}

/// 20 ms of sound.
inline media::Frame
opus_frame () {
  static const guint8 packet[] = { 0xf8, 0xff, 0xfe };
  static const auto caps = Ref<GstCaps>::adopt (
      gst_caps_from_string ("audio/x-opus, rate=48000, channels=1, channel-mapping-family=0"));
  auto *buffer = gst_buffer_new_memdup (packet, sizeof packet);
  GST_BUFFER_DURATION (buffer) = 20 * GST_MSECOND;
  return { Ref<GstBuffer>::adopt (buffer), caps };
}

class Src : public PipelineCase {
protected:
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
    GST_ELEMENT_REGISTER (livekitsrc, nullptr);
  }

  /// A pipeline with one livekitsrc "r".
  void
  make (const std::string &properties = "") {
    src_ = build ("livekitsrc name=r " + properties, "r").get (); // the pipeline keeps it
    ASSERT_TRUE (src_);
  }
  void
  play (GstState state = GST_STATE_PLAYING) {
    gst_element_set_state (pipeline_.get (), state);
    if (state == GST_STATE_NULL || state == GST_STATE_READY) return;
    const auto done = gst_element_get_state (pipeline_.get (), nullptr, nullptr, 5 * GST_SECOND);
    ASSERT_EQ (done, state == GST_STATE_PAUSED ? GST_STATE_CHANGE_NO_PREROLL : GST_STATE_CHANGE_SUCCESS);
  }
  RemotePtr
  subscribe (const std::string &sid, const std::string &codec, const std::string &identity = "them") {
    auto track = std::make_shared<FakeRemoteTrack> (sid, codec);
    track->set_identity (identity);
    session_->emit_later (session::RemoteTrackSubscribed{ track });
    return track;
  }
  void
  unsubscribe (const RemotePtr &track) {
    session_->emit_later (session::RemoteTrackUnsubscribed{ track });
  }
  Ref<GstPad>
  pad (const char *name, std::chrono::milliseconds limit = 5s) {
    Ref<GstPad> found;
    wait_until ([&] { return bool (found = Ref<GstPad>::adopt (gst_element_get_static_pad (src_, name))); },
                limit);
    if (found) settle (); // the rest of what makes it a stream
    return found;
  }
  bool
  no_pad (const char *name) {
    return wait_until ([&] { return !Ref<GstPad>::adopt (gst_element_get_static_pad (src_, name)); }, 5s);
  }
  std::vector<std::string>
  pads () {
    std::vector<std::string> names;
    GST_OBJECT_LOCK (src_);
    for (GList *l = src_->srcpads; l; l = l->next)
      names.push_back (GST_OBJECT_NAME (l->data));
    GST_OBJECT_UNLOCK (src_);
    return names;
  }
  /// When everything that was emitted so far has been handled.
  void
  settle () {
    auto passed = std::make_shared<std::promise<void>> ();
    session_->on_thread ([passed] { passed->set_value (); });
    ASSERT_EQ (passed->get_future ().wait_for (5s), std::future_status::ready);
  }
  GstClockTime
  running_time () {
    return gst_element_get_current_running_time (pipeline_.get ());
  }

  /// As if the transport had it at this moment (or `ahead` of it).
  static void
  deliver (const RemotePtr &track, const media::Frame &frame, GstClockTimeDiff ahead = 0) {
    media::Frame copy{ Ref<GstBuffer>::adopt (gst_buffer_copy (frame.buffer.get ())), frame.caps };
    GST_BUFFER_PTS (copy.buffer.get ()) = GstClockTime (GstClockTimeDiff (media::monotonic_now ()) + ahead);
    track->receiver.deliver (copy);
  }
  /// `count` packets of Opus, in their time.
  static void
  talk (const RemotePtr &track, int count) {
    const auto frame = opus_frame ();
    const GstClockTime start = media::monotonic_now ();
    for (int i = 0; i < count; i++) {
      const GstClockTime due = start + GstClockTime (i) * 20 * GST_MSECOND;
      wait_until ([&] { return media::monotonic_now () >= due; }, 1s);
      deliver (track, frame, GST_CLOCK_DIFF (media::monotonic_now (), due));
    }
  }

  GstElement *src_ = nullptr;
};

} // namespace lk::test
