// How fast a path is by itself, from packets that were sent at once. Pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace lk::cc {

/// A picture leaves the server in one burst, and its packets arrive as far apart as the slowest link makes
/// them. A shaper may let a burst pass, and a receiver that was busy sees them closer: it is a hint, no
/// measure. Not thread-safe.
class Trains {
public:
  void add (Nanos sent, Nanos arrived, uint32_t bytes);
  /// Bits per second: the median of the last ones.
  std::optional<double> rate () const;
  /// Of the last three, the one that is arriving included.
  std::optional<double> latest () const;

private:
  struct Train {
    Nanos first_sent, first_arrived, last_arrived;
    uint64_t bytes; ///< without the first packet
    int packets;
    double rate () const;
  };
  std::optional<Train> current_;
  std::deque<double> rates_;
};

} // namespace lk::cc
