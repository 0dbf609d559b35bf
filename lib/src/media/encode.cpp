#include "media/encode.hpp"

#include "base/log.hpp"
#include "media/encoders.hpp"
#include "media/row.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {

constexpr uint32_t kMonoBitrate = 64'000, kStereoBitrate = 96'000;

/// Lives with the bin.
struct BinState {
  const Encoder *encoder = nullptr;
  GstElement *element = nullptr, *size_filter = nullptr; // children of the bin
  std::mutex lock;                                       // leaf
  bool user_bitrate = false;
  gint default_loss = 0; // of the encoder; what the user has changed stays
  /// x264enc and x265enc hold each frame of a stream without a rate back until they know when the next
  /// begins.
  bool needs_framerate = false;
};

GQuark
state_quark () {
  static const GQuark quark = g_quark_from_static_string ("lk-encode-bin");
  return quark;
}

/// What an encoder takes: I420, even sizes (4:2:0 has half the chroma lines), square pixels (WebRTC knows no
/// others).
Ref<GstCaps>
encoder_input (const GstVideoInfo &info) {
  uint64_t width = static_cast<uint64_t> (info.width);
  if (info.par_n > 0 && info.par_d > 0)
    width
        = gst_util_uint64_scale (width, static_cast<guint64> (info.par_n), static_cast<guint64> (info.par_d));
  int even_width = static_cast<int> (std::clamp<uint64_t> (width, 2, 16384)) & ~1;
  int even_height = std::max (info.height & ~1, 2);
  return Ref<GstCaps>::adopt (gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                                   G_TYPE_INT, even_width, "height", G_TYPE_INT, even_height,
                                                   "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr));
}

GstPadProbeReturn
on_input_event (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
  auto &state = *static_cast<BinState *> (data);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *caps = nullptr;
  gst_event_parse_caps (event, &caps);
  GstVideoInfo video;
  if (!gst_video_info_from_caps (&video, caps)) return GST_PAD_PROBE_OK;
  auto filter_caps = encoder_input (video);
  g_object_set (state.size_filter, "caps", filter_caps.get (), nullptr);
  if (state.needs_framerate && (video.fps_n == 0 || (video.flags & GST_VIDEO_FLAG_VARIABLE_FPS))) {
    auto steady = Ref<GstCaps>::adopt (gst_caps_copy (caps));
    gst_structure_remove_field (gst_caps_get_structure (steady.get (), 0), "max-framerate");
    gst_caps_set_simple (steady.get (), "framerate", GST_TYPE_FRACTION, video.fps_n > 0 ? video.fps_n : 30,
                         video.fps_n > 0 ? video.fps_d : 1, nullptr);
    GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_caps (steady.get ());
    gst_event_unref (event);
  }

  std::lock_guard hold (state.lock);
  if (state.user_bitrate) return GST_PAD_PROBE_OK;
  double fps = video.fps_n > 0 && video.fps_d > 0 ? static_cast<double> (video.fps_n) / video.fps_d : 30;
  uint32_t bitrate = default_video_bitrate (video.width, video.height, fps);
  GST_DEBUG_OBJECT (state.element, "%d×%d at %.1f: %u bit/s", video.width, video.height, fps, bitrate);
  set_bitrate (state.element, *state.encoder, bitrate);
  return GST_PAD_PROBE_OK;
}

/// x265enc 1.22 puts a copy of the headers before the first picture, read from memory that is no longer
/// theirs. The picture has headers of its own: they begin at the last video parameter set (ITU-T H.265 table
/// 7-1: 32).
GstPadProbeReturn
strip_copied_headers (GstPad *, GstPadProbeInfo *info, gpointer) noexcept {
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstMapInfo map;
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)
      || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  gsize last = 0;
  for (gsize at = 0; at + 4 < map.size; ++at)
    if (map.data[at] == 0 && map.data[at + 1] == 0 && map.data[at + 2] == 1
        && ((map.data[at + 3] >> 1) & 0x3f) == 32)
      last = at;
  gst_buffer_unmap (buffer, &map);
  if (last > 1) { // more than the first zero of a long start code
    buffer = gst_buffer_make_writable (buffer);
    gst_buffer_resize (buffer, static_cast<gssize> (last), -1);
    GST_PAD_PROBE_INFO_DATA (info) = buffer;
  }
  return GST_PAD_PROBE_OK;
}

Result<Ref<GstElement>>
make_video_row (const Codec &codec, BinState &state, GstElement *encoder) {
  auto convert = make_element ("videoconvertscale");
  if (!convert) return convert;
  g_object_set (convert->get (), "n-threads", 1, "add-borders", FALSE, nullptr);
  auto size = make_filter ("video/x-raw, format=(string)I420");
  if (!size) return size;
  state.size_filter = size->get ();

  std::string output = codec.bridge_caps;
  if (output.starts_with ("video/x-h264")) output += ", profile=(string)constrained-baseline";
  std::vector<Result<Ref<GstElement>>> row{ convert, size, Ref<GstElement>::retain (encoder) };
  // av1enc and x265enc do not give whole units with in-band headers by themselves.
  if (output.starts_with ("video/x-av1") || output.starts_with ("video/x-h265"))
    row.push_back (make_parser (codec.parser));
  row.push_back (make_filter (output.c_str ()));
  auto bin = make_row (std::move (row));
  if (!bin) return bin;
  if (output.starts_with ("video/x-h265")) {
    auto encoded = Ref<GstPad>::adopt (gst_element_get_static_pad (encoder, "src"));
    gst_pad_add_probe (encoded.get (), GST_PAD_PROBE_TYPE_BUFFER, strip_copied_headers, nullptr, nullptr);
  }
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (convert->get (), "sink"));
  gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_input_event, &state, nullptr);
  return bin;
}

constexpr const char kLossEvent[] = "lk-expected-loss", kLossProperty[] = "packet-loss-percentage";
// Below this libopus prefers its better mode, which has no redundancy, for all but speech.
constexpr guint kLeastRedundant = 10;

GstPadProbeReturn
on_expected_loss (GstPad *pad, GstPadProbeInfo *info, gpointer data) noexcept {
  auto &state = *static_cast<BinState *> (data);
  const GstStructure *event = gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));
  guint percent = 0;
  if (!event || !gst_structure_has_name (event, kLossEvent)
      || !gst_structure_get_uint (event, "percent", &percent))
    return GST_PAD_PROBE_OK;
  GST_INFO_OBJECT (pad, "the other end loses up to %u %%", percent);
  gint wanted = percent == 0 ? state.default_loss : static_cast<gint> (std::max (percent, kLeastRedundant));
  g_object_set (state.element, kLossProperty, wanted, nullptr);
  return GST_PAD_PROBE_DROP;
}

/// Redundancy where packets are lost, unless the user has set what to prepare for.
void
follow_loss (BinState &state, gint before) {
  g_object_get (state.element, kLossProperty, &state.default_loss, nullptr);
  if (state.default_loss != before) return;
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (state.element, "src"));
  gst_pad_add_probe (pad.get (), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_expected_loss, &state, nullptr);
}

Result<Ref<GstElement>>
make_audio_row (const Codec &codec, const EncodeSpec &spec, GstElement *encoder) {
  auto level = make_element ("level");
  if (!level) return level;
  // Speaker detection in the SFU reads the level from the RTP header; the element's own messages are not
  // wanted.
  g_object_set (level->get (), "audio-level-meta", TRUE, "post-messages", FALSE, nullptr);
  g_object_set (encoder, "dtx", spec.dtx, nullptr);
  return make_row ({ make_element ("audioconvert"), make_element ("audioresample"),
                     make_filter (spec.stereo ? "audio/x-raw, rate=(int)48000, channels=(int)[1, 2]"
                                              : "audio/x-raw, rate=(int)48000, channels=(int)1"),
                     level, Ref<GstElement>::retain (encoder), make_filter (codec.bridge_caps) });
}

} // namespace

Result<Ref<GstElement>>
make_encode_bin (const EncodeSpec &spec) {
  const Codec *codec = find_codec (spec.codec);
  if (!codec)
    return Error{ Errc::UnsupportedCodec, Retry::Never, "There is no codec \"" + spec.codec + "\"." };
  auto state = std::make_unique<BinState> ();
  auto encoder = make_encoder (codec->name, state->encoder);
  if (!encoder) return encoder;
  state->element = encoder->get ();
  state->user_bitrate = spec.bitrate_bps > 0;
  state->needs_framerate = spec.codec == "h264" || spec.codec == "h265";

  bool audio = codec->kind == MediaKind::Audio;
  uint32_t bitrate = spec.bitrate_bps > 0 ? spec.bitrate_bps
                     : audio              ? (spec.stereo ? kStereoBitrate : kMonoBitrate)
                                          : 0;
  if (bitrate > 0) set_bitrate (encoder->get (), *state->encoder, bitrate);
  auto bin = audio ? make_audio_row (*codec, spec, encoder->get ())
                   : make_video_row (*codec, *state, encoder->get ());
  if (!bin) return bin;
  gint loss = 0;
  if (audio) g_object_get (encoder->get (), kLossProperty, &loss, nullptr);
  if (spec.setup) {
    auto before = get_bitrate (encoder->get (), *state->encoder);
    spec.setup (encoder->get ());
    if (get_bitrate (encoder->get (), *state->encoder) != before) state->user_bitrate = true;
  }
  if (audio) follow_loss (*state, loss);
  g_object_set_qdata_full (G_OBJECT (bin->get ()), state_quark (), state.release (),
                           [] (gpointer p) { delete static_cast<BinState *> (p); });
  return bin;
}

void
set_encode_bitrate (GstElement *bin, uint32_t bitrate_bps) {
  auto *state = static_cast<BinState *> (g_object_get_qdata (G_OBJECT (bin), state_quark ()));
  if (!state || bitrate_bps == 0) return;
  std::lock_guard hold (state->lock);
  state->user_bitrate = true;
  set_bitrate (state->element, *state->encoder, bitrate_bps);
}

Ref<GstEvent>
make_loss_event (uint32_t percent) {
  return Ref<GstEvent>::adopt (gst_event_new_custom (
      GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new (kLossEvent, "percent", G_TYPE_UINT, percent, nullptr)));
}

uint32_t
default_video_bitrate (int width, int height, double fps) {
  // Through the three sizes that WebRTC applications commonly use; the need for bits grows slower than the
  // number of pixels.
  struct Point {
    double pixels_per_second, bps;
  };
  static constexpr Point kTable[] = {
    { 320.0 * 180 * 30, 160'000 },    { 640.0 * 360 * 30, 450'000 },     { 960.0 * 540 * 30, 950'000 },
    { 1280.0 * 720 * 30, 1'700'000 }, { 1920.0 * 1080 * 30, 3'000'000 }, { 3840.0 * 2160 * 30, 8'000'000 },
  };
  double rate
      = std::max (1.0, static_cast<double> (width)) * std::max (1, height) * std::clamp (fps, 1.0, 240.0);
  size_t i = 1;
  while (i + 1 < std::size (kTable) && rate > kTable[i].pixels_per_second)
    ++i;
  const Point &a = kTable[i - 1], &b = kTable[i];
  double exponent = std::log (b.bps / a.bps) / std::log (b.pixels_per_second / a.pixels_per_second);
  double bps = a.bps * std::pow (rate / a.pixels_per_second, exponent);
  return static_cast<uint32_t> (std::lround (std::clamp (bps, 50'000.0, 20'000'000.0) / 1000) * 1000);
}

Result<Ref<GstElement>>
make_parse_bin (const Codec &codec) {
  std::vector<Result<Ref<GstElement>>> row;
  const char *parser = codec.kind == MediaKind::Audio ? "opusparse" : codec.parser;
  if (*parser) row.push_back (make_parser (parser));
  row.push_back (make_filter (codec.bridge_caps));
  return make_row (std::move (row));
}

} // namespace lk::media
