// Reliable packets that the server may not have yet: what a resumed connection sends again.
//
//   channel->send (replay.push (serialize_data_packet (packet, Reliability::Reliable)));
//   replay.trim (channel->buffered ());                 // now and then, for instance when the channel says
//   so for (auto &message : replay.resume (response.last_message_seq).messages) channel->send (message);
//   replay.reset ();                                    // full reconnect: a new participant sid counts from
//   1
//
// Not thread-safe: whoever sends holds one lock over push() and send(), so that sequences leave in order.
#pragma once

#include "base/ref.hpp"
#include "data/limits.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace lk::data {

class ReplayBuffer {
public:
  explicit ReplayBuffer (size_t max_bytes = kMaxReplayBytes, size_t margin = kReplayMargin);

  /// Stamps the next sequence (from 1) on a packet that was serialized with sequence 0, keeps it and returns
  /// it. Beyond the byte limit the oldest are given up.
  Ref<GBytes> push (std::string serialized);
  /// Forgets what has left the channel, whose buffered amount is `buffered`, except for the margin.
  void trim (uint64_t buffered);

  struct Rest {
    std::vector<Ref<GBytes>> messages; ///< in order, with their sequences
    uint32_t lost = 0;                 ///< packets before the first of them that the server lacks and we too
  };
  /// Forgets everything up to the server's last sequence and returns what follows. It stays kept.
  Rest resume (uint32_t last_sequence);
  /// The next sequence is 1 again. Returns what was kept, for the caller to count as lost.
  size_t reset ();

  uint32_t
  last_sequence () const {
    return last_;
  }
  size_t
  bytes () const {
    return bytes_;
  }
  size_t
  size () const {
    return kept_.size ();
  }

private:
  void drop_front ();

  const size_t max_bytes_, margin_;
  std::deque<Ref<GBytes>> kept_; // their sequences are last_ - size + 1 … last_
  size_t bytes_ = 0;
  uint32_t last_ = 0;
};

} // namespace lk::data
