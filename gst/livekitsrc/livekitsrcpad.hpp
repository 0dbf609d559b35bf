// A source pad of livekitsrc: a ghost pad with the track's properties.
#pragma once

#include "received/srctrack.hpp"

#include <gst/gst.h>

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_SRC_PAD (gst_livekit_src_pad_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitSrcPad, gst_livekit_src_pad, GST, LIVEKIT_SRC_PAD, GstGhostPad)
G_END_DECLS

namespace lk::gst {

/// A new floating pad for the track, made from the template; its CAPS query answers before anything is
/// linked.
GstPad *make_src_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<SrcTrack> track);
SrcTrack &track_of (GstPad *pad);

} // namespace lk::gst
