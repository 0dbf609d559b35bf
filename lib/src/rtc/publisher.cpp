#include "rtc/publisher.hpp"

#include "base/log.hpp"
#include "rtc/aux_sender.hpp"
#include "rtc/channels.hpp"
#include "rtc/peer_transport.hpp"
#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"
#include "rtc/sender.hpp"
#include "rtc/stats.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace lk::rtc {

namespace {

// From the request for an offer to the answer in force; a server that lives answers within its round trip.
constexpr Millis kNegotiationLimit{ 15000 };
// From a source's last packet to the offer that ends its track: a packet that comes to the server after that
// offer opens a stream that nobody reads, and the next track with the same SSRC is never heard.
constexpr Millis kSettleTime{ 100 };

Ref<GstWebRTCDataChannel>
create_channel (GstElement *webrtc, ChannelKind kind) {
  bool reliable = kind == ChannelKind::Reliable;
  StructurePtr options (
      gst_structure_new ("options", "ordered", G_TYPE_BOOLEAN, gboolean (reliable), nullptr));
  if (!reliable) gst_structure_set (options.get (), "max-retransmits", G_TYPE_INT, 0, nullptr);
  Ref<GstWebRTCDataChannel> channel;
  g_signal_emit_by_name (webrtc, "create-data-channel", label_of (kind), options.get (), channel.out ());
  return channel;
}

/// Media SSRC and retransmission SSRC of a section that webrtcbin wrote; 0 = none.
std::pair<uint32_t, uint32_t>
own_sources (const SdpSection &section) {
  auto ssrc_of
      = [] (std::string_view text) { return uint32_t (parse_number (text, UINT32_MAX).value_or (0)); };
  if (auto group = section.attribute ("ssrc-group"))
    if (auto words = split_words (*group); words.size () == 3 && words[0] == "FID")
      return { ssrc_of (words[1]), ssrc_of (words[2]) };
  auto source = section.attribute ("ssrc");
  return { source ? ssrc_of (source->substr (0, source->find (' '))) : 0, 0 };
}

void
rename_source (SdpSection &section, uint32_t from, uint32_t to) {
  auto old_name = std::to_string (from), new_name = std::to_string (to);
  for (auto &line : section.lines) {
    if (line.starts_with ("a=ssrc:" + old_name + " "))
      line.replace (7, old_name.size (), new_name);
    else if (line.starts_with ("a=ssrc-group:FID ") && line.ends_with (" " + old_name))
      line.replace (line.size () - old_name.size (), old_name.size (), new_name);
  }
}

class PublisherImpl final : public Publisher, public PeerTransport {
public:
  PublisherImpl (const PeerConfig &config, Listener &listener)
      : PeerTransport (config), listener_ (&listener) {}

  ~PublisherImpl () override { shut_channels (); }

  Result<> start ();

  Result<SenderId> add_sender (const SenderSpec &spec, Ref<GstElement> source) override;
  void remove_sender (SenderId id) override;
  void negotiate () override;
  void set_answer (const std::string &sdp, uint32_t id) override;
  void
  add_candidate (const std::string &candidate) override {
    add_remote_candidate (candidate);
  }
  std::shared_ptr<DataChannel>
  channel (ChannelKind kind) override {
    return channels_[int (kind)];
  }
  uint64_t
  dropped_messages () const override {
    return inbox_ ? inbox_->dropped () : 0;
  }
  void suspend () override;
  void restart () override;
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
  void sender_stats (SenderId id, std::function<void (const SenderStats &)> done) override;
  bool
  negotiating () const override {
    return phase_ != Phase::Idle || wanted_;
  }
  void close (std::function<void ()> done) override;

private:
  /// One negotiation: Idle → Offering (webrtcbin makes and takes the offer) → Offered (the server has it) →
  /// Answering → Idle.
  enum class Phase { Idle, Offering, Offered, Answering };

  void
  transport_candidate (const std::string &candidate) override {
    listener_->on_publisher_candidate (candidate);
  }
  void transport_state (PeerState state) override;
  void transport_failed (const Error &error) override;

  static bool deliver (PeerTransport &peer, ChannelKind kind, Ref<GBytes> message);
  void shut_channels ();
  void offer_created (Result<std::string> created);
  void offer_taken (const std::string &remote);
  void watch_negotiation ();
  Result<std::string> learn_sections (const std::string &created);
  void pin_retransmission ();
  SenderStats read_stats (const Sender &sender);
  void answer_applied (const Result<> &applied);

  Listener *listener_;
  std::map<SenderId, std::unique_ptr<Sender>> senders_; // removed ones stay, for the next one of their codec
  SenderId last_sender_ = 0;
  std::array<std::shared_ptr<SendChannel>, kChannelKinds> channels_;
  std::shared_ptr<Inbox> inbox_;
  const std::shared_ptr<ReportBlocks> reports_ = std::make_shared<ReportBlocks> ();

  Phase phase_ = Phase::Idle;
  bool wanted_ = false; // another negotiation after this one
  bool suspended_ = false;
  bool restart_due_ = false; // of ICE, with the next offer
  bool connected_before_ = false;
  uint32_t offer_id_ = 0;
  std::string local_offer_;
  TimerPtr limit_, settling_;
};

GstElement *
on_request_aux_sender (GstElement *, GstWebRTCDTLSTransport *, gpointer) noexcept {
  return aux_sender_new ();
}

// ---- SCTP

template <void (SctpWatch::*tell) (const uint8_t *, size_t)>
GstPadProbeReturn
on_sctp_packet (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
  auto &watch = **static_cast<std::shared_ptr<SctpWatch> *> (data);
  for_each_packet (info, [&] (GstBuffer *packet) {
    GstMapInfo map;
    if (!gst_buffer_map (packet, &map, GST_MAP_READ)) return;
    (watch.*tell) (map.data, map.size);
    gst_buffer_unmap (packet, &map);
  });
  return GST_PAD_PROBE_OK;
}

/// webrtcbin makes its SCTP elements with the first channel.
void
on_element (GstBin *, GstBin *, GstElement *element, gpointer data) noexcept {
  const auto &watch = *static_cast<std::shared_ptr<SctpWatch> *> (data);
  auto *factory = gst_element_get_factory (element);
  std::string_view name = factory ? GST_OBJECT_NAME (factory) : "";
  bool out = name == "sctpenc";
  if (!out && name != "sctpdec") return;
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element, out ? "src" : "sink"));
  if (pad)
    probe_with (pad.get (), kPackets,
                out ? on_sctp_packet<&SctpWatch::on_sent> : on_sctp_packet<&SctpWatch::on_received>, watch);
}

Result<>
PublisherImpl::start () {
  PacketTaps taps;
  taps.rtcp_in = [reports = reports_] (GstBuffer *packet) { reports->add (packet); };
  if (auto opened = open (std::move (taps)); !opened) return opened;
  g_signal_connect (webrtc_.get (), "request-aux-sender", G_CALLBACK (on_request_aux_sender), nullptr);
  // In the first offer already, because the server sets up its end of data with it and because the section
  // then keeps its place. They exist from READY on only.
  inbox_ = std::make_shared<Inbox> (hop (), deliver);
  auto sctp = std::make_shared<SctpWatch> ();
  connect_with (webrtc_.get (), "deep-element-added", on_element, sctp);
  for (int i = 0; i < kChannelKinds; ++i) {
    auto channel = create_channel (webrtc_.get (), ChannelKind (i));
    if (!channel) return Error{ Errc::MediaFailed, Retry::Restart, "webrtcbin gave no data channel" };
    inbox_->listen (channel.get (), ChannelKind (i));
    channels_[size_t (i)] = SendChannel::create (std::move (channel), sctp);
  }
  // Weak: the channels hold the watch.
  sctp->on_answer (
      [channels = std::vector<std::weak_ptr<SendChannel>> (channels_.begin (), channels_.end ())] {
        for (const auto &one : channels)
          if (auto channel = one.lock ()) channel->answered ();
      });
  return {};
}

bool
PublisherImpl::deliver (PeerTransport &peer, ChannelKind kind, Ref<GBytes> message) {
  auto &self = static_cast<PublisherImpl &> (peer);
  if (!self.is_open ()) return false;
  self.listener_->on_publisher_message (kind, std::move (message));
  return true;
}

void
PublisherImpl::shut_channels () {
  for (const auto &channel : channels_)
    if (channel) channel->shut ();
}

Result<SenderId>
PublisherImpl::add_sender (const SenderSpec &spec, Ref<GstElement> source) {
  assert_session_thread ();
  if (!is_open ()) return Error{ Errc::Closed, Retry::Never, "the publisher is closed" };
  auto outgoing = inspect_source (spec, std::move (source));
  if (!outgoing) return outgoing.error ();
  auto id = ++last_sender_;
  auto free = std::find_if (senders_.begin (), senders_.end (),
                            [&] (const auto &entry) { return entry.second->reusable_for (*outgoing); });
  if (free != senders_.end ()) {
    auto node = senders_.extract (free);
    node.key () = id;
    auto &sender = *node.mapped ();
    sender.earlier = read_stats (sender);
    reports_->forget (sender.ssrc ());
    senders_.insert (std::move (node));
    if (phase_ == Phase::Offering) {
      // webrtcbin is writing: it would find the new preferences beside the old caps, and fail.
      sender.reserve (std::move (*outgoing));
      return id;
    }
  } else if (auto sender = Sender::create (*outgoing, pipeline_.get (), webrtc_.get ())) {
    senders_[id] = std::move (sender);
  } else {
    return Error{ Errc::MediaFailed, Retry::Restart, "webrtcbin gave no sink pad" };
  }
  if (auto started = senders_[id]->start (*outgoing); !started) return started.error ();
  return id;
}

void
PublisherImpl::remove_sender (SenderId id) {
  assert_session_thread ();
  auto it = senders_.find (id);
  if (it == senders_.end ()) return;
  it->second->stop ();
  settling_ = config_.timers->once (kSettleTime, [this] {
    auto timer = std::move (settling_);
    if (wanted_) negotiate ();
  });
}

void
PublisherImpl::negotiate () {
  assert_session_thread ();
  if (!is_open ()) return;
  if (phase_ != Phase::Idle || settling_ || suspended_) {
    wanted_ = true;
    return;
  }
  wanted_ = false;
  phase_ = Phase::Offering;
  watch_negotiation ();
  create_offer ([this] (Result<std::string> created) { offer_created (std::move (created)); });
}

void
PublisherImpl::watch_negotiation () {
  limit_ = config_.timers->once (kNegotiationLimit, [this] {
    fail ({ Errc::Timeout, Retry::Restart, "the server did not answer an offer within 15 s" });
  });
}

/// webrtcbin tells mids only after the answer; by its SSRC a sender's section is known in the offer already.
/// The retransmission SSRC is drawn anew by webrtcbin 1.22 for each offer, although a running stream keeps
/// its first: so does the text.
Result<std::string>
PublisherImpl::learn_sections (const std::string &created) {
  auto sdp = SdpText::parse (created);
  if (!sdp) return sdp.error ();
  for (auto &[id, sender] : senders_)
    sender->note_offered (false);
  for (auto &section : sdp->sections) {
    if (!section.is_rtp ()) continue;
    auto [ssrc, rtx_ssrc] = own_sources (section);
    for (auto &[id, sender] : senders_) {
      // A source that came while webrtcbin was writing: the section still names the last one's SSRC.
      if (sender->ssrc () != ssrc) continue;
      sender->note_offered (sender->active ());
      sender->mid = section.mid ();
      if (sender->rtx_ssrc == 0)
        sender->rtx_ssrc = rtx_ssrc;
      else
        rename_source (section, rtx_ssrc, sender->rtx_ssrc);
    }
  }
  return sdp->to_string ();
}

void
PublisherImpl::offer_created (Result<std::string> created) {
  if (!is_open ()) return;
  if (!created) return fail (created.error ());
  if (std::exchange (restart_due_, false) && !restart_ice ()) return;
  created = learn_sections (*created);
  if (!created) return fail (created.error ());
  std::vector<SendSection> sections;
  for (const auto &[id, sender] : senders_) {
    const auto &spec = sender->spec ();
    if (!sender->mid.empty ())
      sections.push_back ({ sender->mid, spec.kind, spec.stream, spec.cid, spec.codec, sender->offered () });
  }
  auto offer = prepare_publisher_offer (*created, sections);
  if (!offer) return fail (offer.error ());
  local_offer_ = with_own_credentials (offer->local);
  set_local (GST_WEBRTC_SDP_TYPE_OFFER, local_offer_,
             [this, remote = with_own_credentials (offer->remote)] (Result<> set) {
               if (!is_open ()) return;
               if (!set) return fail (set.error ());
               offer_taken (remote);
             });
}

void
PublisherImpl::offer_taken (const std::string &remote) {
  phase_ = Phase::Offered;
  for (auto &[id, sender] : senders_)
    if (auto started = sender->start_reserved (); !started) return fail (started.error ());
  if (suspended_ || restart_due_) {
    // Nobody waits for it any more.
    phase_ = Phase::Idle;
    return negotiate ();
  }
  listener_->on_publisher_offer (remote, ++offer_id_);
  if (is_open ()) resend_candidates ();
}

void
PublisherImpl::suspend () {
  assert_session_thread ();
  suspended_ = true;
  limit_.reset ();
  // Its answer will not come. webrtcbin takes one offer after another without.
  if (phase_ == Phase::Offered) phase_ = Phase::Idle;
}

void
PublisherImpl::restart () {
  assert_session_thread ();
  if (!is_open ()) return;
  suspended_ = false;
  restart_due_ = peer_state () != PeerState::New;
  if (phase_ != Phase::Idle) watch_negotiation ();
  negotiate ();
}

void
PublisherImpl::set_answer (const std::string &sdp, uint32_t id) {
  assert_session_thread ();
  if (!is_open ()) return;
  // Servers older than the id leave it 0; there is never more than one offer under way.
  if (phase_ != Phase::Offered || (id != 0 && id != offer_id_)) {
    GST_CAT_INFO_OBJECT (log::rtc (), webrtc_.get (), "answer %u dropped: the last offer is %u", id,
                         offer_id_);
    return;
  }
  auto answer = prepare_publisher_answer (sdp, local_offer_);
  if (!answer) return fail (answer.error ());
  phase_ = Phase::Answering;
  set_remote (GST_WEBRTC_SDP_TYPE_ANSWER, *answer, [this] (Result<> applied) { answer_applied (applied); });
}

/// What the offers said is what streams that have sent nothing yet must use, too.
void
PublisherImpl::pin_retransmission () {
  StructurePtr map (gst_structure_new_empty ("application/x-rtp-ssrc-map"));
  for (const auto &[id, sender] : senders_)
    if (sender->rtx_ssrc != 0)
      gst_structure_set (map.get (), std::to_string (sender->ssrc ()).c_str (), G_TYPE_UINT, sender->rtx_ssrc,
                         nullptr);
  auto *elements = gst_bin_iterate_all_by_element_factory_name (GST_BIN (rtpbin_.get ()), "rtprtxsend");
  auto set = [] (const GValue *value, gpointer data) {
    g_object_set (g_value_get_object (value), "ssrc-map", data, nullptr);
  };
  while (gst_iterator_foreach (elements, set, map.get ()) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (elements);
  gst_iterator_free (elements);
}

void
PublisherImpl::answer_applied (const Result<> &applied) {
  if (!is_open ()) return;
  if (!applied) return fail (applied.error ());
  phase_ = Phase::Idle;
  limit_.reset ();
  flush_candidates ();
  pin_retransmission ();
  for (const auto &[id, sender] : senders_)
    sender->note_in_force ();
  listener_->on_publisher_negotiated ();
  if (is_open () && wanted_) negotiate ();
}

void
PublisherImpl::transport_state (PeerState state) {
  // Those who watch have lost what was sent meanwhile, and ask only when they notice: 2 s later.
  if (state == PeerState::Connected && std::exchange (connected_before_, true))
    for (const auto &[id, sender] : senders_)
      sender->request_keyframe ();
  listener_->on_publisher_state (state);
}

void
PublisherImpl::transport_failed (const Error &error) {
  limit_.reset ();
  listener_->on_publisher_failed (error);
}

SenderStats
PublisherImpl::read_stats (const Sender &sender) {
  return read_sender_stats (rtpbin_.get (), *reports_, sender.ssrc (), sender.rtx_ssrc,
                            find_codec (sender.spec ().codec)->clock_rate);
}

void
PublisherImpl::sender_stats (SenderId id, std::function<void (const SenderStats &)> done) {
  assert_session_thread ();
  SenderStats stats;
  if (auto it = senders_.find (id); it != senders_.end () && rtpbin_)
    stats = since (it->second->earlier, read_stats (*it->second));
  config_.queue->post ([stats, done = std::move (done)] { done (stats); });
}

void
PublisherImpl::close (std::function<void ()> done) {
  assert_session_thread ();
  limit_.reset ();
  settling_.reset ();
  shut_channels ();
  senders_.clear (); // with the pipeline they go to NULL
  shut (std::move (done));
}

} // namespace

Result<std::shared_ptr<Publisher>>
Publisher::create (const PeerConfig &config, Listener &listener) {
  auto publisher = std::make_shared<PublisherImpl> (config, listener);
  if (auto started = publisher->start (); !started) return started.error ();
  return std::shared_ptr<Publisher> (std::move (publisher));
}

} // namespace lk::rtc
