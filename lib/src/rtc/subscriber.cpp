#include "rtc/subscriber.hpp"

#include "base/log.hpp"
#include "rtc/bandwidth_report.hpp"
#include "rtc/channels.hpp"
#include "rtc/flow_guard.hpp"
#include "rtc/ice_agent.hpp"
#include "rtc/pad_blocks.hpp"
#include "rtc/peer_transport.hpp"
#include "rtc/reaper.hpp"
#include "rtc/receive_streams.hpp"
#include "rtc/stats.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <deque>

namespace lk::rtc {

namespace {

// From an offer to our answer: all of it happens in this process.
constexpr Millis kNegotiationLimit{ 15000 };
// The server waits for each answer before the next offer; more than a few waiting offers are hostile.
constexpr size_t kMaxWaitingOffers = 64;
// After an SSRC has left the offer: its last packets are through by then.
constexpr Millis kLinger{ 2000 };

class SubscriberImpl final : public Subscriber, public PeerTransport {
public:
  SubscriberImpl (const PeerConfig &config, std::vector<std::string> codecs, Listener &listener)
      : PeerTransport (config), codecs_ (std::move (codecs)), listener_ (&listener) {}

  ~SubscriberImpl () override {
    streams_->clear ();
    blocks_->end ();
  }

  Result<> start ();

  void handle_offer (const std::string &sdp, uint32_t id,
                     const std::map<std::string, std::string> &tracks) override;
  void
  add_candidate (const std::string &candidate) override {
    add_remote_candidate (candidate);
  }
  Result<> attach (const Incoming &incoming, Ref<GstElement> sink) override;
  void ignore (const Incoming &incoming) override;
  void detach (uint32_t ssrc) override;
  void set_dropping (uint32_t ssrc, bool dropping) override;
  void request_keyframe (uint32_t ssrc) override;
  void set_latency (Millis latency) override;
  uint64_t
  dropped_messages () const override {
    return inbox_ ? inbox_->dropped () : 0;
  }
  PeerState
  state () const override {
    return peer_state ();
  }
  PeerActivity
  activity () const override {
    return peer_activity ();
  }
  bool
  stranded () const override {
    return peer_stranded ();
  }
  void receiver_stats (uint32_t ssrc, std::function<void (const ReceiverStats &)> done) override;
  void close (std::function<void ()> done) override;

private:
  struct Offer {
    std::string sdp;
    uint32_t id = 0;
    std::map<std::string, std::string> tracks; ///< mid → track sid
  };
  /// One pad of webrtcbin, as its thread saw it.
  struct NewPad {
    Ref<GstPad> pad;
    Ref<GstCaps> caps;
    uint32_t ssrc = 0;
  };
  struct Arrivals {
    Hop hop;
    std::shared_ptr<PadBlocks> blocks;
  };

  void
  transport_candidate (const std::string &candidate) override {
    listener_->on_subscriber_candidate (candidate);
  }
  void
  transport_state (PeerState state) override {
    listener_->on_subscriber_state (state);
  }
  void transport_failed (const Error &error) override;

  static void on_data_channel (GstElement *, GstWebRTCDataChannel *channel, gpointer data) noexcept;
  static bool deliver (PeerTransport &peer, ChannelKind kind, Ref<GBytes> message);
  void next_offer ();
  void configure_report (int send_time_id);
  void offer_applied ();
  void answer_created (const std::string &created);
  void answer_applied (const std::string &remote);

  static void on_pad_added (GstElement *webrtc, GstPad *pad, gpointer data) noexcept;
  void pad_added (const NewPad &added);
  void ensure_guard (ReceiveStream &stream);
  void unblock (ReceiveStream &stream, bool open);
  void detach_sink (ReceiveStream &stream);
  void announce (ReceiveStream &stream);
  void stream_gone (const StreamPtr &stream);
  void remove_stream (const StreamPtr &stream);

  const std::vector<std::string> codecs_;
  Listener *listener_;
  std::shared_ptr<Inbox> inbox_;
  const std::shared_ptr<ReceiveStreams> streams_ = std::make_shared<ReceiveStreams> ();
  const std::shared_ptr<PadBlocks> blocks_ = std::make_shared<PadBlocks> ();
  const std::shared_ptr<BandwidthReport> report_ = std::make_shared<BandwidthReport> ();

  // The offer being worked off is the first.
  std::deque<Offer> offers_;
  std::vector<ReceiveSection> sections_;
  std::vector<StreamPtr> back_; // to be announced again when the answer is out
  std::string remote_ufrag_;
  TimerPtr limit_, report_timer_;
};

constexpr Millis kReportPeriod{ 250 };
constexpr double kFeedbackBitsPerSecond = 10e6;

void
on_new_transceiver (GstElement *, GstWebRTCRTPTransceiver *transceiver, gpointer) noexcept {
  // Without it webrtcbin takes neither NACK nor RTX; which stream really asks again is set at its jitter
  // buffer.
  g_object_set (transceiver, "do-nack", TRUE, nullptr);
}

/// The RTP session sends a request to repeat, or for a key frame, not when it is made but when 5 % of the
/// bandwidth that it guesses allow: twice a second. That is too late for most, and all that come too late are
/// followed by a key frame. What is really sent stays little: one report in 2.5 to 7.5 s besides.
void
let_requests_out (GstPad *rtcp_src) {
  auto inner = Ref<GstPad>::adopt (gst_ghost_pad_get_target (GST_GHOST_PAD (rtcp_src)));
  auto session = Ref<GstElement>::adopt (inner ? gst_pad_get_parent_element (inner.get ()) : nullptr);
  if (session) g_object_set (session.get (), "rtcp-fraction", kFeedbackBitsPerSecond, nullptr);
}

Result<>
SubscriberImpl::start () {
  PacketTaps taps;
  taps.admit_rtp = [streams = streams_, report = report_] (GstBuffer *packet) {
    if (!streams->knows (packet_ssrc (packet))) return false;
    report->packet (packet);
    return true;
  };
  taps.rtcp_out = [report = report_] (GstPad *pad) {
    report->set_output (pad);
    let_requests_out (pad);
  };
  taps.rtcp_in = [hop = hop ()] (GstBuffer *compound) {
    for (const auto &report : read_sender_reports (compound, system_clock ().now ()))
      hop.post ([report] (PeerTransport &peer) {
        auto &self = static_cast<SubscriberImpl &> (peer);
        if (self.is_open () && self.streams_->find (report.ssrc)) self.listener_->on_sender_report (report);
      });
  };
  if (auto opened = open (std::move (taps)); !opened) return opened;
  // on-negotiation-needed is not for the side that only answers.
  g_signal_connect (webrtc_.get (), "on-new-transceiver", G_CALLBACK (on_new_transceiver), nullptr);
  connect_with (webrtc_.get (), "pad-added", on_pad_added, Arrivals{ hop (), blocks_ });
  watch_jitterbuffers (rtpbin_.get (), streams_);
  inbox_ = std::make_shared<Inbox> (hop (), deliver);
  connect_with (webrtc_.get (), "on-data-channel", on_data_channel, inbox_);
  report_timer_ = config_.timers->every (kReportPeriod, [report = report_, streams = streams_] {
    report->tick ();
    streams->set_congested (report->congested ());
  });
  return {};
}

/// The server's channels. They are open already, so the handlers are connected here and now.
void
SubscriberImpl::on_data_channel (GstElement *, GstWebRTCDataChannel *channel, gpointer data) noexcept {
  gchar *raw = nullptr;
  g_object_get (channel, "label", &raw, nullptr);
  CString label (raw);
  if (auto kind = kind_of (label.get ()))
    (*static_cast<std::shared_ptr<Inbox> *> (data))->listen (channel, *kind);
}

bool
SubscriberImpl::deliver (PeerTransport &peer, ChannelKind kind, Ref<GBytes> message) {
  auto &self = static_cast<SubscriberImpl &> (peer);
  if (!self.is_open ()) return false;
  self.listener_->on_subscriber_message (kind, std::move (message));
  return true;
}

// ---- offers, strictly one after the other

void
SubscriberImpl::handle_offer (const std::string &sdp, uint32_t id,
                              const std::map<std::string, std::string> &tracks) {
  assert_session_thread ();
  if (!is_open ()) return;
  if (offers_.size () >= kMaxWaitingOffers)
    return fail ({ Errc::Protocol, Retry::Restart, "the server sends offers without waiting for answers" });
  offers_.push_back ({ sdp, id, tracks });
  if (offers_.size () == 1) next_offer ();
}

void
SubscriberImpl::next_offer () {
  limit_ = config_.timers->once (kNegotiationLimit, [this] {
    fail ({ Errc::Timeout, Retry::Restart, "webrtcbin did not answer an offer within 15 s" });
  });
  auto offer = prepare_subscriber_offer (offers_.front ().sdp, offers_.front ().tracks);
  if (!offer) return fail (offer.error ());
  if (!remote_ufrag_.empty () && offer->ice_ufrag != remote_ufrag_ && !restart_ice ()) return;
  remote_ufrag_ = offer->ice_ufrag;
  sections_ = std::move (offer->sections);
  configure_report (offer->send_time_id);
  auto change = streams_->update (sections_);
  for (const auto &stream : change.gone)
    stream_gone (stream);
  back_ = std::move (change.back);
  set_remote (GST_WEBRTC_SDP_TYPE_OFFER, offer->sdp, [this] (Result<> set) {
    if (!is_open ()) return;
    if (!set) return fail (set.error ());
    offer_applied ();
  });
}

/// The server wants one source of video named that it sends to us; which one does not matter.
void
SubscriberImpl::configure_report (int send_time_id) {
  auto video = std::ranges::find_if (sections_, [] (const auto &section) {
    return section.active && section.kind == MediaKind::Video && section.ssrc != 0;
  });
  report_->configure (send_time_id, video == sections_.end () ? 0 : video->ssrc);
}

void
SubscriberImpl::offer_applied () {
  create_answer ([this] (Result<std::string> created) {
    if (!is_open ()) return;
    if (!created) return fail (created.error ());
    answer_created (*created);
  });
}

void
SubscriberImpl::answer_created (const std::string &created) {
  auto answer = prepare_subscriber_answer (created, offers_.front ().sdp, codecs_, offers_.front ().tracks);
  if (!answer) return fail (answer.error ());
  set_local (GST_WEBRTC_SDP_TYPE_ANSWER, with_own_credentials (answer->local),
             [this, remote = with_own_credentials (answer->remote)] (Result<> set) {
               if (!is_open ()) return;
               if (!set) return fail (set.error ());
               answer_applied (remote);
             });
}

void
SubscriberImpl::answer_applied (const std::string &remote) {
  auto id = offers_.front ().id;
  flush_candidates ();
  listener_->on_subscriber_sections (sections_);
  if (is_open ()) listener_->on_subscriber_answer (remote, id);
  resend_candidates ();
  for (const auto &stream : std::exchange (back_, {})) {
    stream->linger.reset ();
    if (is_open () && stream->pad) announce (*stream);
  }
  if (!is_open ()) return;
  limit_.reset ();
  offers_.pop_front ();
  if (!offers_.empty ()) next_offer ();
}

void
SubscriberImpl::transport_failed (const Error &error) {
  limit_.reset ();
  listener_->on_subscriber_failed (error);
}

// ---- streams

void
SubscriberImpl::on_pad_added (GstElement *, GstPad *pad, gpointer data) noexcept {
  if (!GST_PAD_IS_SRC (pad)) return;
  NewPad added;
  added.pad = Ref<GstPad>::retain (pad);
  added.caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad));
  guint ssrc = 0;
  if (added.caps) gst_structure_get_uint (gst_caps_get_structure (added.caps.get (), 0), "ssrc", &ssrc);
  added.ssrc = ssrc;
  auto &arrivals = *static_cast<Arrivals *> (data);
  arrivals.blocks->block (pad);
  arrivals.hop.post ([added = std::move (added)] (PeerTransport &peer) {
    static_cast<SubscriberImpl &> (peer).pad_added (added);
  });
}

void
SubscriberImpl::pad_added (const NewPad &added) {
  if (!is_open ()) return;
  auto stream = streams_->find (added.ssrc);
  if (!stream) {
    // It left the offer while its first packet was on the way: nothing more of it enters the session.
    GST_CAT_INFO_OBJECT (log::rtc (), added.pad.get (), "stream %u belongs to no section", added.ssrc);
    ReceiveStream nobody{ added.ssrc, MediaKind::Audio };
    nobody.pad = added.pad;
    unblock (nobody, false);
    return;
  }
  // A codec change gives a second pad for the same SSRC: the first stays behind its guard, which is closed
  // for good.
  detach_sink (*stream);
  stream->guard.reset ();
  stream->gate->since_blocked = 0;
  stream->gate->blocked = true;
  streams_->set_pad (*stream, added.pad);

  announce (*stream);
}

void
SubscriberImpl::announce (ReceiveStream &stream) {
  Incoming incoming{ stream.mid, stream.ssrc, "", stream.pad,
                     Ref<GstCaps>::adopt (gst_pad_get_current_caps (stream.pad.get ())) };
  if (!incoming.caps) return;
  const char *encoding
      = gst_structure_get_string (gst_caps_get_structure (incoming.caps.get (), 0), "encoding-name");
  if (const auto *row = find_mime (encoding ? encoding : "")) incoming.codec = row->codec;
  listener_->on_incoming (incoming);
}

/// Puts a guard behind the stream's newest pad, if there is none yet. The pad may still be blocked.
void
SubscriberImpl::ensure_guard (ReceiveStream &stream) {
  if (stream.guard) return;
  stream.guard = Ref<GstElement>::sink (flow_guard_new (nullptr));
  gst_bin_add (GST_BIN (pipeline_.get ()), stream.guard.get ());
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (stream.guard.get (), "sink"));
  gst_element_sync_state_with_parent (stream.guard.get ());
  gst_pad_link (stream.pad.get (), sink.get ());
}

/// Lets packets flow, through the guard or, with `open` = false, only into it.
void
SubscriberImpl::unblock (ReceiveStream &stream, bool open) {
  ensure_guard (stream);
  flow_guard_set_open (stream.guard.get (), open);
  stream.gate->blocked = false;
  blocks_->release (stream.pad.get ());
}

Result<>
SubscriberImpl::attach (const Incoming &incoming, Ref<GstElement> sink) {
  assert_session_thread ();
  auto stream = is_open () ? streams_->find (incoming.ssrc) : nullptr;
  if (!stream || !(stream->pad == incoming.pad))
    return Error{ Errc::Closed, Retry::Never, "the stream has ended" };
  detach_sink (*stream);
  auto *added = sink.get ();
  gst_bin_add (GST_BIN (pipeline_.get ()), added);
  stream->sink = std::move (sink);
  bool started = gst_element_sync_state_with_parent (added);
  ensure_guard (*stream);
  if (!started || !gst_element_link_pads (stream->guard.get (), "src", added, "sink")) {
    detach_sink (*stream);
    return Error{ Errc::MediaFailed, Retry::Never,
                  "the sink for a stream does not start or does not take it" };
  }
  unblock (*stream, true); // last, or the packets that waited are lost, a key frame among them
  return {};
}

void
SubscriberImpl::ignore (const Incoming &incoming) {
  assert_session_thread ();
  if (!is_open ()) return;
  if (auto stream = streams_->find (incoming.ssrc); stream && stream->pad == incoming.pad) {
    detach_sink (*stream);
    unblock (*stream, false);
  }
}

void
SubscriberImpl::detach (uint32_t ssrc) {
  assert_session_thread ();
  if (auto stream = streams_->find (ssrc)) detach_sink (*stream);
}

void
SubscriberImpl::detach_sink (ReceiveStream &stream) {
  if (stream.guard) flow_guard_set_open (stream.guard.get (), false);
  if (!stream.sink) return;
  gst_element_unlink (stream.guard.get (), stream.sink.get ());
  gst_element_set_locked_state (stream.sink.get (), TRUE);
  gst_bin_remove (GST_BIN (pipeline_.get ()), stream.sink.get ());
  // A packet may still be inside, blocked by a paused consumer: NULL waits for it.
  retire (std::move (stream.sink));
}

/// Its sink goes now, its jitter buffer (two threads) when it has not come back for a while.
void
SubscriberImpl::stream_gone (const StreamPtr &stream) {
  detach_sink (*stream);
  stream->linger = config_.timers->once (kLinger, [this, weak = std::weak_ptr (stream)] {
    if (auto gone = weak.lock (); gone && streams_->remove (gone)) remove_stream (gone);
  });
}

/// webrtcbin 1.22 never ends a received stream: without this each track that ever was costs two threads for
/// ever.
void
SubscriberImpl::remove_stream (const StreamPtr &stream) {
  if (!is_open () || !stream->jitterbuffer) return;
  if (stream->pad) unblock (*stream, false); // a thread may still wait in the block
  run_on_reaper ([pipeline = pipeline_, webrtc = webrtc_, rtpbin = rtpbin_, pad = stream->pad,
                  guard = stream->guard, ssrc = stream->ssrc] {
    auto inner = pad ? Ref<GstPad>::adopt (gst_ghost_pad_get_target (GST_GHOST_PAD (pad.get ()))) : nullptr;
    g_signal_emit_by_name (rtpbin.get (), "clear-ssrc", 0u, ssrc);
    // Both bins keep their pads, by name of the SSRC: it could not come back.
    if (inner) gst_element_remove_pad (rtpbin.get (), inner.get ());
    if (!pad) return;
    gst_element_remove_pad (webrtc.get (), pad.get ());
    gst_element_set_locked_state (guard.get (), TRUE);
    gst_bin_remove (GST_BIN (pipeline.get ()), guard.get ());
    gst_element_set_state (guard.get (), GST_STATE_NULL);
  });
}

// ---- any thread, or at any time

void
SubscriberImpl::set_dropping (uint32_t ssrc, bool dropping) {
  if (auto stream = streams_->find (ssrc)) stream->gate->dropping = dropping;
}

void
SubscriberImpl::request_keyframe (uint32_t ssrc) {
  // all-headers = FALSE: a PLI. GStreamer's FIR has media SSRC 0, which the server ignores.
  if (auto pad = streams_->pad (ssrc))
    gst_pad_send_event (pad.get (),
                        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
}

void
SubscriberImpl::set_latency (Millis latency) {
  assert_session_thread ();
  if (!is_open ()) return;
  g_object_set (webrtc_.get (), "latency", guint (latency.count ()), nullptr);
  streams_->set_latency (latency);
}

void
SubscriberImpl::receiver_stats (uint32_t ssrc, std::function<void (const ReceiverStats &)> done) {
  assert_session_thread ();
  ReceiverStats stats;
  if (auto stream = is_open () ? streams_->find (ssrc) : nullptr) {
    stats = read_receiver_stats (rtpbin_.get (), streams_->jitterbuffer (ssrc).get (), ssrc);
    stats.dropped_paused = stream->gate->dropped;
  }
  config_.queue->post ([stats, done = std::move (done)] { done (stats); });
}

void
SubscriberImpl::close (std::function<void ()> done) {
  assert_session_thread ();
  limit_.reset ();
  report_timer_.reset ();
  offers_.clear ();
  back_.clear ();
  streams_->clear (); // nothing is admitted any more
  blocks_->end ();
  shut (std::move (done));
}

} // namespace

Result<std::shared_ptr<Subscriber>>
Subscriber::create (const PeerConfig &config, std::vector<std::string> codecs, Listener &listener) {
  auto subscriber = std::make_shared<SubscriberImpl> (config, std::move (codecs), listener);
  if (auto started = subscriber->start (); !started) return started.error ();
  return std::shared_ptr<Subscriber> (std::move (subscriber));
}

} // namespace lk::rtc
