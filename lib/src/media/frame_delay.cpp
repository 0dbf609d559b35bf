#include "media/frame_delay.hpp"

#include <algorithm>

namespace lk::media {

namespace {

using namespace std::chrono_literals;

// A picture may come a little later than the one before it would have it, and nobody sees it: 300 ms take
// 2.4 s, whatever the frame rate.
constexpr int kVideoSlew = 8;
// More than this at that pace would leave sound and picture apart for too long.
constexpr Nanos kMaxSlewed = 400ms;
// Time stamps of consecutive sounds differ by rounding and jitter.
constexpr GstClockTime kOverlap = 10 * GST_MSECOND;

} // namespace

void
FrameDelay::reset (MediaKind kind) {
  kind_ = kind;
  applied_ = target_;
  last_in_ = covered_ = GST_CLOCK_TIME_NONE;
  overlapping_ = false;
}

void
FrameDelay::set_target (Nanos target) {
  target_ = std::max (target, Nanos (0));
}

std::optional<FrameDelay::Moved>
FrameDelay::move (GstClockTime pts, GstClockTime duration) {
  return kind_ == MediaKind::Audio ? move_sound (pts, duration) : move_picture (pts);
}

/// At once: slowly it would be torn in many places instead of one.
std::optional<FrameDelay::Moved>
FrameDelay::move_sound (GstClockTime pts, GstClockTime duration) {
  bool jumped = applied_ != target_;
  overlapping_ = overlapping_ || applied_ > target_;
  applied_ = target_;
  auto at = moved (pts);
  if (overlapping_ && GST_CLOCK_TIME_IS_VALID (covered_) && at + kOverlap < covered_) return {};
  jumped = jumped || overlapping_;
  overlapping_ = false;
  covered_ = at + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  return Moved{ at, jumped };
}

FrameDelay::Moved
FrameDelay::move_picture (GstClockTime pts) {
  bool first = !GST_CLOCK_TIME_IS_VALID (last_in_);
  Nanos passed{ first || pts <= last_in_ ? 0 : int64_t (pts - last_in_) };
  last_in_ = pts;
  if (first || target_ - applied_ > kMaxSlewed)
    applied_ = target_;
  else
    applied_ += std::clamp (target_ - applied_, -passed / kVideoSlew, passed / kVideoSlew);
  return { moved (pts), false };
}

} // namespace lk::media
