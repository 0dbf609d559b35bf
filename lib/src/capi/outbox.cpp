#include "capi/outbox.hpp"

namespace lk::capi {

namespace {

constexpr size_t kMostBytes = 1024 * 1024, kMostMessages = 4096;

} // namespace

Outbox::~Outbox () {
  close (Millis (0));
}

bool
Outbox::waiting () const {
  std::lock_guard guard (lock_);
  return !queue_.empty ();
}

bool
Outbox::add (Outgoing message) {
  std::lock_guard guard (lock_);
  const size_t size = message.bytes.size ();
  // One that is larger than everything else is allowed to be alone.
  if (closed_ || queue_.size () >= kMostMessages || (!queue_.empty () && bytes_ + size > kMostBytes))
    return false;
  bytes_ += size;
  queue_.push_back (std::move (message));
  if (!thread_.joinable ()) thread_ = std::jthread ([this] (const std::stop_token &stop) { run (stop); });
  changed_.notify_all ();
  return true;
}

void
Outbox::close (Millis patience) {
  std::jthread thread;
  {
    std::unique_lock guard (lock_);
    closed_ = true;
    changed_.wait_for (guard, patience, [this] { return queue_.empty (); });
    thread = std::move (thread_);
  }
  // Stopped and joined here, without the lock.
}

Outbox::Stats
Outbox::stats () const {
  std::lock_guard guard (lock_);
  return stats_;
}

void
Outbox::run (const std::stop_token &stop) {
  std::unique_lock guard (lock_);
  while (changed_.wait (guard, stop, [this] { return !queue_.empty (); }) && !stop.stop_requested ()) {
    const Outgoing &message = queue_.front (); // stays where it is while others are added
    const auto size = message.bytes.size ();
    guard.unlock ();
    const auto sent = send_ (message, stop);
    guard.lock ();
    if (sent)
      stats_.sent_bytes += int64_t (size);
    else
      ++stats_.dropped;
    bytes_ -= size;
    queue_.pop_front ();
    changed_.notify_all ();
  }
  stats_.dropped += int64_t (queue_.size ());
  queue_.clear ();
}

} // namespace lk::capi
