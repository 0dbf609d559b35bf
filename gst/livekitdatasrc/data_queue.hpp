// What waits in livekitdatasrc between the session's thread and the streaming thread: bounded, and leaky when
// full.
#pragma once

#include "base/ref.hpp"

#include <gst/gst.h>
#include <gst/livekit/enums.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

namespace lk::gst {

class DataQueue {
public:
  struct Limits {
    guint buffers = 0;
    guint64 bytes = 0; ///< one buffer that is larger may wait alone
    GstLiveKitLeaky leaky = GST_LIVEKIT_LEAKY_OLDEST;
  };
  /// `last_part`: ends a stream that comes in parts.
  struct Item {
    Ref<GstBuffer> buffer;
    std::string part_of; ///< a stream that is useless when a part of it is missing
    bool last = false;   ///< the last message that is wanted
  };
  enum class Got { Item, Timeout, Flushing, Ended };

  void set_limits (const Limits &limits);
  /// Empty, neither flushing nor ended. What is pushed for an earlier run counts no more.
  unsigned reset ();
  /// Any thread; never blocks. What is left out is counted, and of a stream in parts the rest as well.
  /// `stamp` is called in the order of the queue. Returns the stream that was broken by this, or "".
  std::string push (unsigned run, Item item, const std::function<void (GstBuffer *)> &stamp);
  /// After what waits, the end.
  void end (unsigned run);
  void set_flushing (bool flushing);
  /// Waits for the next. On Timeout `idle` was called with nothing waiting, before anything else can come.
  Got pop (Item &item, GstClockTime patience, const std::function<void ()> &idle);

  guint64
  dropped () const {
    return dropped_;
  }
  guint64 waiting_bytes () const;

private:
  bool full_for (gsize size) const;
  void drop_stream (const std::string &stream);

  mutable std::mutex lock_; // leaf, but for `stamp` and `idle`, which read clocks
  std::condition_variable changed_;
  Limits limits_;
  std::deque<Item> items_;
  guint64 bytes_ = 0;
  std::deque<std::string> broken_; ///< streams of which a part was left out; the latest few
  unsigned run_ = 0;
  bool ended_ = false, flushing_ = false;
  std::atomic<guint64> dropped_{ 0 };
};

} // namespace lk::gst
