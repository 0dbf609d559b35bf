#include "measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

namespace bench {
namespace {

constexpr double kSilence = 3;
constexpr std::chrono::microseconds kBetweenPings{ 10000 };
// The channels open a moment after the join, and lossy messages do not wait for that.
constexpr std::chrono::seconds kSettle{ 1 };

/// CLOCK_MONOTONIC, so that two processes compare.
double
now () {
  return double (g_get_monotonic_time ()) / 1e6;
}

double
cpu_seconds () {
  rusage usage{};
  getrusage (RUSAGE_SELF, &usage);
  auto seconds = [] (const timeval &t) { return double (t.tv_sec) + double (t.tv_usec) / 1e6; };
  return seconds (usage.ru_utime) + seconds (usage.ru_stime);
}

} // namespace

void
put_number (guint8 *at, uint32_t number) {
  for (int i = 0; i < 4; ++i)
    at[i] = guint8 (number >> (8 * (3 - i)));
}

void
say_ready () {
  std::printf ("ready\n");
  std::fflush (stdout);
}

int
measure_round_trips (const Options &options, Tally &tally, const std::function<void (uint32_t)> &ping) {
  std::vector<double> seconds;
  std::this_thread::sleep_for (kSettle);
  for (int i = 0; i < options.count; ++i) {
    auto start = std::chrono::steady_clock::now ();
    ping (uint32_t (i));
    if (!tally.await (uint64_t (i) + 1)) return 1;
    seconds.push_back (std::chrono::duration<double> (std::chrono::steady_clock::now () - start).count ());
    std::this_thread::sleep_for (kBetweenPings);
  }
  std::printf ("{\"round_trips\": [");
  for (size_t i = 0; i < seconds.size (); ++i)
    std::printf ("%s%.6f", i ? ", " : "", seconds[i]);
  std::printf ("]}\n");
  return 0;
}

// ---- Tally

void
Tally::heard (const guint8 *data, size_t size) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4 && i < size; ++i)
    number = number << 8 | data[i];
  std::lock_guard lock (lock_);
  last_ = now ();
  if (count_++ == 0) {
    first_ = last_;
    cpu_ = cpu_seconds ();
  }
  bytes_ += size;
  if (number != next_) ++out_of_order_;
  next_ = number + 1;
  if (count_ >= awaited_) changed_.notify_one ();
}

bool
Tally::await (uint64_t count) {
  std::unique_lock lock (lock_);
  awaited_ = count;
  return changed_.wait_for (lock, std::chrono::duration<double> (kPatience), [&] { return count_ >= count; });
}

void
Tally::await_end () {
  std::unique_lock lock (lock_);
  const auto begun = now ();
  awaited_ = uint64_t (options_.count);
  while (count_ < awaited_) {
    changed_.wait_for (lock, std::chrono::milliseconds (100));
    if (count_ > 0 ? now () - last_ > kSilence : now () - begun > kPatience) break;
  }
  cpu_ = cpu_seconds () - cpu_;
}

void
Tally::print () {
  std::printf ("{\"count\": %llu, \"bytes\": %llu, \"first\": %.6f, \"last\": %.6f, \"out_of_order\": %llu, "
               "\"cpu\": %.3f}\n",
               static_cast<unsigned long long> (count_), static_cast<unsigned long long> (bytes_), first_,
               last_, static_cast<unsigned long long> (out_of_order_), cpu_);
}

// ---- Pace

void
Pace::wait (uint32_t number) {
  if (number == 0) {
    std::this_thread::sleep_for (kSettle);
    start_ = std::chrono::steady_clock::now ();
    began_ = now ();
    cpu_ = cpu_seconds ();
  }
  if (rate_ > 0 && number % uint32_t (std::max (1, rate_ / 1000)) == 0)
    std::this_thread::sleep_until (start_ + std::chrono::microseconds (int64_t (number) * 1000000 / rate_));
}

void
Pace::print () const {
  std::printf ("{\"seconds\": %.6f, \"cpu\": %.3f}\n", now () - began_, cpu_seconds () - cpu_);
}

} // namespace bench
