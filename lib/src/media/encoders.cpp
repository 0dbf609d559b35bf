#include "media/encoders.hpp"

#include "media/row.hpp"

#include <algorithm>

namespace lk::media {

namespace {

// Key frames come on request only, so their distance is unlimited. The rate control buffers are short, for a
// burst must leave through a link of about the target rate without adding delay. tests/bench/codec_floor has
// the figures behind speed and thread counts.
constexpr Encoder kEncoders[] = {
  { "opus", "opusenc", "bitrate", 1,
    "frame-size=20 inband-fec=true packet-loss-percentage=5 bitrate-type=constrained-vbr" },
  { "vp8", "vp8enc", "target-bitrate", 1,
    "deadline=1 cpu-used=-16 threads=1 end-usage=cbr keyframe-max-dist=1000000 lag-in-frames=0 "
    "undershoot=95 overshoot=15 buffer-initial-size=500 buffer-optimal-size=600 buffer-size=1000 "
    "min-quantizer=2 max-quantizer=56 "
    "static-threshold=1 max-intra-bitrate=300" },
  { "h264", "x264enc", "bitrate", 1000,
    "tune=zerolatency speed-preset=ultrafast key-int-max=1000000 bframes=0 rc-lookahead=0 "
    "sliced-threads=false threads=1 "
    "byte-stream=true aud=false vbv-buf-capacity=600" },
  { "h264", "openh264enc", "bitrate", 1,
    "complexity=low rate-control=bitrate gop-size=1000000 multi-thread=1 scene-change-detection=false "
    "usage-type=camera" },
  { "vp9", "vp9enc", "target-bitrate", 1,
    "deadline=1 cpu-used=8 threads=1 row-mt=true end-usage=cbr keyframe-max-dist=1000000 lag-in-frames=0 "
    "error-resilient=default "
    "undershoot=95 overshoot=15 buffer-initial-size=500 buffer-optimal-size=600 buffer-size=1000 "
    "min-quantizer=2 max-quantizer=56 "
    "static-threshold=1 aq-mode=cyclic-refresh frame-parallel-decoding=false" },
  // 1.22 ignores key frame requests here: one every three seconds.
  { "av1", "av1enc", "target-bitrate", 1000,
    "usage-profile=realtime cpu-used=10 threads=1 row-mt=true end-usage=cbr keyframe-max-dist=90 "
    "lag-in-frames=0 "
    "buf-initial-sz=500 buf-optimal-sz=600 buf-sz=1000 min-quantizer=2 max-quantizer=56" },
  { "av1", "svtav1enc", "target-bitrate", 1000, "preset=12 intra-period-length=-1" },
  { "h265", "x265enc", "bitrate", 1000,
    "tune=zerolatency speed-preset=ultrafast key-int-max=1000000 "
    "option-string=repeat-headers=1:bframes=0:pools=1:frame-threads=1" },
};

} // namespace

std::vector<const Encoder *>
encoders_of (std::string_view codec) {
  std::vector<const Encoder *> found;
  for (const Encoder &encoder : kEncoders)
    if (codec == encoder.codec) found.push_back (&encoder);
  return found;
}

Result<Ref<GstElement>>
make_encoder (std::string_view codec, const Encoder *&chosen) {
  auto candidates = encoders_of (codec);
  if (candidates.empty ())
    return Error{ Errc::UnsupportedCodec, Retry::Never,
                  "There is no codec \"" + std::string (codec) + "\" to encode with." };
  std::string missing;
  for (const Encoder *encoder : candidates) {
    auto element = make_element (encoder->factory, "encoder");
    if (element) {
      apply_settings (element->get (), encoder->settings);
      chosen = encoder;
      return element;
    }
    missing += (missing.empty () ? "" : " Or: ") + element.error ().message;
  }
  return Error{ Errc::MissingElement, Retry::Never, std::move (missing) };
}

int64_t
get_bitrate (GstElement *element, const Encoder &encoder) {
  // Properties are signed or unsigned; GObject converts.
  GValue value = G_VALUE_INIT;
  g_value_init (&value, G_TYPE_INT64);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), encoder.bitrate_property))
    g_object_get_property (G_OBJECT (element), encoder.bitrate_property, &value);
  return g_value_get_int64 (&value);
}

void
set_bitrate (GstElement *element, const Encoder &encoder, uint32_t bitrate_bps) {
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), encoder.bitrate_property);
  if (!spec) return;
  uint64_t value = std::max<uint64_t> (1, bitrate_bps / encoder.bitrate_unit_bps);
  // Signed and unsigned, and with limits of their own.
  if (G_IS_PARAM_SPEC_INT (spec)) {
    auto *limits = G_PARAM_SPEC_INT (spec);
    auto clamped = std::clamp<int64_t> (static_cast<int64_t> (value), limits->minimum, limits->maximum);
    g_object_set (element, encoder.bitrate_property, static_cast<gint> (clamped), nullptr);
  } else if (G_IS_PARAM_SPEC_UINT (spec)) {
    auto *limits = G_PARAM_SPEC_UINT (spec);
    auto clamped = std::clamp<uint64_t> (value, limits->minimum, limits->maximum);
    g_object_set (element, encoder.bitrate_property, static_cast<guint> (clamped), nullptr);
  }
}

} // namespace lk::media
