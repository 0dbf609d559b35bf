#include "media/drift.hpp"

#include <algorithm>
#include <cmath>

namespace lk::media {

namespace {

// Time stamps jitter by milliseconds; what is more, and stays, is drift.
constexpr double kSmoothing = 1.0 / 32, kBegin = 72, kEnd = 12;
// 1 sample of 960 is a thousandth: 2 cents, where a trained ear hears 5. A clock that far off would be
// broken, so most of the time it is less.
constexpr double kPerSample = 96;
constexpr int kMost = 4;

} // namespace

int
Drift::correct (int64_t late) {
  off_ += (static_cast<double> (late) - off_) * kSmoothing;
  moving_ = std::abs (off_) > (moving_ ? kEnd : kBegin);
  if (!moving_) return 0;
  const int sign = off_ > 0 ? 1 : -1;
  const int samples = sign * std::clamp (static_cast<int> (std::abs (off_) / kPerSample), 1, kMost);
  off_ -= samples; // the filter would believe in it half a second later
  return samples;
}

void
Drift::reset () {
  *this = {};
}

void
stretch (const int16_t *in, size_t count, int16_t *out, size_t wanted) {
  if (count < 2 || wanted < 2) return;
  const auto at = [in, count] (std::ptrdiff_t i, size_t channel) -> double {
    const auto last = static_cast<std::ptrdiff_t> (count) - 1;
    const auto near = std::clamp<std::ptrdiff_t> (i, 0, last);
    return in[2 * static_cast<size_t> (near) + channel];
  };
  const double step = static_cast<double> (count - 1) / static_cast<double> (wanted - 1);
  for (size_t i = 0; i < wanted; ++i) {
    const double place = static_cast<double> (i) * step;
    const auto before
        = std::min (static_cast<std::ptrdiff_t> (place), static_cast<std::ptrdiff_t> (count) - 2);
    const double t = place - static_cast<double> (before);
    for (size_t channel = 0; channel < 2; ++channel) {
      // A cubic through the four samples around, whose slope is steady.
      const double a = at (before - 1, channel), b = at (before, channel), c = at (before + 1, channel),
                   d = at (before + 2, channel);
      const double value = b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))) / 2;
      out[2 * i + channel] = static_cast<int16_t> (std::clamp (std::lround (value), -32768L, 32767L));
    }
  }
}

} // namespace lk::media
