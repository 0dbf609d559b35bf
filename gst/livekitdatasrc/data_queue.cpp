#include "livekitdatasrc/data_queue.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

constexpr size_t kRemembered = 64;

} // namespace

void
DataQueue::set_limits (const Limits &limits) {
  std::lock_guard guard (lock_);
  limits_ = limits;
}

unsigned
DataQueue::reset () {
  std::lock_guard guard (lock_);
  items_.clear ();
  broken_.clear ();
  bytes_ = 0;
  ended_ = flushing_ = false;
  dropped_ = 0;
  return ++run_;
}

bool
DataQueue::full_for (gsize size) const {
  if (items_.empty ()) return false;
  return items_.size () >= limits_.buffers || bytes_ + size > limits_.bytes;
}

void
DataQueue::drop_stream (const std::string &stream) {
  std::erase_if (items_, [&] (const Item &item) {
    if (item.part_of != stream) return false;
    bytes_ -= gst_buffer_get_size (item.buffer.get ());
    dropped_++;
    return true;
  });
  broken_.push_back (stream);
  if (broken_.size () > kRemembered) broken_.pop_front ();
}

std::string
DataQueue::push (unsigned run, Item item, const std::function<void (GstBuffer *)> &stamp) {
  const gsize size = gst_buffer_get_size (item.buffer.get ());
  std::string broken;
  {
    std::lock_guard guard (lock_);
    if (ended_ || run != run_) return "";
    if (!item.part_of.empty () && std::ranges::find (broken_, item.part_of) != broken_.end ()) {
      dropped_++;
      return "";
    }
    while (full_for (size)) {
      const bool newest = limits_.leaky == GST_LIVEKIT_LEAKY_NEWEST;
      const std::string stream = newest ? item.part_of : items_.front ().part_of;
      if (stream.empty ()) {
        dropped_++;
        if (newest) return broken;
        bytes_ -= gst_buffer_get_size (items_.front ().buffer.get ());
        items_.pop_front ();
        continue;
      }
      broken = stream;
      drop_stream (stream);
      if (stream == item.part_of) {
        dropped_++;
        return broken;
      }
    }
    stamp (item.buffer.get ());
    ended_ = item.last;
    bytes_ += size;
    items_.push_back (std::move (item));
  }
  changed_.notify_one ();
  return broken;
}

void
DataQueue::end (unsigned run) {
  {
    std::lock_guard guard (lock_);
    ended_ |= run == run_;
  }
  changed_.notify_one ();
}

void
DataQueue::set_flushing (bool flushing) {
  {
    std::lock_guard guard (lock_);
    flushing_ = flushing;
  }
  changed_.notify_one ();
}

DataQueue::Got
DataQueue::pop (Item &item, GstClockTime patience, const std::function<void ()> &idle) {
  std::unique_lock guard (lock_);
  changed_.wait_for (guard, std::chrono::nanoseconds (patience),
                     [this] { return flushing_ || ended_ || !items_.empty (); });
  if (flushing_) return Got::Flushing;
  if (items_.empty ()) {
    if (ended_) return Got::Ended;
    idle ();
    return Got::Timeout;
  }
  item = std::move (items_.front ());
  items_.pop_front ();
  bytes_ -= gst_buffer_get_size (item.buffer.get ());
  return Got::Item;
}

guint64
DataQueue::waiting_bytes () const {
  std::lock_guard guard (lock_);
  return bytes_;
}

} // namespace lk::gst
