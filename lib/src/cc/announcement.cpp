#include "cc/announcement.hpp"

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kHold = milliseconds (125), kStep = milliseconds (100);
constexpr double kFall = 0.95, kRise = 1.03;
// The server compares ranks, not sizes; and it may take the first step for the whole.
constexpr double kFlight = 0.06;

} // namespace

std::optional<double>
Announcement::next (Nanos now, double target_bps, bool congested) {
  if (!told_) {
    told_ = target_bps;
    told_at_ = now;
    return told_;
  }
  if (congested || target_bps < kFall * *told_) {
    if (steps_left_ == 0) steps_left_ = kSteps;
  } else if (target_bps >= *told_) {
    steps_left_ = 0;
  }
  bool moving = steps_left_ > 0 || target_bps > kRise * *told_;
  if (now - told_at_ < (moving ? kStep : kHold)) return std::nullopt;
  told_at_ = now;
  if (steps_left_ > 0) --steps_left_;
  told_ = target_bps * (1 + kFlight * steps_left_ / kSteps);
  return told_;
}

} // namespace lk::cc
