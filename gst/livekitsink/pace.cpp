#include "livekitsink/pace.hpp"

namespace lk::gst {

namespace {

// Less than this is scheduling noise, and frames that are a little late do no harm.
constexpr GstClockTime kOnTime = 40 * GST_MSECOND;
// A frame that waits when the pipeline pauses is early by at most its own duration.
constexpr GstClockTime kDoubt = 500 * GST_MSECOND;

} // namespace

void
Pace::start () {
  std::lock_guard guard (lock_);
  undecided_ = true;
  doubtful_ = false;
  shift_ = 0;
}

void
Pace::play (GstClock *clock, GstClockTime base_time) {
  map_.set_clock (clock, base_time);
  std::lock_guard guard (lock_);
  // After a flush the pipeline may have absorbed the shift into its new base time; after a mere pause it has
  // not.
  doubtful_ = shift_ > 0;
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
  if ((undecided_ || doubtful_) && GST_CLOCK_TIME_IS_VALID (now)) {
    const GstClockTime late = now > running ? now - running : 0;
    // Small differences say nothing, and would move time backwards.
    const bool fits = !undecided_ && late + kDoubt > shift_ && late < shift_ + kDoubt;
    if (!fits) shift_ = late > kOnTime ? late : 0;
    undecided_ = doubtful_ = false;
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
