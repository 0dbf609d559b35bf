// Notices a media path that has died although everything still calls itself connected: webrtcbin's ICE stays
// `completed` through any blackout. Judged by packets: a living server sends reports every three seconds, to
// us and about what we send. Pure.
#pragma once

#include "base/time.hpp"

#include <cstdint>

namespace lk::session {

/// Packets of both peer connections so far.
struct PathSample {
  Nanos now{ 0 };
  bool expecting = false; ///< somebody's track runs to us
  uint64_t received = 0;  ///< RTP and RTCP on the receiving side
  uint64_t sent = 0;      ///< RTP on the sending side
  uint64_t reports = 0;   ///< RTCP that came back there
};

class PathWatch {
public:
  /// A server that stood still for less is not disturbed.
  static constexpr Millis kSuspicious{ 5000 };
  /// The server answers on the signalling connection all the while.
  static constexpr Millis kDead{ 10'000 };
  static constexpr Millis kPeriod{ 1000 };

  enum class Verdict {
    Fine,
    Probe, ///< once per silence: ask the server for a sign of life
    ReceivingDead,
    SendingDead
  };
  Verdict look (const PathSample &sample);

private:
  PathSample last_;
  Nanos heard_{ 0 }, reported_{ 0 }; // when each side last proved itself alive
  bool started_ = false, probed_ = false;
};

} // namespace lk::session
