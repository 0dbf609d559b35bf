// The received RTP streams by SSRC, as streaming threads need them. Internal to rtc.
#pragma once

#include "rtc/peer_transport.hpp"
#include "rtc/sdp.hpp"

#include <map>
#include <mutex>
#include <set>

namespace lk::rtc {

/// Touched for each packet. Shared with probes; knows nobody.
struct StreamGate {
  std::atomic<bool> dropping = false;
  std::atomic<bool> blocked = false; ///< nothing is attached yet
  std::atomic<uint64_t> since_blocked = 0, dropped = 0;

  /// Whether a packet may enter the jitter buffer; counts those that may not.
  bool admit ();
};

struct ReceiveStream {
  const uint32_t ssrc;
  const MediaKind kind;
  const std::shared_ptr<StreamGate> gate = std::make_shared<StreamGate> ();

  // Session thread.
  std::string mid;
  TimerPtr linger;       ///< until removal, once it has left the offer
  Ref<GstElement> guard; ///< behind the newest pad
  Ref<GstElement> sink;  ///< attached behind the guard

  // Any thread, under the lock of ReceiveStreams.
  Ref<GstPad> pad;
  Ref<GstElement> jitterbuffer;
};
using StreamPtr = std::shared_ptr<ReceiveStream>;

/// Thread-safe. The lock is a leaf, held for look-ups and copies only.
class ReceiveStreams {
public:
  struct Change {
    std::vector<StreamPtr> gone, back;
  };
  /// The sections of the offer in force. Streams that it no longer names are gone, and come back when a later
  /// one names them again.
  Change update (const std::vector<ReceiveSection> &sections);
  /// Forgets a stream that is gone; false when it came back meanwhile.
  bool remove (const StreamPtr &stream);
  /// Forgets all. On the session thread before the table dies with rtpbin, since the streams' timers belong
  /// there.
  void clear ();

  /// A stream of the offer in force.
  StreamPtr find (uint32_t ssrc) const;
  /// Only SSRCs of the offer in force may enter the RTP session: webrtcbin 1.22 crashes on one that it cannot
  /// place when m-line 0 is the data section, and what is late for a recycled section would become a stream
  /// of nobody.
  bool knows (uint32_t ssrc) const;

  void set_pad (ReceiveStream &stream, Ref<GstPad> pad);
  Ref<GstPad> pad (uint32_t ssrc) const;
  void set_jitterbuffer (ReceiveStream &stream, Ref<GstElement> jitterbuffer);
  /// After rtpbin has set all its jitter buffers to `latency`: those of video wait longer for what is lost.
  void set_latency (Millis latency);
  /// What is lost on a way that is full is asked for once: the repetitions of repetitions take the place of
  /// what comes after, and the server, which counts them, takes them for a reason to pause the picture.
  void set_congested (bool congested);
  Ref<GstElement> jitterbuffer (uint32_t ssrc) const;

private:
  std::vector<Ref<GstElement>> video_jitterbuffers () const;

  bool congested_ = false; // session thread
  mutable std::mutex lock_;
  std::map<uint32_t, StreamPtr> streams_, gone_;
  std::set<uint32_t> retransmissions_;
};

/// `new-jitterbuffer` of rtpbin: retransmission for video only (webrtcbin sets what the last transceiver of
/// the bundle wants), with the patience that it takes, and the gate before it.
void watch_jitterbuffers (GstElement *rtpbin, std::shared_ptr<ReceiveStreams> streams);

} // namespace lk::rtc
