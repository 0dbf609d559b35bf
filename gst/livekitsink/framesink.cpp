#include "livekitsink/framesink.hpp"

#include "media/encode.hpp"
#include "media/expected_loss.hpp"

#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

GST_DEBUG_CATEGORY_STATIC (frame_sink_debug);
#define GST_CAT_DEFAULT frame_sink_debug

struct FrameSinkPriv {
  std::shared_ptr<lk::gst::Pace> pace;
  GstClockTime patience = 0;

  std::mutex lock; // leaf; guards what follows
  std::condition_variable changed;
  lk::session::LocalTrackPtr track;
  lk::Ref<GstCaps> caps;
  bool unlocked = false;  // between unlock() and unlock_stop()
  bool impatient = false; // waited once for this track, in vain

  std::atomic<bool> live{ false };

  // Streaming thread.
  GstClockTime end = GST_CLOCK_TIME_NONE; // running time at which the last frame ends
  GstClockTimeDiff newest = G_MININT64;   // largest running time so far
  bool reordered = false;                 // B-frames were warned about
  guint frames = 0;                       // since the reports were looked at
  lk::media::ExpectedLoss loss;
};

G_BEGIN_DECLS

#define GST_TYPE_LIVEKIT_FRAME_SINK (gst_livekit_frame_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitFrameSink, gst_livekit_frame_sink, GST, LIVEKIT_FRAME_SINK, GstBaseSink)

struct _GstLiveKitFrameSink {
  GstBaseSink parent;
  FrameSinkPriv *priv;
};

G_END_DECLS

G_DEFINE_FINAL_TYPE (GstLiveKitFrameSink, gst_livekit_frame_sink, GST_TYPE_BASE_SINK)

namespace {

using namespace std::chrono_literals;

// What is queued in a sender when EOS comes is at most half a second; a slow machine gets twice that.
constexpr GstClockTime kDrainStep = 50 * GST_MSECOND;
constexpr int kDrainSteps = 20;

lk::session::LocalTrackPtr
track_of (FrameSinkPriv &priv) {
  std::lock_guard guard (priv.lock);
  return priv.track;
}

std::shared_ptr<GWeakRef>
weak_to (GstElement *sink) {
  auto *weak = new GWeakRef;
  g_weak_ref_init (weak, sink);
  return { weak, [] (GWeakRef *w) {
            g_weak_ref_clear (w);
            delete w;
          } };
}

void
give_caps (lk::session::LocalTrack &track, GstCaps *caps) {
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  gint width = 0, height = 0;
  if (gst_structure_get_int (s, "width", &width) && gst_structure_get_int (s, "height", &height) && width > 0
      && height > 0)
    track.set_size (guint (width), guint (height));
  track.frames ().set_caps (caps);
}

gboolean
set_caps (GstBaseSink *base, GstCaps *caps) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  lk::session::LocalTrackPtr track;
  {
    std::lock_guard guard (priv.lock);
    priv.caps = lk::Ref<GstCaps>::retain (caps);
    track = priv.track;
  }
  if (track) give_caps (*track, caps);
  return TRUE;
}

/// Non-live input starts when somebody can receive it. PREROLL_LOCK held; OK also when nobody ever will.
GstFlowReturn
wait_published (GstBaseSink *base) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  const auto deadline = std::chrono::steady_clock::now () + std::chrono::nanoseconds (priv.patience);
  std::unique_lock guard (priv.lock);
  while (priv.track && !priv.impatient) {
    if (priv.unlocked) {
      guard.unlock ();
      const GstFlowReturn flow = gst_base_sink_wait_preroll (base);
      if (flow != GST_FLOW_OK) return flow;
      guard.lock ();
      continue;
    }
    auto track = priv.track;
    guard.unlock ();
    const bool published = track->published ();
    guard.lock ();
    if (published) break;
    // Woken by frame_sink_wake(); the step only bounds a wake-up that came between the look and the wait.
    priv.changed.wait_for (guard, 20ms);
    if (std::chrono::steady_clock::now () >= deadline) priv.impatient = true;
  }
  return GST_FLOW_OK;
}

/// Many receivers show frames in the order of their RTP times only.
void
check_order (GstBaseSink *base, FrameSinkPriv &priv, GstClockTimeDiff running) {
  if (running >= priv.newest) {
    priv.newest = running;
  } else if (!priv.reordered) {
    priv.reordered = true;
    GST_ELEMENT_WARNING (base, STREAM, FORMAT,
                         ("The video has B-frames, which play badly over WebRTC: encode without them "
                          "(x264enc tune=zerolatency, or bframes=0)."),
                         (nullptr));
  }
}

/// When a frame is sent, in the transport's time; waits for it where the input is not live.
GstFlowReturn
schedule (GstBaseSink *base, GstBuffer *buffer, GstClockTime &pts) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  const GstClockTime stamp
      = GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : GST_BUFFER_DTS (buffer);
  guint64 distance = 0;
  const int sign = base->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (stamp)
                       ? gst_segment_to_running_time_full (&base->segment, GST_FORMAT_TIME, stamp, &distance)
                       : 0;
  if (sign == 0) {
    pts = lk::media::monotonic_now ();
    return GST_FLOW_OK;
  }
  GstClockTimeDiff running = sign > 0 ? GstClockTimeDiff (distance) : -GstClockTimeDiff (distance);
  check_order (base, priv, running);

  if (!priv.live && running >= 0) {
    const GstClockTime due = priv.pace->due (GstClockTime (running));
    if (GST_BUFFER_DURATION_IS_VALID (buffer)) priv.end = due + GST_BUFFER_DURATION (buffer);
    const GstFlowReturn flow = gst_base_sink_wait (base, due, nullptr);
    if (flow != GST_FLOW_OK) return flow;
    running = GstClockTimeDiff (due);
  }
  pts = priv.pace->to_monotonic (running);
  if (!GST_CLOCK_TIME_IS_VALID (pts)) pts = lk::media::monotonic_now ();
  return GST_FLOW_OK;
}

/// An encoder that knows what is lost prepares for it. Two seconds of Opus between two looks.
void
tell_loss (GstBaseSink *base, FrameSinkPriv &priv, lk::session::LocalTrack &track) {
  constexpr guint kFrames = 100;
  if (++priv.frames < kFrames) return;
  priv.frames = 0;
  const auto rtp = track.stats ().rtp;
  if (auto percent = priv.loss.update (rtp.packets, rtp.packets_lost))
    gst_pad_push_event (GST_BASE_SINK_PAD (base), lk::media::make_loss_event (*percent).release ());
}

GstFlowReturn
render (GstBaseSink *base, GstBuffer *buffer) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  if (!priv.live) {
    const GstFlowReturn flow = wait_published (base);
    if (flow != GST_FLOW_OK) return flow;
  }
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  const GstFlowReturn flow = schedule (base, buffer, pts);
  if (flow != GST_FLOW_OK) return flow;
  auto track = track_of (priv);
  if (!track) return GST_FLOW_OK;
  // A shallow copy: only the times differ.
  auto frame = lk::Ref<GstBuffer>::adopt (gst_buffer_copy (buffer));
  GST_BUFFER_PTS (frame.get ()) = pts;
  GST_BUFFER_DTS (frame.get ()) = GST_CLOCK_TIME_NONE;
  if (!track->frames ().push (std::move (frame))) GST_LOG_OBJECT (base, "frame dropped");
  if (track->spec ().codec == "opus") tell_loss (base, priv, *track);
  return GST_FLOW_OK;
}

/// EOS ends the track, so the last frame gets its time on screen and the queue its time to empty.
GstFlowReturn
wait_event (GstBaseSink *base, GstEvent *event) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  GstFlowReturn flow = GST_BASE_SINK_CLASS (gst_livekit_frame_sink_parent_class)->wait_event (base, event);
  if (flow != GST_FLOW_OK || GST_EVENT_TYPE (event) != GST_EVENT_EOS) return flow;
  if (!priv.live && GST_CLOCK_TIME_IS_VALID (priv.end)) {
    flow = gst_base_sink_wait (base, priv.end, nullptr);
    if (flow != GST_FLOW_OK) return flow;
  }
  auto track = track_of (priv);
  if (!track || !track->published ()) return flow;
  for (int step = 0; step < kDrainSteps; step++) {
    if (track->frames ().wait_drained (kDrainStep)) break;
    std::lock_guard guard (priv.lock);
    if (priv.unlocked) break;
  }
  return flow;
}

gboolean
event (GstBaseSink *base, GstEvent *e) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  switch (GST_EVENT_TYPE (e)) {
  case GST_EVENT_GAP:
    // Nothing is sent for it, and it must not wait in preroll: sparse streams hold nobody up.
    gst_event_unref (e);
    return TRUE;
  case GST_EVENT_FLUSH_STOP: {
    gboolean reset_time = FALSE;
    gst_event_parse_flush_stop (e, &reset_time);
    priv.end = GST_CLOCK_TIME_NONE;
    priv.newest = G_MININT64;
    if (reset_time) priv.pace->flushed ();
    break;
  }
  case GST_EVENT_SEGMENT:
    priv.newest = G_MININT64;
    break;
  default:
    break;
  }
  return GST_BASE_SINK_CLASS (gst_livekit_frame_sink_parent_class)->event (base, e);
}

gboolean
unlock (GstBaseSink *base) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  std::lock_guard guard (priv.lock);
  priv.unlocked = true;
  priv.changed.notify_all ();
  return TRUE;
}

gboolean
unlock_stop (GstBaseSink *base) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (base)->priv;
  std::lock_guard guard (priv.lock);
  priv.unlocked = false;
  return TRUE;
}

/// render() does the waiting.
void
get_times (GstBaseSink *, GstBuffer *, GstClockTime *start, GstClockTime *end) {
  *start = GST_CLOCK_TIME_NONE;
  *end = GST_CLOCK_TIME_NONE;
}

/// While the element waits for the room its inner sinks are PAUSED although a live source plays; it must not
/// be blocked by preroll.
GstPadProbeReturn
drop_while_paused (GstPad *, GstPadProbeInfo *, gpointer user_data) {
  auto *sink = static_cast<GstElement *> (user_data);
  const bool playing = GST_STATE (sink) == GST_STATE_PLAYING || GST_STATE_NEXT (sink) == GST_STATE_PLAYING;
  return GST_LIVEKIT_FRAME_SINK (sink)->priv->live && !playing ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

} // namespace

static void
gst_livekit_frame_sink_finalize (GObject *object) {
  delete GST_LIVEKIT_FRAME_SINK (object)->priv;
  G_OBJECT_CLASS (gst_livekit_frame_sink_parent_class)->finalize (object);
}

static void
gst_livekit_frame_sink_class_init (GstLiveKitFrameSinkClass *klass) {
  GST_DEBUG_CATEGORY_INIT (frame_sink_debug, "livekitframesink", 0, "LiveKit: frames into a track");
  G_OBJECT_CLASS (klass)->finalize = gst_livekit_frame_sink_finalize;
  auto *element = GST_ELEMENT_CLASS (klass);
  gst_element_class_add_pad_template (
      element, gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                     lk::Ref<GstCaps>::adopt (gst_caps_new_any ()).get ()));
  gst_element_class_set_static_metadata (element, "LiveKit frame sink", "Sink/Network",
                                         "Hands encoded frames to a published track", "gst-livekit");
  auto *sink = GST_BASE_SINK_CLASS (klass);
  sink->set_caps = set_caps;
  sink->get_times = get_times;
  sink->render = render;
  sink->wait_event = wait_event;
  sink->event = event;
  sink->unlock = unlock;
  sink->unlock_stop = unlock_stop;
}

static void
gst_livekit_frame_sink_init (GstLiveKitFrameSink *self) {
  self->priv = new FrameSinkPriv ();
  auto *base = GST_BASE_SINK (self);
  gst_base_sink_set_async_enabled (base, FALSE);
  gst_base_sink_set_sync (base, TRUE); // for gst_base_sink_wait(), which live input does not call
  gst_base_sink_set_max_lateness (base, -1);
  gst_base_sink_set_qos_enabled (base, FALSE);
  gst_base_sink_set_last_sample_enabled (base, FALSE);
  // Frames before a segment may be what later ones are decoded from.
  gst_base_sink_set_drop_out_of_segment (base, FALSE);
  gst_pad_add_probe (GST_BASE_SINK_PAD (base),
                     GstPadProbeType (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
                     drop_while_paused, self, nullptr);
}

namespace lk::gst {

Ref<GstElement>
make_frame_sink (std::shared_ptr<Pace> pace, GstClockTime patience) {
  auto sink = Ref<GstElement>::sink (
      static_cast<GstElement *> (g_object_new (GST_TYPE_LIVEKIT_FRAME_SINK, nullptr)));
  auto &priv = *GST_LIVEKIT_FRAME_SINK (sink.get ())->priv;
  priv.pace = std::move (pace);
  priv.patience = patience;
  return sink;
}

void
frame_sink_set_track (GstElement *sink, session::LocalTrackPtr track) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (sink)->priv;
  session::LocalTrackPtr old;
  Ref<GstCaps> caps;
  {
    std::lock_guard guard (priv.lock);
    if (priv.track == track) return;
    old = std::exchange (priv.track, track);
    caps = priv.caps;
    priv.impatient = false;
    priv.changed.notify_all ();
  }
  if (old) old->frames ().set_keyframe_handler (nullptr);
  if (!track) return;
  track->frames ().set_keyframe_handler ([weak = weak_to (sink)] {
    auto alive = Ref<GstElement>::adopt (static_cast<GstElement *> (g_weak_ref_get (weak.get ())));
    if (alive) frame_sink_request_keyframe (alive.get ());
  });
  if (caps) give_caps (*track, caps.get ());
}

void
frame_sink_set_live (GstElement *sink, bool live) {
  GST_LIVEKIT_FRAME_SINK (sink)->priv->live = live;
}

void
frame_sink_request_keyframe (GstElement *sink) {
  GST_DEBUG_OBJECT (sink, "key frame requested");
  gst_pad_push_event (GST_BASE_SINK_PAD (sink),
                      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
}

void
frame_sink_wake (GstElement *sink) {
  auto &priv = *GST_LIVEKIT_FRAME_SINK (sink)->priv;
  std::lock_guard guard (priv.lock);
  priv.changed.notify_all ();
}

} // namespace lk::gst
