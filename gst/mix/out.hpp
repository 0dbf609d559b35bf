// The end of a mix: its stream goes on whatever becomes of what is linked to it.
#pragma once

#include "base/ref.hpp"

namespace lk::gst {

/// Pads "sink" and "src". Nothing linked, or no more than a part of a pipeline: dropped, and not told
/// upstream, where it would end the stream. Seeks are refused: this is live.
Ref<GstElement> make_mix_out ();

} // namespace lk::gst
