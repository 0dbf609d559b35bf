// Sizes and counts of the data room. Those of the wire are the protocol's; the others keep a hostile
// participant from costing more than a bounded amount of memory.
#pragma once

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace lk::data {

// ---- the wire's
inline constexpr size_t kMaxMessage = 65'535;       ///< received: what the server passes on
inline constexpr size_t kMaxPacket = 64'000;        ///< sent: a serialized DataPacket, as the SDKs have it
inline constexpr size_t kStreamChunk = 15'000;      ///< content of one stream chunk
inline constexpr size_t kInlinePacket = 15'000;     ///< a serialized header with the whole content in it
inline constexpr size_t kRpcPacketPayload = 15'360; ///< payload, and an error's data, in an RPC packet
inline constexpr size_t kRpcErrorMessage = 256;
inline constexpr size_t kTrackPacket = 16'000; ///< a data-track packet with its header

// ---- sending
inline constexpr size_t kMaxReplayBytes = 8 * 1024 * 1024;
/// Kept for replay although the channel has handed it to SCTP: usrsctp's own send buffer (256 kB) and what
/// is in flight are lost with the connection, and buffered() doesn't show them.
inline constexpr size_t kReplayMargin = 1024 * 1024;

// ---- receiving
inline constexpr size_t kMaxDedupeSenders = 4096;
inline constexpr Millis kDedupeTtl{ 30'000 };
inline constexpr size_t kTrackFramePackets = 128;
inline constexpr size_t kTrackFrameBytes = kTrackFramePackets * kTrackPacket;
inline constexpr size_t kTrackOpenFrames = 4; ///< frames being put together at a time

struct StreamLimits {
  size_t streams = 1024, streams_per_sender = 128;
  /// Bytes held of all streams of one sender, and of everybody; or what a stream's wish allows, if more.
  uint64_t held_per_sender = 128 * 1024 * 1024, held = 512 * 1024 * 1024;
  /// Chunks of one stream that wait for an earlier one.
  size_t waiting_chunks = 1024, waiting_bytes = 4 * 1024 * 1024;
  /// A stream without a chunk for that long has ended. Long: somebody may be typing.
  Millis silence{ 600'000 };
  /// How long a trailer waits for chunks that should have come before it.
  Millis trailer_grace{ 2000 };
};

struct RpcLimits {
  Millis ack_timeout{ 7000 };      ///< the request must be acknowledged
  Millis least_told{ 8000 };       ///< the callee is told at least that
  Millis longest{ 24 * 3600'000 }; ///< a callee's time is cut to that
  size_t calls = 1000;             ///< outstanding, ours
  size_t invocations = 1000, invocations_per_caller = 100;
  size_t inflated = 16 * 1024 * 1024; ///< of a compressed payload
};

} // namespace lk::data
