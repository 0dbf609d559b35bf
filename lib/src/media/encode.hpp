// Raw to encoded and back, as bins with pads "sink" and "src" for the user's pipeline. Defaults are the
// fastest settings that keep the picture usable in real time (tests/bench/codec_floor measures them).
#pragma once

#include "media/codecs.hpp"

#include <functional>
#include <optional>

namespace lk::media {

struct EncodeSpec {
  std::string codec;                ///< short name, as in codecs()
  uint32_t bitrate_bps = 0;         ///< 0 = by size (video) or 64 kbit/s mono, 96 stereo (Opus)
  bool dtx = false, stereo = false; ///< Opus; without stereo the input is mixed down to mono
  /// Called with each encoder element once its defaults are set, so that the user may change them.
  std::function<void (GstElement *encoder)> setup;
};

/// convert (and scale to even sizes) → encoder → bridge caps. Resolution changes of the input pass through.
/// Tries the encoders of the codec in order of preference (vp8enc; x264enc, openh264enc; vp9enc; av1enc,
/// svtav1enc; x265enc) and reports all missing ones together.
Result<Ref<GstElement>> make_encode_bin (const EncodeSpec &spec);
/// Sets a new bitrate on a running encode bin.
void set_encode_bitrate (GstElement *bin, uint32_t bitrate_bps);
/// To be sent upstream to an encode bin: so many per cent of the packets will be lost. From ten per cent on,
/// libopus puts a second copy of each packet into the next, at the cost of its quality.
Ref<GstEvent> make_loss_event (uint32_t percent);
/// Bitrate by pixels per second when the user gives none: 1280×720 at 30 → 1.7 Mbit/s, 640×360 → 450 kbit/s,
/// 320×180 → 160 kbit/s …
uint32_t default_video_bitrate (int width, int height, double fps);

/// For access units that the user encoded: parser (parameter sets before every IDR) → bridge caps.
Result<Ref<GstElement>> make_parse_bin (const Codec &codec);
/// Decoder → convert. Video: GAP events before the first frame become black pictures of the size in the caps.
/// Audio: Opus with PLC (and FEC from the first loss on), then continuous PCM. A GAP event
/// at pad "sink" becomes silence flagged GAP, sample-exact, from the first event on; one flagged
/// GST_GAP_FLAG_MISSING_DATA (a lost packet, at most 120 ms) is concealed by the decoder instead.
Result<Ref<GstElement>> make_decode_bin (const Codec &codec);

} // namespace lk::media
