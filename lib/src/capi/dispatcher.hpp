// The thread on which a client's callbacks run, one at a time. Whoever posts never waits.
#pragma once

#include "base/time.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace lk::capi {

class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
public:
  using Task = std::function<void ()>;

  /// `on_tick`: on the thread, between callbacks, about every 10 ms while ticking.
  static std::shared_ptr<Dispatcher> start (Task on_tick);
  ~Dispatcher ();

  // Any thread.
  /// A callback with so many bytes of content. False (dropped) when too much waits, or after stop().
  bool post (Task callback, size_t bytes = 0);
  /// Work of our own: after the callback that runs, before any other, and also after stop().
  void defer (Task work);
  void set_ticking (bool ticking);
  bool
  is_current () const {
    return std::this_thread::get_id () == thread_id_;
  }
  /// Forgets the callbacks that wait.
  void purge ();
  /// Returns when what was posted before has run, or was dropped. On the thread itself at once.
  void quiesce ();
  /// No callback runs any more. On the thread itself it returns at once: the running callback is the last
  /// one, and the thread ends by itself.
  void stop ();

private:
  struct Item {
    Task task;
    size_t bytes;
    uint64_t number;
  };
  explicit Dispatcher (Task on_tick) : on_tick_ (std::move (on_tick)) {}
  void run ();

  const Task on_tick_;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_{};

  std::mutex lock_; // leaf; guards what follows
  std::condition_variable wake_, done_;
  std::deque<Item> items_;
  std::deque<Task> work_;
  size_t bytes_ = 0;
  uint64_t next_ = 1, running_ = 0; ///< running_: number of the callback that runs, or 0
  bool ticking_ = false, stopping_ = false;
  std::chrono::steady_clock::time_point tick_due_{};
};

} // namespace lk::capi
