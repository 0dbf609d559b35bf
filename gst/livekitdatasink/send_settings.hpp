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

} // namespace lk::gst
