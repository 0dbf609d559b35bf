#include "media/frame_tap.hpp"

#include "base/log.hpp"
#include "media/row.hpp"

#include <gst/video/video.h>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

GstFlowReturn
FrameTap::chain (Ref<GstBuffer> buffer) {
  auto listener = listener_.lock ();
  if (listener && caps_) listener->on_frame (this, std::move (buffer), caps_);
  return GST_FLOW_OK;
}

bool
FrameTap::sink_event (Ref<GstEvent> event) {
  if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps (event.get (), &caps);
    if (!caps_ || !gst_caps_is_equal (caps, caps_.get ())) caps_ = Ref<GstCaps>::retain (caps);
  }
  return true;
}

namespace {

class Intake : public PadHandler {
public:
  Intake (const FrameTap *tap, std::weak_ptr<FrameTap::Listener> listener)
      : tap_ (tap), listener_ (std::move (listener)) {}

  GstFlowReturn
  chain (Ref<GstBuffer> packet) override {
    // RFC 3550 §5.1: the timestamp is the second word.
    guint8 word[4];
    if (gst_buffer_extract (packet.get (), 4, word, sizeof word) != sizeof word) return GST_FLOW_OK;
    if (auto listener = listener_.lock ())
      listener->on_packet (tap_, GST_READ_UINT32_BE (word), GST_BUFFER_PTS (packet.get ()));
    GstFlowReturn flow = PadHandler::chain (std::move (packet));
    if (flow < GST_FLOW_OK) GST_DEBUG_OBJECT (src_pad, "packet not taken: %s", gst_flow_get_name (flow));
    return GST_FLOW_OK;
  }

  bool
  sink_event (Ref<GstEvent> event) override {
    if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_EOS) return true;
    if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_CUSTOM_DOWNSTREAM) on_custom (event.get ());
    PadHandler::sink_event (std::move (event));
    return true;
  }

  /// rtpvp8depay and rtpvp9depay ask with every packet while they wait for a key frame, even where they are
  /// told not to, and the server repeats nothing as long as it is asked. The listener asks, in good time.
  bool
  src_event (Ref<GstEvent> event) override {
    if (gst_video_event_is_force_key_unit (event.get ())) return true;
    return PadHandler::src_event (std::move (event));
  }

private:
  void
  on_custom (GstEvent *event) {
    const GstStructure *s = gst_event_get_structure (event);
    if (!s || !gst_structure_has_name (s, "GstRTPPacketLost")) return;
    guint64 from = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
    gst_structure_get_uint64 (s, "timestamp", &from);
    gst_structure_get_uint64 (s, "duration", &duration);
    if (auto listener = listener_.lock ()) listener->on_loss (tap_, from, duration);
  }

  const FrameTap *const tap_;
  const std::weak_ptr<FrameTap::Listener> listener_;
};

} // namespace

Result<Ref<GstElement>>
make_tap_bin (const Codec &codec, const std::shared_ptr<FrameTap> &tap) {
  auto depay = make_element (codec.depayloader, "depay");
  if (!depay) return depay;
  // No header extension is read here.
  apply_settings (depay->get (), "request-keyframe=false wait-for-keyframe=true auto-header-extension=false");

  auto bin = Ref<GstElement>::sink (gst_bin_new (nullptr));
  auto begin = make_pad_element ("intake", std::make_shared<Intake> (tap.get (), tap->listener ()),
                                 "application/x-rtp", "application/x-rtp");
  auto end = make_pad_element ("tap", tap, codec.bridge_caps, nullptr);
  add_quietly (bin.get (), begin.get ());
  add_quietly (bin.get (), depay->get ());
  add_quietly (bin.get (), end.get ());
  bool linked = gst_element_link (begin.get (), depay->get ());
  if (*codec.parser) {
    auto parser = make_parser (codec.parser);
    if (!parser) return parser;
    add_quietly (bin.get (), parser->get ());
    linked = linked && gst_element_link_many (depay->get (), parser->get (), end.get (), nullptr);
  } else {
    linked = linked && gst_element_link (depay->get (), end.get ());
  }
  if (!linked)
    return Error{ Errc::Internal, Retry::Never,
                  std::string ("The depayloader of ") + codec.name + " does not link." };

  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (begin.get (), "sink"));
  gst_element_add_pad (bin.get (), gst_ghost_pad_new ("sink", sink.get ()));
  return bin;
}

} // namespace lk::media
