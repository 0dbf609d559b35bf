// What came in, as a buffer with its GstLiveKitDataMeta. No state.
#pragma once

#include "base/ref.hpp"
#include "session/data.hpp"

namespace lk::gst {

/// Stream attribute with the time of capture by the sender's clock, microseconds since 1970
/// (docs/data-time.md).
inline constexpr const char *kTimeAttribute = "capture-time";

/// Packet, chat message, transcription segment, stream (whole or a part), frame of a data track; several for
/// a transcription with several segments. None for what has no content: openings, and ends of streams that
/// came in parts. Without time stamps, but with what the sender said about its duration.
std::vector<Ref<GstBuffer>> buffers_of (const session::DataEvent &event);

} // namespace lk::gst
