// One life of a participant on the wire: two peer connections, and the signalling connection that may be
// replaced under them. A reconnect from scratch is a new Link. It passes descriptions and candidates between
// the two sides and leaves everything else to its listener.
//
//   connect() ─▶ on_link_joined ─▶ on_link_connected ─▶ …    close() ─▶ peers down ─▶ Leave ─▶ WebSocket
//                      │                 │                   closed ─▶ done
//                      └─────────────────┴─▶ on_link_lost ─▶ close(), or if resumable ()
//                                               ▲ │
//                                               │ └─▶ resume() ─▶ on_link_resuming ─▶ on_link_resumed ─▶ …
//                                               └──────┴────────────────┘
#pragma once

#include "net/url.hpp"
#include "session/parts.hpp"

#include <deque>

namespace lk::session {

struct LinkSettings {
  net::Url url;
  Secret token;
  net::Access access;
  bool auto_subscribe = true, relay_only = false;
  bool insist = false; ///< wait for a network that is away, as long as `timeout`
  std::string stun_server;
  std::vector<std::string> turn_servers;
  Millis latency{ 200 };
  Millis timeout{ 10000 }; ///< until joined
};

class Link : public std::enable_shared_from_this<Link>,
             private signal::SignalClient::Listener,
             private rtc::Publisher::Listener,
             private rtc::Subscriber::Listener {
public:
  struct Listener {
    virtual ~Listener () = default;
    /// The join response is in. The subscriber is made right after.
    virtual void on_link_joined (const JoinResponse &join) = 0;
    /// The primary peer connection is up.
    virtual void on_link_connected () = 0;
    /// Every message that is not about negotiation.
    virtual void on_link_event (const SignalEvent &event) = 0;
    /// Refused, broken, or a peer connection failed. close() or resume() is due; until then only what the
    /// peer connections bring is told.
    virtual void on_link_lost (const Error &error) = 0;
    /// Just before that: where to go instead.
    virtual void on_link_elsewhere (const std::vector<RegionInfo> &regions) = 0;
    /// The server knows us still: what it shall know of us, but for the descriptions.
    virtual SyncState on_link_resuming () = 0;
    /// Both peer connections are up again. `last_sequence`: how far our reliable data had come.
    virtual void on_link_resumed (uint32_t last_sequence) = 0;

    virtual void on_offered (const std::string &sdp) = 0;
    virtual void on_negotiated () = 0;
    virtual void on_publisher_up () = 0;
    virtual void on_sections (const std::vector<rtc::ReceiveSection> &sections) = 0;
    virtual void on_incoming (const rtc::Incoming &incoming) = 0;
    virtual void on_sender_report (const rtc::SenderReport &report) = 0;
    virtual void on_publisher_made (rtc::Publisher &publisher) = 0;
    /// From either peer connection's data channel.
    virtual void on_message (rtc::ChannelKind kind, Ref<GBytes> message) = 0;
  };

  Link (const Context &context, LinkSettings settings, Listener &listener);
  ~Link () override;

  void connect ();
  /// While the signalling connection is lost, requests wait for the next one.
  void send (const SignalCommand &command);
  /// What was sent is on its way to the server now.
  bool
  live () const {
    return phase_ == Phase::Live;
  }
  /// The same participant may be had back: it was connected, and nothing of its peer connections broke.
  bool
  resumable () const {
    return connected_ && !broken_;
  }
  /// on_link_connected has come.
  bool
  was_connected () const {
    return connected_;
  }
  /// After on_link_lost, if resumable ().
  void resume (const Secret &token, Millis timeout);
  /// Why the connection is given up, in LiveKit's numbers.
  enum class Cause { Unknown = 0, Signalling = 1, Publisher = 2, Subscriber = 3 };
  /// It is lost, whatever it looks like: on_link_lost follows.
  void give_up (Cause cause, const Error &error);
  /// Made at the first call; null when that fails (on_link_lost follows).
  rtc::Publisher *publisher ();
  /// Sees to it that data channels are on their way, as soon as we are joined. Only a publisher that nobody
  /// needed yet is offered here: every offer has the channels in it.
  void open_data ();
  uint64_t dropped_messages () const;
  /// Null until made.
  rtc::Subscriber *
  subscriber () const {
    return subscriber_.get ();
  }
  bool publisher_up () const;
  signal::SignalClient::Stats signal_stats () const;
  void probe (Millis limit);
  /// What there is to say when the room was joined and no media connection came about within `time`.
  Error no_media (Millis time) const;
  /// Packets of the publisher and of the subscriber so far.
  std::pair<rtc::PeerActivity, rtc::PeerActivity> activity () const;
  /// The side that sends from an address which this machine no longer has.
  std::optional<Cause> stranded () const;

  /// Nothing is told to the listener any more. `leave`: say good-bye to the server. `done` comes once, in
  /// bounded time. Sources and consumers must be unbound before. `linger`: for data on its way, the peer
  /// connections stay that long.
  void close (bool leave, Millis linger, std::function<void ()> done);

private:
  void on_event (SignalEvent event) override;
  void on_elsewhere (const std::vector<RegionInfo> &regions) override;
  void on_lost (const Error &error) override;
  void on_publisher_offer (const std::string &sdp, uint32_t id) override;
  void on_publisher_candidate (const std::string &candidate) override;
  void on_publisher_state (rtc::PeerState state) override;
  void on_publisher_negotiated () override;
  void on_publisher_message (rtc::ChannelKind kind, Ref<GBytes> message) override;
  void on_publisher_failed (const Error &error) override;
  void on_subscriber_answer (const std::string &sdp, uint32_t id) override;
  void on_subscriber_candidate (const std::string &candidate) override;
  void on_subscriber_state (rtc::PeerState state) override;
  void on_subscriber_sections (const std::vector<rtc::ReceiveSection> &sections) override;
  void on_incoming (const rtc::Incoming &incoming) override;
  void on_sender_report (const rtc::SenderReport &report) override;
  void on_subscriber_message (rtc::ChannelKind kind, Ref<GBytes> message) override;
  void on_subscriber_failed (const Error &error) override;

  void open_signalling (const Secret &token, Millis timeout, bool resume);
  void joined (const JoinResponse &join);
  rtc::IceServers usable (const std::vector<IceServer> &servers);
  void make_peers ();
  bool ensure_subscriber ();
  rtc::PeerConfig peer_config (const char *name) const;
  void peer_state (PeerTarget target, rtc::PeerState state);
  void resuming (const ReconnectResponse &response);
  void maybe_resumed ();
  void pass_on (const SignalCommand &command);
  void lose_later (const Error &error);
  void peer_failed (PeerTarget target, Error error);
  void add_tls_problem (Error &error) const;
  void close_peers (bool leave);
  void say_goodbye (bool leave);

  const Context context_;
  const LinkSettings settings_;
  Listener *listener_; // null once closed
  std::unique_ptr<Signalling> signalling_;
  std::shared_ptr<rtc::Publisher> publisher_;
  std::shared_ptr<rtc::Subscriber> subscriber_;
  rtc::IceServers ice_servers_;
  std::unique_ptr<net::TlsRelay> tls_relay_; // made for the first TURN server behind TLS
  /// Of the signalling connection. Live: from the beginning on, its client keeps what comes before the join.
  enum class Phase {
    Live,
    Lost,
    Resuming,  ///< the next one is opened
    Restarting ///< the server has answered it; ICE restarts
  };
  Phase phase_ = Phase::Live;
  bool relay_only_ = false, subscriber_primary_ = true, joined_ = false, connected_ = false, closing_ = false;
  bool data_wanted_ = false;
  bool broken_ = false;    // no resume can help
  bool reachable_ = false; // a peer connection had an address to tell
  int peers_closing_ = 0;
  TimerPtr close_timer_, grace_timer_, restart_timer_;

  // For a resume.
  std::string sid_;
  std::chrono::seconds ping_interval_{ 0 }, ping_timeout_{ 0 };
  Cause cause_ = Cause::Unknown;
  std::optional<SessionDescription> last_offer_, last_answer_; // of the subscriber
  size_t open_offers_ = 0, stale_offers_ = 0; // not answered yet; of them, of a lost connection
  bool publisher_due_ = false, subscriber_due_ = false;
  uint32_t last_sequence_ = 0;
  std::deque<SignalCommand> waiting_;
  std::function<void ()> closed_;
};

} // namespace lk::session
