// Whether the other end has acknowledged all data: webrtcbin and usrsctp don't say. Reads the SCTP packets
// between usrsctp and DTLS.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lk::rtc {

/// Each direction on one thread, the question on any.
class SctpWatch {
public:
  void on_sent (const uint8_t *packet, size_t size);
  void on_received (const uint8_t *packet, size_t size);
  /// Nothing that was sent awaits its acknowledgement; what usrsctp has not sent yet does not show here.
  bool settled () const;

private:
  static constexpr uint64_t kNone = UINT64_MAX;
  std::atomic<uint64_t> sent_ = kNone, acknowledged_ = kNone; ///< TSNs
};

} // namespace lk::rtc
