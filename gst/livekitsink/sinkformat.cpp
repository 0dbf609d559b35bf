#include "livekitsink/sinkformat.hpp"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <algorithm>

namespace lk::gst {

namespace {

using media::MediaKind;

bool
publishable (const char *codec) {
  return std::ranges::find (media::publishable_codecs (), codec) != media::publishable_codecs ().end ();
}

/// Raw formats and codecs of a kind; `all`: also codecs that this installation cannot send.
void
append_formats (Ref<GstCaps> &caps, MediaKind kind, bool all) {
  gst_caps_append (
      caps.get (),
      gst_caps_from_string (kind == MediaKind::Audio ? GST_AUDIO_CAPS_MAKE (
                                GST_AUDIO_FORMATS_ALL) ", layout = (string) { interleaved, non-interleaved }"
                                                     : GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)));
  for (const auto &codec : media::codecs ())
    if (codec.kind == kind && (all || publishable (codec.name)))
      gst_caps_append (caps.get (), gst_caps_new_empty_simple (codec.media_type));
}

Ref<GstCaps>
make_template_caps (SinkKind kind) {
  auto caps = Ref<GstCaps>::adopt (gst_caps_new_empty ());
  // A pad for anything takes also what lacks only a payloader: then the error can name the missing package.
  const bool any = kind == SinkKind::Any;
  if (kind != SinkKind::Video) append_formats (caps, MediaKind::Audio, any);
  if (kind != SinkKind::Audio) append_formats (caps, MediaKind::Video, any);
  return caps;
}

bool
is_raw (const GstCaps *caps) {
  const gchar *type = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  return g_str_equal (type, "audio/x-raw") || g_str_equal (type, "video/x-raw");
}

Error
unsupported (const std::string &sentence) {
  return { Errc::UnsupportedCodec, Retry::Never, sentence };
}

} // namespace

Ref<GstCaps>
sink_template_caps (SinkKind kind) {
  static const Ref<GstCaps> caps[]
      = { make_template_caps (SinkKind::Any), make_template_caps (SinkKind::Audio),
          make_template_caps (SinkKind::Video) };
  return caps[int (kind)];
}

Ref<GstCaps>
sink_caps (SinkKind kind, bool stereo) {
  auto *caps = gst_caps_new_empty ();
  if (kind != SinkKind::Video)
    gst_caps_append (caps, gst_caps_new_simple ("audio/x-raw", "format", G_TYPE_STRING, "S16LE", "layout",
                                                G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, 48000,
                                                "channels", G_TYPE_INT, stereo ? 2 : 1, nullptr));
  if (kind != SinkKind::Audio)
    gst_caps_append (caps, gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                                GST_TYPE_INT_RANGE, 1, G_MAXINT, "height", GST_TYPE_INT_RANGE,
                                                1, G_MAXINT, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
                                                G_MAXINT, 1, nullptr));
  // x264enc, left the choice, makes 4:4:4 of a source that has it, which check_pictures() refuses.
  if (kind != SinkKind::Audio)
    gst_caps_append (
        caps, gst_caps_from_string ("video/x-h264, profile = (string) { constrained-baseline, baseline, "
                                    "main, constrained-high, progressive-high, high }"));
  gst_caps_append (caps, gst_caps_copy (sink_template_caps (kind).get ()));
  return Ref<GstCaps>::adopt (caps);
}

Result<>
check_pictures (const GstCaps *caps, const std::string &pad) {
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  if (!gst_structure_has_name (s, "video/x-h264")) return {};
  const gchar *profile = gst_structure_get_string (s, "profile"),
              *chroma = gst_structure_get_string (s, "chroma-format");
  guint depth = 8;
  gst_structure_get_uint (s, "bit-depth-luma", &depth);
  std::string found;
  for (const char *marked : { "4:2:2", "4:4:4", "high-10" })
    if (profile && std::string_view (profile).find (marked) != std::string_view::npos) found = profile;
  if (found.empty () && chroma && !g_str_equal (chroma, "4:2:0")) found = chroma;
  if (found.empty () && depth > 8) found = std::to_string (depth) + " bit";
  if (found.empty ()) return {};
  return unsupported ("Pad " + pad + " got H264 of the format " + found
                      + ", which receivers cannot show: encode 4:2:0 with 8 bits (video/x-raw,format=I420 "
                        "before the encoder).");
}

Result<SinkFormat>
decide_format (const GstCaps *caps, SinkKind kind, const std::string &codec, const std::string &pad) {
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const std::string type = gst_structure_get_name (s);

  SinkFormat format;
  format.raw = is_raw (caps);
  if (format.raw) {
    const bool sound = type == "audio/x-raw";
    format.codec = media::find_codec (!codec.empty () ? codec : sound ? "opus" : "vp8");
    if (!format.codec)
      return unsupported ("Pad " + pad + ": there is no codec \"" + codec
                          + "\"; choose one of opus, vp8, h264, vp9, av1, h265.");
    if ((format.codec->kind == MediaKind::Audio) != sound)
      return unsupported ("Pad " + pad + ": " + type + " cannot be encoded as " + format.codec->name + ".");
  } else {
    format.codec = media::codec_of (caps);
    if (!format.codec)
      return unsupported ("Pad " + pad + " cannot publish " + type
                          + ": give it raw media, Opus, VP8, H264, VP9, AV1 or H265.");
    if (!codec.empty () && codec != format.codec->name)
      return unsupported ("Pad " + pad + " has codec=" + codec + " but gets " + type
                          + ": decode it first, or unset codec.");
    if (auto shown = check_pictures (caps, pad); !shown) return shown.error ();
  }
  const bool audio = format.codec->kind == MediaKind::Audio;
  if ((kind == SinkKind::Audio && !audio) || (kind == SinkKind::Video && audio))
    return unsupported ("Pad " + pad + " got " + type + ": link it to "
                        + (audio ? "an audio_%u" : "a video_%u") + " pad instead.");
  if (!publishable (format.codec->name)) {
    auto payloader = media::make_element (format.codec->payloader);
    return payloader
               ? unsupported (std::string ("This installation cannot publish ") + format.codec->name + ".")
               : payloader.error ();
  }
  gint width = 0, height = 0;
  if (!audio && gst_structure_get_int (s, "width", &width) && gst_structure_get_int (s, "height", &height)) {
    format.width = guint (std::max (width, 0));
    format.height = guint (std::max (height, 0));
  }
  return format;
}

} // namespace lk::gst
