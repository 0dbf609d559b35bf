// When a packet was sent, as its header says. Pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <utility>

namespace lk::cc {

/// abs-send-time: seconds as 6.18 fixed point in 24 bits, which is back at 0 every 64 s. Packets may have
/// been reordered by up to half of that.
class SendTime {
public:
  Nanos
  unwrap (uint32_t stamp) {
    stamp &= 0xffffff;
    auto ahead = static_cast<int32_t> ((stamp - static_cast<uint32_t> (last_)) << 8) >> 8;
    if (!std::exchange (started_, true)) ahead = static_cast<int32_t> (stamp);
    int64_t now = last_ + ahead;
    if (ahead > 0) last_ = now;
    return Nanos (now * 1'000'000'000 / (1 << 18));
  }

private:
  bool started_ = false;
  int64_t last_ = 0;
};

} // namespace lk::cc
