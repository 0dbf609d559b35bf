#include "cc/estimator.hpp"

#include <algorithm>
#include <cmath>

namespace lk::cc {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kNoticed = milliseconds (20), kStanding = milliseconds (60), kStandsFor = milliseconds (300),
                kFull = milliseconds (70), kGone = milliseconds (25);
// An episode that is over so soon was over before the sender can have heard of it: a scheduler's pause, or
// somebody else's burst.
constexpr Nanos kNoise = milliseconds (500);
constexpr Nanos kRestart = std::chrono::seconds (3); // without a packet
constexpr Nanos kBurst = milliseconds (100);         // at most between two packets of a queue
constexpr Nanos kSilent = milliseconds (300);        // says nothing of what would come through
constexpr double kPacketBits = 1200 * 8;
constexpr Nanos kFirstHold = std::chrono::seconds (10), kLongestHold = std::chrono::seconds (80);
// Full again so soon after a hold, it was the same path.
constexpr Nanos kSamePath = std::chrono::seconds (30);
// Bursts that come so much faster than the path was seen to be come on another one.
constexpr double kFasterBursts = 2;
// A few packets more or less in a moment are no other path.
constexpr double kMoreThanNoise = 1.3;
// What a sender that chooses among sizes is told of a full path. It measures its sizes, and may be wrong by
// half: one that fills the queue although it has heard, by now, what fits is told less.
constexpr double kTold = 0.85, kLower = 0.75, kLowest = 0.4;
constexpr Nanos kHeard = std::chrono::seconds (2);

double
seconds (Nanos time) {
  return std::chrono::duration<double> (time).count ();
}

} // namespace

void
Estimator::Capacity::learn (double bps) {
  double error = bps_ ? bps - *bps_ : 0;
  bps_ = bps_ ? *bps_ + 0.2 * error : bps;
  deviation_ = std::clamp (0.8 * deviation_ + 0.2 * (error / *bps_) * (error / *bps_), 0.0009, 0.4);
}

void
Estimator::Capacity::forget () {
  *this = Capacity ();
}

/// So much more that the path must have changed.
bool
Estimator::Capacity::above (double bps) const {
  return bps_ && bps > *bps_ * (1 + 3 * std::min (std::sqrt (deviation_), 0.3));
}

void
Estimator::packet (Nanos sent, Nanos arrived, uint32_t bytes) {
  note (arrived, bytes, sent);
  delay_.add (sent, arrived);
  trend_.add (sent, arrived);
  trains_.add (sent, arrived, bytes);
}

void
Estimator::packet (Nanos arrived, uint32_t bytes) {
  note (arrived, bytes, std::nullopt);
}

void
Estimator::note (Nanos arrived, uint32_t bytes, std::optional<Nanos> sent) {
  if (last_arrival_ && arrived - *last_arrival_ > kRestart) {
    // What was learnt of the path may be of another one. The target stays until something better is known.
    rate_ = {};
    delay_ = {};
    trend_ = {};
    trains_ = {};
    episode_.reset ();
    hold_.reset ();
    standing_since_.reset ();
    capacity_.forget ();
  }
  last_arrival_ = arrived;
  rate_.add (arrived, bytes, sent);
}

void
Estimator::update (Nanos now) {
  delay_.close_batch (now);
  auto received = rate_.filtered ();
  if (!received && !target_) return;
  if (!target_) target_ = std::max (1.5 * *received, config_.least_bps);
  // After a silence there is no rate yet, but a sender's probe may be all that comes.
  if (received && overused (now))
    cut (now, *received);
  else if (episode_ && delay_.delay () < kGone)
    end_episode (now);
  else if (!episode_)
    grow (now, received.value_or (0));
  updated_ = now;
}

bool
Estimator::overused (Nanos now) {
  // A sender that has stopped: its queue is on its way here.
  if (now - *last_arrival_ > kBurst) return false;
  auto queue = delay_.delay ();
  bool rising = trend_.verdict () == Trend::Verdict::Rising && queue > kNoticed + delay_.jitter () / 2;
  if (queue <= kStanding + delay_.jitter ())
    standing_since_.reset ();
  else if (!standing_since_)
    standing_since_ = now;
  return rising || (standing_since_ && now - *standing_since_ > kStandsFor + config_.rtt);
}

void
Estimator::cut (Nanos now, double received) {
  auto patience
      = std::clamp (config_.rtt, Nanos (milliseconds (10)), Nanos (milliseconds (200))) + milliseconds (100);
  if (episode_ && now - episode_->last_cut < patience) return;
  auto queue = delay_.delay ();
  // The longer the queue stands, the longer the time over which all that came was all that can: a receiver
  // that pauses sees little in a moment.
  const Nanos stood = episode_ ? now - episode_->begin : Nanos (0);
  double recent
      = rate_.recent (*last_arrival_, std::clamp<Nanos> (stood, milliseconds (250), milliseconds (1000)));
  double capacity
      = queue > kFull ? std::min (received, recent) : std::min (received, std::max (recent, 0.85 * received));
  capacity = std::max (capacity, 0.3 * received);
  // Between the pictures of a slow camera the path is idle, and not because it is slow.
  if (auto burst = trains_.latest (); burst && !config_.follows)
    capacity = std::max (capacity, std::min (*burst, 1.5 * received));
  if (!episode_) {
    const bool was_lower = hold_ && now < hold_->until;
    episode_ = Episode{ now, now, *target_, capacity, was_lower ? hold_->share : kTold, now };
  } else if (!config_.follows && queue > kFull && now - episode_->lowered > kHeard) {
    episode_->share = std::max (episode_->share * kLower, kLowest);
    episode_->lowered = now;
  }
  episode_->last_cut = now;
  episode_->capacity = capacity;
  capacity_.learn (capacity);

  double share = queue < milliseconds (40) ? 0.92 : 0.85;
  // So much less that the queue is gone in less than a second.
  if (queue > milliseconds (50))
    share = 0.85 - std::min (1e3 * seconds (queue - milliseconds (50)) / 600, 0.40);
  share = config_.follows           ? std::max (share, 0.4)
          : episode_->share < kTold ? episode_->share
                                    : std::max (share, kTold);
  target_ = std::clamp (capacity * share, std::min (config_.least_bps, *target_), *target_);
}

void
Estimator::end_episode (Nanos now) {
  if (now - episode_->begin < kNoise) {
    target_ = episode_->before;
    capacity_.forget ();
  } else {
    target_ = std::max (*target_, episode_->share * episode_->capacity);
    if (!config_.follows) hold (now);
  }
  episode_.reset ();
}

void
Estimator::hold (Nanos now) {
  auto length = kFirstHold;
  if (hold_ && episode_->begin < hold_->until)
    length = hold_->length; // nothing was tried
  else if (hold_ && episode_->begin < hold_->until + kSamePath)
    length = std::min (2 * hold_->length, kLongestHold);
  hold_ = Hold{ now + length, length, episode_->capacity, episode_->share };
}

bool
Estimator::held (Nanos now, double proven) {
  if (!hold_ || now >= hold_->until) return false;
  const bool faster = trains_.rate ().value_or (0) > kFasterBursts * hold_->capacity;
  if (!faster && proven < kMoreThanNoise * hold_->capacity) return true;
  hold_.reset ();
  capacity_.forget ();
  return false;
}

void
Estimator::grow (Nanos now, double received) {
  double passed = updated_ ? std::min (seconds (now - *updated_), 1.0) : 0;
  if (delay_.delay () >= kStanding || now - *last_arrival_ > kSilent) return;
  if (held (now, rate_.proven (now))) return;
  // What came through without a queue is proven.
  if (delay_.delay () < kNoticed + delay_.jitter () / 2) {
    double proven = std::max (received, rate_.proven (now));
    if (capacity_.above (proven)) capacity_.forget ();
    target_ = std::max (*target_, proven);
  }
  double most = 1.5 * received + 10'000;
  if (auto seen = capacity_.seen (); seen && !config_.follows) most = std::min (most, *seen);
  double more = capacity_.seen () ? std::max (
                    { 8'000.0, 0.01 * *target_, kPacketBits / seconds (config_.rtt + milliseconds (100)) })
                                  : 0.08 * *target_ + 1'000;
  if (*target_ < most) target_ = std::min (*target_ + more * passed, most);
}

} // namespace lk::cc
