#include "rtc/peer_transport.hpp"

#include "base/log.hpp"
#include "rtc/handshake_repeater.hpp"
#include "rtc/ice_agent.hpp"

#include <string_view>

namespace lk::rtc {

namespace {

// A server sends a handful; more than this is hostile.
constexpr size_t kMaxWaitingCandidates = 256;
// As many as a machine with dozens of addresses gathers.
constexpr size_t kMaxLocalCandidates = 256;

Error
broken (std::string message) {
  return { Errc::MediaFailed, Retry::Restart, std::move (message) };
}

/// Ends with the destruction of the promise, on whichever thread; only posts.
struct PendingPromise {
  PeerTransport::Hop hop;
  const char *field; ///< of the reply that holds the description, or null
  std::function<void (Result<std::string>)> done;
};

Result<std::string>
read_reply (GstPromise *promise, const char *field) {
  // In a change function this returns at once; there is no other way to ask for the outcome.
  if (gst_promise_wait (promise) != GST_PROMISE_RESULT_REPLIED) return broken ("webrtcbin gave no answer");
  const GstStructure *reply = gst_promise_get_reply (promise);
  if (reply && gst_structure_has_field_typed (reply, "error", G_TYPE_ERROR)) {
    GError *raw = nullptr;
    gst_structure_get (reply, "error", G_TYPE_ERROR, &raw, nullptr);
    ErrorPtr error (raw);
    return broken (std::string ("webrtcbin: ") + error->message);
  }
  if (!field) return std::string ();
  GstWebRTCSessionDescription *description = nullptr;
  if (!reply || !gst_structure_get (reply, field, GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, nullptr))
    return broken ("webrtcbin made no description");
  CString text (gst_sdp_message_as_text (description->sdp));
  gst_webrtc_session_description_free (description);
  return std::string (text.get ());
}

void
on_promise (GstPromise *promise, gpointer data) noexcept {
  auto &pending = *static_cast<PendingPromise *> (data);
  pending.hop.post ([reply = read_reply (promise, pending.field), done = std::move (pending.done)] (
                        PeerTransport &) mutable { done (std::move (reply)); });
}

Ref<GstPromise>
make_promise (PeerTransport::Hop hop, const char *field, std::function<void (Result<std::string>)> done) {
  return Ref<GstPromise>::adopt (gst_promise_new_with_change_func (
      on_promise, new PendingPromise{ std::move (hop), field, std::move (done) },
      [] (gpointer data) { delete static_cast<PendingPromise *> (data); }));
}

} // namespace

/// The trampolines: run on webrtcbin's, libnice's and streaming threads, copy and post.
struct TransportSignals {
  using Hop = PeerTransport::Hop;
  struct Bus {
    Hop hop;
    GstElement *webrtc; ///< only compared
  };
  struct Pads {
    std::shared_ptr<Traffic> traffic;
    PacketTaps taps;
  };

  static void
  on_ice_candidate (GstElement *, guint, gchar *candidate, gpointer data) noexcept {
    auto line = clean_local_candidate (candidate ? candidate : "");
    if (!line) return;
    static_cast<Hop *> (data)->post ([line = std::move (*line)] (PeerTransport &peer) {
      if (!peer.is_open ()) return;
      if (peer.local_candidates_.size () < kMaxLocalCandidates) peer.local_candidates_.push_back (line);
      peer.transport_candidate (line);
    });
  }

  static void
  on_state (GstElement *webrtc, GParamSpec *, gpointer data) noexcept {
    GstWebRTCPeerConnectionState connection;
    GstWebRTCICEConnectionState ice;
    g_object_get (webrtc, "connection-state", &connection, "ice-connection-state", &ice, nullptr);
    static_cast<Hop *> (data)->post (
        [connection, ice] (PeerTransport &peer) { peer.update_state (connection, ice); });
  }

  static void
  on_gathering (GstElement *webrtc, GParamSpec *, gpointer data) noexcept {
    GstWebRTCICEGatheringState state;
    g_object_get (webrtc, "ice-gathering-state", &state, nullptr);
    if (state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE) return;
    static_cast<Hop *> (data)->post ([] (PeerTransport &peer) { peer.gathering_complete (); });
  }

  /// All messages end here, so that the bus needs neither watch nor thread. LATENCY messages need no answer:
  /// nothing in this pipeline waits for its latency; what is attached reports it in the user's pipeline.
  static GstBusSyncReply
  on_message (GstBus *, GstMessage *message, gpointer data) noexcept {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      auto &bus = *static_cast<Bus *> (data);
      GError *raw = nullptr;
      gst_message_parse_error (message, &raw, nullptr);
      ErrorPtr error (raw);
      GstObject *source = GST_MESSAGE_SRC (message);
      std::string text = std::string (source ? GST_OBJECT_NAME (source) : "?") + ": " + error->message;
      // One track's source or sink that failed does not take the others with it: its flow guard keeps the
      // flow error.
      if (source && gst_object_has_as_ancestor (source, GST_OBJECT_CAST (bus.webrtc)))
        bus.hop.post ([text = std::move (text)] (PeerTransport &peer) { peer.fail (broken (text)); });
      else
        GST_CAT_WARNING (log::rtc (), "one stream failed: %s", text.c_str ());
    }
    gst_message_unref (message);
    return GST_BUS_DROP;
  }

  static GstPadProbeReturn
  on_rtp_in (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
    auto &pads = *static_cast<Pads *> (data);
    if (!(info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST)) {
      ++pads.traffic->rtp_in;
      bool admitted = !pads.taps.admit_rtp || pads.taps.admit_rtp (GST_PAD_PROBE_INFO_BUFFER (info));
      return admitted ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
    }
    auto *list = gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));
    info->data = list;
    for (guint i = gst_buffer_list_length (list); i-- > 0;) {
      ++pads.traffic->rtp_in;
      if (pads.taps.admit_rtp && !pads.taps.admit_rtp (gst_buffer_list_get (list, i)))
        gst_buffer_list_remove (list, i, 1);
    }
    return gst_buffer_list_length (list) > 0 ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  }

  static GstPadProbeReturn
  on_rtcp_in (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
    auto &pads = *static_cast<Pads *> (data);
    for_each_packet (info, [&] (GstBuffer *packet) {
      ++pads.traffic->rtcp_in;
      if (pads.taps.rtcp_in) pads.taps.rtcp_in (packet);
    });
    return GST_PAD_PROBE_OK;
  }

  static GstPadProbeReturn
  on_rtp_out (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
    auto &pads = *static_cast<Pads *> (data);
    for_each_packet (info, [&] (GstBuffer *) { ++pads.traffic->rtp_out; });
    return GST_PAD_PROBE_OK;
  }

  /// rtpbin's pads appear with the first negotiation; all media of a bundle goes through session 0.
  static void
  on_rtpbin_pad (GstElement *, GstPad *pad, gpointer data) noexcept {
    auto &pads = *static_cast<Pads *> (data);
    CString name (gst_pad_get_name (pad));
    std::string_view text = name.get ();
    if (text == "recv_rtp_sink_0")
      probe_with (pad, kPackets, on_rtp_in, pads);
    else if (text == "recv_rtcp_sink_0")
      probe_with (pad, kPackets, on_rtcp_in, pads);
    else if (text == "send_rtp_src_0")
      probe_with (pad, kPackets, on_rtp_out, pads);
    else if (text == "send_rtcp_src_0" && pads.taps.rtcp_out)
      pads.taps.rtcp_out (pad);
  }
};

PeerTransport::PeerTransport (const PeerConfig &config) : config_ (config) {}

PeerTransport::~PeerTransport () {
  if (repeater_) repeater_->stop ();
  if (pipeline_) retire (std::move (pipeline_));
}

Result<>
PeerTransport::open (PacketTaps taps) {
  assert_session_thread ();
  if (auto missing = missing_transport_elements (); !missing.empty ())
    return Error{ Errc::MissingElement, Retry::Never, "install the missing GStreamer elements: " + missing };
  auto clock = Ref<GstClock>::adopt (gst_system_clock_obtain ());
  pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (("lk-" + config_.name).c_str ()));
  webrtc_ = Ref<GstElement>::sink (gst_element_factory_make ("webrtcbin", config_.name.c_str ()));
  // PTS = CLOCK_MONOTONIC, so that what crosses to other pipelines can be placed there.
  gst_pipeline_use_clock (GST_PIPELINE (pipeline_.get ()), clock.get ());
  gst_element_set_start_time (pipeline_.get (), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (pipeline_.get (), 0);
  gst_util_set_object_arg (G_OBJECT (webrtc_.get ()), "bundle-policy", "max-bundle");
  g_object_set (webrtc_.get (), "latency", guint (config_.latency.count ()), nullptr);
  gst_bin_add (GST_BIN (pipeline_.get ()), webrtc_.get ());
  rtpbin_ = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (webrtc_.get ()), "rtpbin"));
  if (!rtpbin_) return broken ("webrtcbin has no rtpbin");
  // Sender reports speak of when a frame was captured. Of when it was sent they say what an encoder or a
  // queue took, and a receiver plays sound and picture apart by that.
  g_object_set (rtpbin_.get (), "rtcp-sync-send-time", FALSE, nullptr);
  set_up_ice (webrtc_.get ());
  add_ice_servers ();
  connect_signals (std::move (taps));
  repeater_ = std::make_shared<HandshakeRepeater> (config_.queue, *config_.timers);
  repeater_->watch (webrtc_.get ());
  open_ = true;
  if (gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return broken ("webrtcbin does not start");
  return {};
}

void
PeerTransport::add_ice_servers () {
  if (!config_.ice_servers.stun.empty ())
    g_object_set (webrtc_.get (), "stun-server", config_.ice_servers.stun.c_str (), nullptr);
  for (const auto &turn : config_.ice_servers.turn) {
    gboolean added = FALSE;
    g_signal_emit_by_name (webrtc_.get (), "add-turn-server", turn.c_str (), &added);
    // The URL has the credentials in it: never into a log.
    if (!added) GST_CAT_WARNING_OBJECT (log::rtc (), webrtc_.get (), "a TURN server was refused");
  }
  if (config_.relay_only)
    gst_util_set_object_arg (G_OBJECT (webrtc_.get ()), "ice-transport-policy", "relay");
}

void
PeerTransport::connect_signals (PacketTaps taps) {
  auto *webrtc = webrtc_.get ();
  connect_with (webrtc, "on-ice-candidate", TransportSignals::on_ice_candidate, hop ());
  connect_with (webrtc, "notify::connection-state", TransportSignals::on_state, hop ());
  connect_with (webrtc, "notify::ice-connection-state", TransportSignals::on_state, hop ());
  connect_with (webrtc, "notify::ice-gathering-state", TransportSignals::on_gathering, hop ());
  connect_with (rtpbin_.get (), "pad-added", TransportSignals::on_rtpbin_pad,
                TransportSignals::Pads{ traffic_, std::move (taps) });
  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
  gst_bus_set_sync_handler (bus.get (), TransportSignals::on_message,
                            new TransportSignals::Bus{ hop (), webrtc },
                            [] (gpointer data) { delete static_cast<TransportSignals::Bus *> (data); });
}

void
PeerTransport::shut (std::function<void ()> done) {
  open_ = false;
  state_ = PeerState::Closed;
  checks_.reset ();
  waiting_candidates_.clear ();
  if (repeater_) repeater_->stop ();
  // webrtcbin 1.22 drops what it has queued when it is stopped, and warns of promises that nobody answered.
  if (promise_) gst_promise_interrupt (promise_.get ());
  promise_.reset ();
  rtpbin_.reset ();
  webrtc_.reset ();
  retire (std::move (pipeline_), [queue = config_.queue, done = std::move (done)] {
    if (done) queue->post (done);
  });
}

void
PeerTransport::fail (Error error) {
  if (!is_open ()) return;
  failed_ = true;
  checks_.reset ();
  error.message = config_.name + ": " + error.message;
  GST_CAT_WARNING_OBJECT (log::rtc (), webrtc_.get (), "failed: %s", error.message.c_str ());
  transport_failed (error);
}

void
PeerTransport::create (const char *signal, const char *field,
                       std::function<void (Result<std::string>)> done) {
  promise_ = make_promise (hop (), field, std::move (done));
  g_signal_emit_by_name (webrtc_.get (), signal, nullptr, promise_.get ());
}

void
PeerTransport::set_description (const char *signal, GstWebRTCSDPType type, const std::string &sdp,
                                std::function<void (Result<>)> done) {
  GstSDPMessage *message = nullptr;
  if (gst_sdp_message_new_from_text (sdp.c_str (), &message) != GST_SDP_OK) {
    if (message) gst_sdp_message_free (message);
    hop ().post ([done = std::move (done)] (PeerTransport &) {
      done (Error{ Errc::Protocol, Retry::Restart, "the session description cannot be parsed" });
    });
    return;
  }
  if (std::string_view (signal) == "set-remote-description") remote_ = ice_credentials (sdp);
  promise_ = make_promise (hop (), nullptr, [done = std::move (done)] (Result<std::string> reply) {
    done (reply ? Result<> () : Result<> (reply.error ()));
  });
  auto *description = gst_webrtc_session_description_new (type, message);
  g_signal_emit_by_name (webrtc_.get (), signal, description, promise_.get ());
  gst_webrtc_session_description_free (description);
}

bool
PeerTransport::restart_ice () {
  auto credentials = rtc::restart_ice (webrtc_.get ());
  if (!credentials) {
    fail ({ Errc::TransportLost, Retry::Restart,
            "ICE cannot be restarted on the addresses that this machine has now" });
    return false;
  }
  GST_CAT_INFO_OBJECT (log::rtc (), webrtc_.get (), "ICE restarts");
  restarted_ = std::move (credentials);
  resend_ = true;
  remote_known_ = false;
  state_ = PeerState::Connecting; // webrtcbin says so a moment later
  transport_state (state_);
  return is_open ();
}

std::string
PeerTransport::with_own_credentials (const std::string &sdp) const {
  return restarted_ ? with_ice_credentials (sdp, *restarted_) : sdp;
}

void
PeerTransport::resend_candidates () {
  if (!std::exchange (resend_, false)) return;
  for (const auto &candidate : std::vector (local_candidates_))
    if (is_open ()) transport_candidate (candidate);
}

void
PeerTransport::add_remote_candidate (const std::string &candidate) {
  assert_session_thread ();
  if (!is_open ()) return;
  auto line = clean_remote_candidate (candidate);
  if (!line) return;
  if (remote_known_) {
    // Everything is bundled: m-line 0 carries the transport of all.
    g_signal_emit_by_name (webrtc_.get (), "add-ice-candidate", 0u, line->c_str ());
  } else if (waiting_candidates_.size () < kMaxWaitingCandidates) {
    waiting_candidates_.push_back (std::move (*line));
  }
}

void
PeerTransport::flush_candidates () {
  remote_known_ = true;
  for (const auto &line : std::exchange (waiting_candidates_, {}))
    g_signal_emit_by_name (webrtc_.get (), "add-ice-candidate", 0u, line.c_str ());
  watch_checks ();
}

void
PeerTransport::watch_checks () {
  checks_.reset ();
  if (state_ == PeerState::Connected || !remote_) return;
  checks_ = std::make_unique<IceChecks> (webrtc_, *remote_, *config_.timers, [this] {
    fail ({ Errc::TransportLost, Retry::Restart,
            "the server can be reached again, but has given up its connectivity checks" });
  });
}

bool
PeerTransport::peer_stranded () const {
  return is_open () && state_ == PeerState::Connected && has_lost_address (webrtc_.get ());
}

void
PeerTransport::update_state (GstWebRTCPeerConnectionState connection, GstWebRTCICEConnectionState ice) {
  if (!is_open ()) return;
  auto next = PeerState::Connecting;
  // Without a media section webrtcbin 1.22 leaves the ICE state at "new" for ever: it counts transceivers
  // only. With one, "new" is what a restart begins with.
  bool is_new = ice == GST_WEBRTC_ICE_CONNECTION_STATE_NEW;
  ice_ran_ = ice_ran_ || !is_new;
  bool ice_up = ice == GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED
                || ice == GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED || (is_new && !ice_ran_);
  if (connection == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED)
    next = PeerState::Failed;
  else if (connection == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED && ice_up)
    next = PeerState::Connected;
  else if (connection == GST_WEBRTC_PEER_CONNECTION_STATE_NEW && state_ == PeerState::New)
    next = PeerState::New;
  if (next == state_) return;
  GST_CAT_INFO_OBJECT (log::rtc (), webrtc_.get (), "state %d -> %d, because connection is %d and ICE %d",
                       int (state_), int (next), int (connection), int (ice));
  state_ = next;
  if (next == PeerState::Connected) checks_.reset ();
  transport_state (next);
}

void
PeerTransport::gathering_complete () {
  // webrtcbin stays "new" for ever then, without an error.
  if (is_open () && config_.relay_only && local_candidates_.empty ())
    fail ({ Errc::TransportLost, Retry::Restart,
            "no TURN server gave a relay address; check turn-servers and credentials" });
}

} // namespace lk::rtc
