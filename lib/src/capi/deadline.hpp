// Ends calls that would take too long, through their stop tokens.
#pragma once

#include "base/time.hpp"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

namespace lk::capi {

/// Any thread. Has a thread of its own from the first call on.
class Deadlines {
public:
  ~Deadlines ();
  /// Runs `call (token)`; the token is stopped after `limit`, or by stop_all().
  template <typename Call>
  auto
  run (Millis limit, Call call) {
    Entry entry (*this, limit);
    return call (entry.token ());
  }
  /// Stops the calls that run.
  void stop_all ();

private:
  using Time = std::chrono::steady_clock::time_point;
  struct Row {
    Time due;
    std::stop_source source;
  };
  class Entry {
  public:
    Entry (Deadlines &owner, Millis limit);
    ~Entry ();
    std::stop_token
    token () const {
      return row_->source.get_token ();
    }

  private:
    Deadlines &owner_;
    std::list<Row>::iterator row_;
  };
  void watch ();

  std::mutex lock_; // leaf
  std::condition_variable wake_;
  std::list<Row> rows_; ///< by time: every limit is the same
  std::thread thread_;
  bool stopping_ = false;
};

} // namespace lk::capi
