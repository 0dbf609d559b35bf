#include "rtc/sctp_watch.hpp"

#include <algorithm>

namespace lk::rtc {

namespace {

// RFC 9260 §3: a common header of 12 bytes, then chunks: type, flags, length, padded to 4 bytes.
constexpr size_t kCommonHeader = 12, kChunkHeader = 4, kStreamAt = 8;
constexpr uint8_t kData = 0, kSack = 3, kIData = 64;

uint32_t
read32 (const uint8_t *at) {
  return uint32_t (at[0]) << 24 | uint32_t (at[1]) << 16 | uint32_t (at[2]) << 8 | at[3];
}

/// Serial number arithmetic: TSNs wrap.
bool
after (uint32_t one, uint32_t other) {
  return int32_t (one - other) > 0;
}

/// Calls `fn (type, first 32 bits of the chunk's value, the chunk, its bytes that are there)`.
template <typename Fn>
void
for_each_chunk (const uint8_t *packet, size_t size, Fn fn) {
  for (size_t at = kCommonHeader; at + kChunkHeader + 4 <= size;) {
    const size_t length = size_t (packet[at + 2]) << 8 | packet[at + 3];
    if (length < kChunkHeader) return;
    if (length >= kChunkHeader + 4)
      fn (packet[at], read32 (packet + at + kChunkHeader), packet + at, std::min (length, size - at));
    at += (length + 3) / 4 * 4;
  }
}

} // namespace

void
SctpWatch::on_sent (const uint8_t *packet, size_t size) {
  for_each_chunk (packet, size, [this] (uint8_t type, uint32_t tsn, auto...) {
    if (type != kData && type != kIData) return;
    const auto last = sent_.load ();
    if (last == kNone || after (tsn, uint32_t (last))) sent_ = tsn;
  });
}

void
SctpWatch::on_received (const uint8_t *packet, size_t size) {
  bool answer = false;
  for_each_chunk (packet, size, [&] (uint8_t type, uint32_t tsn, const uint8_t *chunk, size_t length) {
    if ((type == kData || type == kIData) && length >= kStreamAt + 2) {
      const size_t stream = size_t (chunk[kStreamAt]) << 8 | chunk[kStreamAt + 1];
      if (stream >= kStreams) return;
      std::lock_guard hold (lock_);
      answer |= !answered_[stream];
      answered_[stream] = true;
    }
    if (type != kSack) return;
    const auto last = acknowledged_.load ();
    if (last == kNone || after (tsn, uint32_t (last))) acknowledged_ = tsn;
  });
  if (answer && told_) told_ ();
}

bool
SctpWatch::answered (uint32_t stream) const {
  std::lock_guard hold (lock_);
  return stream < kStreams && answered_[stream];
}

bool
SctpWatch::settled () const {
  const auto sent = sent_.load (), acknowledged = acknowledged_.load ();
  return sent == kNone || (acknowledged != kNone && !after (uint32_t (sent), uint32_t (acknowledged)));
}

} // namespace lk::rtc
