// When a receiver's estimate is told, and in which words. Pure.
#pragma once

#include "base/time.hpp"

#include <optional>

namespace lk::cc {

/// The server looks for a trend in what it is told (a rank correlation over 8 to 12 reports), and does not
/// believe in one low value. So a fall is told as a flight of small steps, ten a second, that begins close to
/// its end; and as long as the path is congested one flight follows another, because the server forgets the
/// last one whenever it has probed. A rise is told at once. What holds is repeated eight times a second: a
/// probe of the server's lasts half a second, and counts for nothing with fewer than three reports. Not
/// thread-safe.
class Announcement {
public:
  /// What to tell now, if anything, when `target_bps` is right.
  std::optional<double> next (Nanos now, double target_bps, bool congested);

private:
  static constexpr int kSteps = 12;

  std::optional<double> told_;
  Nanos told_at_{ 0 };
  int steps_left_ = 0;
};

} // namespace lk::cc
