// The start of a publication's RTP source: a bounded queue and the task that pushes its frames into the
// payloader.
#pragma once

#include "media/pad_element.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace lk::media {

/// What all feeds of one sender count together.
struct FeedCounters {
  std::atomic<uint64_t> frames{ 0 }, bytes{ 0 };
};

class Feed : public PadHandler {
public:
  /// `leaky`: a full queue drops its oldest frame (audio) instead of refusing the new one (video, which would
  /// then lack a reference).
  Feed (bool leaky, std::shared_ptr<FeedCounters> counters, std::function<void ()> on_keyframe_request)
      : leaky_ (leaky), counters_ (std::move (counters)),
        on_keyframe_request_ (std::move (on_keyframe_request)) {}

  enum class Offer { Taken, TakenForOldest, Full, Closed };
  /// Any thread, never blocks. The caps are sent before the frame when they differ from those of the frame
  /// before.
  Offer offer (Ref<GstBuffer> frame, const Ref<GstCaps> &caps);
  /// Drops what is queued and refuses more.
  void close ();
  /// True when the queue ran empty within `limit`, the last frame handed over.
  bool wait_empty (GstClockTime limit);
  uint32_t queued () const;

  bool src_event (Ref<GstEvent> event) override;
  bool src_query (GstQuery *query) override;
  void start () override;
  void stop () override;
  bool produce () override;

private:
  struct Item {
    Ref<GstBuffer> frame;
    Ref<GstCaps> caps;
    GstClockTime arrival;
  };
  void push (Item item);

  const bool leaky_;
  const std::shared_ptr<FeedCounters> counters_;
  const std::function<void ()> on_keyframe_request_;

  mutable std::mutex lock_; // leaf
  std::condition_variable wake_, idle_;
  std::deque<Item> items_;
  bool closed_ = false, stopped_ = true, pushing_ = false;

  // Only the task
  Ref<GstCaps> sent_caps_;
  bool began_ = false;
};

} // namespace lk::media
