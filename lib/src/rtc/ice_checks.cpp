#include "rtc/ice_checks.hpp"

#include "rtc/ice_agent.hpp"

#include <utility>

namespace lk::rtc {

namespace {

constexpr Millis kTick{ 50 };
constexpr unsigned kTicksPerCheck = 4;
// Six times 200 ms between seven checks.
constexpr Millis kGivenUp{ 1200 };
// ICE needs two round trips more than the answer.
constexpr Millis kConnecting{ 150 };

} // namespace

void
LateAnswer::answered (Nanos now, Nanos round_trip) {
  if (!limit_) limit_ = now - begin_ < kGivenUp ? Nanos::max () : now + 2 * round_trip + kConnecting;
}

bool
LateAnswer::overdue (Nanos now) const {
  return limit_ && now >= *limit_;
}

IceChecks::IceChecks (Ref<GstElement> webrtc, IceCredentials remote, Timers &timers,
                      std::function<void ()> overdue)
    : webrtc_ (std::move (webrtc)), remote_ (std::move (remote)), overdue_ (std::move (overdue)),
      late_ (system_clock ().now ()), timer_ (timers.every (kTick, [this] { tick (); })) {}

void
IceChecks::tick () {
  const auto now = system_clock ().now ();
  if (auto round_trip = probe_.receive (now)) late_.answered (now, *round_trip);
  const bool overdue = late_.overdue (now);
  if (++ticks_ % kTicksPerCheck != 0 && !overdue) return;
  if (!check_ice (webrtc_.get (), remote_, probe_) || !overdue) return;
  if (auto tell = std::exchange (overdue_, nullptr)) tell ();
}

} // namespace lk::rtc
