// Encoded access units of one remote track out of the transport pipeline. The thread of the jitter buffer
// calls the first consumer directly (no queue of ours); each further consumer has a bounded leaky queue and a
// thread of its own. Outlives transports.
#pragma once

#include "base/time.hpp"
#include "media/codecs.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace lk::media {

/// One access unit as the transport delivered it.
struct Frame {
  Ref<GstBuffer> buffer; ///< PTS in CLOCK_MONOTONIC time; GstReferenceTimestampMeta "timestamp/x-unix" with
                         ///< the sender's time once known
  Ref<GstCaps> caps;     ///< bridge caps; the same object until they change
};

class FrameConsumer {
public:
  virtual ~FrameConsumer () = default;
  /// Streaming thread. May block (a paused pipeline); after a second of blocking the receiver drops packets
  /// until it returns.
  virtual void on_frame (const Frame &frame) = 0;
  /// Packets were lost for good, from/for in CLOCK_MONOTONIC time. Streaming thread.
  virtual void on_lost (GstClockTime from, GstClockTime duration) = 0;
};

struct FrameReceiverStats {
  uint64_t frames = 0, bytes = 0, keyframes = 0, lost_events = 0;
  uint64_t dropped_blank = 0; ///< 8×8 / 2×2 frames that the server sends at a track's end
  uint64_t dropped_queue = 0; ///< leaky queues of further consumers
  uint64_t dropped_no_consumer = 0;
  GstClockTime last_frame = GST_CLOCK_TIME_NONE; ///< CLOCK_MONOTONIC arrival of the newest frame
};

/// RTP time of a frame against its PTS, for lip-sync arithmetic.
struct RtpPoint {
  uint32_t rtp_time = 0;
  GstClockTime pts = GST_CLOCK_TIME_NONE;
};

class FrameReceiver {
public:
  struct Hooks {
    /// Video started, or lost frames: ask the sender (throttled here to one in 500 ms). Any thread.
    std::function<void ()> request_keyframe;
    /// A consumer blocks for more than a second (true), or goes on (false). Any thread.
    std::function<void (bool)> set_dropping;
  };

  static std::shared_ptr<FrameReceiver> create (Hooks hooks);
  virtual ~FrameReceiver () = default;

  // Consumers, any thread. remove_consumer returns only when no call to that consumer runs or will run: the
  // consumer must have made a blocked on_frame return first (pads deactivated). From inside on_frame it
  // returns at once and that call is the last.
  virtual void add_consumer (std::shared_ptr<FrameConsumer> consumer) = 0;
  virtual void remove_consumer (const std::shared_ptr<FrameConsumer> &consumer) = 0;
  virtual FrameReceiverStats stats () const = 0;
  /// A consumer cannot go on without a key frame: calls the hook, throttled like our own requests.
  virtual void request_keyframe () = 0;

  // Session's side, session thread.
  /// A bin with pad "sink": depayloader → parser → here, for rtc::Subscriber::attach. The previous one is
  /// unbound.
  virtual Result<Ref<GstElement>> make_sink (const Codec &codec, int clock_rate) = 0;
  virtual void unbind () = 0;
  /// The newest sender report: from now on frames carry the sender's wall time.
  virtual void set_sender_report (uint64_t ntp_time, uint32_t rtp_time) = 0;
  /// RTP time and PTS of the newest packet, before set_delay().
  virtual std::optional<RtpPoint> last_point () const = 0;
  /// Lip-sync: frames come out this much later. A sound that jumps because of it is flagged RESYNC, a picture
  /// approaches its place.
  virtual void set_delay (Nanos delay) = 0;
};

} // namespace lk::media
