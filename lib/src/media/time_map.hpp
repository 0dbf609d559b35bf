// Between the transport's time (CLOCK_MONOTONIC) and the running time of a user pipeline, whatever its clock.
// Thread-safe.
#pragma once

#include "base/ref.hpp"

#include <memory>

namespace lk::media {

class TimeMap {
public:
  TimeMap ();
  ~TimeMap ();
  /// The element's clock and base time, on PAUSED→PLAYING and when the clock changes. A null clock = no
  /// mapping (both calls return NONE).
  void set_clock (GstClock *clock, GstClockTime base_time);
  void clear ();
  /// Where the clock is not the monotonic system clock, takes one pair of readings (at most every 100 ms;
  /// regression over 64 of them).
  void observe ();
  /// NONE when there is no clock, or when the time lies before the base time.
  GstClockTime to_running (GstClockTime monotonic) const;
  GstClockTime to_monotonic (GstClockTime running) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// CLOCK_MONOTONIC now, in the scale of the transport's PTS.
GstClockTime monotonic_now ();

} // namespace lk::media
