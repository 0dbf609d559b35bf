#include "received/framesrc.hpp"

#include "base/log.hpp"
#include "media/patience.hpp"

#include <gst/video/video.h>

namespace lk::gst {

namespace {

// Gaps shorter than this are jitter of frames under way, not silence.
constexpr GstClockTime kSmallestGap = 40 * GST_MSECOND;
// Longer than decoding a frame on a busy machine.
constexpr auto kMoment = std::chrono::milliseconds (300);

} // namespace

std::pair<Ref<GstElement>, std::shared_ptr<FrameSrc>>
FrameSrc::make (Params params, Hooks hooks) {
  auto handler = std::make_shared<FrameSrc> (std::move (params), std::move (hooks));
  return { media::make_pad_element (nullptr, handler, nullptr, "ANY"), handler };
}

void
FrameSrc::open (GstClockTime now) {
  if (covered_until_ == GST_CLOCK_TIME_NONE || covered_until_ < now) covered_until_ = now;
  opened_ = now;
  open_ = true;
}

void
FrameSrc::close () {
  open_ = false;
}

void
FrameSrc::let_go () {
  close ();
  if (std::unique_lock guard (push_lock_, kMoment); guard) return;
  gst_pad_push_event (src_pad, gst_event_new_flush_start ());
  gst_pad_push_event (src_pad, gst_event_new_flush_stop (FALSE));
}

void
FrameSrc::finish () {
  std::lock_guard guard (push_lock_);
  if (finished_) return;
  finished_ = true;
  // Where no frame ever came, what follows is not there yet, and the end would reach nobody.
  if (needs_prepare_.exchange (false)) hooks_.prepare ();
  send_head (caps_);
  gst_pad_push_event (src_pad, gst_event_new_eos ());
}

/// What has not come by then does not come any more.
GstClockTime
FrameSrc::longest_way () const {
  return hooks_.latency () + media::patience (params_.kind);
}

bool
FrameSrc::gap_due (GstClockTime now) const {
  const GstClockTime covered = covered_until_;
  return open_ && covered != GST_CLOCK_TIME_NONE && now > covered + longest_way () + kSmallestGap;
}

void
FrameSrc::fill_gap (GstClockTime now) {
  std::unique_lock guard (push_lock_, std::try_to_lock);
  if (!guard || !gap_due (now) || !ready_to_push ()) return;
  // Video begins with its first frame, if there is one: only then its size is known.
  Ref<GstCaps> caps = caps_;
  if (!caps && !params_.caps) caps = hooks_.stand_in (now - std::min<GstClockTime> (now, opened_));
  if (!caps && !params_.caps) return;
  const GstClockTime from = covered_until_, until = now - longest_way ();
  send_head (caps);
  covered_until_ = until;
  gst_pad_push_event (src_pad, gst_event_new_gap (from, until - from));
}

bool
FrameSrc::ready_to_push () {
  if (!open_ || finished_) return false;
  if (needs_prepare_.exchange (false)) {
    if (!hooks_.prepare ()) {
      needs_prepare_ = true;
      return false;
    }
  }
  if (needs_key_.exchange (false)) {
    refused_ = false;
    waiting_for_key_ = discont_ = true;
    hooks_.request_keyframe ();
  }
  return !refused_;
}

void
FrameSrc::on_frame (const media::Frame &frame) {
  std::lock_guard guard (push_lock_);
  const GstClockTime pts = ready_to_push () ? params_.time->to_running (GST_BUFFER_PTS (frame.buffer.get ()))
                                            : GST_CLOCK_TIME_NONE;
  if (pts == GST_CLOCK_TIME_NONE) {
    waiting_for_key_ = discont_ = true;
    return;
  }
  const bool is_delta = GST_BUFFER_FLAG_IS_SET (frame.buffer.get (), GST_BUFFER_FLAG_DELTA_UNIT);
  if (params_.kind == media::MediaKind::Video && waiting_for_key_ && is_delta) {
    hooks_.request_keyframe ();
    return;
  }
  waiting_for_key_ = false;

  send_head (frame.caps);
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_copy (frame.buffer.get ()));
  GST_BUFFER_PTS (buffer.get ()) = pts;
  GST_BUFFER_DTS (buffer.get ()) = GST_CLOCK_TIME_NONE;
  if (std::exchange (discont_, false)) GST_BUFFER_FLAG_SET (buffer.get (), GST_BUFFER_FLAG_DISCONT);
  const GstClockTime duration = GST_BUFFER_DURATION (buffer.get ());
  covered_until_
      = std::max<GstClockTime> (covered_until_, pts + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0));
  push (std::move (buffer));
}

void
FrameSrc::push (Ref<GstBuffer> buffer) {
  const GstFlowReturn flow = gst_pad_push (src_pad, buffer.release ());
  if (flow == GST_FLOW_OK) return;
  waiting_for_key_ = discont_ = true;
  if (flow == GST_FLOW_NOT_LINKED)
    needs_prepare_ = true; // relinking asks again
  else if (flow == GST_FLOW_EOS)
    finished_ = true;
  else if (flow != GST_FLOW_FLUSHING) {
    refused_ = true;
    hooks_.on_flow_error (flow);
  }
}

void
FrameSrc::on_lost (GstClockTime from, GstClockTime duration) {
  std::lock_guard guard (push_lock_);
  if (!head_sent_ || !ready_to_push ()) return;
  const GstClockTime running = params_.time->to_running (from);
  if (running == GST_CLOCK_TIME_NONE || !GST_CLOCK_TIME_IS_VALID (duration)) return;
  // The jitter buffer's times are smoothed arrivals: neighbours overlap, or leave gaps, of a fraction.
  if (running + duration / 2 < covered_until_) return;
  covered_until_ = std::max<GstClockTime> (covered_until_, running + duration);
  auto *gap = gst_event_new_gap (running, duration);
  gst_event_set_gap_flags (gap, GST_GAP_FLAG_MISSING_DATA); // a decoder conceals it; silence would be heard
  gst_pad_push_event (src_pad, gap);
}

void
FrameSrc::send_head (const Ref<GstCaps> &of_frame) {
  const Ref<GstCaps> &caps = params_.caps ? params_.caps : of_frame;
  if (!head_sent_) {
    auto *start = gst_event_new_stream_start (params_.stream_id.c_str ());
    gst_event_set_group_id (start, params_.group_id);
    gst_pad_push_event (src_pad, start);
  }
  if (caps && caps.get () != caps_.get () && !(caps_ && gst_caps_is_equal (caps.get (), caps_.get ())))
    gst_pad_push_event (src_pad, gst_event_new_caps (caps.get ()));
  if (caps) caps_ = caps;
  if (head_sent_) return;
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src_pad, gst_event_new_segment (&segment));
  if (params_.tags) gst_pad_push_event (src_pad, gst_event_new_tag (gst_tag_list_ref (params_.tags.get ())));
  head_sent_ = true;
}

bool
FrameSrc::src_event (Ref<GstEvent> event) {
  switch (GST_EVENT_TYPE (event.get ())) {
  case GST_EVENT_RECONFIGURE:
    needs_prepare_ = true;
    return true;
  case GST_EVENT_CUSTOM_UPSTREAM:
    if (!gst_video_event_is_force_key_unit (event.get ())) return false;
    hooks_.request_keyframe ();
    return true;
  case GST_EVENT_QOS:
  case GST_EVENT_LATENCY:
    return true;
  default:
    return false;
  }
}

bool
FrameSrc::src_query (GstQuery *query) {
  switch (GST_QUERY_TYPE (query)) {
  case GST_QUERY_LATENCY:
    gst_query_set_latency (query, TRUE, hooks_.latency (), GST_CLOCK_TIME_NONE);
    return true;
  case GST_QUERY_SCHEDULING:
    gst_query_set_scheduling (query, GST_SCHEDULING_FLAG_SEQUENTIAL, 1, -1, 0);
    gst_query_add_scheduling_mode (query, GST_PAD_MODE_PUSH);
    return true;
  default:
    return false;
  }
}

} // namespace lk::gst
