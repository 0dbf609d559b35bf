#include "media/codecs.hpp"

#include <algorithm>
#include <cstring>

namespace lk::media {

namespace {

// What crosses between pipelines is an access unit that can be decoded from any key frame on: byte-stream
// with in-band parameter sets for H264 and H265 (the payloaders and the SFU's key frame detection want them
// there), temporal units for AV1.
constexpr Codec kCodecs[] = {
  { MediaKind::Audio, "opus", "audio/x-opus", "audio/x-opus, channel-mapping-family=(int)0", "rtpopuspay",
    "rtpopusdepay", "" },
  { MediaKind::Video, "vp8", "video/x-vp8", "video/x-vp8", "rtpvp8pay", "rtpvp8depay", "" },
  { MediaKind::Video, "h264", "video/x-h264",
    "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au", "rtph264pay", "rtph264depay",
    "h264parse" },
  { MediaKind::Video, "vp9", "video/x-vp9", "video/x-vp9", "rtpvp9pay", "rtpvp9depay", "vp9parse" },
  { MediaKind::Video, "av1", "video/x-av1",
    "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu", "rtpav1pay", "rtpav1depay",
    "av1parse" },
  { MediaKind::Video, "h265", "video/x-h265",
    "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au", "rtph265pay", "rtph265depay",
    "h265parse" },
};

bool
exists (const char *factory) {
  return Ref<GstElementFactory>::adopt (gst_element_factory_find (factory)).get () != nullptr;
}

std::vector<std::string>
usable (const char *Codec::*element) {
  std::vector<std::string> names;
  for (const Codec &codec : kCodecs)
    if (rtc::find_codec (codec.name) && exists (codec.*element) && (!*codec.parser || exists (codec.parser)))
      names.emplace_back (codec.name);
  return names;
}

struct Package {
  const char *prefix; ///< the longest one that fits counts
  const char *name;
};
// As Debian 12 packs GStreamer 1.22.
constexpr Package kPackages[] = {
  { "", "gstreamer1.0-plugins-bad" },
  { "opus", "gstreamer1.0-plugins-base" },
  { "opusparse", "gstreamer1.0-plugins-bad" },
  { "audioconvert", "gstreamer1.0-plugins-base" },
  { "audioresample", "gstreamer1.0-plugins-base" },
  { "videoconvert", "gstreamer1.0-plugins-base" },
  { "videoscale", "gstreamer1.0-plugins-base" },
  { "capsfilter", "libgstreamer1.0-0" },
  { "level", "gstreamer1.0-plugins-good" },
  { "rtp", "gstreamer1.0-plugins-good" },
  { "vp8", "gstreamer1.0-plugins-good" },
  { "vp9", "gstreamer1.0-plugins-good" },
  { "vp9parse", "gstreamer1.0-plugins-bad" },
  { "x264", "gstreamer1.0-plugins-ugly" },
  { "avdec_", "gstreamer1.0-libav" },
  { "nice", "gstreamer1.0-nice" },
  { "rtpav1", "the rsrtp plugin of gst-plugins-rs, not part of Debian 12" },
  { "dav1ddec", "the dav1d plugin of gst-plugins-rs, not part of Debian 12" },
};

const char *
package_of (std::string_view factory) {
  const Package *best = &kPackages[0];
  for (const Package &package : kPackages)
    if (factory.starts_with (package.prefix) && std::strlen (package.prefix) > std::strlen (best->prefix))
      best = &package;
  return best->name;
}

} // namespace

std::span<const Codec>
codecs () {
  return kCodecs;
}

const Codec *
find_codec (std::string_view name) {
  auto it = std::ranges::find_if (kCodecs, [name] (const Codec &codec) { return name == codec.name; });
  return it == std::end (kCodecs) ? nullptr : it;
}

const Codec *
codec_of (const GstCaps *caps) {
  if (!caps || gst_caps_is_any (caps) || gst_caps_is_empty (caps)) return nullptr;
  const char *media_type = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  auto it = std::ranges::find_if (
      kCodecs, [=] (const Codec &codec) { return g_str_equal (media_type, codec.media_type); });
  return it == std::end (kCodecs) ? nullptr : it;
}

const std::vector<std::string> &
publishable_codecs () {
  static const auto names = usable (&Codec::payloader);
  return names;
}

const std::vector<std::string> &
receivable_codecs () {
  static const auto names = usable (&Codec::depayloader);
  return names;
}

Result<Ref<GstElement>>
make_element (const char *factory, const char *name) {
  auto element = Ref<GstElement>::sink (gst_element_factory_make (factory, name));
  if (element) return element;
  return Error{ Errc::MissingElement, Retry::Never,
                std::string ("The GStreamer element \"") + factory + "\" is missing: install "
                    + package_of (factory) + "." };
}

} // namespace lk::media
