#include "media/stand_in.hpp"

#include "media/pad_element.hpp"

#include <gst/video/video.h>

namespace lk::media {

namespace {

constexpr GstClockTime kInterval = GST_SECOND / 5;
// What others say their pictures measure is only believed so far.
constexpr int kMinSize = 16, kMaxSize = 8192;

class StandIn : public PadHandler {
public:
  GstFlowReturn
  chain (Ref<GstBuffer> buffer) override {
    black_ = nullptr;
    return PadHandler::chain (std::move (buffer));
  }
  bool
  sink_event (Ref<GstEvent> event) override {
    if (began_ && GST_EVENT_TYPE (event.get ()) == GST_EVENT_CAPS) {
      GstCaps *caps = nullptr;
      gst_event_parse_caps (event.get (), &caps);
      event = Ref<GstEvent>::adopt (gst_event_new_caps (like_black (caps).get ()));
    }
    return PadHandler::sink_event (std::move (event));
  }
  void
  start () override {
    began_ = has_frames_ = false;
    next_ = GST_CLOCK_TIME_NONE;
    black_ = nullptr;
  }

  /// What arrives at the decoder's sink pad. Streaming thread.
  GstPadProbeReturn
  on_decoder_input (GstPad *pad, GstPadProbeInfo *info) {
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER) has_frames_ = true;
    if (has_frames_ || GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_GAP)
      return GST_PAD_PROBE_OK;
    GstClockTime start, duration;
    gst_event_parse_gap (GST_PAD_PROBE_INFO_EVENT (info), &start, &duration);
    if ((black_ || begin (pad)) && GST_CLOCK_TIME_IS_VALID (duration)) show (start, start + duration);
    return GST_PAD_PROBE_DROP;
  }

private:
  static Ref<GstCaps> like_black (GstCaps *decoded);
  bool begin (GstPad *decoder_sink);
  void show (GstClockTime from, GstClockTime to);

  // Streaming thread only
  bool began_ = false, has_frames_ = false;
  GstClockTime next_ = GST_CLOCK_TIME_NONE;
  Ref<GstBuffer> black_; ///< shared by all that are pushed
};

/// What an encoder writes into a file's header comes from all fields of the caps, and most muxers take no
/// second header: the real pictures differ from the black ones at most in size.
Ref<GstCaps>
StandIn::like_black (GstCaps *decoded) {
  auto caps = Ref<GstCaps>::adopt (gst_caps_copy (decoded));
  GstStructure *s = gst_caps_get_structure (caps.get (), 0);
  gst_structure_remove_fields (s, "colorimetry", "chroma-site", "multiview-mode", "multiview-flags", nullptr);
  gst_structure_set (s, "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
  return caps;
}

/// Caps, segment and picture; the decoder keeps the first two back until it has decoded something.
bool
StandIn::begin (GstPad *decoder_sink) {
  auto encoded = Ref<GstCaps>::adopt (gst_pad_get_current_caps (decoder_sink));
  int width = 0, height = 0;
  if (!encoded) return false;
  const GstStructure *s = gst_caps_get_structure (encoded.get (), 0);
  if (!gst_structure_get_int (s, "width", &width) || !gst_structure_get_int (s, "height", &height))
    return false;
  GstVideoInfo picture;
  gst_video_info_set_format (&picture, GST_VIDEO_FORMAT_I420, guint (CLAMP (width, kMinSize, kMaxSize)),
                             guint (CLAMP (height, kMinSize, kMaxSize)));
  black_ = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, picture.size, nullptr));
  gst_buffer_memset (black_.get (), 0, 128, picture.size);
  gst_buffer_memset (black_.get (), 0, 16, picture.offset[1]); // luma comes first
  auto caps = like_black (Ref<GstCaps>::adopt (gst_video_info_to_caps (&picture)).get ());
  began_ = true;
  gst_pad_push_event (src_pad, gst_event_new_caps (caps.get ()));
  auto segment = Ref<GstEvent>::adopt (gst_pad_get_sticky_event (decoder_sink, GST_EVENT_SEGMENT, 0));
  if (segment) gst_pad_push_event (src_pad, segment.release ());
  return true;
}

void
StandIn::show (GstClockTime from, GstClockTime to) {
  // After a long silence of the caller only what is new: nobody needs pictures of then.
  if (!GST_CLOCK_TIME_IS_VALID (next_) || next_ + 2 * GST_SECOND < from) next_ = from;
  for (; next_ < to; next_ += kInterval) {
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_copy (black_.get ()));
    GST_BUFFER_PTS (buffer.get ()) = next_;
    GST_BUFFER_DURATION (buffer.get ()) = kInterval;
    GST_BUFFER_FLAG_SET (buffer.get (), GST_BUFFER_FLAG_GAP);
    gst_pad_push (src_pad, buffer.release ());
  }
}

} // namespace

Result<Ref<GstElement>>
make_stand_in (GstPad *decoder_sink) {
  auto handler = std::make_shared<StandIn> ();
  auto element = make_pad_element ("stand-in", handler, "video/x-raw(ANY)", "video/x-raw(ANY)");
  auto *data = new std::shared_ptr<StandIn> (handler);
  gst_pad_add_probe (
      decoder_sink,
      static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [] (GstPad *pad, GstPadProbeInfo *info, gpointer p) noexcept {
        return (*static_cast<std::shared_ptr<StandIn> *> (p))->on_decoder_input (pad, info);
      },
      data, [] (gpointer p) { delete static_cast<std::shared_ptr<StandIn> *> (p); });
  return element;
}

} // namespace lk::media
