// Which participant is on which channel of a multi-channel recording. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lk::gst {

/// A participant keeps the channel, and has it again after coming back, as long as it was not needed for
/// somebody else: channels that nobody ever had are given first, then the one that is free for the longest.
class Channels {
public:
  explicit Channels (unsigned count) : slots_ (count) {}

  /// Who is there, in the order of arrival. `pinned` channels belong to those participants alone, who may be
  /// away.
  void update (const std::vector<std::string> &present, const std::map<std::string, unsigned> &pinned);
  /// Null for who is not there, and for whom there is no channel.
  std::optional<unsigned> of (const std::string &identity) const;

private:
  struct Slot {
    std::string owner; ///< "" = nobody ever
    bool present = false, pinned = false;
    uint64_t left = 0; ///< order of leaving
  };
  void give (const std::string &identity);

  std::vector<Slot> slots_;
  uint64_t leavings_ = 0;
};

} // namespace lk::gst
