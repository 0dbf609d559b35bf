#include "ends.hpp"

#include "auth/token.hpp"
#include "base/ref.hpp"
#include "base/task_queue.hpp"
#include "proto/convert_data.hpp"
#include "signal/signal_client.hpp"

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>

#include <memory>
#include <thread>

using namespace lk;

namespace bench {
namespace {

// What the other ways use.
constexpr guint64 kHigh = 256 * 1024, kLow = 64 * 1024;
// Beyond the channel: SCTP sends what it took, and nothing tells when.
constexpr std::chrono::milliseconds kLastOfIt{ 500 };

/// Asks webrtcbin for a description with `action`, makes it the local one and returns its text.
std::string
describe (GstElement *webrtc, SessionDescription::Type type) {
  const bool offers = type == SessionDescription::Type::Offer;
  auto promise = Ref<GstPromise>::adopt (gst_promise_new ());
  g_signal_emit_by_name (webrtc, offers ? "create-offer" : "create-answer", nullptr, promise.get ());
  gst_promise_wait (promise.get ());
  GstWebRTCSessionDescription *description = nullptr;
  gst_structure_get (gst_promise_get_reply (promise.get ()), offers ? "offer" : "answer",
                     GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, nullptr);
  g_signal_emit_by_name (webrtc, "set-local-description", description, nullptr);
  gchar *text = gst_sdp_message_as_text (description->sdp);
  std::string sdp = text;
  g_free (text);
  gst_webrtc_session_description_free (description);
  return sdp;
}

void
set_remote (GstElement *webrtc, const SessionDescription &remote) {
  GstSDPMessage *sdp = nullptr;
  gst_sdp_message_new_from_text (remote.sdp.c_str (), &sdp);
  auto *description = gst_webrtc_session_description_new (
      remote.type == SessionDescription::Type::Offer ? GST_WEBRTC_SDP_TYPE_OFFER : GST_WEBRTC_SDP_TYPE_ANSWER,
      sdp);
  auto promise = Ref<GstPromise>::adopt (gst_promise_new ());
  g_signal_emit_by_name (webrtc, "set-remote-description", description, promise.get ());
  gst_promise_wait (promise.get ());
  gst_webrtc_session_description_free (description);
}

/// Both peer connections of a participant. Signalling runs on a thread of its own; messages are sent from the
/// caller's thread and heard on webrtcbin's.
class Member : public signal::SignalClient::Listener {
public:
  Member (Tally &tally, const Options &options, std::string topic)
      : tally_ (tally), lossy_ (options.lossy), topic_ (std::move (topic)) {}
  ~Member () override {
    thread_.queue ()->post ([this] {
      client_->close ();
      client_.reset ();
      for (auto &peer : { publisher_, subscriber_ })
        gst_element_set_state (peer.get (), GST_STATE_NULL);
    });
    thread_.stop ();
  }

  bool
  join () {
    thread_.queue ()->post ([this] { connect (); });
    std::unique_lock lock (lock_);
    return changed_.wait_for (lock, std::chrono::duration<double> (kPatience), [this] { return open_; });
  }
  /// Blocks while too much waits for SCTP.
  void
  send (const std::string &bytes) {
    if (buffered () > kHigh) {
      std::unique_lock lock (lock_);
      changed_.wait (lock, [this] { return buffered () <= kLow; });
    }
    auto message = Ref<GBytes>::adopt (g_bytes_new (bytes.data (), bytes.size ()));
    gst_webrtc_data_channel_send_data (channel_.get (), message.get ());
  }
  void
  flush () {
    while (buffered () > 0)
      std::this_thread::sleep_for (std::chrono::milliseconds (5));
    std::this_thread::sleep_for (kLastOfIt);
  }

  void
  on_event (SignalEvent event) override {
    if (std::get_if<JoinResponse> (&event)) {
      open_channel ();
    } else if (auto *remote = std::get_if<SessionDescription> (&event)) {
      const bool offer = remote->type == SessionDescription::Type::Offer;
      set_remote (offer ? subscriber_.get () : publisher_.get (), *remote);
      if (offer) tell (subscriber_.get (), SessionDescription::Type::Answer, remote->id);
    } else if (auto *trickle = std::get_if<Trickle> (&event)) {
      auto &peer = trickle->target == PeerTarget::Publisher ? publisher_ : subscriber_;
      if (!trickle->candidate.empty ())
        g_signal_emit_by_name (peer.get (), "add-ice-candidate", 0u, trickle->candidate.c_str ());
    }
  }
  void
  on_elsewhere (const std::vector<RegionInfo> &) override {}
  void
  on_lost (const Error &error) override {
    g_error ("%s", error.message.c_str ());
  }

private:
  void
  connect () {
    publisher_ = make_peer ();
    subscriber_ = make_peer ();
    g_signal_connect (subscriber_.get (), "on-data-channel", G_CALLBACK (on_channel), this);
    auth::Claims claims;
    claims.issuer = g_getenv ("LIVEKIT_API_KEY");
    claims.identity = g_getenv ("LK_IDENTITY");
    claims.video.room_join = true;
    claims.video.room = g_getenv ("LK_ROOM");
    claims.expires
        = std::chrono::duration_cast<std::chrono::seconds> (system_clock ().wall ()) + std::chrono::hours (1);
    signal::ConnectParams params;
    params.url = *net::parse_url (g_getenv ("LIVEKIT_URL"));
    params.token = *auth::mint (claims, Secret (g_getenv ("LIVEKIT_API_SECRET")));
    network_ = net::make_soup_network ({});
    client_ = std::make_unique<signal::SignalClient> (*network_, thread_, system_clock (), *this);
    client_->connect (params);
  }
  Ref<GstElement>
  make_peer () {
    auto webrtc = Ref<GstElement>::sink (gst_element_factory_make ("webrtcbin", nullptr));
    g_object_set (webrtc.get (), "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, nullptr);
    g_signal_connect (webrtc.get (), "on-ice-candidate", G_CALLBACK (on_candidate), this);
    gst_element_set_state (webrtc.get (), GST_STATE_PLAYING);
    return webrtc;
  }
  void
  open_channel () {
    auto *kind = lossy_ ? gst_structure_new ("kind", "ordered", G_TYPE_BOOLEAN, FALSE, "max-retransmits",
                                             G_TYPE_INT, 0, nullptr)
                        : gst_structure_new_empty ("kind");
    g_signal_emit_by_name (publisher_.get (), "create-data-channel", lossy_ ? "_lossy" : "_reliable", kind,
                           channel_.out ());
    gst_structure_free (kind);
    g_object_set (channel_.get (), "buffered-amount-low-threshold", kLow, nullptr);
    g_signal_connect (channel_.get (), "on-open", G_CALLBACK (on_open), this);
    g_signal_connect (channel_.get (), "on-buffered-amount-low", G_CALLBACK (on_low), this);
    tell (publisher_.get (), SessionDescription::Type::Offer, 1);
  }
  void
  tell (GstElement *webrtc, SessionDescription::Type type, uint32_t id) {
    SessionDescription local;
    local.type = type;
    local.id = id;
    local.sdp = describe (webrtc, type);
    client_->send (local);
  }
  guint64
  buffered () const {
    guint64 amount = 0;
    g_object_get (channel_.get (), "buffered-amount", &amount, nullptr);
    return amount;
  }

  static void
  on_candidate (GstElement *webrtc, guint, gchar *candidate, Member *self) {
    Trickle trickle;
    trickle.target = webrtc == self->publisher_.get () ? PeerTarget::Publisher : PeerTarget::Subscriber;
    trickle.candidate = candidate;
    self->thread_.queue ()->post ([self, trickle] {
      if (self->client_) self->client_->send (trickle);
    });
  }
  static void
  on_channel (GstElement *, GObject *channel, Member *self) {
    g_signal_connect (channel, "on-message-data", G_CALLBACK (on_message), self);
  }
  static void
  on_message (GObject *, GBytes *bytes, Member *self) {
    gsize size = 0;
    auto *data = static_cast<const char *> (g_bytes_get_data (bytes, &size));
    auto packet = parse_data_packet ({ data, size });
    auto *user = packet ? std::get_if<UserMessage> (&packet->body) : nullptr;
    if (user && user->topic == self->topic_)
      self->tally_.heard (reinterpret_cast<const guint8 *> (user->payload.data ()), user->payload.size ());
  }
  static void
  on_open (GObject *, Member *self) {
    std::lock_guard lock (self->lock_);
    self->open_ = true;
    self->changed_.notify_all ();
  }
  static void
  on_low (GObject *, Member *self) {
    std::lock_guard lock (self->lock_);
    self->changed_.notify_all ();
  }

  Tally &tally_;
  const bool lossy_;
  const std::string topic_;
  SessionThread thread_{ "bare" };
  std::unique_ptr<net::Network> network_;
  std::unique_ptr<signal::SignalClient> client_;
  Ref<GstElement> publisher_, subscriber_;
  Ref<GstWebRTCDataChannel> channel_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool open_ = false; // guarded by lock_
};

/// The bytes of a packet with that number.
class Packets {
public:
  Packets (const Options &options, const char *topic) : payload_ (size_t (options.size), 'x') {
    reliability_ = options.lossy ? Reliability::Lossy : Reliability::Reliable;
    topic_ = topic;
  }
  std::string
  make (uint32_t number) {
    put_number (reinterpret_cast<guint8 *> (payload_.data ()), number);
    UserMessage user;
    user.topic = topic_;
    user.payload = payload_;
    DataPacket packet;
    packet.sequence = reliability_ == Reliability::Reliable ? number + 1 : 0;
    packet.body = std::move (user);
    return serialize_data_packet (packet, reliability_);
  }

private:
  std::string payload_, topic_;
  Reliability reliability_;
};

} // namespace

int
bare_receive (const Options &options) {
  Tally tally (options);
  Member member (tally, options, "bench");
  if (!member.join ()) return 1;
  say_ready ();
  tally.await_end ();
  tally.print ();
  return 0;
}

int
bare_send (const Options &options) {
  Tally tally (options);
  Member member (tally, options, "bench");
  if (!member.join ()) return 1;
  Packets packets (options, "bench");
  Pace pace (options);
  for (uint32_t i = 0; i < uint32_t (options.count); ++i) {
    pace.wait (i);
    member.send (packets.make (i));
  }
  pace.print ();
  member.flush ();
  return 0;
}

int
bare_ping (const Options &options) {
  Tally tally (options);
  Member member (tally, options, "echo");
  if (!member.join ()) return 1;
  Packets packets (options, "ping");
  return measure_round_trips (options, tally, [&] (uint32_t number) { member.send (packets.make (number)); });
}

} // namespace bench
