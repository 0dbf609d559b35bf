// The peer connection that the server offers: received tracks and data.
#pragma once

#include "rtc/data_channel.hpp"
#include "rtc/peer.hpp"
#include "rtc/sdp.hpp"

#include <memory>
#include <string>
#include <vector>

namespace lk::rtc {

/// A new RTP stream. Its pad is blocked until attach() or ignore(), so no packet is lost and none is queued
/// without bound.
struct Incoming {
  std::string mid;
  uint32_t ssrc = 0;
  std::string codec; ///< short name from the caps
  Ref<GstPad> pad;
  Ref<GstCaps> caps;
};

/// A sender report as it arrived: ties RTP time to the sender's wall clock.
struct SenderReport {
  uint32_t ssrc = 0, rtp_time = 0;
  uint64_t ntp_time = 0; ///< 32.32 fixed point, since 1900
  Nanos arrival{ 0 };    ///< CLOCK_MONOTONIC
};

struct ReceiverStats {
  uint64_t packets = 0, bytes = 0, nacks_sent = 0, plis_sent = 0, retransmissions = 0, dropped_paused = 0;
  int64_t lost = 0;
  double jitter_s = 0;
};

class Subscriber {
public:
  struct Listener {
    virtual ~Listener () = default;
    virtual void on_subscriber_answer (const std::string &sdp, uint32_t id) = 0;
    virtual void on_subscriber_candidate (const std::string &candidate) = 0;
    virtual void on_subscriber_state (PeerState state) = 0;
    /// The sections of the offer now in force, before its answer goes out: mid ↔ track is only ever right in
    /// the latest one.
    virtual void on_subscriber_sections (const std::vector<ReceiveSection> &sections) = 0;
    virtual void on_incoming (const Incoming &incoming) = 0;
    virtual void on_sender_report (const SenderReport &report) = 0;
    virtual void on_subscriber_message (ChannelKind kind, Ref<GBytes> message) = 0;
    virtual void on_subscriber_failed (const Error &error) = 0;
  };

  /// `codecs`: short names of what media can depayload; the answer accepts these.
  static Result<std::shared_ptr<Subscriber>> create (const PeerConfig &config,
                                                     std::vector<std::string> codecs, Listener &listener);
  virtual ~Subscriber () = default;

  /// Offers are worked off strictly one after the other. A new ice-ufrag restarts ICE in libnice.
  virtual void handle_offer (const std::string &sdp, uint32_t id,
                             const std::map<std::string, std::string> &tracks)
      = 0;
  virtual void add_candidate (const std::string &candidate) = 0;

  /// Puts `sink` (a bin with one pad "sink" that takes RTP) into the pipeline behind the stream and unblocks
  /// it.
  virtual Result<> attach (const Incoming &incoming, Ref<GstElement> sink) = 0;
  /// Lets the stream run into nothing.
  virtual void ignore (const Incoming &incoming) = 0;
  /// Stops and removes what was attached to that stream; its packets are dropped from then on.
  virtual void detach (uint32_t ssrc) = 0;

  /// While true, packets of that SSRC are dropped before its jitter buffer (and counted). Any thread.
  virtual void set_dropping (uint32_t ssrc, bool dropping) = 0;
  /// PLI, never FIR; throttled by the caller. Any thread.
  virtual void request_keyframe (uint32_t ssrc) = 0;
  virtual void set_latency (Millis latency) = 0;

  /// Received messages that came faster than the session thread takes them.
  virtual uint64_t dropped_messages () const = 0;
  virtual PeerState state () const = 0;
  virtual PeerActivity activity () const = 0;
  virtual void receiver_stats (uint32_t ssrc, std::function<void (const ReceiverStats &)> done) = 0;
  virtual void close (std::function<void ()> done) = 0;

  /// What it sends from is no address of this machine any more.
  virtual bool stranded () const = 0;
};

} // namespace lk::rtc
