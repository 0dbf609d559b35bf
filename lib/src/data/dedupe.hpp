// Which reliable packets came before: the last sequence of every sender.
#pragma once

#include "base/time.hpp"
#include "data/limits.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace lk::data {

/// One thread. A sender that was silent for the TTL is forgotten; so is the most silent one when there are
/// too many.
class Dedupe {
public:
  explicit Dedupe (const Clock &clock, Millis ttl = kDedupeTtl, size_t max_senders = kMaxDedupeSenders);

  /// False for a packet that this sender's sequence says we had. Sequence 0 is unsequenced and always new.
  bool accept (const std::string &sid, uint32_t sequence);

  struct State {
    std::string sid;
    uint32_t last_sequence = 0;
  };
  /// For SyncState.datachannel_receive_states. Most silent sender first.
  std::vector<State> states ();

private:
  struct Sender {
    State state;
    Nanos heard;
  };
  void expire ();

  const Clock &clock_;
  const Nanos ttl_;
  const size_t max_senders_;
  std::list<Sender> senders_; // most silent first
  std::unordered_map<std::string, std::list<Sender>::iterator> by_sid_;
};

} // namespace lk::data
