#include "media/consumer_slot.hpp"

#include "media/time_map.hpp"

namespace lk::media {

namespace {
// About two seconds of video, 2.5 of Opus: a consumer that is this far behind has stopped.
constexpr size_t kMaxQueued = 128;
} // namespace

bool
ConsumerSlot::frame (const Frame &frame) {
  bool is_delta = GST_BUFFER_FLAG_IS_SET (frame.buffer.get (), GST_BUFFER_FLAG_DELTA_UNIT);
  {
    std::lock_guard hold (lock_);
    if (needs_keyframe_ && is_delta) return true;
    needs_keyframe_ = false;
  }
  if (!direct_) return enqueue (frame);
  call (frame);
  return true;
}

void
ConsumerSlot::lost (GstClockTime from, GstClockTime duration) {
  skip_to_keyframe ();
  if (direct_)
    call (Loss{ from, duration });
  else
    enqueue (Loss{ from, duration });
}

void
ConsumerSlot::skip_to_keyframe () {
  std::lock_guard hold (lock_);
  needs_keyframe_ = true;
}

void
ConsumerSlot::call (const Item &item) {
  {
    std::unique_lock hold (lock_);
    // Two streaming threads meet here when a transport is replaced while the old one's thread still sits in
    // the consumer.
    changed_.wait (hold, [this] { return removed_ || caller_ == std::thread::id (); });
    if (removed_) return;
    caller_ = std::this_thread::get_id ();
    if (direct_) busy_since_ = monotonic_now ();
  }
  if (auto *frame = std::get_if<Frame> (&item))
    consumer_->on_frame (*frame);
  else if (auto *loss = std::get_if<Loss> (&item))
    consumer_->on_lost (loss->from, loss->duration);
  std::lock_guard hold (lock_);
  caller_ = {};
  busy_since_ = 0;
  changed_.notify_all ();
}

bool
ConsumerSlot::enqueue (Item item) {
  bool is_frame = std::holds_alternative<Frame> (item);
  std::lock_guard hold (lock_);
  if (removed_) return true;
  if (queue_.size () >= kMaxQueued) {
    needs_keyframe_ = true;
    return !is_frame;
  }
  if (!thread_.joinable ()) thread_ = std::thread ([self = shared_from_this ()] { self->run (); });
  queue_.push_back (std::move (item));
  changed_.notify_all ();
  return true;
}

void
ConsumerSlot::run () {
  while (true) {
    Item item;
    {
      std::unique_lock hold (lock_);
      changed_.wait (hold, [this] { return removed_ || !queue_.empty (); });
      if (removed_) return;
      item = std::move (queue_.front ());
      queue_.pop_front ();
    }
    call (item);
  }
}

void
ConsumerSlot::remove () {
  std::deque<Item> dropped; // freed without the lock
  std::thread thread;
  {
    std::unique_lock hold (lock_);
    removed_ = true;
    dropped.swap (queue_);
    changed_.notify_all ();
    thread.swap (thread_);
    auto me = std::this_thread::get_id ();
    if (caller_ != me) changed_.wait (hold, [this] { return caller_ == std::thread::id (); });
    if (caller_ == me && thread.joinable ()) thread.detach (); // from inside on_frame: it ends with that call
  }
  if (thread.joinable ()) thread.join ();
}

} // namespace lk::media
