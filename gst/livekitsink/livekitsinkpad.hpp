// A sink pad of livekitsink: one track. Its properties are those of the track.
#pragma once

#include "livekitsink/sinktrack.hpp"

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_LIVEKIT_SINK_PAD (gst_livekit_sink_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitSinkPad, gst_livekit_sink_pad, GST, LIVEKIT_SINK_PAD, GstGhostPad)

struct _GstLiveKitSinkPad {
  GstGhostPad parent;
  lk::gst::SinkTrack *track; // from init to finalize
};

G_END_DECLS
