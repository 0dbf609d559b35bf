#include "cc/announcement.hpp"

#include <algorithm>
#include <cmath>

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kHold = milliseconds (500), kStep = milliseconds (100);
constexpr double kFall = 0.95, kRise = 1.03;

} // namespace

std::optional<double>
Announcement::next (Nanos now, double target_bps) {
  if (!told_) {
    told_ = target_bps;
    told_at_ = now;
    return told_;
  }
  if (target_bps >= *told_)
    steps_left_ = 0;
  else if (steps_left_ == 0 && target_bps < kFall * *told_)
    steps_left_ = kSteps;
  bool moving = steps_left_ > 0 || target_bps > kRise * *told_;
  if (now - told_at_ < (moving ? kStep : kHold)) return std::nullopt;
  told_at_ = now;
  if (steps_left_ > 0)
    told_ = *told_ * std::pow (target_bps / *told_, 1.0 / steps_left_--);
  else
    told_ = target_bps;
  return told_;
}

} // namespace lk::cc
