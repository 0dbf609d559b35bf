// How long packets wait on their way. Pure.
#pragma once

#include "base/time.hpp"

#include <deque>
#include <optional>

namespace lk::cc {

/// The time from sending to arrival beyond the shortest of the last 10 s. The clocks of both ends need not
/// agree. Not thread-safe.
class QueueDelay {
public:
  void add (Nanos sent, Nanos arrived);
  /// Ends a batch of packets: what follows is said of it.
  void close_batch (Nanos now);

  Nanos
  delay () const {
    return delay_;
  }
  /// How much the packets of a batch differ, filtered.
  Nanos
  jitter () const {
    return jitter_;
  }

private:
  struct Least {
    Nanos at, transit;
  };
  std::optional<Nanos> least_; // of the batch
  Nanos sum_{ 0 };
  int count_ = 0;
  Nanos last_{ 0 };          // that something was said of
  std::deque<Least> minima_; // rising: the front is the minimum of the window
  Nanos delay_{ 0 }, jitter_{ 0 };
};

} // namespace lk::cc
