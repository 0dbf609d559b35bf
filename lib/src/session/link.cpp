#include "session/link.hpp"

#include "base/log.hpp"

#include <set>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// webrtcbin goes to NULL in about 10 ms; a wedged one must not keep the Leave back.
constexpr Millis kPeerCloseLimit{ 300 };
// The closing handshake runs on the connection that we keep for it.
constexpr Millis kSignalCloseTime{ 50 };
// For both peer connections to come back after the server has taken up a resume.
constexpr Millis kRestartLimit{ 5000 };
// Requests made while the signalling connection is lost.
constexpr size_t kMaxWaiting = 1000;

/// Where they are; credentials are new ones each time, and old relays go on with the old ones.
bool
same_relays (const rtc::IceServers &a, const rtc::IceServers &b) {
  auto places = [] (const rtc::IceServers &servers) {
    std::set<std::string> found;
    for (const auto &url : servers.turn)
      found.insert (url.substr (url.rfind ('@') + 1));
    return found;
  };
  return places (a) == places (b);
}

} // namespace

Link::Link (const Context &context, LinkSettings settings, Listener &listener)
    : context_ (context), settings_ (std::move (settings)), listener_ (&listener) {}

Link::~Link () = default;

void
Link::connect () {
  open_signalling (settings_.token, settings_.timeout, false);
}

void
Link::open_signalling (const Secret &token, Millis timeout, bool resume) {
  g_assert (context_.queue->is_current ());
  signalling_
      = context_.env.parts->make_signalling (settings_.access, *context_.timers, *context_.env.clock, *this);
  signal::ConnectParams params;
  params.url = settings_.url;
  params.token = token;
  params.auto_subscribe = settings_.auto_subscribe;
  // A picture that does not fit even at its smallest takes the sound with it otherwise. The pad fills the
  // time.
  params.subscriber_allow_pause = true;
  params.timeout = timeout;
  params.insist = settings_.insist || resume;
  if (resume) {
    params.resume = true;
    params.participant_sid = sid_;
    params.reconnect_reason = int (cause_);
    params.ping_interval = ping_interval_;
    params.ping_timeout = ping_timeout_;
  }
  signalling_->connect (params);
}

void
Link::pass_on (const SignalCommand &command) {
  if (signalling_) signalling_->send (command);
}

void
Link::send (const SignalCommand &command) {
  if (phase_ == Phase::Live) return pass_on (command);
  bool negotiation
      = std::holds_alternative<SessionDescription> (command) || std::holds_alternative<Trickle> (command);
  if (negotiation) {
    // What is lost now is made anew by the restart.
    if (phase_ == Phase::Restarting) pass_on (command);
  } else if (waiting_.size () < kMaxWaiting) {
    waiting_.push_back (command);
  } else {
    broken_ = true; // the server would miss something
  }
}

uint64_t
Link::dropped_messages () const {
  return (publisher_ ? publisher_->dropped_messages () : 0)
         + (subscriber_ ? subscriber_->dropped_messages () : 0);
}

bool
Link::publisher_up () const {
  return publisher_ && publisher_->state () == rtc::PeerState::Connected;
}

signal::SignalClient::Stats
Link::signal_stats () const {
  return signalling_ ? signalling_->stats () : signal::SignalClient::Stats{};
}

void
Link::probe (Millis limit) {
  if (signalling_) signalling_->probe (limit);
}

std::pair<rtc::PeerActivity, rtc::PeerActivity>
Link::activity () const {
  return { publisher_ ? publisher_->activity () : rtc::PeerActivity{},
           subscriber_ ? subscriber_->activity () : rtc::PeerActivity{} };
}

std::optional<Link::Cause>
Link::stranded () const {
  if (subscriber_ && subscriber_->stranded ()) return Cause::Subscriber;
  if (publisher_ && publisher_->stranded ()) return Cause::Publisher;
  return {};
}

void
Link::add_tls_problem (Error &error) const {
  if (auto problem = tls_relay_ ? tls_relay_->problem () : ""; !problem.empty ())
    error.message += " (" + problem + ")";
}

Error
Link::no_media (Millis time) const {
  auto seconds = std::to_string (std::chrono::ceil<std::chrono::seconds> (time).count ()) + " s";
  auto message = relay_only_ && !reachable_
                     ? "joined the room, but no TURN server gave a relay address within " + seconds
                           + ": check turn-servers, their credentials, and the way to them"
                     : "joined the room, but no media connection within " + seconds
                           + ": check that UDP or TCP to the server's media ports is open";
  Error error{ Errc::TransportLost, Retry::Restart, std::move (message) };
  add_tls_problem (error);
  return error;
}

// ---- signalling

void
Link::on_event (SignalEvent event) {
  if (!listener_ || phase_ == Phase::Lost) return;
  auto self = shared_from_this (); // the listener may drop us
  if (auto *join = std::get_if<JoinResponse> (&event)) {
    if (!joined_) joined (*join);
  } else if (auto *response = std::get_if<ReconnectResponse> (&event)) {
    if (phase_ == Phase::Resuming) resuming (*response);
  } else if (auto *sdp = std::get_if<SessionDescription> (&event)) {
    if (sdp->type == SessionDescription::Type::Answer) {
      if (publisher_) publisher_->set_answer (sdp->sdp, sdp->id);
    } else if (joined_ && ensure_subscriber ()) {
      last_offer_ = *sdp;
      ++open_offers_;
      subscriber_->handle_offer (sdp->sdp, sdp->id, sdp->mid_to_track);
    }
  } else if (auto *trickle = std::get_if<Trickle> (&event)) {
    if (trickle->candidate.empty ()) return;
    if (trickle->target == PeerTarget::Publisher) {
      if (publisher_) publisher_->add_candidate (trickle->candidate);
    } else if (joined_ && ensure_subscriber ()) {
      subscriber_->add_candidate (trickle->candidate);
    }
  } else if (joined_) {
    if (auto *moved = std::get_if<RoomMoved> (&event)) sid_ = moved->participant.sid;
    listener_->on_link_event (event);
  }
}

void
Link::joined (const JoinResponse &join) {
  ice_servers_ = usable (join.ice_servers);
  relay_only_ = settings_.relay_only || join.client_configuration.force_relay;
  subscriber_primary_ = join.subscriber_primary;
  broken_ = join.client_configuration.resume_disabled;
  sid_ = join.participant.sid;
  ping_interval_ = join.ping_interval;
  ping_timeout_ = join.ping_timeout;

  joined_ = true;
  listener_->on_link_joined (join);
  // In a later turn, so that what the listener has just asked for is on its way before we spend time here.
  context_.queue->post ([weak = weak_from_this ()] {
    if (auto self = weak.lock ()) self->make_peers ();
  });
}

/// The user's own TURN servers come instead of those that the server names.
rtc::IceServers
Link::usable (const std::vector<IceServer> &servers) {
  std::vector<rtc::IceServerUrl> urls;
  if (!settings_.stun_server.empty ()) urls.push_back ({ settings_.stun_server, "", "" });
  for (const auto &url : settings_.turn_servers)
    urls.push_back ({ url, "", "" });
  for (const auto &server : servers)
    for (const auto &url : server.urls)
      if (settings_.turn_servers.empty () || g_ascii_strncasecmp (url.c_str (), "turn", 4) != 0)
        urls.push_back ({ url, server.username, server.credential });
  auto usable = rtc::convert_ice_servers (
      urls, [this] (const std::string &host, uint16_t port) -> std::optional<uint16_t> {
        if (!tls_relay_) tls_relay_ = context_.env.parts->make_tls_relay (settings_.access);
        auto local = tls_relay_->forward (host, port);
        if (local) return *local;
        GST_WARNING ("%s: %s", context_.name.c_str (), local.error ().message.c_str ());
        return std::nullopt;
      });
  if (usable.unusable > 0)
    GST_WARNING ("%s: %d ICE servers cannot be used: check turn-servers and stun-server",
                 context_.name.c_str (), static_cast<int> (usable.unusable));
  return usable;
}

void
Link::on_elsewhere (const std::vector<RegionInfo> &regions) {
  if (listener_) listener_->on_link_elsewhere (regions);
}

void
Link::on_lost (const Error &error) {
  // During a resume it is still the first cause.
  give_up (phase_ == Phase::Live ? Cause::Signalling : cause_, error);
}

void
Link::give_up (Cause cause, const Error &error) {
  if (!listener_ || phase_ == Phase::Lost) return;
  phase_ = Phase::Lost;
  cause_ = cause;
  grace_timer_.reset ();
  restart_timer_.reset ();
  stale_offers_ = open_offers_;
  if (publisher_) publisher_->suspend ();
  auto self = shared_from_this ();
  listener_->on_link_lost (error);
}

// ---- resuming

void
Link::resume (const Secret &token, Millis timeout) {
  g_assert (phase_ == Phase::Lost && resumable ());
  phase_ = Phase::Resuming;
  if (signalling_) signalling_->close (); // the server would close it as soon as it sees the next one
  open_signalling (token, timeout, true);
}

/// The server offers the subscriber's restart by itself, after it has read the state.
void
Link::resuming (const ReconnectResponse &response) {
  auto before = std::exchange (ice_servers_, usable (response.ice_servers));
  relay_only_ = settings_.relay_only || response.client_configuration.force_relay;
  if (relay_only_ && !same_relays (before, ice_servers_)) {
    // A restart gathers nothing, and the relays that we have may be going away.
    broken_ = true;
    return give_up (cause_,
                    { Errc::TransportLost, Retry::Restart, "the server names other TURN servers now" });
  }
  phase_ = Phase::Restarting;
  last_sequence_ = response.last_message_seq;
  auto state = listener_->on_link_resuming ();
  state.offer = last_offer_;
  state.answer = last_answer_;
  pass_on (state);
  subscriber_due_ = true;
  publisher_due_ = publisher_ != nullptr;
  restart_timer_ = context_.timers->once (kRestartLimit, [this] {
    give_up (cause_, { Errc::TransportLost, Retry::Restart,
                       "resumed, but the media connections did not come back within 5 s" });
  });
  if (publisher_) publisher_->restart ();
}

void
Link::maybe_resumed () {
  if (phase_ != Phase::Restarting || publisher_due_ || subscriber_due_) return;
  if (broken_)
    return give_up (cause_, { Errc::Internal, Retry::Restart, "too many requests for one resume" });
  phase_ = Phase::Live;
  restart_timer_.reset ();
  for (const auto &command : std::exchange (waiting_, {}))
    pass_on (command);
  listener_->on_link_resumed (last_sequence_);
}

// ---- the end

void
Link::close (bool leave, Millis linger, std::function<void ()> done) {
  g_assert (context_.queue->is_current ());
  listener_ = nullptr;
  if (closing_) {
    if (done) done ();
    return;
  }
  closing_ = true;
  grace_timer_.reset ();
  restart_timer_.reset ();
  closed_ = std::move (done);
  if (linger == Millis (0)) return close_peers (leave);
  close_timer_ = context_.timers->once (linger, [this, leave] { close_peers (leave); });
}

void
Link::close_peers (bool leave) {
  // The Leave makes the server end DTLS and SCTP, which a running webrtcbin reports as an error: peers first.
  auto peer_closed = [weak = weak_from_this (), leave] {
    auto self = weak.lock ();
    if (self && --self->peers_closing_ == 0) self->say_goodbye (leave);
  };
  peers_closing_ = 1 + (publisher_ ? 1 : 0) + (subscriber_ ? 1 : 0);
  close_timer_ = context_.timers->once (kPeerCloseLimit, [this, leave] {
    GST_WARNING ("%s: a peer connection is slow to close", context_.name.c_str ());
    peers_closing_ = 0;
    say_goodbye (leave);
  });
  if (publisher_) publisher_->close (peer_closed);
  if (subscriber_) subscriber_->close (peer_closed);
  peer_closed ();
}

void
Link::say_goodbye (bool leave) {
  auto self = shared_from_this ();
  if (signalling_) {
    if (leave && joined_) signalling_->send (LeaveRequest{ DisconnectReason::ClientInitiated });
    signalling_->close ();
  }
  close_timer_ = context_.timers->once (kSignalCloseTime, [this] {
    auto keep = shared_from_this ();
    signalling_.reset ();
    if (auto closed = std::exchange (closed_, nullptr)) closed ();
  });
}

} // namespace lk::session
