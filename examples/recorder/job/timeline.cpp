#include "timeline.hpp"

#include <algorithm>

namespace lk::record {

namespace {

// A camera shows its first picture, or the one that it was asked for, sooner than that. A shared screen may
// rest for seconds, but answers a request for a key frame.
constexpr GstClockTime kFirstPicture = GST_SECOND, kNextPicture = 5 * GST_SECOND;
constexpr GstClockTime kMuted = 500 * GST_MSECOND;
constexpr GstClockTime kPictureStep = GST_SECOND;
// Times of sound are smoothed arrivals: they follow the sender's clock by so small steps that nobody hears.
constexpr GstClockTimeDiff kSlew = 50;

} // namespace

Timeline::Fill
Timeline::silence (GstClockTime until) const {
  if (frame_ == 0 || until <= covered_) return {};
  return { covered_, (until - covered_) / frame_, frame_ };
}

Timeline::Fill
Timeline::before (GstClockTime pts) const {
  if (video_) return {};
  const GstClockTime until = std::min (pts, end_);
  // Less than that is the jitter of times.
  if (until < covered_ + std::max<GstClockTime> (frame_ * 3 / 2, 30 * GST_MSECOND)) return {};
  return silence (until);
}

Timeline::Fill
Timeline::up_to (GstClockTime until, bool muted) const {
  until = std::min (until, end_);
  if (!video_) return silence (until);
  const GstClockTime patience = muted ? kMuted : begun_ ? kNextPicture : kFirstPicture;
  if (until < covered_ + patience) return {};
  // The first one where the file begins, later ones a while after the last picture.
  const GstClockTime from = begun_ ? covered_ + std::min (patience, kPictureStep) : covered_;
  if (from >= until) return {};
  return { from, (until - from) / kPictureStep + 1, kPictureStep };
}

void
Timeline::fill (const Fill &fill) {
  if (fill.count == 0) return;
  begun_ = true;
  // A picture stands until the next; sound is over with its last frame.
  covered_ = fill.from + (video_ ? fill.count - 1 : fill.count) * fill.step;
}

Timeline::Place
Timeline::place (GstClockTime pts, GstClockTime duration) {
  if (!GST_CLOCK_TIME_IS_VALID (duration)) duration = 0;
  if (pts >= end_) return {};
  if (video_) {
    if (pts < origin_) return {};
    // The first picture is shown from the beginning: MP4 in fragments has no other way to say when it came.
    if (!begun_) pts = origin_;
    if (begun_ && pts <= covered_) {
      if (covered_ - pts > kPictureStep) return { false, true, 0 };
      pts = covered_ + 1; // a black picture stood in until just now
    }
    covered_ = pts;
    begun_ = true;
    return { true, false, pts };
  }
  if (pts + duration / 2 < covered_) return { false, begun_ && pts >= origin_, 0 };
  const auto off = GST_CLOCK_DIFF (covered_, pts);
  const auto at = GstClockTime (GstClockTimeDiff (covered_) + off / kSlew);
  begun_ = true;
  covered_ = std::max (at, origin_) + duration;
  return { true, false, std::max (at, origin_) };
}

} // namespace lk::record
