#include "cc/received_rate.hpp"

#include <algorithm>
#include <cmath>

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kFirstWindow = milliseconds (500), kWindow = milliseconds (150), kKept = milliseconds (1000),
                kProven = milliseconds (150);
// At 200 Mbit/s in full packets; what is beyond is only counted too low.
constexpr size_t kMaxPieces = 5000;

double
seconds (Nanos time) {
  return std::chrono::duration<double> (time).count ();
}

} // namespace

void
ReceivedRate::add (Nanos arrived, uint32_t bytes, std::optional<Nanos> sent) {
  if (!window_begin_) window_begin_ = arrived;
  if (arrived - *window_begin_ >= (estimate_ ? kWindow : kFirstWindow)) close_window (arrived);
  window_bytes_ += bytes;

  pieces_.push_back ({ arrived, bytes, sent });
  while (pieces_.size () > kMaxPieces || arrived - pieces_.front ().arrived > kKept)
    pieces_.pop_front ();
}

/// A Kalman filter over windows: a sample far from the estimate is believed less.
void
ReceivedRate::close_window (Nanos now) {
  double sample = 8e-3 * static_cast<double> (window_bytes_) / seconds (now - *window_begin_);
  window_begin_ = now;
  window_bytes_ = 0;
  if (!estimate_) {
    estimate_ = sample;
    return;
  }
  double doubt = 10 * std::abs (*estimate_ - sample) / std::max (1.0, *estimate_ + std::min (sample, 20.0));
  double sample_variance = std::max (doubt * doubt, 1e-6), predicted = variance_ + 5;
  estimate_ = (sample_variance * *estimate_ + predicted * sample) / (sample_variance + predicted);
  variance_ = sample_variance * predicted / (sample_variance + predicted);
}

std::optional<double>
ReceivedRate::filtered () const {
  if (!estimate_) return std::nullopt;
  return *estimate_ * 1000;
}

double
ReceivedRate::recent (Nanos now, Nanos time) const {
  uint64_t bytes = 0;
  for (auto piece = pieces_.rbegin (); piece != pieces_.rend () && now - piece->arrived <= time; ++piece)
    bytes += piece->bytes;
  return 8 * static_cast<double> (bytes) / seconds (time);
}

double
ReceivedRate::proven (Nanos now) const {
  uint64_t bytes = 0;
  std::optional<Nanos> first, last;
  for (auto piece = pieces_.rbegin (); piece != pieces_.rend () && now - piece->arrived <= kProven; ++piece) {
    bytes += piece->bytes;
    if (!piece->sent) continue;
    first = std::min (first.value_or (*piece->sent), *piece->sent);
    last = std::max (last.value_or (*piece->sent), *piece->sent);
  }
  const auto time = first ? std::max (kProven, *last - *first) : kProven;
  return 8 * static_cast<double> (bytes) / seconds (time);
}

} // namespace lk::cc
