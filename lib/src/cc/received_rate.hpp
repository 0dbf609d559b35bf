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
  /// `sent`: by any clock, where it is known.
  void add (Nanos arrived, uint32_t bytes, std::optional<Nanos> sent = std::nullopt);
  /// Nothing for the first half second.
  std::optional<double> filtered () const;
  /// Of the 250 ms before `now`, or of up to a second.
  double recent (Nanos now, Nanos time = std::chrono::milliseconds (250)) const;
  /// Of the 150 ms before `now`: a server probes for 200 ms, and the filter hardly believes a step up for
  /// seconds. What came in less time than it was sent in had waited somewhere, and proves no more than it was
  /// sent at.
  double proven (Nanos now) const;

private:
  void close_window (Nanos now);

  std::optional<double> estimate_; // kbit/s
  double variance_ = 50;
  std::optional<Nanos> window_begin_;
  uint64_t window_bytes_ = 0;
  struct Piece {
    Nanos arrived;
    uint32_t bytes;
    std::optional<Nanos> sent;
  };
  std::deque<Piece> pieces_; // of the last second
};

} // namespace lk::cc
