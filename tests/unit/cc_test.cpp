// The estimate of what a path carries, on a path made of arithmetic.
#include "cc/announcement.hpp"
#include "cc/estimator.hpp"
#include "cc/send_time.hpp"
#include "cc/trains.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <vector>

namespace lk::cc {
namespace {

using namespace std::chrono_literals;

/// A link of so many bits per second behind a queue that drops what does not fit, and a sender of pictures.
struct Path {
  double link_bps = 2e6, send_bps = 1e6, fps = 30;
  Nanos base = 20ms, queue_limit = 300ms, jitter = 0ms;
  double loss = 0;
  double padding_bps = 0;
  bool key_frame = false;
  double pauses = 0; ///< of the receiver, each 10 ms with this probability, up to 250 ms
  /// What the sender makes of it; called every 50 ms.
  std::function<void (Path &)> react;

  Estimator estimator{ Estimator::Config{} };
  Nanos now = 100s;
  int cuts = 0;
  uint64_t delivered = 0, dropped = 0;

  void
  run (Nanos time) {
    auto end = now + time;
    while (now < end) {
      auto frame = Nanos (static_cast<int64_t> (1e9 / fps));
      auto bytes = send_bps / 8 / fps * (std::exchange (key_frame, false) ? 4 : 1);
      for (double sent = 0; sent < bytes; sent += 1200)
        send (static_cast<uint32_t> (std::min (1200.0, bytes - sent)));
      const auto begin = now;
      for (; now < begin + frame; now += 10ms) {
        if (padding_bps > 0) send (static_cast<uint32_t> (padding_bps / 800));
        receive (now);
      }
      now = begin + frame;
    }
  }

  void
  send (uint32_t bytes) {
    auto begin = std::max (free_at_, now);
    if (begin - now > queue_limit || chance_ (random_) < loss) {
      ++dropped;
      return;
    }
    free_at_ = begin + Nanos (static_cast<int64_t> (8e9 * bytes / link_bps));
    auto late = Nanos (static_cast<int64_t> (chance_ (random_) * static_cast<double> (jitter.count ())));
    // In order, as a queue with a varying delay is.
    last_ = std::max (last_, free_at_ + base + late);
    flying_.push_back ({ now + offset, last_, bytes });
  }

  void
  receive (Nanos until) {
    if (until < paused_until_) return;
    if (chance_ (random_) < pauses) {
      paused_until_ = until + Nanos (static_cast<int64_t> (chance_ (random_) * 250e6));
      return;
    }
    while (!flying_.empty () && flying_.front ().arrived <= until) {
      auto packet = flying_.front ();
      packet.arrived = std::max (packet.arrived, paused_until_);
      flying_.erase (flying_.begin ());
      estimator.packet (packet.sent, packet.arrived, packet.bytes);
      delivered += packet.bytes;
    }
    if (until - updated_ < 50ms) return;
    updated_ = until;
    auto before = estimator.target ();
    estimator.update (until);
    if (before && *estimator.target () < *before) ++cuts;
    if (react) react (*this);
  }

  double
  target () const {
    return estimator.target ().value_or (0);
  }
  Nanos offset = -77s; // of the sender's clock

private:
  struct Packet {
    Nanos sent, arrived;
    uint32_t bytes;
  };
  std::vector<Packet> flying_;
  Nanos free_at_{ 0 }, last_{ 0 }, updated_{ 0 }, paused_until_{ 0 };
  std::mt19937 random_{ 7 };
  std::uniform_real_distribution<double> chance_{ 0, 1 };
};

void
follow (Path &path) {
  path.send_bps = std::clamp (path.target (), 300e3, 2.5e6);
}

/// A LiveKit server that chooses among three sizes by what it is told: as server 1.13.4 does it, without its
/// pauses.
class Server {
public:
  explicit Server (Path &path) : path_ (path) {
    path_.react = [this] (Path &) { tick (); };
  }

  int size = 5, changes = 0;
  double
  bps () const {
    return kSizes[size].bps;
  }

private:
  struct Size {
    double bps, fps;
  };
  // Two sizes with three temporal layers each.
  static constexpr Size kSizes[]
      = { { 90e3, 2.5 }, { 135e3, 5 }, { 225e3, 10 }, { 600e3, 2.5 }, { 900e3, 5 }, { 1500e3, 10 } };

  void
  tick () {
    const auto now = path_.now;
    if (auto target = path_.estimator.target ())
      if (auto told = announcement_.next (now, *target, path_.estimator.congested ())) hear (now, *told);
    if (probe_end_ && now > *probe_end_ + 250ms) end_probe (now);
    if (size < 5 && !probe_end_ && now > next_probe_) {
      probe_end_ = now + duration_;
      congesting_ = false;
      highest_ = 0;
      samples_.clear ();
    }
    const bool probing = probe_end_ && now < *probe_end_;
    path_.padding_bps = probing ? std::max (1.2 * (kSizes[size + 1].bps - kSizes[size].bps), 200e3) : 0;
    path_.send_bps = kSizes[size].bps;
    path_.fps = kSizes[size].fps;
  }

  double
  trend () const {
    int sum = 0, pairs = 0;
    for (size_t i = 0; i < samples_.size (); ++i)
      for (size_t j = i + 1; j < samples_.size (); ++j, ++pairs)
        sum += samples_[j] > samples_[i] ? 1 : samples_[j] < samples_[i] ? -1 : 0;
    return pairs > 0 ? double (sum) / pairs : 0;
  }

  void
  hear (Nanos now, double bps) {
    if (!samples_.empty () && samples_.back () == bps && now - sample_at_ < 500ms) return;
    samples_.push_back (bps);
    sample_at_ = now;
    if (samples_.size () > 12) samples_.pop_front ();
    if (probe_end_) {
      highest_ = std::max (highest_, bps);
      congesting_ = congesting_ || (samples_.size () >= 3 && trend () < 0);
    } else if (samples_.size () == 12 && trend () < -0.6 && bps <= 0.95 * kSizes[size].bps
               && bps != capacity_) {
      capacity_ = bps;
      choose ();
    }
  }

  void
  end_probe (Nanos now) {
    interval_ = congesting_ ? interval_ * 3 / 2 : Nanos (3s);
    duration_ = congesting_ ? Nanos (200ms) : duration_ * 3 / 2;
    next_probe_ = now + interval_;
    probe_end_.reset ();
    samples_.clear ();
    if (congesting_ || highest_ <= capacity_) return;
    capacity_ = highest_;
    choose ();
  }

  void
  choose () {
    int chosen = 0;
    for (int i = 0; i < 6; ++i)
      if (kSizes[i].bps <= capacity_) chosen = i;
    changes += chosen != size;
    // Another resolution begins with a key frame.
    if (chosen / 3 != size / 3) path_.key_frame = true;
    size = chosen;
  }

  Path &path_;
  Announcement announcement_;
  std::deque<double> samples_;
  std::optional<Nanos> probe_end_;
  Nanos next_probe_{ 0 }, interval_ = 3s, duration_ = 200ms, sample_at_{ 0 };
  double capacity_ = 100e6, highest_ = 0;
  bool congesting_ = false;
};

TEST (SendTime, CountsOnOverItsWraps) {
  SendTime time;
  auto stamp = [] (double seconds) { return static_cast<uint32_t> (seconds * (1 << 18)) & 0xffffff; };
  Nanos last = time.unwrap (stamp (60));
  for (double at = 60.5; at < 300; at += 0.5) {
    auto now = time.unwrap (stamp (at));
    EXPECT_NEAR (static_cast<double> ((now - last).count ()), 5e8, 1e4) << at;
    last = now;
  }
}

TEST (SendTime, ReorderedPacketsLieBefore) {
  SendTime time;
  auto first = time.unwrap (100);
  EXPECT_LT (time.unwrap (0xffff00), first) << "over a wrap";
  EXPECT_LT (time.unwrap (90), first);
  EXPECT_GT (time.unwrap (110), first);
}

TEST (ReceivedRate, IsWhatArrives) {
  ReceivedRate rate;
  EXPECT_FALSE (rate.filtered ());
  for (int i = 0; i < 1000; ++i)
    rate.add (1ms * i, 125);
  ASSERT_TRUE (rate.filtered ());
  EXPECT_NEAR (*rate.filtered (), 1e6, 2e4);
  EXPECT_NEAR (rate.recent (1000ms), 1e6, 5e4);
  EXPECT_EQ (rate.recent (2000ms), 0);
}

TEST (QueueDelay, IsTimeBeyondTheShortestWhateverTheClocks) {
  for (Nanos offset : { Nanos (0), Nanos (1000h), Nanos (-1000h) }) {
    QueueDelay delay;
    for (int i = 0; i < 100; ++i) {
      delay.add (10ms * i + offset, 10ms * i + 30ms);
      delay.close_batch (10ms * i + 30ms);
    }
    EXPECT_EQ (delay.delay (), 0ms);
    delay.add (1000ms + offset, 1110ms);
    delay.close_batch (1110ms);
    EXPECT_EQ (delay.delay (), 80ms);
  }
}

TEST (QueueDelay, ALongerPathIsAcceptedAfterTenSeconds) {
  QueueDelay delay;
  auto minute = [&] (Nanos transit, Nanos from, Nanos to) {
    for (Nanos at = from; at < to; at += 50ms) {
      delay.add (at, at + transit);
      delay.close_batch (at + transit);
    }
  };
  minute (20ms, 0s, 5s);
  minute (120ms, 5s, 14s);
  EXPECT_EQ (delay.delay (), 100ms);
  minute (120ms, 14s, 16s);
  EXPECT_EQ (delay.delay (), 0ms);
}

TEST (Estimator, SteadyPathIsNeverCutShort) {
  for (Nanos jitter : { Nanos (0), Nanos (5ms), Nanos (30ms) }) {
    Path path;
    path.jitter = jitter;
    path.run (60s);
    EXPECT_EQ (path.cuts, 0) << jitter.count ();
    EXPECT_GE (path.target (), 1e6);
    EXPECT_LE (path.target (), 1.8e6) << "not much more than was seen";
  }
}

TEST (Estimator, RandomLossIsNoQueue) {
  for (double loss : { 0.05, 0.15 }) {
    Path path;
    path.loss = loss;
    path.run (30s);
    EXPECT_EQ (path.cuts, 0) << loss;
  }
}

TEST (Estimator, ALinkThatGetsSlowIsNoticedSoon) {
  Path path;
  path.send_bps = 1.6e6;
  path.run (10s);
  ASSERT_GE (path.target (), 1.6e6);
  path.link_bps = 700e3;
  path.run (700ms);
  EXPECT_LT (path.target (), 700e3);
  EXPECT_GT (path.target (), 200e3);
}

TEST (Estimator, ItStaysLowWhileTheSenderDoesNotListen) {
  Path path;
  path.send_bps = 1.6e6;
  path.run (10s);
  path.link_bps = 700e3;
  path.run (1s);
  for (int i = 0; i < 40; ++i) {
    path.run (100ms);
    EXPECT_LT (path.target (), 700e3) << i;
  }
}

TEST (Estimator, TheQueueIsGoneSoonWhenTheSenderListens) {
  Path path;
  path.react = follow;
  path.run (15s);
  path.link_bps = 700e3;
  path.run (500ms);
  EXPECT_TRUE (path.estimator.congested ());
  for (int i = 0; i < 15 && path.estimator.congested (); ++i)
    path.run (100ms);
  EXPECT_FALSE (path.estimator.congested ());
  path.delivered = 0;
  path.run (20s);
  double used = 8.0 * static_cast<double> (path.delivered) / 20 / 700e3;
  EXPECT_GT (used, 0.75);
  EXPECT_LE (used, 1.0);
}

TEST (Estimator, ALinkThatGetsFastIsUsedAgain) {
  Path path;
  path.react = follow;
  path.run (10s);
  path.link_bps = 500e3;
  path.run (10s);
  path.link_bps = 2e6;
  path.run (15s);
  EXPECT_GT (path.target (), 1.2e6);
}

TEST (Estimator, WhatIsReceivedWithoutAQueueIsProven) {
  Path path;
  path.send_bps = 1.6e6;
  path.run (10s);
  path.link_bps = 700e3;
  path.run (2s);
  path.send_bps = 300e3;
  path.run (5s);
  ASSERT_LT (path.target (), 750e3);
  path.link_bps = 3e6;
  path.send_bps = 1.5e6; // as a server probes
  path.run (1500ms);
  EXPECT_GT (path.target (), 1.3e6);
}

TEST (Estimator, AShortProbeOfAServerIsBelieved) {
  Path path;
  path.send_bps = 1.6e6;
  path.run (10s);
  path.link_bps = 120e3;
  path.run (2s);
  path.send_bps = 50e3;
  path.run (5s);
  ASSERT_LT (path.target (), 200e3);
  path.link_bps = 3e6;
  path.send_bps = 650e3;
  path.run (250ms);
  path.send_bps = 50e3;
  path.run (200ms);
  EXPECT_GT (path.target (), 550e3);
}

TEST (Estimator, APauseOfTheSchedulerIsForgiven) {
  Path path;
  path.run (10s);
  auto before = path.target ();
  path.base = 170ms; // all that was sent meanwhile is late, and then no more
  path.run (100ms);
  path.base = 20ms;
  path.run (2s);
  EXPECT_GE (path.target (), before);
}

TEST (Estimator, ALongerPathIsNoQueueForEver) {
  Path path;
  path.run (10s);
  path.base = 120ms;
  path.run (25s);
  EXPECT_EQ (path.estimator.queue (), 0ms);
  EXPECT_GE (path.target (), 1e6);
}

TEST (Estimator, SoundAloneSaysNothingOfAQueue) {
  Path path;
  path.send_bps = 1.6e6;
  path.run (10s);
  path.link_bps = 700e3;
  path.run (1s);
  ASSERT_TRUE (path.estimator.congested ());
  auto before = path.target ();
  for (Nanos time = 0s; time < 3s; time += 20ms) { // the server has paused the picture
    path.estimator.packet (path.now + time, 160);
    path.estimator.update (path.now + time);
  }
  EXPECT_FALSE (path.estimator.congested ());
  EXPECT_GT (path.target (), 0.5 * before);
}

TEST (Estimator, AProbeAfterASilenceIsBelieved) {
  Path path;
  path.estimator = Estimator (Estimator::Config{ .follows = false });
  path.link_bps = 200e3;
  path.send_bps = 180e3;
  path.run (5s);
  path.link_bps = 4e6;
  path.now += 4s; // the server had paused the picture
  path.send_bps = 1e6;
  path.run (300ms);
  EXPECT_GT (path.target (), 700e3);
}

TEST (Estimator, MoreThanWasSeenIsNotPromisedToASenderThatChoosesAmongSizes) {
  for (bool follows : { false, true }) {
    Path path;
    path.estimator = Estimator (Estimator::Config{ .follows = follows });
    path.link_bps = 700e3;
    path.send_bps = 1.5e6;
    path.run (2s);
    if (!follows) {
      EXPECT_GT (path.target (), 0.8 * 700e3) << "a size that fits is not given up";
    }
    path.send_bps = 500e3;
    path.run (20s);
    if (follows)
      EXPECT_GT (path.target (), 720e3);
    else
      EXPECT_LT (path.target (), 720e3);
  }
}

TEST (Estimator, AServerHardlyEverChangesSizesOnASlowLinkAndSoonOnAFastOne) {
  struct Row {
    double link, pauses;
  };
  for (auto [link, pauses] : { Row{ 700e3, 0 }, Row{ 700e3, 0.003 }, Row{ 700e3, 0.01 }, Row{ 300e3, 0.003 },
                               Row{ 1200e3, 0.003 } }) {
    Path path;
    path.link_bps = 4e6;
    path.pauses = pauses;
    path.estimator = Estimator (Estimator::Config{ .follows = false });
    Server server (path);
    path.run (20s);
    ASSERT_EQ (server.size, 5);
    path.link_bps = link;
    path.run (10s);
    EXPECT_LT (server.bps (), link);
    EXPECT_GT (server.bps (), 0.3 * link) << "no less than it must be";
    server.changes = 0;
    path.run (120s);
    EXPECT_LE (server.changes, 8) << link << " " << pauses;
    path.link_bps = 4e6;
    const auto since = path.now;
    while (server.size < 5 && path.now < since + 60s)
      path.run (100ms);
    EXPECT_LT (path.now - since, 20s) << link << " " << pauses;
  }
}

TEST (Estimator, ASenderThatFillsTheQueueAlthoughItHeardIsToldLess) {
  Path path;
  path.estimator = Estimator (Estimator::Config{ .follows = false });
  path.link_bps = 700e3;
  path.send_bps = 900e3; // what it takes for 580
  path.run (3s);
  const auto first = path.target ();
  EXPECT_GT (first, 0.8 * 700e3);
  path.run (4s);
  EXPECT_LT (path.target (), 0.8 * first);
  EXPECT_GT (path.target (), 0.3 * 700e3);
  path.send_bps = 225e3;
  path.run (3s);
  EXPECT_FALSE (path.estimator.congested ());
  EXPECT_LT (path.target (), 0.8 * first) << "and not at once more";
}

TEST (ReceivedRate, WhatWaitedAndCameAtOnceProvesNoMoreThanItWasSentAt) {
  ReceivedRate rate;
  for (int i = 0; i < 100; ++i) // 1 Mbit/s, the last 300 ms of which come in one
    rate.add (i < 70 ? 10ms * i : 1000ms, 1250, 5s + 10ms * i);
  EXPECT_NEAR (rate.proven (1000ms), 1e6, 1e5);
}

TEST (Trains, ABurstComesAsFastAsTheSlowestLink) {
  Trains trains;
  EXPECT_FALSE (trains.rate ());
  Nanos free{ 0 };
  for (int picture = 0; picture < 30; ++picture) {
    for (int packet = 0; packet < 5; ++packet) {
      free = std::max<Nanos> (free, 100ms * picture) + 4800us; // 1200 bytes at 2 Mbit/s
      trains.add (100ms * picture, free + (packet == 2 ? 1ms : 0ms), 1200);
    }
    trains.add (100ms * picture + 50ms, 100ms * picture + 51ms, 160); // sound between
  }
  EXPECT_NEAR (trains.rate ().value_or (0), 2e6, 1e5);
  EXPECT_NEAR (trains.latest ().value_or (0), 2e6, 1e5);
}

TEST (Estimator, StartsAnewAfterSilence) {
  Path path;
  path.run (10s);
  path.now += 30s;
  path.base = 250ms;
  path.run (10s);
  EXPECT_EQ (path.cuts, 0);
}

TEST (Estimator, NeverBelowTheLeast) {
  Path path;
  path.send_bps = 200e3;
  path.run (5s);
  path.link_bps = 10e3;
  path.run (20s);
  EXPECT_GE (path.target (), 50e3);
}

TEST (Announcement, HoldsAreRepeatedOftenEnoughForAProbe) {
  Announcement announcement;
  int told = 0;
  for (Nanos now = 0s; now < 10s; now += 10ms)
    if (auto value = announcement.next (now, 1e6, false)) {
      EXPECT_EQ (*value, 1e6);
      ++told;
    }
  EXPECT_NEAR (told, 78, 4);
}

TEST (Announcement, AFallIsATrendOfTwelveReportsThatAreAllClose) {
  Announcement announcement;
  announcement.next (0s, 2e6, false);
  std::vector<double> told;
  for (Nanos now = 10ms; now < 2s; now += 10ms)
    if (auto value = announcement.next (now, 5e5, false)) told.push_back (*value);
  ASSERT_GE (told.size (), 12u);
  for (size_t i = 1; i < 12; ++i)
    EXPECT_LT (told[i], told[i - 1]) << i;
  EXPECT_LT (told[0], 1.07 * 5e5);
  EXPECT_EQ (told[11], 5e5);
  EXPECT_EQ (told.back (), 5e5);
}

TEST (Announcement, AsLongAsThereIsAQueueOneFallFollowsAnother) {
  Announcement announcement;
  announcement.next (0s, 5e5, false);
  int falls = 0;
  std::deque<double> last;
  for (Nanos now = 10ms; now < 10s; now += 10ms)
    if (auto value = announcement.next (now, 5e5, true)) {
      last.push_back (*value);
      if (last.size () > 12) last.pop_front ();
      falls += last.size () == 12 && std::ranges::is_sorted (last, std::greater ()) ? 1 : 0;
    }
  EXPECT_GE (falls, 7);
}

TEST (Announcement, AFallThatEndsIsTakenBackAtOnce) {
  Announcement announcement;
  announcement.next (0s, 2e6, false);
  announcement.next (100ms, 5e5, true);
  announcement.next (200ms, 5e5, true);
  EXPECT_EQ (announcement.next (300ms, 2e6, false), 2e6);
}

TEST (Announcement, ARiseIsToldAtOnce) {
  Announcement announcement;
  announcement.next (0s, 1e6, false);
  EXPECT_EQ (announcement.next (100ms, 1.2e6, false), 1.2e6);
  EXPECT_FALSE (announcement.next (150ms, 1.5e6, false)) << "but not more than ten times a second";
}

} // namespace
} // namespace lk::cc
