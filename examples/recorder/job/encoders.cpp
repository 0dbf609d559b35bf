#include "encoders.hpp"

#include "media/row.hpp"

namespace lk::record {

namespace {

struct Encoder {
  const char *codec, *factory;
  bool hardware;
  const char *bitrate_property;
  unsigned unit_bps;
  const char *gop_property; ///< frames between key frames; null = not video
  const char *settings;
  unsigned delay
      = 0; ///< samples that come before the first that went in; containers are not told of those of AAC
};

// No B-frames and no look-ahead: frames leave in the order of their times, so files can be cut anywhere.
constexpr Encoder kEncoders[] = {
  { "h264", "vah264enc", true, "bitrate", 1000, "key-int-max", "b-frames=0" },
  { "h264", "nvh264enc", true, "bitrate", 1000, "gop-size", "bframes=0 zerolatency=true" },
  { "h264", "qsvh264enc", true, "bitrate", 1000, "gop-size", "b-frames=0" },
  { "h264", "vaapih264enc", true, "bitrate", 1000, "keyframe-period", "max-bframes=0 rate-control=vbr" },
  { "h264", "v4l2h264enc", true, nullptr, 1, nullptr, "" },
  { "h264", "x264enc", false, "bitrate", 1000, "key-int-max",
    "speed-preset=veryfast bframes=0 rc-lookahead=0 sync-lookahead=0 mb-tree=false sliced-threads=false "
    "byte-stream=true" },
  { "h264", "openh264enc", false, "bitrate", 1, "gop-size", "complexity=medium rate-control=bitrate" },
  { "vp8", "vp8enc", false, "target-bitrate", 1, "keyframe-max-dist",
    "deadline=1 cpu-used=6 threads=2 end-usage=vbr lag-in-frames=0" },
  { "vp9", "vp9enc", false, "target-bitrate", 1, "keyframe-max-dist",
    "deadline=1 cpu-used=7 threads=2 row-mt=true end-usage=vbr lag-in-frames=0" },
  { "av1", "av1enc", false, "target-bitrate", 1000, "keyframe-max-dist",
    "usage-profile=realtime cpu-used=9 threads=2 row-mt=true end-usage=vbr lag-in-frames=0" },
  { "h265", "x265enc", false, "bitrate", 1000, "key-int-max", "speed-preset=ultrafast tune=zerolatency" },
  { "opus", "opusenc", false, "bitrate", 1, nullptr, "frame-size=20" },
  { "aac", "fdkaacenc", false, "bitrate", 1, nullptr, "" },
  { "aac", "avenc_aac", false, "bitrate", 1, nullptr, "", 1024 },
  { "aac", "voaacenc", false, "bitrate", 1, nullptr, "", 1600 },
};

constexpr char kStereo[] = "audio/x-raw,rate=48000,channels=2,layout=interleaved,channel-mask=(bitmask)3";
constexpr GstClockTime kPatience = 5 * GST_SECOND;

/// An encoder of hardware exists where its plugin is, but works only where the hardware is.
bool
works (GstElement *element) {
  const bool ready = gst_element_set_state (element, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
  gst_element_set_state (element, GST_STATE_NULL);
  return ready;
}

Result<Ref<GstElement>>
pick (const Codec &codec, bool hardware, const Encoder *&chosen) {
  std::string missing;
  for (const Encoder &encoder : kEncoders) {
    if (std::string_view (encoder.codec) != codec.name || (encoder.hardware && !hardware)) continue;
    auto element = media::make_element (encoder.factory);
    if (element && (!encoder.hardware || works (element->get ()))) {
      chosen = &encoder;
      return element;
    }
    if (!element && !encoder.hardware)
      missing += (missing.empty () ? "" : " Or: ") + element.error ().message;
  }
  return Error{ Errc::MissingElement, Retry::Never,
                missing.empty () ? "nothing here encodes " + std::string (codec.label) : missing };
}

void
set_number (GstElement *element, const char *property, guint64 number) {
  if (!property || !g_object_class_find_property (G_OBJECT_GET_CLASS (element), property)) return;
  gst_util_set_object_arg (G_OBJECT (element), property, std::to_string (number).c_str ());
}

std::string
size_caps (const Encoding &encoding) {
  return "video/x-raw,width=" + std::to_string (encoding.width)
         + ",height=" + std::to_string (encoding.height) + ",pixel-aspect-ratio=1/1";
}

Result<Ref<GstElement>>
with (Result<Ref<GstElement>> element, const char *settings) {
  if (element) media::apply_settings (element->get (), settings);
  return element;
}

/// Opus that any decoder plays as 20 ms of silence (RFC 6716 §3.1: CELT, full band, stereo; nothing coded).
StandIn
silent_opus () {
  static const guint8 kFrame[] = { 0xfc, 0xff, 0xfe };
  return { Ref<GstCaps>::adopt (gst_caps_from_string (
               "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0,stream-count=1,coupled-count=1")),
           Ref<GstBuffer>::adopt (gst_buffer_new_memdup (kFrame, sizeof kFrame)), 20 * GST_MSECOND };
}

StandIn
silent_pcm (const Codec &codec) {
  constexpr gsize kSize = 960 * 2 * 2;
  auto frame = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, kSize, nullptr));
  gst_buffer_memset (frame.get (), 0, 0, kSize);
  return { Ref<GstCaps>::adopt (gst_caps_from_string (codec.caps)), frame, 20 * GST_MSECOND };
}

} // namespace

Result<std::string>
encoder_of (const Codec &codec, bool hardware) {
  if (std::string_view (codec.name) == "pcm") return std::string ("none");
  const Encoder *chosen = nullptr;
  auto element = pick (codec, hardware, chosen);
  if (!element) return element.error ();
  return std::string (chosen->factory);
}

std::string
key_of (const Codec &codec, const Encoding &e) {
  std::string key = codec.name;
  if (std::string_view (codec.name) == "pcm") return key;
  if (!codec.video) return key + "/" + std::to_string (e.audio_bps);
  for (unsigned part : { e.width, e.height, e.fps, e.video_bps, unsigned (e.hardware) })
    key += "/" + std::to_string (part);
  return key;
}

Result<Ref<GstElement>>
make_encoder (const Codec &codec, const Encoding &encoding) {
  if (std::string_view (codec.name) == "pcm")
    return media::make_row ({ media::make_element ("audioconvert"), media::make_element ("audioresample"),
                              media::make_filter (codec.caps) });
  const Encoder *chosen = nullptr;
  auto element = pick (codec, encoding.hardware, chosen);
  if (!element) return element;
  media::apply_settings (element->get (), chosen->settings);
  set_number (element->get (), chosen->bitrate_property,
              (codec.video ? encoding.video_bps : encoding.audio_bps) / chosen->unit_bps);
  if (chosen->delay > 0) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element->get (), "src"));
    gst_pad_set_offset (pad.get (), -gint64 (gst_util_uint64_scale (chosen->delay, GST_SECOND, 48000)));
  }
  if (!codec.video)
    return media::make_row (
        { media::make_element ("audioconvert"), media::make_element ("audioresample"),
          media::make_filter (kStereo), element,
          media::make_element (std::string_view (codec.name) == "aac" ? "aacparse" : "identity"),
          media::make_filter (codec.caps) });
  set_number (element->get (), chosen->gop_property, 2 * encoding.fps);
  std::vector<Result<Ref<GstElement>>> row{
    media::make_element ("videoscale"), media::make_element ("videoconvert"),
    media::make_filter ((size_caps (encoding) + ",format=(string){I420,NV12}").c_str ()), element
  };
  if (*codec.parser) row.push_back (with (media::make_element (codec.parser), "config-interval=-1"));
  row.push_back (media::make_filter (codec.caps));
  return media::make_row (std::move (row));
}

Result<StandIn>
make_stand_in (const Codec &codec, const Encoding &encoding) {
  const std::string_view name = codec.name;
  if (name == "opus") return silent_opus ();
  if (name == "pcm") return silent_pcm (codec);
  auto encoder = make_encoder (codec, encoding);
  if (!encoder) return encoder.error ();
  // The first frames of an audio encoder hold what it was before; the fifth is plain silence.
  auto source = codec.video ? with (media::make_element ("videotestsrc"), "num-buffers=1 pattern=black")
                            : with (media::make_element ("audiotestsrc"), "num-buffers=24 wave=silence");
  auto format
      = media::make_filter (codec.video ? (size_caps (encoding) + ",framerate=1/1").c_str () : kStereo);
  auto sink = with (media::make_element ("appsink"), "sync=false");
  for (auto *part : { &source, &format, &sink })
    if (!*part) return part->error ();
  auto pipeline = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  for (auto *part : { &source, &format, &encoder, &sink })
    gst_bin_add (GST_BIN (pipeline.get ()), (*part)->get ());
  gst_element_link_many ((*source).get (), (*format).get (), (*encoder).get (), (*sink).get (), nullptr);
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  StandIn made;
  for (int i = 0; i < (codec.video ? 1 : 5); i++) {
    GstSample *raw = nullptr;
    g_signal_emit_by_name (sink->get (), "try-pull-sample", guint64 (kPatience), &raw);
    const auto sample = Ref<GstSample>::adopt (raw);
    if (!sample) break;
    made.caps = Ref<GstCaps>::retain (gst_sample_get_caps (sample.get ()));
    made.frame = Ref<GstBuffer>::adopt (gst_buffer_copy (gst_sample_get_buffer (sample.get ())));
  }
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  if (!made.frame)
    return Error{ Errc::MediaFailed, Retry::Never,
                  "the encoder for " + std::string (codec.label) + " gives nothing" };
  made.duration = codec.video ? GST_SECOND : gst_util_uint64_scale (1024, GST_SECOND, 48000);
  return made;
}

} // namespace lk::record
