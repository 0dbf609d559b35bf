// Connectivity checks of our own beside libnice's, while ICE is not connected. Internal to rtc.
#pragma once

#include "base/time.hpp"
#include "rtc/path_probe.hpp"
#include "rtc/sdp.hpp"

#include <functional>
#include <memory>

namespace lk::rtc {

/// When the other end has given its side up: pion gives a pair of addresses seven checks, 200 ms apart, and
/// then never looks at it again, though it answers. Where it decides which pair is taken nothing will come of
/// it any more. Pure.
class LateAnswer {
public:
  explicit LateAnswer (Nanos begin) : begin_ (begin) {}

  void answered (Nanos now, Nanos round_trip);
  /// There was no answer for as long as the other end tried, then one, and yet ICE has not connected within
  /// the time that this takes.
  bool overdue (Nanos now) const;

private:
  const Nanos begin_;
  std::optional<Nanos> limit_;
};

/// A network that is away loses checks, and libnice repeats them ever more seldom, after 0.5, 1.5 and 3.5 s;
/// these go out every 200 ms. Those of a network that is there are answered before the first of ours.
/// Session thread.
class IceChecks {
public:
  /// `overdue`: called once, when ICE will not connect although the other end can be reached. May destroy
  /// this.
  IceChecks (Ref<GstElement> webrtc, IceCredentials remote, Timers &timers, std::function<void ()> overdue);

private:
  void tick ();

  const Ref<GstElement> webrtc_;
  const IceCredentials remote_; // a copy: the next description may come without any
  std::function<void ()> overdue_;
  PathProbe probe_;
  LateAnswer late_;
  unsigned ticks_ = 0;
  TimerPtr timer_;
};

} // namespace lk::rtc
