// A line through readings of two clocks. Pure.
#pragma once

#include <gst/gst.h>

#include <array>
#include <cstddef>

namespace lk::media {

class ClockFit {
public:
  struct Pair {
    GstClockTime monotonic, clock;
  };

  /// One reading of both clocks. One that lies far from the line (a device clock that started late or was
  /// reset) begins a new line.
  void add (Pair pair);
  /// NONE before the first reading and for times before the clock's zero.
  GstClockTime to_clock (GstClockTime monotonic) const;
  GstClockTime to_monotonic (GstClockTime clock) const;

private:
  static constexpr size_t kWindow = 64;
  void fit ();

  std::array<Pair, kWindow> pairs_{};
  size_t count_ = 0, next_ = 0;
  // clock = clock_base + (monotonic - monotonic_base) × num / denom
  GstClockTime monotonic_base_ = 0, clock_base_ = 0, num_ = 1, denom_ = 1;
};

} // namespace lk::media
