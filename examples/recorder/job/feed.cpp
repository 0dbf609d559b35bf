#include "feed.hpp"

#include "media/codecs.hpp"
#include "media/row.hpp"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

namespace lk::record {

namespace {

constexpr gint64 kBetweenRequestsUs = 500000;

} // namespace

Result<Ref<GstElement>>
Feed::make_sink (const std::shared_ptr<Feed> &self) {
  auto sink = media::make_element ("appsink");
  if (!sink) return sink;
  media::apply_settings (sink->get (), "sync=false async=false enable-last-sample=false");
  auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (self->codec_.caps));
  gst_app_sink_set_caps (GST_APP_SINK (sink->get ()), caps.get ());
  self->pad_ = Ref<GstPad>::adopt (gst_element_get_static_pad (sink->get (), "sink"));
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [] (GstAppSink *app, gpointer feed) -> GstFlowReturn {
    (*static_cast<std::shared_ptr<Feed> *> (feed))->on_sample (GST_ELEMENT (app));
    return GST_FLOW_OK;
  };
  gst_app_sink_set_callbacks (GST_APP_SINK (sink->get ()), &callbacks, new std::shared_ptr<Feed> (self),
                              [] (gpointer feed) { delete static_cast<std::shared_ptr<Feed> *> (feed); });
  return sink;
}

std::shared_ptr<void>
Feed::listen (Taker taker) {
  auto kept = std::make_shared<Taker> (std::move (taker));
  std::lock_guard guard (lock_);
  std::erase_if (takers_, [] (const auto &weak) { return weak.expired (); });
  takers_.push_back (kept);
  return kept;
}

void
Feed::on_sample (GstElement *sink) {
  const auto sample = Ref<GstSample>::adopt (gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 0));
  if (!sample) return;
  GstBuffer *buffer = gst_sample_get_buffer (sample.get ());
  const GstSegment *segment = gst_sample_get_segment (sample.get ());
  if (!buffer || !GST_BUFFER_PTS_IS_VALID (buffer)) return;
  const GstClockTime pts = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (pts)) return;
  frames_++;
  const FedFrame frame{ Ref<GstBuffer>::retain (buffer),
                        Ref<GstCaps>::retain (gst_sample_get_caps (sample.get ())), pts,
                        !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) };
  std::vector<std::shared_ptr<Taker>> takers;
  {
    std::lock_guard guard (lock_);
    for (const auto &weak : takers_)
      if (auto taker = weak.lock ()) takers.push_back (std::move (taker));
  }
  for (const auto &taker : takers)
    (*taker) (frame);
}

void
Feed::request_key () {
  if (!codec_.video) return;
  const gint64 now = g_get_monotonic_time ();
  gint64 last = last_request_us_;
  if (now - last < kBetweenRequestsUs || !last_request_us_.compare_exchange_strong (last, now)) return;
  key_requests_++;
  gst_pad_push_event (pad_.get (),
                      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
}

GstClockTime
Feed::latency () const {
  auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
  GstClockTime latency = 0;
  if (gst_pad_peer_query (pad_.get (), query.get ()))
    gst_query_parse_latency (query.get (), nullptr, &latency, nullptr);
  return GST_CLOCK_TIME_IS_VALID (latency) ? latency : 0;
}

} // namespace lk::record
