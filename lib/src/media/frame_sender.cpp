#include "media/frame_sender.hpp"

#include "base/log.hpp"
#include "media/feed.hpp"
#include "media/rtp_caps.hpp"
#include "media/time_map.hpp"

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {

constexpr GstClockTime kHandlerInterval = 100 * GST_MSECOND;
// An encoder answers a request within a few frames; asking again before that only makes it send two key
// frames.
constexpr GstClockTime kRepeatInterval = 500 * GST_MSECOND;

class Sender final : public FrameSender, public std::enable_shared_from_this<Sender> {
public:
  explicit Sender (const Codec &codec) : codec_ (codec) {}
  ~Sender () override {
    if (feed_) feed_->close ();
  }

  void set_caps (GstCaps *caps) override;
  bool push (Ref<GstBuffer> frame) override;
  void set_muted (bool muted) override;
  void set_keyframe_handler (std::function<void ()> handler) override;
  FrameSenderStats stats () const override;
  bool wait_drained (GstClockTime limit) override;
  Result<Ref<GstElement>> make_source (bool audio_level) override;
  void unbind () override;

private:
  using Counter = uint64_t FrameSenderStats::*;
  bool drop (std::unique_lock<std::mutex> &hold, Counter reason);
  void ask_for_keyframe (std::unique_lock<std::mutex> &hold, GstClockTime interval);
  bool
  is_video () const {
    return codec_.kind == MediaKind::Video;
  }

  const Codec &codec_;
  const std::shared_ptr<FeedCounters> counters_ = std::make_shared<FeedCounters> ();

  mutable std::mutex lock_; // taken before the feed's; no call out is made with it held
  Ref<GstCaps> caps_;
  std::shared_ptr<Feed> feed_;
  std::function<void ()> keyframe_handler_;
  FrameSenderStats stats_; // the counters kept here
  bool muted_ = false;
  bool needs_keyframe_ = false; ///< video: the frames since the last drop cannot be decoded
  Counter last_drop_ = &FrameSenderStats::dropped_unbound; ///< what the missing key frame is owed to
  GstClockTime last_request_ = GST_CLOCK_TIME_NONE;
  bool asked_again_ = false; ///< too soon after that one, and no key frame has come since
};

void
Sender::set_caps (GstCaps *caps) {
  auto next = Ref<GstCaps>::retain (caps);
  std::lock_guard hold (lock_);
  std::swap (caps_, next);
}

bool
Sender::push (Ref<GstBuffer> frame) {
  bool is_key = !GST_BUFFER_FLAG_IS_SET (frame.get (), GST_BUFFER_FLAG_DELTA_UNIT);
  // RTP time comes from the PTS; a DTS would still be in the user pipeline's time.
  if (GST_BUFFER_DTS_IS_VALID (frame.get ())) {
    frame = Ref<GstBuffer>::adopt (gst_buffer_make_writable (frame.release ()));
    GST_BUFFER_DTS (frame.get ()) = GST_CLOCK_TIME_NONE;
  }

  std::unique_lock hold (lock_);
  if (muted_) return drop (hold, &FrameSenderStats::dropped_paused);
  if (!feed_) return drop (hold, &FrameSenderStats::dropped_unbound);
  if (needs_keyframe_ && !is_key) {
    ++(stats_.*last_drop_);
    ask_for_keyframe (hold, kRepeatInterval);
    return false;
  }
  switch (feed_->offer (std::move (frame), caps_)) {
  case Feed::Offer::TakenForOldest:
    ++stats_.dropped_full;
    return true;
  case Feed::Offer::Taken:
    needs_keyframe_ = false;
    asked_again_ = asked_again_ && !is_key;
    // Who asks right after a key frame has missed that one, like the first viewer of a new track.
    if (asked_again_) ask_for_keyframe (hold, kHandlerInterval);
    return true;
  case Feed::Offer::Full:
    return drop (hold, &FrameSenderStats::dropped_full);
  default:
    return drop (hold, &FrameSenderStats::dropped_unbound);
  }
}

bool
Sender::drop (std::unique_lock<std::mutex> &hold, Counter reason) {
  ++(stats_.*reason);
  last_drop_ = reason;
  needs_keyframe_ = is_video ();
  // Away or muted, a key frame would only be dropped as well; the first frame after that asks.
  if (needs_keyframe_ && reason == &FrameSenderStats::dropped_full) ask_for_keyframe (hold, kRepeatInterval);
  return false;
}

void
Sender::ask_for_keyframe (std::unique_lock<std::mutex> &hold, GstClockTime interval) {
  GstClockTime now = monotonic_now ();
  if (GST_CLOCK_TIME_IS_VALID (last_request_) && now - last_request_ < interval) {
    asked_again_ = true;
    return;
  }
  asked_again_ = false;
  last_request_ = now;
  ++stats_.keyframe_requests;
  auto handler = keyframe_handler_;
  hold.unlock ();
  if (handler) handler ();
}

void
Sender::set_muted (bool muted) {
  std::unique_lock hold (lock_);
  bool unmuted = muted_ && !muted;
  muted_ = muted;
  if (unmuted && is_video ()) ask_for_keyframe (hold, kHandlerInterval);
}

void
Sender::set_keyframe_handler (std::function<void ()> handler) {
  std::lock_guard hold (lock_);
  std::swap (keyframe_handler_, handler);
}

FrameSenderStats
Sender::stats () const {
  std::lock_guard hold (lock_);
  FrameSenderStats stats = stats_;
  stats.frames = counters_->frames;
  stats.bytes = counters_->bytes;
  stats.queued = feed_ ? feed_->queued () : 0;
  return stats;
}

bool
Sender::wait_drained (GstClockTime limit) {
  std::shared_ptr<Feed> feed;
  {
    std::lock_guard hold (lock_);
    feed = feed_;
  }
  return !feed || feed->wait_empty (limit);
}

Result<Ref<GstElement>>
Sender::make_source (bool audio_level) {
  unbind ();
  auto payloader = make_payloader (codec_, audio_level);
  if (!payloader) return payloader;

  auto feed = std::make_shared<Feed> (!is_video (), counters_, [weak = weak_from_this ()] {
    if (auto self = weak.lock ()) {
      std::unique_lock hold (self->lock_);
      if (!self->muted_) self->ask_for_keyframe (hold, kHandlerInterval);
    }
  });
  std::unique_lock hold (lock_);
  auto rtp_caps = make_rtp_caps (codec_, audio_level, caps_.get ());
  hold.unlock ();

  auto source = make_pad_element ("feed", feed, nullptr, codec_.bridge_caps);
  auto fixer = make_pad_element ("caps", make_caps_fixer (std::move (rtp_caps), *payloader),
                                 "application/x-rtp", "application/x-rtp");
  auto bin = Ref<GstElement>::sink (gst_bin_new (nullptr));
  for (GstElement *element : { source.get (), payloader->get (), fixer.get () })
    add_quietly (bin.get (), element);
  if (!gst_element_link_many (source.get (), payloader->get (), fixer.get (), nullptr))
    return Error{ Errc::Internal, Retry::Never,
                  std::string ("The payloader of ") + codec_.name + " does not link." };
  auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (fixer.get (), "src"));
  gst_element_add_pad (bin.get (), gst_ghost_pad_new ("src", src.get ()));

  hold.lock ();
  feed_ = std::move (feed);
  // Those who listen to the new stream have none of the frames before.
  needs_keyframe_ = is_video ();
  last_drop_ = &FrameSenderStats::dropped_unbound;
  return bin;
}

void
Sender::unbind () {
  std::shared_ptr<Feed> old;
  {
    std::lock_guard hold (lock_);
    old.swap (feed_);
  }
  if (old) old->close ();
}

} // namespace

std::shared_ptr<FrameSender>
FrameSender::create (const Codec &codec) {
  return std::make_shared<Sender> (codec);
}

} // namespace lk::media
