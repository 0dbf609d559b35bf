#include "media/clock_fit.hpp"

#include <algorithm>
#include <cstdlib>

namespace lk::media {

namespace {

// The slope of fewer readings is mostly the noise of reading.
constexpr size_t kMinForSlope = 8;
constexpr GstClockTimeDiff kJump = 50 * GST_MSECOND;
// Clocks differ by parts per million; a slope outside this comes from a clock that did not run evenly.
constexpr double kMaxSkew = 0.01;

GstClockTime
shifted (GstClockTime base, bool later, GstClockTime by) {
  if (later) return base + by;
  return by <= base ? base - by : GST_CLOCK_TIME_NONE;
}

GstClockTime
on_line (GstClockTime x, GstClockTime x_base, GstClockTime y_base, GstClockTime num, GstClockTime denom) {
  bool later = x >= x_base;
  return shifted (y_base, later, gst_util_uint64_scale (later ? x - x_base : x_base - x, num, denom));
}

} // namespace

void
ClockFit::add (Pair pair) {
  if (count_ > 0) {
    GstClockTime expected = to_clock (pair.monotonic);
    bool jumped
        = !GST_CLOCK_TIME_IS_VALID (expected) || std::llabs (GST_CLOCK_DIFF (expected, pair.clock)) > kJump;
    if (jumped) count_ = next_ = 0;
  }
  pairs_[next_] = pair;
  next_ = (next_ + 1) % kWindow;
  count_ = std::min (count_ + 1, kWindow);
  fit ();
}

void
ClockFit::fit () {
  const Pair &latest = pairs_[(next_ + kWindow - 1) % kWindow];
  num_ = denom_ = 1;
  monotonic_base_ = latest.monotonic;
  clock_base_ = latest.clock;
  if (count_ < kMinForSlope) return;

  std::array<GstClockTime, 2 * kWindow> xy{};
  for (size_t i = 0; i < count_; ++i) {
    xy[2 * i] = pairs_[i].monotonic;
    xy[2 * i + 1] = pairs_[i].clock;
  }
  std::array<GstClockTime, 2 * kWindow> scratch;
  GstClockTime num, denom, y_base, x_base;
  gdouble r_squared;
  if (!gst_calculate_linear_regression (xy.data (), scratch.data (), static_cast<guint> (count_), &num,
                                        &denom, &y_base, &x_base, &r_squared))
    return;
  double slope = denom > 0 ? static_cast<double> (num) / static_cast<double> (denom) : 0;
  if (slope < 1 - kMaxSkew || slope > 1 + kMaxSkew) return;
  num_ = num;
  denom_ = denom;
  monotonic_base_ = x_base;
  clock_base_ = y_base;
}

GstClockTime
ClockFit::to_clock (GstClockTime monotonic) const {
  return count_ == 0 ? GST_CLOCK_TIME_NONE : on_line (monotonic, monotonic_base_, clock_base_, num_, denom_);
}

GstClockTime
ClockFit::to_monotonic (GstClockTime clock) const {
  return count_ == 0 ? GST_CLOCK_TIME_NONE : on_line (clock, clock_base_, monotonic_base_, denom_, num_);
}

} // namespace lk::media
