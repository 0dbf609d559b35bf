#include "capi/dispatcher.hpp"

#include <glib.h>
#include <pthread.h>

namespace lk::capi {

namespace {

// Several seconds of everything; an application that blocks for longer has lost the connection's present
// anyway.
constexpr size_t kMostItems = 8192, kMostBytes = 64 * 1024 * 1024;
constexpr Millis kTick{ 10 }, kMostLag{ 100 };

} // namespace

std::shared_ptr<Dispatcher>
Dispatcher::start (Task on_tick) {
  auto self = std::shared_ptr<Dispatcher> (new Dispatcher (std::move (on_tick)));
  std::lock_guard guard (self->lock_); // the thread begins when it is known
  // The thread keeps the object, which may be let go inside one of its callbacks.
  self->thread_ = std::thread ([self] {
    pthread_setname_np (pthread_self (), "lk-callbacks");
    self->run ();
  });
  self->thread_id_ = self->thread_.get_id ();
  return self;
}

Dispatcher::~Dispatcher () {
  if (thread_.joinable ()) thread_.detach (); // it is this one
}

bool
Dispatcher::post (Task callback, size_t bytes) {
  {
    std::lock_guard guard (lock_);
    if (stopping_ || items_.size () >= kMostItems || bytes_ + bytes > kMostBytes) return false;
    bytes_ += bytes;
    items_.push_back ({ std::move (callback), bytes, next_++ });
  }
  wake_.notify_one ();
  return true;
}

void
Dispatcher::defer (Task work) {
  {
    std::lock_guard guard (lock_);
    work_.push_back (std::move (work));
  }
  wake_.notify_one ();
}

void
Dispatcher::set_ticking (bool ticking) {
  {
    std::lock_guard guard (lock_);
    if (ticking_ == ticking) return;
    ticking_ = ticking;
    tick_due_ = std::chrono::steady_clock::now () + kTick;
  }
  wake_.notify_one ();
}

void
Dispatcher::purge () {
  std::deque<Item> dropped; // their captures die without the lock
  std::lock_guard guard (lock_);
  std::swap (dropped, items_);
  bytes_ = 0;
  done_.notify_all ();
}

void
Dispatcher::quiesce () {
  if (is_current ()) return;
  std::unique_lock guard (lock_);
  const uint64_t last = next_ - 1;
  done_.wait (guard, [&] {
    return (items_.empty () || items_.front ().number > last) && (running_ == 0 || running_ > last);
  });
}

void
Dispatcher::stop () {
  {
    std::lock_guard guard (lock_);
    stopping_ = true;
  }
  purge ();
  wake_.notify_one ();
  quiesce ();
  if (!is_current () && thread_.joinable ()) thread_.join ();
}

void
Dispatcher::run () {
  std::unique_lock guard (lock_);
  for (;;) {
    const auto now = std::chrono::steady_clock::now ();
    if (!work_.empty ()) {
      auto work = std::move (work_.front ());
      work_.pop_front ();
      guard.unlock ();
      work ();
      work = nullptr;
      guard.lock ();
    } else if (stopping_) {
      return;
    } else if (ticking_ && now >= tick_due_) {
      tick_due_ = now - tick_due_ > kMostLag ? now + kTick : tick_due_ + kTick;
      guard.unlock ();
      on_tick_ ();
      guard.lock ();
    } else if (!items_.empty ()) {
      auto item = std::move (items_.front ());
      items_.pop_front ();
      bytes_ -= item.bytes;
      running_ = item.number;
      guard.unlock ();
      item.task ();
      item.task = nullptr;
      guard.lock ();
      running_ = 0;
      done_.notify_all ();
    } else if (ticking_) {
      wake_.wait_until (guard, tick_due_);
    } else {
      wake_.wait (guard);
    }
  }
}

} // namespace lk::capi
