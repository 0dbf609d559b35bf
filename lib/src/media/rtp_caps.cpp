#include "media/rtp_caps.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "media/row.hpp"

#include <gst/rtp/rtp.h>

#include <cstring>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {

bool
add_extension (GstElement *payloader, const rtc::HeaderExtension &extension) {
  auto *ext = gst_rtp_header_extension_create_from_uri (extension.uri);
  if (!ext) return false;
  gst_rtp_header_extension_set_id (ext, static_cast<guint> (extension.id));
  g_signal_emit_by_name (payloader, "add-extension", ext);
  gst_object_unref (ext);
  return true;
}

void
set_extmap (GstCaps *caps, const rtc::HeaderExtension &extension) {
  std::string field = "extmap-" + std::to_string (extension.id);
  gst_caps_set_simple (caps, field.c_str (), G_TYPE_STRING, extension.uri, nullptr);
}

class CapsFixer : public PadHandler {
public:
  CapsFixer (Ref<GstCaps> caps, Ref<GstElement> payloader)
      : caps_ (std::move (caps)), payloader_ (std::move (payloader)) {}

  bool
  sink_event (Ref<GstEvent> event) override {
    switch (GST_EVENT_TYPE (event.get ())) {
    case GST_EVENT_STREAM_START:
      gst_pad_push_event (src_pad, event.release ());
      return gst_pad_push_event (src_pad, gst_event_new_caps (caps ().get ()));
    case GST_EVENT_CAPS:
      return true;
    default:
      return PadHandler::sink_event (std::move (event));
    }
  }

  /// Who asks before the first frame (the publisher, to write its offer) must hear the same.
  bool
  src_query (GstQuery *query) override {
    if (GST_QUERY_TYPE (query) != GST_QUERY_CAPS) return false;
    GstCaps *filter = nullptr;
    gst_query_parse_caps (query, &filter);
    auto all = caps ();
    auto asked = filter ? Ref<GstCaps>::adopt (gst_caps_intersect (filter, all.get ())) : all;
    gst_query_set_caps_result (query, asked.get ());
    return true;
  }

private:
  /// The publisher may give the payloader another SSRC after the bin is made.
  Ref<GstCaps>
  caps () const {
    guint ssrc = 0;
    g_object_get (payloader_.get (), "ssrc", &ssrc, nullptr);
    auto caps = Ref<GstCaps>::adopt (gst_caps_copy (caps_.get ()));
    gst_caps_set_simple (caps.get (), "ssrc", G_TYPE_UINT, ssrc, nullptr);
    return caps;
  }

  const Ref<GstCaps> caps_;
  const Ref<GstElement> payloader_;
};

} // namespace

Result<Ref<GstElement>>
make_payloader (const Codec &codec, bool audio_level) {
  const auto *row = rtc::find_codec (codec.name);
  if (!row)
    return Error{ Errc::UnsupportedCodec, Retry::Never, std::string (codec.name) + " cannot be published." };
  auto payloader = make_element (codec.payloader, "pay");
  if (!payloader) return payloader;
  GstElement *pay = payloader->get ();

  auto ssrc = static_cast<guint> (system_random ().uniform () * 0xfffffffe) + 1;
  // With perfect-rtptime the RTP time of Opus would follow the buffers' sample offsets and so ignore pauses.
  g_object_set (pay, "pt", row->payload, "ssrc", ssrc, "mtu", 1200, "perfect-rtptime", FALSE, nullptr);
  // Parameter sets are the parser's work: the payloader would put them before every slice of a key frame, and
  // receivers take each of those for the start of another picture.
  apply_settings (pay, "picture-id-mode=15-bit config-interval=0 aggregate-mode=zero-latency");

  bool added = true;
  if (codec.kind == MediaKind::Video) added = add_extension (pay, rtc::kExtTransportCc);
  if (audio_level) added = add_extension (pay, rtc::kExtAudioLevel);
  if (!added)
    return Error{ Errc::MissingElement, Retry::Never,
                  "The RTP header extensions of GStreamer are missing: install gstreamer1.0-plugins-good." };
  return payloader;
}

Ref<GstCaps>
make_rtp_caps (const Codec &codec, bool audio_level, const GstCaps *input) {
  const auto *row = rtc::find_codec (codec.name);
  auto caps = Ref<GstCaps>::adopt (gst_caps_new_simple (
      "application/x-rtp", "media", G_TYPE_STRING, row->kind == MediaKind::Audio ? "audio" : "video",
      "payload", G_TYPE_INT, row->payload, "encoding-name", G_TYPE_STRING, row->encoding, "clock-rate",
      G_TYPE_INT, row->clock_rate, nullptr));
  if (row->channels > 0)
    gst_caps_set_simple (caps.get (), "encoding-params", G_TYPE_STRING,
                         std::to_string (row->channels).c_str (), nullptr);

  for (std::string_view rest = row->fmtp; !rest.empty ();) {
    auto item = rest.substr (0, rest.find (';'));
    rest.remove_prefix (std::min (rest.size (), item.size () + 1));
    if (auto eq = item.find ('='); eq != item.npos)
      gst_caps_set_simple (caps.get (), std::string (item.substr (0, eq)).c_str (), G_TYPE_STRING,
                           std::string (item.substr (eq + 1)).c_str (), nullptr);
  }
  int channels = 0;
  if (row->kind == MediaKind::Audio && input && gst_caps_get_size (input) > 0
      && gst_structure_get_int (gst_caps_get_structure (input, 0), "channels", &channels) && channels == 2)
    gst_caps_set_simple (caps.get (), "sprop-stereo", G_TYPE_STRING, "1", "stereo", G_TYPE_STRING, "1",
                         nullptr);

  if (row->kind == MediaKind::Video) set_extmap (caps.get (), rtc::kExtTransportCc);
  if (audio_level) set_extmap (caps.get (), rtc::kExtAudioLevel);
  return caps;
}

std::shared_ptr<PadHandler>
make_caps_fixer (Ref<GstCaps> caps, Ref<GstElement> payloader) {
  return std::make_shared<CapsFixer> (std::move (caps), std::move (payloader));
}

} // namespace lk::media
