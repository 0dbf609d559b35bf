#include "cc/trend.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kGroup = milliseconds (5); // sent within
constexpr Nanos kBurst = milliseconds (5); // arrived within: a queue of the path let go of them at once
constexpr Nanos kLongestBurst = milliseconds (100);
constexpr Nanos kJump = std::chrono::seconds (3); // no path does that: one of the clocks was set
constexpr size_t kPoints = 20;
constexpr double kSmoothing = 0.9, kGain = 4;
constexpr int kFullGroups = 60;
constexpr double kUp = 0.0087, kDown = 0.039, kLeast = 9, kMost = 600, kTooFar = 15, kOveruse = 10;

double
ms (Nanos time) {
  return std::chrono::duration<double, std::milli> (time).count ();
}

} // namespace

bool
Trend::belongs (Nanos sent, Nanos arrived) const {
  const auto &group = *current_;
  if (sent - group.first_sent <= kGroup) return true;
  auto waited_less = (arrived - group.last_arrived) - (sent - group.last_sent) < Nanos (0);
  return waited_less && arrived - group.last_arrived <= kBurst
         && arrived - group.first_arrived <= kLongestBurst;
}

void
Trend::add (Nanos sent, Nanos arrived) {
  if (!current_) {
    current_ = { sent, sent, arrived, arrived };
    return;
  }
  if (arrived - current_->last_arrived > kJump || arrived < current_->last_arrived
      || sent - current_->last_sent > kJump) {
    *this = Trend ();
    current_ = { sent, sent, arrived, arrived };
    return;
  }
  if (sent < current_->first_sent) return; // reordered
  if (belongs (sent, arrived)) {
    current_->last_sent = std::max (current_->last_sent, sent);
    current_->last_arrived = arrived;
    return;
  }
  close_group ();
  current_ = { sent, sent, arrived, arrived };
}

void
Trend::close_group () {
  auto before = std::exchange (previous_, current_);
  if (!before) return;
  double sent = ms (current_->last_sent - before->last_sent),
         arrived = ms (current_->last_arrived - before->last_arrived);
  groups_ = std::min (groups_ + 1, kFullGroups);
  accumulated_ += arrived - sent;
  smoothed_ = kSmoothing * smoothed_ + (1 - kSmoothing) * accumulated_;
  if (points_.empty ()) origin_ = current_->last_arrived;
  points_.push_back ({ ms (current_->last_arrived - origin_), smoothed_ });
  if (points_.size () > kPoints) points_.pop_front ();
  if (points_.size () == kPoints) judge (sent, current_->last_arrived);
}

/// Of the regression line.
double
Trend::slope () const {
  double x = 0, y = 0;
  for (const auto &point : points_) {
    x += point.arrived / kPoints;
    y += point.delay / kPoints;
  }
  double above = 0, below = 0;
  for (const auto &point : points_) {
    above += (point.arrived - x) * (point.delay - y);
    below += (point.arrived - x) * (point.arrived - x);
  }
  return below > 0 ? above / below : 0;
}

void
Trend::judge (double sent_ms, Nanos arrived) {
  double now = slope ();
  double gradient = now * groups_ * kGain;
  if (gradient > threshold_) {
    over_ms_ += over_count_ == 0 ? sent_ms / 2 : sent_ms;
    ++over_count_;
    if (over_ms_ > kOveruse && over_count_ >= 2 && now >= previous_slope_) {
      over_ms_ = 0;
      over_count_ = 0;
      verdict_ = Verdict::Rising;
    }
  } else {
    over_ms_ = 0;
    over_count_ = 0;
    verdict_ = gradient < -threshold_ ? Verdict::Falling : Verdict::Steady;
  }
  previous_slope_ = now;
  adapt (std::abs (gradient), arrived);
}

/// What happens all the time is no overuse: the threshold follows the gradient, but not its peaks.
void
Trend::adapt (double gradient, Nanos arrived) {
  auto since = std::min (arrived - adapted_.value_or (arrived), Nanos (milliseconds (100)));
  adapted_ = arrived;
  if (gradient > threshold_ + kTooFar) return;
  double pace = gradient < threshold_ ? kDown : kUp;
  threshold_ = std::clamp (threshold_ + pace * (gradient - threshold_) * ms (since), kLeast, kMost);
}

} // namespace lk::cc
