// How much arrives. Pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace lk::cc {

/// Bits per second, filtered, and of the last moment. Not thread-safe.
class ReceivedRate {
public:
  void add (Nanos arrived, uint32_t bytes);
  /// Nothing for the first half second.
  std::optional<double> filtered () const;
  /// Of the 250 ms before `now`.
  double recent (Nanos now);
  /// Of the 150 ms before `now`: a server probes for 200 ms, and the filter hardly believes a step up for
  /// seconds.
  double proven (Nanos now);

private:
  void close_window (Nanos now);
  double over (Nanos now, Nanos time);

  std::optional<double> estimate_; // kbit/s
  double variance_ = 50;
  std::optional<Nanos> window_begin_;
  uint64_t window_bytes_ = 0;
  struct Piece {
    Nanos arrived;
    uint32_t bytes;
  };
  std::deque<Piece> pieces_; // of the last 250 ms
};

} // namespace lk::cc
