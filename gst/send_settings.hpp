// How livekitdatasink sends: its properties, and what one buffer makes of them. No state.
#pragma once

#include "base/ref.hpp"
#include "session/data.hpp"

#include <gst/gst.h>
#include <gst/livekit/enums.h>

#include <optional>
#include <string>
#include <vector>

namespace lk::gst {

struct SendSettings {
  GstLiveKitDataKind mode = GST_LIVEKIT_DATA_KIND_PACKET;
  GstLiveKitReliability reliability = GST_LIVEKIT_RELIABILITY_RELIABLE;
  GstLiveKitOversize oversize = GST_LIVEKIT_OVERSIZE_ERROR;
  GstLiveKitStreamPer stream_per = GST_LIVEKIT_STREAM_PER_BUFFER;
  std::string topic, destinations, mime_type, stream_name;
  Attributes attributes;
  guint max_latency_ms = 0; ///< 0 = no limit
  bool send_time = false;
  guint resend_window_ms = 1000, drain_timeout_ms = 10000;

  std::optional<Millis>
  max_latency () const {
    return max_latency_ms ? std::optional (Millis (max_latency_ms)) : std::nullopt;
  }
};

/// Stream attribute with the time of capture by the sender's clock, microseconds since 1970
/// (docs/data-time.md).
inline constexpr const char *kTimeAttribute = "capture-time";

/// How one message goes out: the settings, and over them the buffer's GstLiveKitDataMeta.
struct Outgoing {
  GstLiveKitReliability reliability;
  std::string topic, mime_type, name, id;
  std::vector<std::string> destinations;
  Attributes attributes;
  std::optional<uint64_t> time_us; ///< of capture; from the meta

  session::OutgoingStream stream (bool text) const;
};
Outgoing outgoing_of (const SendSettings &settings, GstBuffer *buffer);

/// A buffer's bytes while it lives.
class MappedBuffer {
public:
  explicit MappedBuffer (GstBuffer *buffer) : buffer_ (buffer) {
    mapped_ = gst_buffer_map (buffer, &info_, GST_MAP_READ);
  }
  ~MappedBuffer () {
    if (mapped_) gst_buffer_unmap (buffer_, &info_);
  }
  MappedBuffer (const MappedBuffer &) = delete;
  MappedBuffer &operator= (const MappedBuffer &) = delete;

  explicit operator bool () const { return mapped_; }
  std::string_view
  bytes () const {
    return { reinterpret_cast<const char *> (info_.data), info_.size };
  }

private:
  GstBuffer *buffer_;
  GstMapInfo info_ = GST_MAP_INFO_INIT;
  bool mapped_ = false;
};

} // namespace lk::gst
