// From a lost connection to the next one that stands: when the next attempt is made, and when hope ends.
#pragma once

#include "session/parts.hpp"
#include "session/reconnect_policy.hpp"

namespace lk::session {

/// Session thread. Its end stops its timers; a hook may destroy it.
class Outage {
public:
  Outage (const Context &context, const ReconnectPolicy &policy, std::function<void ()> attempt);

  /// The attempt that has just failed was the first one, as when a session never was connected.
  void count_attempt ();
  /// Calls `expired` when the policy's time is up; never when it has none.
  void limit (std::function<void ()> expired);
  /// The next attempt comes when the back-off says so, or earlier when the network changes.
  void attempt_later ();
  /// It comes at once, besides those that the back-off counts.
  void attempt_now ();

  int
  attempts () const {
    return backoff_.attempts ();
  }
  /// When the connection was lost.
  Nanos
  since () const {
    return since_;
  }

private:
  void attempt_after (Millis delay);

  const Context context_;
  const ReconnectPolicy policy_;
  const std::function<void ()> attempt_;
  const Nanos since_;
  Backoff backoff_;
  std::optional<Nanos> begun_; // the last attempt
  TimerPtr next_, limit_;
  std::unique_ptr<net::NetworkWatch> network_;
};

} // namespace lk::session
