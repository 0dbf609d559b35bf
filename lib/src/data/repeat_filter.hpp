// Packets that a sender of ours repeats over a new connection, where sequences have begun anew: known by the
// id that each carries, a random word for the sender's process and a count.
#pragma once

#include "base/time.hpp"
#include "data/limits.hpp"

#include <atomic>
#include <bitset>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace lk::data {

/// Makes the ids. Any thread.
class PacketIds {
public:
  explicit PacketIds (Random &random) : word_ (random.token ().substr (16)) {}
  std::string next ();

private:
  const std::string word_;
  std::atomic<uint64_t> last_ = 0;
};

/// One thread. The senders that were silent for longest are forgotten when there are too many.
class RepeatFilter {
public:
  explicit RepeatFilter (size_t max_senders = kMaxDedupeSenders) : max_senders_ (max_senders) {}
  /// Whether the id is one of PacketIds'.
  static bool is_ours (const std::string &id);
  /// False for an id that came before, or that is older than what many later ones left room for. Ids that are
  /// not ours are always new.
  bool accept (const std::string &sender, const std::string &id);

private:
  /// Threads of one sender may overtake each other by so much.
  static constexpr uint64_t kWindow = 1024;
  struct Sender {
    std::string key;
    uint64_t highest = 0;
    std::bitset<kWindow> seen; ///< of highest - i
  };

  const size_t max_senders_;
  std::list<Sender> senders_; ///< most silent first
  std::unordered_map<std::string, std::list<Sender>::iterator> by_key_;
};

} // namespace lk::data
