#include "base/task_queue.hpp"

#include <algorithm>
#include <limits>
#include <pthread.h>

namespace lk {

TaskQueue::TaskQueue (GMainContext *context) : context_ (Ref<GMainContext>::retain (context)) {}

TaskQueue::~TaskQueue () = default;

bool
TaskQueue::post (Task task) {
  std::unique_lock lock (lock_);
  if (!open_) {
    lock.unlock (); // whatever the task holds is destroyed without it
    return false;
  }
  push_locked (std::move (task));
  return true;
}

void
TaskQueue::close_with (Task last) {
  std::lock_guard lock (lock_);
  open_ = false;
  push_locked (std::move (last));
}

void
TaskQueue::push_locked (Task task) {
  tasks_.push_back (std::move (task));
  if (scheduled_) return;
  scheduled_ = shared_from_this ();
  // Made and attached under our own lock, and carrying a bare pointer to what scheduled_ holds: drain() takes
  // the same lock, so ThreadSanitizer, which cannot see GLib's locks, knows that all of it happened before.
  GSource *source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (
      source,
      [] (gpointer self) -> gboolean {
        static_cast<TaskQueue *> (self)->drain ();
        return G_SOURCE_REMOVE;
      },
      this, nullptr);
  g_source_attach (source, context_.get ());
  g_source_unref (source);
}

void
TaskQueue::close () {
  std::lock_guard lock (lock_);
  open_ = false;
}

bool
TaskQueue::is_current () const {
  std::lock_guard lock (lock_);
  return thread_ == std::this_thread::get_id ();
}

void
TaskQueue::drain () {
  std::shared_ptr<TaskQueue> self;
  std::deque<Task> due;
  {
    std::lock_guard lock (lock_);
    self = std::move (scheduled_);
    due.swap (tasks_);
    thread_ = std::this_thread::get_id ();
  }
  // One pass over what was there: a task that posts itself again must not starve sockets and timers.
  while (!due.empty ()) {
    Task task = std::move (due.front ());
    due.pop_front ();
    task ();
  }
}

namespace {

class SourceTimer : public Timer {
public:
  SourceTimer (GMainContext *context, Millis delay, bool repeat, std::function<void ()> fn) {
    constexpr Millis kMax{ std::numeric_limits<gint>::max () };
    auto ms = static_cast<guint> (std::clamp (delay, Millis (0), kMax).count ());
    source_ = g_timeout_source_new (ms);
    // GLib keeps the callback data alive during the call, so `fn` may destroy this timer.
    g_source_set_callback (
        source_,
        [] (gpointer data) -> gboolean {
          auto &call = *static_cast<Call *> (data);
          call.fn ();
          return call.repeat;
        },
        new Call{ std::move (fn), repeat }, [] (gpointer data) { delete static_cast<Call *> (data); });
    g_source_attach (source_, context);
  }
  ~SourceTimer () override {
    g_source_destroy (source_);
    g_source_unref (source_);
  }
  SourceTimer (const SourceTimer &) = delete;
  SourceTimer &operator= (const SourceTimer &) = delete;

private:
  struct Call {
    std::function<void ()> fn;
    bool repeat;
  };
  GSource *source_;
};

} // namespace

TimerPtr
start_timer (GMainContext *context, Millis delay, bool repeat, std::function<void ()> fn) {
  return std::make_unique<SourceTimer> (context, delay, repeat, std::move (fn));
}

static constexpr int kLastTurns = 100;

SessionThread::SessionThread (const std::string &name)
    : context_ (Ref<GMainContext>::adopt (g_main_context_new ())),
      loop_ (Ref<GMainLoop>::adopt (g_main_loop_new (context_.get (), FALSE))),
      queue_ (std::make_shared<TaskQueue> (context_.get ())) {
  // The thread owns copies of all it uses: it may outlive this object when it is detached.
  thread_ = std::thread ([context = context_, loop = loop_, queue = queue_, name] {
    pthread_setname_np (pthread_self (), name.substr (0, 15).c_str ());
    {
      std::lock_guard lock (queue->lock_);
      queue->thread_ = std::this_thread::get_id ();
    }
    g_main_context_push_thread_default (context.get ());
    g_main_loop_run (loop.get ());
    // A task whose source lost the race against the end of the loop, then what the last tasks cancelled: GIO
    // and libsoup free a connection only after one more turn. Bounded, because a source may stay ready for
    // ever.
    queue->drain ();
    for (int turn = 0; turn < kLastTurns && g_main_context_iteration (context.get (), FALSE); ++turn) {
    }
    g_main_context_pop_thread_default (context.get ());
  });
  std::lock_guard lock (queue_->lock_);
  queue_->thread_ = thread_.get_id ();
}

SessionThread::~SessionThread () {
  stop ();
  if (thread_.joinable ()) thread_.detach ();
}

void
SessionThread::stop () {
  // As a task, because g_main_loop_quit() before the loop runs would be forgotten.
  if (!stopping_.exchange (true)) queue_->close_with ([loop = loop_] { g_main_loop_quit (loop.get ()); });
  if (thread_.joinable () && thread_.get_id () != std::this_thread::get_id ()) thread_.join ();
}

TimerPtr
SessionThread::once (Millis delay, std::function<void ()> fn) {
  return start_timer (context_.get (), delay, false, std::move (fn));
}

TimerPtr
SessionThread::every (Millis period, std::function<void ()> fn) {
  return start_timer (context_.get (), std::max (period, Millis (1)), true, std::move (fn));
}

} // namespace lk
