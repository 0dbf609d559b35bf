// The peer connection that we offer: senders, data channels. One negotiation at a time; requests meanwhile
// are coalesced.
#pragma once

#include "rtc/data_channel.hpp"
#include "rtc/payload_types.hpp"
#include "rtc/peer.hpp"

#include <memory>
#include <string>

namespace lk::rtc {

struct SenderSpec {
  MediaKind kind = MediaKind::Audio;
  std::string cid, stream, codec;
  uint32_t ssrc = 0; ///< 0 = chosen by webrtcbin
};
using SenderId = uint32_t;

struct SenderStats {
  uint64_t packets = 0, bytes = 0, nacks = 0, plis = 0, firs = 0, retransmitted = 0;
  double round_trip_s = 0, jitter_s = 0;
  int64_t packets_lost = 0;
  uint32_t ssrc = 0;
};

class Publisher {
public:
  struct Listener {
    virtual ~Listener () = default;
    virtual void on_publisher_offer (const std::string &sdp, uint32_t id) = 0;
    virtual void on_publisher_candidate (const std::string &candidate) = 0;
    virtual void on_publisher_state (PeerState state) = 0;
    /// The last negotiation is answered and in force.
    virtual void on_publisher_negotiated () = 0;
    /// Where the server sends on the channels that we opened (it does when there is no subscriber).
    virtual void on_publisher_message (ChannelKind kind, Ref<GBytes> message) = 0;
    /// The pipeline failed; the publisher is unusable.
    virtual void on_publisher_failed (const Error &error) = 0;
  };

  static Result<std::shared_ptr<Publisher>> create (const PeerConfig &config, Listener &listener);
  /// Retires the pipeline; no callback follows.
  virtual ~Publisher () = default;

  /// Puts `source` (a bin with one pad "src" that gives RTP with fixed caps: payload type and extension ids
  /// of the table) into the pipeline, links it and brings it to PLAYING. Call negotiate() afterwards. The
  /// element's reference is taken.
  virtual Result<SenderId> add_sender (const SenderSpec &spec, Ref<GstElement> source) = 0;
  /// Stops and removes the source at once; the section becomes inactive at the next negotiate().
  virtual void remove_sender (SenderId id) = 0;
  /// Offers as soon as no other negotiation is under way. The offer carries ids from 1 up.
  virtual void negotiate () = 0;
  /// Stale ids are dropped. Errors end in on_publisher_failed.
  virtual void set_answer (const std::string &sdp, uint32_t id) = 0;
  virtual void add_candidate (const std::string &candidate) = 0;
  /// The signalling connection is gone: no answer is waited for and no offer made until restart().
  virtual void suspend () = 0;
  /// Offers what there is, with ICE restarted if it ever ran.
  virtual void restart () = 0;

  /// Opens with the connection.
  virtual std::shared_ptr<DataChannel> channel (ChannelKind kind) = 0;
  /// Received messages that came faster than the session thread takes them.
  virtual uint64_t dropped_messages () const = 0;

  virtual PeerState state () const = 0;
  virtual PeerActivity activity () const = 0;
  /// Asynchronous: the callback comes on the session thread.
  virtual void sender_stats (SenderId id, std::function<void (const SenderStats &)> done) = 0;
  /// True while an offer waits for its answer.
  virtual bool negotiating () const = 0;
  /// Ends everything: sources stopped, webrtcbin to NULL on the reaper thread; `done` on the session thread.
  /// No callback of the listener follows.
  virtual void close (std::function<void ()> done) = 0;

  /// What it sends from is no address of this machine any more.
  virtual bool stranded () const = 0;
};

} // namespace lk::rtc
