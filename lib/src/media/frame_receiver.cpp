#include "media/frame_receiver.hpp"

#include "base/log.hpp"
#include "media/consumer_slot.hpp"
#include "media/frame_delay.hpp"
#include "media/frame_tap.hpp"
#include "media/opus.hpp"
#include "media/time_map.hpp"
#include "media/watchdog.hpp"

#include <algorithm>
#include <vector>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {

// From a request on the server repeats no packet until it has sent a key frame, and it passes on one request
// a second. One that comes too early, right behind the key frame that it asks for, so leaves every loss of
// the next second unrepaired.
constexpr GstClockTime kKeyframeInterval = GST_SECOND;
constexpr GstClockTime kBlockedAfter = GST_SECOND;
// The server ends every video track with a few frames of 8×8 (VP8) or 2×2 (H264); nobody publishes pictures
// this small.
constexpr int kBlankSize = 16;
// From 1900 to 1970.
constexpr int64_t kNtpToUnix = 2'208'988'800LL * GST_SECOND;

int64_t
ntp_to_ns (uint64_t ntp) {
  return static_cast<int64_t> ((ntp >> 32) * GST_SECOND + (((ntp & 0xffffffff) * GST_SECOND) >> 32));
}

class Receiver final : public FrameReceiver,
                       public FrameTap::Listener,
                       public Watched,
                       public std::enable_shared_from_this<Receiver> {
public:
  explicit Receiver (Hooks hooks) : hooks_ (std::move (hooks)) {}

  void add_consumer (std::shared_ptr<FrameConsumer> consumer) override;
  void remove_consumer (const std::shared_ptr<FrameConsumer> &consumer) override;
  FrameReceiverStats stats () const override;
  void request_keyframe () override;
  Result<Ref<GstElement>> make_sink (const Codec &codec, int clock_rate) override;
  void unbind () override;
  void set_sender_report (uint64_t ntp_time, uint32_t rtp_time) override;
  std::optional<RtpPoint> last_point () const override;
  void set_delay (Nanos delay) override;

  void on_packet (const FrameTap *tap, uint32_t rtp_time, GstClockTime pts) override;
  void on_loss (const FrameTap *tap, GstClockTime from, GstClockTime duration) override;
  void on_frame (const FrameTap *tap, Ref<GstBuffer> buffer, const Ref<GstCaps> &caps) override;
  void on_tick () override;

private:
  using Slots = std::vector<std::shared_ptr<ConsumerSlot>>;
  bool is_blank (const GstCaps *caps) const;
  void stamp_sender_time (Ref<GstBuffer> &buffer) const;
  void ask_for_keyframe (std::unique_lock<std::mutex> &hold);
  bool
  is_video () const {
    return codec_ && codec_->kind == MediaKind::Video;
  }

  const Hooks hooks_;
  const Ref<GstCaps> unix_caps_ = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("timestamp/x-unix"));

  mutable std::mutex lock_; // held for state only, never across a consumer or a hook
  Slots slots_;
  FrameReceiverStats stats_;
  const Codec *codec_ = nullptr;
  int clock_rate_ = 0;
  const FrameTap *tap_ = nullptr; ///< whose calls count; older ones are ignored
  std::optional<RtpPoint> point_;
  bool has_report_ = false;
  uint64_t report_ntp_ = 0;
  uint32_t report_rtp_ = 0;
  bool needs_keyframe_ = false;
  GstClockTime last_request_ = GST_CLOCK_TIME_NONE;
  GstClockTime last_pts_ = GST_CLOCK_TIME_NONE;
  FrameDelay delay_;
  bool dropping_ = false; ///< said so through the hook
};

void
Receiver::add_consumer (std::shared_ptr<FrameConsumer> consumer) {
  std::unique_lock hold (lock_);
  bool direct = std::ranges::none_of (slots_, [] (const auto &slot) { return slot->direct (); });
  slots_.push_back (std::make_shared<ConsumerSlot> (std::move (consumer), direct));
  if (is_video ()) {
    needs_keyframe_ = true;
    ask_for_keyframe (hold);
  }
}

void
Receiver::remove_consumer (const std::shared_ptr<FrameConsumer> &consumer) {
  Slots removed;
  {
    std::lock_guard hold (lock_);
    auto kept = std::stable_partition (slots_.begin (), slots_.end (),
                                       [&] (const auto &slot) { return !slot->is (consumer.get ()); });
    removed.assign (kept, slots_.end ());
    slots_.erase (kept, slots_.end ());
  }
  for (const auto &slot : removed)
    slot->remove ();
}

FrameReceiverStats
Receiver::stats () const {
  std::lock_guard hold (lock_);
  return stats_;
}

void
Receiver::request_keyframe () {
  std::unique_lock hold (lock_);
  if (!is_video ()) return;
  needs_keyframe_ = true;
  ask_for_keyframe (hold);
}

Result<Ref<GstElement>>
Receiver::make_sink (const Codec &codec, int clock_rate) {
  auto tap = std::make_shared<FrameTap> (std::static_pointer_cast<FrameTap::Listener> (shared_from_this ()));
  auto bin = make_tap_bin (codec, tap);
  if (!bin) return bin;
  {
    std::lock_guard hold (lock_);
    codec_ = &codec;
    clock_rate_ = clock_rate;
    tap_ = tap.get ();
    point_.reset ();
    last_pts_ = GST_CLOCK_TIME_NONE;
    delay_.reset (codec.kind);
    has_report_ = false;
    needs_keyframe_ = is_video ();
    // The server begins with a key frame by itself, if somebody was there to see it.
    last_request_ = slots_.empty () ? GST_CLOCK_TIME_NONE : monotonic_now ();
  }
  watch (std::static_pointer_cast<Watched> (shared_from_this ()));
  return bin;
}

void
Receiver::unbind () {
  std::lock_guard hold (lock_);
  tap_ = nullptr;
  point_.reset ();
  has_report_ = false;
}

void
Receiver::set_sender_report (uint64_t ntp_time, uint32_t rtp_time) {
  std::lock_guard hold (lock_);
  has_report_ = true;
  report_ntp_ = ntp_time;
  report_rtp_ = rtp_time;
}

std::optional<RtpPoint>
Receiver::last_point () const {
  std::lock_guard hold (lock_);
  return point_;
}

void
Receiver::set_delay (Nanos delay) {
  std::lock_guard hold (lock_);
  delay_.set_target (delay);
}

void
Receiver::on_packet (const FrameTap *tap, uint32_t rtp_time, GstClockTime pts) {
  std::unique_lock hold (lock_);
  if (tap != tap_) return;
  if (GST_CLOCK_TIME_IS_VALID (pts)) point_ = RtpPoint{ rtp_time, pts };
  if (needs_keyframe_) ask_for_keyframe (hold);
}

void
Receiver::on_loss (const FrameTap *tap, GstClockTime from, GstClockTime duration) {
  std::unique_lock hold (lock_);
  if (tap != tap_) return;
  ++stats_.lost_events;
  needs_keyframe_ = is_video ();
  Slots slots = slots_;
  if (GST_CLOCK_TIME_IS_VALID (from)) from = delay_.moved (from);
  if (needs_keyframe_) ask_for_keyframe (hold);
  if (hold.owns_lock ()) hold.unlock ();
  for (const auto &slot : slots)
    slot->lost (from, duration);
}

void
Receiver::on_frame (const FrameTap *tap, Ref<GstBuffer> buffer, const Ref<GstCaps> &caps) {
  GstBuffer *b = buffer.get ();
  bool is_key = !GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DELTA_UNIT);
  Slots slots;
  {
    std::lock_guard hold (lock_);
    if (tap != tap_) return;
    if (is_blank (caps.get ())) {
      ++stats_.dropped_blank;
      return;
    }
    stats_.last_frame = monotonic_now ();
    ++stats_.frames;
    stats_.bytes += gst_buffer_get_size (b);
    if (is_video () && is_key) ++stats_.keyframes;
    if (is_key) needs_keyframe_ = false;
    // After a long hole the jitter buffer starts anew without saying what was lost.
    if (is_video () && !is_key && GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DISCONT)) {
      needs_keyframe_ = true;
      for (const auto &slot : slots_)
        slot->skip_to_keyframe ();
    }
    buffer = Ref<GstBuffer>::adopt (gst_buffer_make_writable (buffer.release ()));
    b = buffer.get ();
    // Where a sender repeats parameter sets within a picture, a parser makes two of it, the second without a
    // time.
    if (!GST_BUFFER_PTS_IS_VALID (b)) GST_BUFFER_PTS (b) = last_pts_;
    last_pts_ = GST_BUFFER_PTS (b);
    // There is no reordering in a live stream, and consumers move the PTS alone.
    GST_BUFFER_DTS (b) = GST_CLOCK_TIME_NONE;
    if (!is_video ()) GST_BUFFER_DURATION (b) = opus_duration (b);
    stamp_sender_time (buffer);
    if (GST_BUFFER_PTS_IS_VALID (b)) {
      auto moved = delay_.move (GST_BUFFER_PTS (b), GST_BUFFER_DURATION (b));
      if (!moved) return;
      GST_BUFFER_PTS (b) = moved->pts;
      if (moved->jumped) GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_RESYNC);
    }
    if (slots_.empty ()) {
      ++stats_.dropped_no_consumer;
      return;
    }
    slots = slots_;
  }

  Frame frame{ std::move (buffer), caps };
  uint64_t full = 0;
  // The direct consumer last: it may block, and the others need not wait for that.
  for (const auto &slot : slots)
    if (!slot->direct () && !slot->frame (frame)) ++full;
  for (const auto &slot : slots)
    if (slot->direct ()) slot->frame (frame);

  std::unique_lock hold (lock_);
  stats_.dropped_queue += full;
  bool was_dropping = std::exchange (dropping_, false);
  if (is_video () && (was_dropping || full > 0)) {
    needs_keyframe_ = true;
    ask_for_keyframe (hold);
  }
  if (hold.owns_lock ()) hold.unlock ();
  if (was_dropping) hooks_.set_dropping (false);
}

void
Receiver::on_tick () {
  {
    std::lock_guard hold (lock_);
    GstClockTime now = monotonic_now ();
    bool blocked = std::ranges::any_of (slots_, [now] (const auto &slot) {
      GstClockTime since = slot->busy_since ();
      return since != 0 && now > since + kBlockedAfter;
    });
    if (!blocked || dropping_ || !tap_) return;
    dropping_ = true;
  }
  hooks_.set_dropping (true);
  std::unique_lock hold (lock_);
  bool meanwhile_over = !dropping_;
  hold.unlock ();
  if (meanwhile_over) hooks_.set_dropping (false); // on_frame() may have said so before the line above
}

bool
Receiver::is_blank (const GstCaps *caps) const {
  int width = 0, height = 0;
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  return gst_structure_get_int (s, "width", &width) && gst_structure_get_int (s, "height", &height)
         && width <= kBlankSize && height <= kBlankSize;
}

void
Receiver::stamp_sender_time (Ref<GstBuffer> &buffer) const {
  GstBuffer *b = buffer.get ();
  if (!has_report_ || !point_ || clock_rate_ <= 0 || !GST_BUFFER_PTS_IS_VALID (b)) return;
  // The point may belong to the frame after this one: the difference of their PTS makes up for that.
  int64_t since_report = static_cast<int32_t> (point_->rtp_time - report_rtp_)
                         * static_cast<int64_t> (GST_SECOND) / clock_rate_;
  int64_t unix_time = ntp_to_ns (report_ntp_) - kNtpToUnix + since_report
                      + GST_CLOCK_DIFF (point_->pts, GST_BUFFER_PTS (b));
  if (unix_time < 0) return; // the sender's clock is not set
  gst_buffer_add_reference_timestamp_meta (b, unix_caps_.get (), static_cast<GstClockTime> (unix_time),
                                           GST_CLOCK_TIME_NONE);
}

void
Receiver::ask_for_keyframe (std::unique_lock<std::mutex> &hold) {
  GstClockTime now = monotonic_now ();
  if (!tap_ || (GST_CLOCK_TIME_IS_VALID (last_request_) && now - last_request_ < kKeyframeInterval)) return;
  last_request_ = now;
  hold.unlock ();
  hooks_.request_keyframe ();
}

} // namespace

std::shared_ptr<FrameReceiver>
FrameReceiver::create (Hooks hooks) {
  return std::make_shared<Receiver> (std::move (hooks));
}

} // namespace lk::media
