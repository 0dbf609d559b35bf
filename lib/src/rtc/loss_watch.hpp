// Decides when lost packets are lost for good. Internal to rtc; pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <deque>

namespace lk::rtc {

/// Retransmissions pay off reported losses, the oldest first; what is unpaid after half a second will never
/// be repeated. Not thread-safe.
class LossWatch {
public:
  static constexpr Nanos kGrace = std::chrono::milliseconds (500), kInterval = std::chrono::seconds (2);
  /// Fewer are most likely losses whose repetition was counted for another packet.
  static constexpr uint32_t kTolerated = 3;

  void
  lost (Nanos now, uint32_t packets) {
    if (packets > 0) open_.push_back ({ now, packets });
    if (open_.size () > 64) open_.pop_front ();
  }
  void
  retransmitted () {
    if (open_.empty ()) return;
    if (--open_.front ().packets == 0) open_.pop_front ();
  }
  /// True when a key frame is due; then all is forgiven.
  bool
  keyframe_due (Nanos now) {
    uint32_t unpaid = 0;
    for (const auto &loss : open_)
      if (now - loss.at >= kGrace) unpaid += loss.packets;
    if (unpaid <= kTolerated || now - last_ < kInterval) return false;
    open_.clear ();
    last_ = now;
    return true;
  }

private:
  struct Loss {
    Nanos at;
    uint32_t packets;
  };
  std::deque<Loss> open_;
  Nanos last_ = -kInterval;
};

} // namespace lk::rtc
