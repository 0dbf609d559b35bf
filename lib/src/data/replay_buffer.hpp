// Reliable packets that the server may not have yet: what a resumed connection sends again.
//
//   channel->send (replay.push (serialize_data_packet (packet, Reliability::Reliable)));
//   replay.trim (channel->buffered ());                 // now and then, for instance when the channel says
//   so for (auto &message : replay.resume (response.last_message_seq).messages) channel->send (message);
//   auto again = replay.restart (…).again;              // full reconnect: a new participant sid counts from
//   1
//
// Not thread-safe: whoever sends holds one lock over push() and send(), so that sequences leave in order.
#pragma once

#include "base/ref.hpp"
#include "base/time.hpp"
#include "data/limits.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace lk::data {

/// What a packet is to those who may get it twice, over an old connection and a new one.
struct PacketRole {
  bool repeatable = false; ///< receivers know it by its id, or don't mind
  std::string stream;      ///< id of the stream that it is a part of; "" = it stands alone
  bool opens = false;      ///< the header of that stream, with more to follow
  bool ends = false;       ///< its trailer
};

class ReplayBuffer {
public:
  explicit ReplayBuffer (size_t max_bytes = kMaxReplayBytes, size_t margin = kReplayMargin);

  /// Stamps the next sequence (from 1) on a packet that was serialized with sequence 0, keeps it and returns
  /// it. Beyond the byte limit the oldest are given up.
  Ref<GBytes> push (std::string serialized, PacketRole role = {}, Nanos now = Nanos (0));
  /// Forgets what has left the channel, whose buffered amount is `buffered`, except for the margin and what
  /// was sent since `since`.
  void trim (uint64_t buffered, Nanos since = Nanos::max ());

  struct Rest {
    std::vector<Ref<GBytes>> messages; ///< in order, with their sequences
    uint32_t lost = 0;                 ///< packets before the first of them that the server lacks and we too
  };
  /// Forgets everything up to the server's last sequence and returns what follows. It stays kept.
  Rest resume (uint32_t last_sequence);
  struct Again {
    std::string packet; ///< without a sequence
    PacketRole role;
  };
  struct Restart {
    std::vector<Again> again; ///< in order
    uint32_t unconfirmed = 0; ///< others that may or may not have arrived
  };
  /// The next sequence is 1 again. What was sent since `since` goes once more, and so does what the channel
  /// had not handed to SCTP, its last `buffered` bytes; of a stream only when its header is among it. Of the
  /// rest that was sent since `unsure_since` nobody knows.
  Restart restart (Nanos since, uint64_t buffered, Nanos unsure_since);

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
  struct Kept {
    Ref<GBytes> message;
    size_t bare = 0; ///< bytes before the sequence
    PacketRole role;
    Nanos sent{ 0 };
  };
  void drop_front ();

  const size_t max_bytes_, margin_;
  std::deque<Kept> kept_; // their sequences are last_ - size + 1 … last_
  size_t bytes_ = 0;
  uint32_t last_ = 0;
};

} // namespace lk::data
