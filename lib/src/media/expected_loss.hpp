// From what the other end has lost so far to what an encoder should prepare for. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace lk::media {

/// Rises at once, falls slowly, moves in steps of five per cent. Not thread-safe.
class ExpectedLoss {
public:
  /// Both counted since the beginning of the stream, which may begin anew. What to expect from now on, per
  /// cent, when that has changed.
  std::optional<uint32_t>
  update (uint64_t sent, int64_t lost) {
    if (sent < sent_ || !began_) {
      began_ = true;
      sent_ = sent;
      lost_ = lost;
      return std::nullopt;
    }
    if (sent - sent_ < kFewest) return std::nullopt;
    double now = static_cast<double> (lost - lost_) / static_cast<double> (sent - sent_);
    sent_ = sent;
    lost_ = lost;
    share_ = std::clamp (std::max (now, 0.8 * share_ + 0.2 * now), 0.0, 1.0);
    auto step
        = share_ < kNone ? 0 : std::min (kMost, (static_cast<uint32_t> (100 * share_) / kStep + 1) * kStep);
    if (step == told_) return std::nullopt;
    told_ = step;
    return told_;
  }

private:
  static constexpr uint64_t kFewest = 40; // packets that say something
  static constexpr double kNone = 0.015;
  static constexpr uint32_t kStep = 5, kMost = 30;

  bool began_ = false;
  uint64_t sent_ = 0;
  int64_t lost_ = 0;
  double share_ = 0;
  uint32_t told_ = 0;
};

} // namespace lk::media
