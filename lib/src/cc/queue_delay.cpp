#include "cc/queue_delay.hpp"

#include <algorithm>

namespace lk::cc {
namespace {

constexpr Nanos kWindow = std::chrono::seconds (10), kMaxJitter = std::chrono::milliseconds (60);
// What is not heard of for so long has gone, or cannot be known.
constexpr Nanos kForgotten = std::chrono::milliseconds (500);

} // namespace

void
QueueDelay::add (Nanos sent, Nanos arrived) {
  auto transit = arrived - sent;
  if (!least_) least_ = transit;
  // Relative to the first, for a sum of absolute times would overflow.
  sum_ += transit - *least_;
  if (transit < *least_) {
    sum_ += (*least_ - transit) * (count_ + 1);
    least_ = transit;
  }
  ++count_;
}

void
QueueDelay::close_batch (Nanos now) {
  if (!least_) {
    if (now - last_ > kForgotten) delay_ = Nanos (0);
    return;
  }
  last_ = now;
  auto least = *least_;
  auto spread = std::min (sum_ / count_, kMaxJitter);
  jitter_ += (spread - jitter_) / 10;
  least_.reset ();
  sum_ = Nanos (0);
  count_ = 0;

  while (!minima_.empty () && minima_.back ().transit >= least)
    minima_.pop_back ();
  minima_.push_back ({ now, least });
  while (now - minima_.front ().at > kWindow)
    minima_.pop_front ();
  delay_ = least - minima_.front ().transit;
}

} // namespace lk::cc
