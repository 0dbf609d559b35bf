// The one way into a session: tasks posted to its thread. See docs/threading.md.
#pragma once

#include "base/ref.hpp"
#include "base/time.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace lk {

/// An in-order queue of tasks that a GMainContext's thread runs. Shared by everyone who posts; it never joins
/// a thread, so the last reference may die anywhere.
class TaskQueue : public std::enable_shared_from_this<TaskQueue> {
public:
  using Task = std::function<void ()>;

  explicit TaskQueue (GMainContext *context);
  ~TaskQueue ();

  /// Queues a task. Any thread; never blocks, never runs it inline. False (task destroyed) after close().
  bool post (Task task);
  /// Refuses further tasks; what is queued still runs.
  void close ();
  /// True on the thread that runs the tasks.
  bool is_current () const;

private:
  friend class SessionThread;
  /// Queues `last` even after close(), and closes.
  void close_with (Task last);
  void push_locked (Task task);
  void drain ();

  Ref<GMainContext> context_;
  mutable std::mutex lock_; // leaf: held for the deque and for attaching the source that drains it
  std::deque<Task> tasks_;
  std::thread::id thread_;
  bool open_ = true;
  std::shared_ptr<TaskQueue> scheduled_; // keeps the queue alive while an idle source is due to drain it
};

/// A timer on the thread that runs `context`; to be started and destroyed there.
[[nodiscard]] TimerPtr start_timer (GMainContext *context, Millis delay, bool repeat,
                                    std::function<void ()> fn);

/// A thread with its own thread-default GMainContext, its TaskQueue and its Timers. The owner joins it:
/// either through stop() from another thread, or (when the owner dies on this very thread) by detaching a
/// thread that ends by itself.
class SessionThread : public Timers {
public:
  explicit SessionThread (const std::string &name);
  ~SessionThread () override;

  const std::shared_ptr<TaskQueue> &
  queue () const {
    return queue_;
  }
  GMainContext *
  context () const {
    return context_.get ();
  }
  /// Runs what is queued, then ends the loop and joins. Idempotent; from the thread itself it only ends the
  /// loop.
  void stop ();

  TimerPtr once (Millis delay, std::function<void ()> fn) override;
  TimerPtr every (Millis period, std::function<void ()> fn) override;

private:
  Ref<GMainContext> context_;
  Ref<GMainLoop> loop_;
  std::shared_ptr<TaskQueue> queue_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
};

} // namespace lk
