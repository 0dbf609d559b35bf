// What waits behind a full lossy channel. Bounded in bytes and, where the sender says so, in time: the oldest
// go first, since newer data makes older worthless. Pure.
#pragma once

#include "base/ref.hpp"
#include "base/time.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace lk::session {

class LossyQueue {
public:
  /// Messages that only make sense together: one packet, or all of a data track's frame.
  struct Item {
    std::vector<Ref<GBytes>> messages;
    size_t bytes = 0;
    std::optional<Nanos> expires;
  };

  explicit LossyQueue (size_t max_bytes) : max_bytes_ (max_bytes) {}

  /// Returns how many were dropped for it, itself included when it is larger than the whole queue.
  size_t
  push (Item item, Nanos now) {
    auto dropped = expire (now);
    if (item.bytes > max_bytes_) return dropped + 1;
    while (bytes_ + item.bytes > max_bytes_) {
      drop_front ();
      ++dropped;
    }
    bytes_ += item.bytes;
    items_.push_back (std::move (item));
    return dropped;
  }
  std::optional<Item>
  pop () {
    if (items_.empty ()) return {};
    auto item = std::move (items_.front ());
    drop_front ();
    return item;
  }
  /// Drops what has waited for too long; returns how many.
  size_t
  expire (Nanos now) {
    auto before = items_.size ();
    std::erase_if (items_, [&] (const Item &item) {
      if (!item.expires || *item.expires > now) return false;
      bytes_ -= item.bytes;
      return true;
    });
    return before - items_.size ();
  }
  size_t
  clear () {
    auto dropped = items_.size ();
    items_.clear ();
    bytes_ = 0;
    return dropped;
  }
  bool
  empty () const {
    return items_.empty ();
  }
  size_t
  bytes () const {
    return bytes_;
  }

private:
  void
  drop_front () {
    bytes_ -= items_.front ().bytes;
    items_.pop_front ();
  }

  const size_t max_bytes_;
  std::deque<Item> items_;
  size_t bytes_ = 0;
};

} // namespace lk::session
