// What callers hold are numbers that look like pointers: a handle that was destroyed, or never was one, is
// found out instead of being followed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace lk::capi {

inline constexpr std::chrono::microseconds kBrief{ 300 };

/// For callers that may not wait: `lock` is only ever held for moments, but its holder may have been
/// interrupted.
template <typename Lock>
bool
try_briefly (Lock &lock) {
  const auto deadline = std::chrono::steady_clock::now () + kBrief;
  while (!lock.try_lock ()) {
    if (std::chrono::steady_clock::now () >= deadline) return false;
    std::this_thread::yield ();
  }
  return true;
}

template <typename Handle, typename Object> class Handles {
public:
  using Ptr = std::shared_ptr<Object>;

  Handle *
  add (Ptr object) {
    std::lock_guard guard (lock_);
    next_ += 16;
    objects_.emplace (next_, std::move (object));
    return reinterpret_cast<Handle *> (next_);
  }
  Ptr
  find (const Handle *handle) const {
    std::shared_lock guard (lock_);
    return look_up (handle);
  }
  /// Null also when the table was locked for too long: `busy` tells.
  Ptr
  find_briefly (const Handle *handle, bool &busy) const {
    std::shared_lock guard (lock_, std::defer_lock);
    busy = !try_briefly (guard);
    return busy ? nullptr : look_up (handle);
  }
  /// Null for all but one of those that remove it.
  Ptr
  remove (const Handle *handle) {
    std::lock_guard guard (lock_);
    auto it = objects_.find (reinterpret_cast<uintptr_t> (handle));
    if (it == objects_.end ()) return nullptr;
    auto object = std::move (it->second);
    objects_.erase (it);
    return object;
  }
  /// All that `is_it` holds for.
  template <typename Pred>
  void
  remove_if (Pred is_it) {
    std::vector<Ptr> gone; // to die without the lock
    std::lock_guard guard (lock_);
    std::erase_if (objects_, [&] (auto &row) {
      if (!is_it (*row.second)) return false;
      gone.push_back (std::move (row.second));
      return true;
    });
  }

private:
  Ptr
  look_up (const Handle *handle) const {
    auto it = objects_.find (reinterpret_cast<uintptr_t> (handle));
    return it == objects_.end () ? nullptr : it->second;
  }
  mutable std::shared_mutex lock_; // leaf
  std::unordered_map<uintptr_t, Ptr> objects_;
  uintptr_t next_ = 0x10000;
};

} // namespace lk::capi
