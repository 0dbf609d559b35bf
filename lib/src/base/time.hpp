// Time and chance come in through the door: everything that waits or draws takes these interfaces,
// so that tests use fakes and run in no time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lk {

using Millis = std::chrono::milliseconds;
using Nanos = std::chrono::nanoseconds;

class Clock {
public:
  virtual ~Clock () = default;
  /// Monotonic time since an arbitrary start (CLOCK_MONOTONIC in the real one, as GstSystemClock uses it).
  virtual Nanos now () const = 0;
  /// Wall time since the Unix epoch.
  virtual Millis wall () const = 0;
};

class Random {
public:
  virtual ~Random () = default;
  /// Uniform in [0, 1).
  virtual double uniform () = 0;
  /// A fresh random token of lower-case hex digits, 32 characters (128 bits).
  virtual std::string token () = 0;
};

/// A started timer; destroying it stops it. Belongs to one thread.
class Timer {
public:
  virtual ~Timer () = default;
};
using TimerPtr = std::unique_ptr<Timer>;

/// Starts timers that fire on the session thread.
class Timers {
public:
  virtual ~Timers () = default;
  /// Calls `fn` once after `delay`. The caller may destroy the timer from inside `fn`.
  [[nodiscard]] virtual TimerPtr once (Millis delay, std::function<void ()> fn) = 0;
  /// Calls `fn` every `period` until the timer is destroyed.
  [[nodiscard]] virtual TimerPtr every (Millis period, std::function<void ()> fn) = 0;
};

/// The real ones. Both are process-wide, stateless to the caller and thread-safe.
Clock &system_clock ();
Random &system_random ();

} // namespace lk
