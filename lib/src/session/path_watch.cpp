#include "session/path_watch.hpp"

#include <algorithm>
#include <utility>

namespace lk::session {

PathWatch::Verdict
PathWatch::look (const PathSample &sample) {
  // Nothing to expect, or proof: no track, nothing sent (muted, paused).
  if (!started_ || !sample.expecting || sample.received != last_.received) heard_ = sample.now;
  if (!started_ || sample.sent == last_.sent || sample.reports != last_.reports) reported_ = sample.now;
  started_ = true;
  last_ = sample;
  // A side that never said anything may be asked after, but has no life to lose.
  if (sample.received > 0 && sample.now - heard_ >= kDead) return Verdict::ReceivingDead;
  if (sample.reports > 0 && sample.now - reported_ >= kDead) return Verdict::SendingDead;
  if (sample.now - std::min (heard_, reported_) < kSuspicious) {
    probed_ = false;
    return Verdict::Fine;
  }
  return std::exchange (probed_, true) ? Verdict::Fine : Verdict::Probe;
}

} // namespace lk::session
