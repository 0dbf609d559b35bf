// One webrtcbin in a pipeline of its own, with everything that offering and answering side have in common.
// Internal to rtc.
#pragma once

#include "rtc/ice_checks.hpp"
#include "rtc/peer.hpp"
#include "rtc/sdp.hpp"

#include <gst/webrtc/webrtc.h>

#include <atomic>
#include <vector>

namespace lk::rtc {

class HandshakeRepeater;

/// Counted by probes on streaming threads.
struct Traffic {
  std::atomic<uint64_t> rtp_in = 0, rtcp_in = 0, rtp_out = 0;
};

/// What a side wants to see of the packets. Called on streaming threads, several at once.
struct PacketTaps {
  std::function<bool (GstBuffer *)> admit_rtp; ///< false drops an incoming packet before the RTP session
  std::function<void (GstBuffer *)> rtcp_in;   ///< incoming compound packets
  std::function<void (GstPad *)> rtcp_out;     ///< the pad where RTCP leaves the session, once it is there
};

class PeerTransport : public std::enable_shared_from_this<PeerTransport> {
public:
  /// How foreign threads reach the session: they copy what they have and post; the weak pointer is locked
  /// inside the task only, since locked on a foreign thread it could become the last reference and run the
  /// destructor there.
  struct Hop {
    std::shared_ptr<TaskQueue> queue;
    std::weak_ptr<PeerTransport> self;

    template <typename Fn>
    void
    post (Fn fn) const {
      queue->post ([self = self, fn = std::move (fn)] () mutable {
        if (auto peer = self.lock (); peer && peer->open_) fn (*peer);
      });
    }
  };

  virtual ~PeerTransport ();
  PeerTransport (const PeerTransport &) = delete;
  PeerTransport &operator= (const PeerTransport &) = delete;

protected:
  explicit PeerTransport (const PeerConfig &config);

  /// Makes the pipeline and sets it to PLAYING.
  Result<> open (PacketTaps taps);
  /// No hook is called afterwards. `done` on the session thread, when webrtcbin has reached NULL.
  void shut (std::function<void ()> done);
  /// Reports the first failure; the transport does nothing from then on.
  void fail (Error error);

  // Hooks, session thread, while open.
  virtual void transport_candidate (const std::string &candidate) = 0;
  virtual void transport_state (PeerState state) = 0;
  virtual void transport_failed (const Error &error) = 0;

  // webrtcbin's asynchronous calls; `done` on the session thread, never after shut().
  void
  create_offer (std::function<void (Result<std::string>)> done) {
    create ("create-offer", "offer", std::move (done));
  }
  void
  create_answer (std::function<void (Result<std::string>)> done) {
    create ("create-answer", "answer", std::move (done));
  }
  void
  set_local (GstWebRTCSDPType type, const std::string &sdp, std::function<void (Result<>)> done) {
    set_description ("set-local-description", type, sdp, std::move (done));
  }
  void
  set_remote (GstWebRTCSDPType type, const std::string &sdp, std::function<void (Result<>)> done) {
    set_description ("set-remote-description", type, sdp, std::move (done));
  }

  /// Restarts ICE: the own credentials change, and the server's candidates wait for flush_candidates() again.
  /// False when that failed, which ends the transport.
  bool restart_ice ();
  /// webrtcbin 1.22 cannot restart ICE and writes its first credentials for ever: put into each description
  /// what is in force.
  std::string with_own_credentials (const std::string &sdp) const;
  /// All candidates again, when a restart has been told: libnice tells each only once.
  void resend_candidates ();

  /// Kept until flush_candidates(), passed on at once afterwards.
  void add_remote_candidate (const std::string &candidate);
  /// Both descriptions are in force.
  void flush_candidates ();

  void
  assert_session_thread () const {
    g_assert (config_.queue->is_current ());
  }
  bool
  is_open () const {
    return open_ && !failed_;
  }
  Hop
  hop () {
    return { config_.queue, weak_from_this () };
  }
  PeerState
  peer_state () const {
    return state_;
  }
  PeerActivity
  peer_activity () const {
    return { traffic_->rtp_in, traffic_->rtcp_in, traffic_->rtp_out };
  }
  bool peer_stranded () const;

  const PeerConfig config_;
  Ref<GstElement> pipeline_, webrtc_, rtpbin_;

private:
  void create (const char *signal, const char *field, std::function<void (Result<std::string>)> done);
  void set_description (const char *signal, GstWebRTCSDPType type, const std::string &sdp,
                        std::function<void (Result<>)> done);
  void connect_signals (PacketTaps taps);
  void add_ice_servers ();
  void update_state (GstWebRTCPeerConnectionState connection, GstWebRTCICEConnectionState ice);
  void gathering_complete ();
  void watch_checks ();
  friend struct TransportSignals;

  const std::shared_ptr<Traffic> traffic_ = std::make_shared<Traffic> ();
  std::shared_ptr<HandshakeRepeater> repeater_;
  PeerState state_ = PeerState::New;
  bool open_ = false, failed_ = false;
  bool ice_ran_ = false; // and its state says something
  bool remote_known_ = false, resend_ = false;
  std::optional<IceCredentials> restarted_, remote_;
  std::unique_ptr<IceChecks> checks_;
  std::vector<std::string> local_candidates_;
  std::vector<std::string> waiting_candidates_;
  Ref<GstPromise> promise_; // of the last call; they are made one after another
};

/// Connects a handler that gets its own copy of `data`, freed with the connection.
template <typename Data, typename Handler>
void
connect_with (gpointer object, const char *signal, Handler handler, Data data,
              GConnectFlags flags = GConnectFlags (0)) {
  g_signal_connect_data (
      object, signal, G_CALLBACK (handler), new Data (std::move (data)),
      [] (gpointer copy, GClosure *) { delete static_cast<Data *> (copy); }, flags);
}

/// The same for pad probes.
template <typename Data>
gulong
probe_with (GstPad *pad, GstPadProbeType type,
            GstPadProbeReturn (*callback) (GstPad *, GstPadProbeInfo *, gpointer) noexcept, Data data) {
  return gst_pad_add_probe (pad, type, callback, new Data (std::move (data)),
                            [] (gpointer copy) { delete static_cast<Data *> (copy); });
}

inline constexpr auto kPackets = GstPadProbeType (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);

/// Calls `fn (GstBuffer *)` for the buffer or each buffer of the list.
template <typename Fn>
void
for_each_packet (GstPadProbeInfo *info, Fn fn) {
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    fn (GST_PAD_PROBE_INFO_BUFFER (info));
  } else if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
    for (guint i = 0; i < gst_buffer_list_length (list); ++i)
      fn (gst_buffer_list_get (list, i));
  }
}

/// The SSRC of an RTP packet, 0 when it is too short for one.
inline uint32_t
packet_ssrc (GstBuffer *packet) {
  guint8 bytes[4];
  return gst_buffer_extract (packet, 8, bytes, 4) == 4 ? GST_READ_UINT32_BE (bytes) : 0;
}

} // namespace lk::rtc
