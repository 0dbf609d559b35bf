// What every end of a measurement of data counts and prints, and the pace it keeps.
#pragma once

#include <glib.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace bench {

/// Seconds that an end waits for what must come.
constexpr double kPatience = 60;

struct Options {
  gint count = 1000, size = 1000, rate = 0;
  gboolean lossy = FALSE;
};

/// Writes the number that a message begins with.
void put_number (guint8 *at, uint32_t number);

/// What came: a message whose number is not the next one is lost, late or double. Any thread.
class Tally {
public:
  explicit Tally (const Options &options) : options_ (options) {}

  void heard (const guint8 *data, size_t size);
  /// Until so many messages were heard; false when one did not come within a long time.
  bool await (uint64_t count);
  void await_end ();
  void print ();

private:
  const Options options_;
  std::mutex lock_;
  std::condition_variable changed_;
  uint64_t count_ = 0, bytes_ = 0, out_of_order_ = 0;
  uint64_t awaited_ = 0; ///< nobody is woken before
  uint32_t next_ = 0;
  double first_ = 0, last_ = 0, cpu_ = 0;
};

/// Lets messages go at a rate, a millisecond's worth at a time.
class Pace {
public:
  explicit Pace (const Options &options) : rate_ (options.rate) {}
  /// Before message `number`.
  void wait (uint32_t number);
  void print () const;

private:
  const int rate_;
  std::chrono::steady_clock::time_point start_;
  double began_ = 0, cpu_ = 0;
};

/// For the program that starts a receiver.
void say_ready ();
/// `ping (number)` sends one, whose echo the tally hears. The result is the program's.
int measure_round_trips (const Options &options, Tally &tally, const std::function<void (uint32_t)> &ping);

} // namespace bench
