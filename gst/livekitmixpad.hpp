// A mix pad of livekitsrc: a ghost pad whose children are the participants in the mix.
#pragma once

#include "mix.hpp"

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_MIX_PAD (gst_livekit_mix_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitMixPad, gst_livekit_mix_pad, GST, LIVEKIT_MIX_PAD, GstGhostPad)
G_END_DECLS

namespace lk::gst {

/// A new floating pad over the mix. GstChildProxy: each participant in it, by identity, with the properties
/// of its input (`volume`, `mute`, or `alpha`).
GstPad *make_mix_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<Mix> mix);

} // namespace lk::gst
