#include "media/time_map.hpp"

#include "base/time.hpp"
#include "media/clock_fit.hpp"

#include <mutex>

namespace lk::media {

namespace {

constexpr GstClockTime kObserveInterval = 100 * GST_MSECOND;

bool
is_monotonic (GstClock *clock) {
  if (!GST_IS_SYSTEM_CLOCK (clock)) return false;
  GstClockType type = GST_CLOCK_TYPE_OTHER;
  g_object_get (clock, "clock-type", &type, nullptr);
  if (type != GST_CLOCK_TYPE_MONOTONIC) return false;
  // A system clock that follows another one is no longer the monotonic time.
  GstClockTime internal, external, num, denom;
  gst_clock_get_calibration (clock, &internal, &external, &num, &denom);
  return internal == external && num == denom;
}

/// The clock's time at a monotonic time, from the closest of a few attempts to read both at once.
ClockFit::Pair
read_pair (GstClock *clock) {
  ClockFit::Pair best{};
  GstClockTime best_width = GST_CLOCK_TIME_NONE;
  for (int i = 0; i < 3; ++i) {
    GstClockTime before = monotonic_now ();
    GstClockTime time = gst_clock_get_time (clock);
    GstClockTime width = monotonic_now () - before;
    if (width < best_width) {
      best_width = width;
      best = { before + width / 2, time };
    }
  }
  return best;
}

} // namespace

struct TimeMap::Impl {
  mutable std::mutex lock; // leaf; the clock is read without it
  Ref<GstClock> clock;
  GstClockTime base_time = GST_CLOCK_TIME_NONE;
  bool same = false; ///< the clock is the monotonic one
  ClockFit fit;
  GstClockTime observed_at = 0;
};

TimeMap::TimeMap () : impl_ (std::make_unique<Impl> ()) {}
TimeMap::~TimeMap () = default;

void
TimeMap::set_clock (GstClock *clock, GstClockTime base_time) {
  auto next = Ref<GstClock>::retain (clock);
  bool same = clock && is_monotonic (clock);
  ClockFit fit;
  if (clock && !same) fit.add (read_pair (clock));
  std::lock_guard hold (impl_->lock);
  std::swap (impl_->clock, next);
  impl_->base_time = base_time;
  impl_->same = same;
  impl_->fit = fit;
  impl_->observed_at = monotonic_now ();
}

void
TimeMap::clear () {
  set_clock (nullptr, GST_CLOCK_TIME_NONE);
}

void
TimeMap::observe () {
  Ref<GstClock> clock;
  {
    std::lock_guard hold (impl_->lock);
    GstClockTime now = monotonic_now ();
    if (!impl_->clock || impl_->same || now - impl_->observed_at < kObserveInterval) return;
    impl_->observed_at = now;
    clock = impl_->clock;
  }
  auto pair = read_pair (clock.get ());
  std::lock_guard hold (impl_->lock);
  if (impl_->clock == clock) impl_->fit.add (pair);
}

GstClockTime
TimeMap::to_running (GstClockTime monotonic) const {
  std::lock_guard hold (impl_->lock);
  if (!impl_->clock || !GST_CLOCK_TIME_IS_VALID (monotonic) || !GST_CLOCK_TIME_IS_VALID (impl_->base_time))
    return GST_CLOCK_TIME_NONE;
  GstClockTime time = impl_->same ? monotonic : impl_->fit.to_clock (monotonic);
  return GST_CLOCK_TIME_IS_VALID (time) && time >= impl_->base_time ? time - impl_->base_time
                                                                    : GST_CLOCK_TIME_NONE;
}

GstClockTime
TimeMap::to_monotonic (GstClockTime running) const {
  std::lock_guard hold (impl_->lock);
  if (!impl_->clock || !GST_CLOCK_TIME_IS_VALID (running) || !GST_CLOCK_TIME_IS_VALID (impl_->base_time))
    return GST_CLOCK_TIME_NONE;
  GstClockTime time = impl_->base_time + running;
  return impl_->same ? time : impl_->fit.to_monotonic (time);
}

GstClockTime
monotonic_now () {
  return static_cast<GstClockTime> (system_clock ().now ().count ());
}

} // namespace lk::media
