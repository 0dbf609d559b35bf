// Frames of data tracks and their packets, version 0: 12 bytes of header, extensions, payload.
#pragma once

#include "base/ref.hpp"
#include "data/limits.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lk::data {

/// How a frame was encrypted; the payload is opened once the frame is whole.
struct TrackEncryption {
  uint8_t key_index = 0;
  std::array<uint8_t, 12> iv{};
  bool operator== (const TrackEncryption &) const = default;
};

struct TrackPacket {
  bool first = false, last = false; ///< of its frame
  uint16_t handle = 0;              ///< the publisher's on the way up, the subscription's on the way down
  uint16_t sequence = 0;            ///< per packet
  uint16_t frame = 0;
  uint32_t timestamp_90k = 0;
  std::optional<TrackEncryption> encryption;
  std::optional<uint64_t> user_timestamp;
  std::string_view payload; ///< into the bytes that were parsed
};

/// Empty for what is not a packet of version 0. Unknown extensions are skipped.
std::optional<TrackPacket> parse_track_packet (std::string_view bytes);
std::string serialize_track_packet (const TrackPacket &packet);

struct TrackFrame {
  std::string payload;
  uint32_t timestamp_90k = 0;
  std::optional<uint64_t> user_timestamp;
  std::optional<TrackEncryption> encryption;
};

/// Cuts the frames of one published track into packets. One thread at a time.
class TrackPacketizer {
public:
  /// The serialized packets of a frame; empty for one above kTrackFrameBytes minus headers, which no receiver
  /// would put together.
  std::vector<std::string> packets (uint16_t handle, std::string_view payload, uint32_t timestamp_90k,
                                    std::optional<uint64_t> user_timestamp,
                                    const std::optional<TrackEncryption> &encryption = std::nullopt);

private:
  uint16_t next_sequence_ = 0, next_frame_ = 0;
};

/// Puts the frames of one subscribed track together. The channel is unordered: packets of a few frames may be
/// mixed, each in any order. A frame that stays incomplete is dropped.
class TrackDepacketizer {
public:
  /// Takes a packet; returns the frame that it completes.
  std::optional<TrackFrame> push (const TrackPacket &packet);
  /// Frames of which something came, but not everything.
  uint64_t
  dropped_frames () const {
    return dropped_frames_;
  }

private:
  struct Partial {
    uint16_t frame = 0;
    TrackFrame whole;                        // all but the payload, from the packet that came first
    uint16_t base = 0;                       // that packet's sequence
    std::map<int16_t, std::string> payloads; // by sequence - base, so that wrapping doesn't matter
    std::optional<int16_t> first, last;      // likewise
    size_t bytes = 0;
  };

  bool add (Partial &partial, const TrackPacket &packet);
  void leave_behind (uint16_t frame);
  void give_up (size_t index);
  bool is_given_up (uint16_t frame) const;

  std::vector<Partial> open_; // in order of arrival, at most kTrackOpenFrames
  /// The latest frame that was; what is left of it and of older ones is ignored.
  std::optional<uint16_t> given_up_;
  uint64_t dropped_frames_ = 0;
};

} // namespace lk::data
