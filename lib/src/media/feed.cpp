#include "media/feed.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "media/time_map.hpp"

#include <gst/video/video.h>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {
// A transport that does not take frames for this long has stalled; what comes later would be stale.
constexpr size_t kMaxFrames = 64;
constexpr GstClockTime kMaxAge = 500 * GST_MSECOND;
} // namespace

Feed::Offer
Feed::offer (Ref<GstBuffer> frame, const Ref<GstCaps> &caps) {
  GstClockTime now = monotonic_now ();
  Item dropped; // freed without the lock
  std::lock_guard hold (lock_);
  if (closed_) return Offer::Closed;
  bool full = items_.size () >= kMaxFrames || (!items_.empty () && now - items_.front ().arrival > kMaxAge);
  if (full && !leaky_) return Offer::Full;
  if (full) {
    dropped = std::move (items_.front ());
    items_.pop_front ();
  }
  items_.push_back ({ std::move (frame), caps, now });
  wake_.notify_one ();
  return full ? Offer::TakenForOldest : Offer::Taken;
}

void
Feed::close () {
  std::deque<Item> dropped; // freed without the lock
  std::lock_guard hold (lock_);
  closed_ = true;
  dropped.swap (items_);
  idle_.notify_all ();
}

bool
Feed::wait_empty (GstClockTime limit) {
  std::unique_lock hold (lock_);
  return idle_.wait_for (hold, Nanos (limit), [this] { return items_.empty () && !pushing_; });
}

uint32_t
Feed::queued () const {
  std::lock_guard hold (lock_);
  return static_cast<uint32_t> (items_.size ());
}

void
Feed::start () {
  std::lock_guard hold (lock_);
  stopped_ = false;
  began_ = false;
  sent_caps_.reset ();
}

void
Feed::stop () {
  std::lock_guard hold (lock_);
  stopped_ = true;
  wake_.notify_one ();
}

bool
Feed::produce () {
  if (!began_) {
    began_ = true;
    CString stream_id (g_strdup_printf ("lk/%08x", g_random_int ()));
    gst_pad_push_event (src_pad, gst_event_new_stream_start (stream_id.get ()));
  }
  Item item;
  {
    std::unique_lock hold (lock_);
    wake_.wait (hold, [this] { return stopped_ || !items_.empty (); });
    if (stopped_) return false;
    item = std::move (items_.front ());
    items_.pop_front ();
    pushing_ = true;
  }
  push (std::move (item));
  std::lock_guard hold (lock_);
  pushing_ = false;
  if (items_.empty ()) idle_.notify_all ();
  return true;
}

void
Feed::push (Item item) {
  bool first = !sent_caps_;
  if (item.caps && (first || !gst_caps_is_equal (sent_caps_.get (), item.caps.get ()))) {
    if (!gst_pad_push_event (src_pad, gst_event_new_caps (item.caps.get ())))
      GST_WARNING_OBJECT (src_pad, "the payloader refuses %" GST_PTR_FORMAT, item.caps.get ());
    sent_caps_ = item.caps;
  }
  if (first) {
    // Base time is 0 and PTS are CLOCK_MONOTONIC time: running time and PTS are the same thing.
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (src_pad, gst_event_new_segment (&segment));
  }
  gsize size = gst_buffer_get_size (item.frame.get ());
  GstFlowReturn flow = gst_pad_push (src_pad, item.frame.release ());
  if (flow == GST_FLOW_OK) {
    ++counters_->frames;
    counters_->bytes += size;
  } else {
    // Never an element error: a transport that goes away must not take the publication with it.
    GST_DEBUG_OBJECT (src_pad, "frame not taken: %s", gst_flow_get_name (flow));
  }
}

bool
Feed::src_event (Ref<GstEvent> event) {
  if (gst_video_event_is_force_key_unit (event.get ())) on_keyframe_request_ ();
  return true;
}

bool
Feed::src_query (GstQuery *query) {
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY) return false;
  gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return true;
}

} // namespace lk::media
