// What the other end has acknowledged and accepted: webrtcbin and usrsctp don't say. Reads the SCTP packets
// between usrsctp and DTLS.
#pragma once

#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

namespace lk::rtc {

/// Each direction on one thread, the question on any.
class SctpWatch {
public:
  void on_sent (const uint8_t *packet, size_t size);
  void on_received (const uint8_t *packet, size_t size);
  /// Nothing that was sent awaits its acknowledgement; what usrsctp has not sent yet does not show here.
  bool settled () const;
  /// Something came on that stream: for one that we opened, first its DATA_CHANNEL_ACK.
  bool answered (uint32_t stream) const;
  /// Called when answered() has changed, on the receiving thread, no lock held. Before the first packet.
  void
  on_answer (std::function<void ()> told) {
    told_ = std::move (told);
  }

private:
  static constexpr size_t kStreams = 64; ///< we open three
  static constexpr uint64_t kNone = UINT64_MAX;
  std::atomic<uint64_t> sent_ = kNone, acknowledged_ = kNone; ///< TSNs
  mutable std::mutex lock_;                                   // leaf
  std::bitset<kStreams> answered_;
  std::function<void ()> told_;
};

} // namespace lk::rtc
