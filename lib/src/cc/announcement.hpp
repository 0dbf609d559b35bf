// When a receiver's estimate is told, and in which words. Pure.
#pragma once

#include "base/time.hpp"

#include <optional>

namespace lk::cc {

/// The server looks for a trend in what it is told (a rank correlation over 8 to 12 reports), and does not
/// believe in one low value. So a fall is told as a flight of steps, ten a second; a rise at once, since the
/// server may be probing just then; otherwise what holds is repeated twice a second. Not thread-safe.
class Announcement {
public:
  /// What to tell now, if anything, when `target_bps` is right.
  std::optional<double> next (Nanos now, double target_bps);

private:
  static constexpr int kSteps = 12;

  std::optional<double> told_;
  Nanos told_at_{ 0 };
  int steps_left_ = 0;
};

} // namespace lk::cc
