// Decides when lost packets are lost for good. Internal to rtc; pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace lk::rtc {

/// Retransmissions pay off reported losses, the oldest first; what is unpaid after half a second will never
/// be repeated. Of what was sent into a silence nothing is: its end is told, but not what was lost in it. Not
/// thread-safe.
class LossWatch {
public:
  static constexpr Nanos kGrace = std::chrono::milliseconds (500), kInterval = std::chrono::seconds (2),
                         kSilence = std::chrono::seconds (1);
  /// Fewer are most likely losses whose repetition was counted for another packet.
  static constexpr uint32_t kTolerated = 3;

  void
  sent (Nanos now) {
    if (!unreported_) unreported_ = now;
  }
  /// A report came, which names so many lost packets.
  void
  reported (Nanos now, uint32_t packets) {
    silent_ = silent_ || (unreported_ && now - *unreported_ >= kSilence);
    unreported_.reset ();
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
    if ((!silent_ && unpaid <= kTolerated) || now - last_ < kInterval) return false;
    open_.clear ();
    silent_ = false;
    last_ = now;
    return true;
  }

private:
  struct Loss {
    Nanos at;
    uint32_t packets;
  };
  std::deque<Loss> open_;
  std::optional<Nanos> unreported_; // when the first packet since the last report was sent
  bool silent_ = false;
  Nanos last_ = -kInterval;
};

} // namespace lk::rtc
