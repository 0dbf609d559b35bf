// Time that passes only when a test says so, and chance that is not.
//
//   FakeClock clock;  FakeTimers timers (clock);
//   timers.advance (5s);   // the clock moves from one due timer to the next, each fires at its own time
#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <vector>

namespace lk::test {

class FakeClock : public Clock {
public:
  Nanos
  now () const override {
    return now_;
  }
  Millis
  wall () const override {
    return wall_start_ + std::chrono::duration_cast<Millis> (now_ - kStart);
  }
  /// Moves the clock alone; timers are fired by FakeTimers::advance.
  void
  advance (Nanos by) {
    now_ += by;
  }
  void
  set_wall (Millis wall) {
    wall_start_ = wall - std::chrono::duration_cast<Millis> (now_ - kStart);
  }

private:
  static constexpr Nanos kStart = std::chrono::seconds (1000);
  Nanos now_ = kStart;
  Millis wall_start_{ 1'700'000'000'000 };
};

class FakeTimers : public Timers {
public:
  explicit FakeTimers (FakeClock &clock) : clock_ (clock) {}

  TimerPtr
  once (Millis delay, std::function<void ()> fn) override {
    return start (delay, Nanos (0), std::move (fn));
  }
  TimerPtr
  every (Millis period, std::function<void ()> fn) override {
    period = std::max (period, Millis (1));
    return start (period, period, std::move (fn));
  }

  /// Lets `by` pass: fires what falls due, in order of time and then of starting, timers started meanwhile
  /// included.
  void
  advance (Millis by) {
    Nanos end = clock_.now () + by;
    while (auto due = next (end)) {
      if (due->at > clock_.now ()) clock_.advance (due->at - clock_.now ());
      if (due->period.count () > 0) {
        due->at += due->period;
        due->order = ++started_;
      } else {
        due->alive = false;
      }
      auto fn = due->fn; // the call may destroy the timer and start others
      fn ();
    }
    if (end > clock_.now ()) clock_.advance (end - clock_.now ());
  }

  /// Timers that would still fire.
  size_t
  pending () const {
    return static_cast<size_t> (std::count_if (entries_.begin (), entries_.end (), [] (const auto &weak) {
      return !weak.expired () && weak.lock ()->alive;
    }));
  }
  /// Time until the next timer fires; negative when there is none.
  Millis
  until_next () const {
    Millis soonest{ -1 };
    for (const auto &weak : entries_)
      if (auto entry = weak.lock (); entry && entry->alive) {
        auto left = std::chrono::duration_cast<Millis> (entry->at - clock_.now ());
        if (soonest.count () < 0 || left < soonest) soonest = left;
      }
    return soonest;
  }

private:
  struct Entry {
    Nanos at, period;
    uint64_t order;
    std::function<void ()> fn;
    bool alive = true;
  };
  class Handle : public Timer {
  public:
    explicit Handle (std::shared_ptr<Entry> entry) : entry_ (std::move (entry)) {}
    ~Handle () override { entry_->alive = false; }

  private:
    std::shared_ptr<Entry> entry_;
  };

  TimerPtr
  start (Millis delay, Nanos period, std::function<void ()> fn) {
    auto at = clock_.now () + std::max (delay, Millis (0));
    auto entry = std::make_shared<Entry> (Entry{ at, period, ++started_, std::move (fn) });
    entries_.push_back (entry);
    return std::make_unique<Handle> (std::move (entry));
  }

  std::shared_ptr<Entry>
  next (Nanos end) {
    std::shared_ptr<Entry> best;
    std::erase_if (entries_, [] (const auto &weak) { return weak.expired (); });
    for (const auto &weak : entries_) {
      auto entry = weak.lock ();
      if (!entry || !entry->alive || entry->at > end) continue;
      if (!best || entry->at < best->at || (entry->at == best->at && entry->order < best->order))
        best = entry;
    }
    return best;
  }

  FakeClock &clock_;
  std::vector<std::weak_ptr<Entry>> entries_;
  uint64_t started_ = 0;
};

class FakeRandom : public Random {
public:
  /// Drawn in turn by uniform(); the last one repeats.
  std::deque<double> draws{ 0.5 };

  double
  uniform () override {
    double draw = draws.front ();
    if (draws.size () > 1) draws.pop_front ();
    return draw;
  }
  /// Counts up: "…0001", "…0002".
  std::string
  token () override {
    char text[33];
    std::snprintf (text, sizeof text, "%032x", ++tokens_);
    return text;
  }

private:
  unsigned tokens_ = 0;
};

} // namespace lk::test
