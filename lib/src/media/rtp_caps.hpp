// The RTP caps of a publication: fixed before the first frame, so that negotiation never waits for media nor
// repeats because of it.
#pragma once

#include "media/codecs.hpp"
#include "media/pad_element.hpp"

namespace lk::media {

/// A payloader with the payload type and header extensions of the table, set up for low latency. With
/// `audio_level` it writes the client-audio-level extension from GstAudioLevelMeta.
Result<Ref<GstElement>> make_payloader (const Codec &codec, bool audio_level);
/// What the payloader's stream looks like to webrtcbin, without its SSRC. `input`: bridge caps so far, may be
/// null.
Ref<GstCaps> make_rtp_caps (const Codec &codec, bool audio_level, const GstCaps *input);

/// Stands behind the payloader: sends `caps`, with the payloader's SSRC, right after STREAM_START and none of
/// the payloader's own, which come late (H264: with the first parameter sets) and change with the resolution.
std::shared_ptr<PadHandler> make_caps_fixer (Ref<GstCaps> caps, Ref<GstElement> payloader);

} // namespace lk::media
