// Encoders as recordings want them: a key frame every two seconds, no reordering, more care than in a call.
#pragma once

#include "formats.hpp"
#include "request.hpp"

#include "base/ref.hpp"

namespace lk::record {

/// raw → encoder → the codec's caps, as a bin with the pads "sink" and "src". Video comes in any format and
/// leaves in the encoding's size.
Result<Ref<GstElement>> make_encoder (const Codec &codec, const Encoding &encoding);
/// The factory that would be used for it, or why there is none.
Result<std::string> encoder_of (const Codec &codec, bool hardware);
/// What makes two encodings of one thing the same.
std::string key_of (const Codec &codec, const Encoding &encoding);

/// A frame that shows or plays nothing, as the codec has it.
struct StandIn {
  Ref<GstCaps> caps;
  Ref<GstBuffer> frame;
  GstClockTime duration = 0;
};
/// Silence of one frame, or one black picture that is a key frame. Takes as long as an encoder takes to
/// start.
Result<StandIn> make_stand_in (const Codec &codec, const Encoding &encoding);

} // namespace lk::record
