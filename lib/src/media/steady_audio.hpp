// Behind the Opus decoder: PCM without holes. Silence that nobody sent (mute, DTX, outages) is made here,
// sample-exact and flagged GAP; the decoder is only asked to conceal short losses.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"

namespace lk::media {

/// S16LE, 48 kHz, stereo in and out. `decoder_sink`: the sink pad of an opusdec with plc=true. GAP events
/// that arrive there and are not flagged MISSING_DATA, or are long, go around the decoder, which would make
/// noise of them. The first loss turns its in-band FEC on.
Result<Ref<GstElement>> make_steady_audio (GstPad *decoder_sink);

} // namespace lk::media
