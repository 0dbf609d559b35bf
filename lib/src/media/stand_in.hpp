// Behind a video decoder: black pictures until the first real one, for a camera that is muted from the start.
// A pad without caps keeps muxers and mixers waiting for ever.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"

#include <gst/gst.h>

namespace lk::media {

/// Before the first frame, GAP events at `decoder_sink` become black pictures, five a second, of the size in
/// the caps there; the decoder, which would invent a size, does not see them.
Result<Ref<GstElement>> make_stand_in (GstPad *decoder_sink);

} // namespace lk::media
