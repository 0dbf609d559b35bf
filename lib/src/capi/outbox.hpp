// Reliable messages that the channel does not take at once: right after joining, during an interruption, or
// because much is under way. A thread of its own sends them, in order.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace lk::capi {

struct Outgoing {
  std::string label, bytes;
  bool lossy = false;
};

/// Any thread.
class Outbox {
public:
  using Send = std::function<Result<> (const Outgoing &message, const std::stop_token &stop)>;

  explicit Outbox (Send send) : send_ (std::move (send)) {}
  ~Outbox ();
  /// Whoever comes now has to queue up.
  bool waiting () const;
  /// False when a megabyte waits, or after close().
  bool add (Outgoing message);
  /// Sends what waits, as far as that works within `patience`, and ends.
  void close (Millis patience);

  struct Stats {
    int64_t sent_bytes = 0, dropped = 0;
  };
  Stats stats () const;

private:
  void run (const std::stop_token &stop);

  const Send send_;
  mutable std::mutex lock_; // leaf; guards what follows
  std::condition_variable_any changed_;
  std::deque<Outgoing> queue_; ///< the first one is being sent
  size_t bytes_ = 0;
  bool closed_ = false;
  Stats stats_;
  std::jthread thread_;
};

} // namespace lk::capi
