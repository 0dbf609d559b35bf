#include "pace.hpp"

namespace lk::gst {

namespace {

// Less than this is scheduling noise, and frames that are a little late do no harm.
constexpr GstClockTime kOnTime = 40 * GST_MSECOND;

} // namespace

void
Pace::start () {
  std::lock_guard guard (lock_);
  undecided_ = true;
  shift_ = 0;
}

void
Pace::play (GstClock *clock, GstClockTime base_time) {
  map_.set_clock (clock, base_time);
  std::lock_guard guard (lock_);
  // The pipeline may have absorbed the shift into its new base time, or not.
  if (shift_ > 0) undecided_ = true;
}

void
Pace::flushed () {
  std::lock_guard guard (lock_);
  undecided_ = true;
}

GstClockTime
Pace::due (GstClockTime running) {
  map_.observe ();
  const GstClockTime now = map_.to_running (media::monotonic_now ());
  std::lock_guard guard (lock_);
  if (undecided_ && GST_CLOCK_TIME_IS_VALID (now)) {
    shift_ = now > running + kOnTime ? now - running : 0;
    undecided_ = false;
  }
  return running + shift_;
}

GstClockTime
Pace::to_monotonic (GstClockTimeDiff running) {
  map_.observe ();
  if (running >= 0) return map_.to_monotonic (GstClockTime (running));
  const GstClockTime base = map_.to_monotonic (0);
  const auto before = GstClockTime (-running);
  return GST_CLOCK_TIME_IS_VALID (base) && base >= before ? base - before : GST_CLOCK_TIME_NONE;
}

} // namespace lk::gst
