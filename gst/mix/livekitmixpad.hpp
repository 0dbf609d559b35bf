// A mix pad of livekitsrc: a ghost pad whose children are the participants in the mix.
#pragma once

#include "mix/mix.hpp"

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_MIX_PAD (gst_livekit_mix_pad_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstLiveKitMixPad, gst_livekit_mix_pad, GST, LIVEKIT_MIX_PAD, GstGhostPad)
struct _GstLiveKitMixPadClass {
  GstGhostPadClass parent;
};
GType gst_livekit_audio_mix_pad_get_type (void);
GType gst_livekit_video_mix_pad_get_type (void);
#define GST_TYPE_LIVEKIT_AUDIO_MIX_PAD (gst_livekit_audio_mix_pad_get_type ())
#define GST_TYPE_LIVEKIT_VIDEO_MIX_PAD (gst_livekit_video_mix_pad_get_type ())
G_END_DECLS

namespace lk::gst {

/// A new floating pad over the mix. Its properties are the mix's settings. GstChildProxy: what is wanted of a
/// participant, by identity, also of one who is not there yet; by index, those in the mix.
GstPad *make_mix_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<Mix> mix);

} // namespace lk::gst
