// One consumer of a received track: called directly by the streaming thread, or behind a bounded queue with a
// thread of its own.
#pragma once

#include "media/frame_receiver.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>

namespace lk::media {

class ConsumerSlot : public std::enable_shared_from_this<ConsumerSlot> {
public:
  ConsumerSlot (std::shared_ptr<FrameConsumer> consumer, bool direct)
      : consumer_ (std::move (consumer)), direct_ (direct) {}

  bool
  direct () const {
    return direct_;
  }
  bool
  is (const FrameConsumer *consumer) const {
    return consumer_.get () == consumer;
  }
  /// Streaming threads. False when the frame was dropped because the queue is full.
  bool frame (const Frame &frame);
  void lost (GstClockTime from, GstClockTime duration);
  /// The next delta frames have no base.
  void skip_to_keyframe ();
  /// See FrameReceiver::remove_consumer.
  void remove ();
  /// Since when a call to a direct consumer has been running, CLOCK_MONOTONIC; 0 = none runs.
  GstClockTime
  busy_since () const {
    return busy_since_;
  }

private:
  struct Loss {
    GstClockTime from, duration;
  };
  using Item = std::variant<Frame, Loss>;
  void call (const Item &item);
  bool enqueue (Item item);
  void run ();

  const std::shared_ptr<FrameConsumer> consumer_;
  const bool direct_;

  std::mutex lock_; // leaf: never held while the consumer is called
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::thread thread_;
  std::thread::id caller_; ///< whose call to the consumer runs
  bool removed_ = false;
  bool needs_keyframe_ = true; ///< what was delivered so far is no base for delta frames (audio has none)
  std::atomic<GstClockTime> busy_since_{ 0 };
};

} // namespace lk::media
