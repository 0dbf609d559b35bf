// When to try again after the room was lost, and when not to. Pure.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

namespace lk::session {

enum class ReconnectMode {
  Auto,   ///< after a lost connection; the first connect fails at connect-timeout
  Never,  ///< a lost connection is the end
  Always, ///< the first connect is tried again as well
};

struct ReconnectPolicy {
  ReconnectMode mode = ReconnectMode::Auto;
  Millis initial{ 100 }, max{ 5000 };
  double multiplier = 1.5;
  Millis timeout{ 120'000 }; ///< of a whole outage; 0 = none
};

/// While an outage is young a server that restarts is met as soon as it listens.
inline constexpr Millis kYoungOutage{ 10'000 }, kYoungCeiling{ 400 };

/// The delays of one outage: none, then a growing one that is drawn from the upper half below its ceiling.
class Backoff {
public:
  explicit Backoff (const ReconnectPolicy &policy) : policy_ (policy) {}
  /// Before the next attempt, `age` after the connection was lost.
  Millis next (Millis age, Random &random);
  int
  attempts () const {
    return attempts_;
  }

private:
  const ReconnectPolicy policy_;
  int attempts_ = 0;
  double ceiling_ms_ = 0;
};

/// Whether a lost connection, or a failed attempt to get it back, leaves hope. A room that is full may have a
/// place again, a proxy in front of a starting server says all kinds of things; refused credentials and being
/// thrown out are final.
bool worth_another_try (const Error &error);

} // namespace lk::session
