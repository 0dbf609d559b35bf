#include "session/engine.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

constexpr Millis kConnectTimeout{ 10000 };
// Joined, but no media path yet: ICE or DTLS has gone wrong, and a second try often goes right.
constexpr Millis kMediaTimeout{ 5000 };
// Of one attempt to come back: a connect that was begun in a blackout hangs in TCP's own back-off.
constexpr Millis kRejoinTimeout{ 3000 };

} // namespace

Error
Engine::closed_error () {
  return { Errc::Closed, Retry::Never, "the session is not connected" };
}

Engine::Engine (const Context &context, std::shared_ptr<Snapshot> snapshot, Emit emit, TokenSource::Ask ask)
    : context_ (context), snapshot_ (std::move (snapshot)), emit_ (std::move (emit)),
      tokens_ (context, std::move (ask),
               [this] (const Error &error) { this->emit (TokenUnusable{ error }); }),
      metadata_updates_ (*context.timers) {
  publications_
      = std::make_shared<Publications> (context_, [this] (const SessionEvent &event) { this->emit (event); });
  subscriptions_ = std::make_shared<Subscriptions> (
      context_, roster_, [this] (const SessionEvent &event) { this->emit (event); });
  data_ = DataRoom::create (context_, roster_, snapshot_, [this] { want_data (); });
}

Engine::~Engine () = default;

/// Makes the snapshot true before anybody is told.
void
Engine::emit (const SessionEvent &event) {
  if (auto *latency = std::get_if<LatencyChanged> (&event))
    snapshot_->write ([&] (Snapshot::Data &data) { data.latency = latency->latency; });
  emit_ (event);
}

bool
Engine::apply (Event event, std::optional<Error> cause, std::optional<Recovery> recovery) {
  auto to = next (state_, event);
  if (!to) {
    GST_WARNING ("%s: event %s does not fit state %s, ignored", context_.name.c_str (), to_string (event),
                 to_string (state_));
    return false;
  }
  auto from = std::exchange (state_, *to);
  if (from == state_) return true;
  GST_INFO ("%s: %s -> %s, because %s%s%s", context_.name.c_str (), to_string (from), to_string (state_),
            to_string (event), cause ? ": " : "", cause ? cause->message.c_str () : "");
  snapshot_->write ([&] (Snapshot::Data &data) { data.state = state_; });
  emit (StateChanged{ from, state_, std::move (cause), recovery });
  return true;
}

// ---- connecting

void
Engine::start (Settings settings, bool automatic, bool data) {
  g_assert (context_.queue->is_current ());
  if (!stopped () || !apply (Event::Start)) return;
  settings_ = std::move (settings);
  automatic_ = automatic;
  data_wanted_ = data_wanted_ || data;
  started_ = context_.env.clock->now ();
  attempts_ = 0;

  if (auto missing = context_.env.parts->missing_elements (); !missing.empty ())
    return connect_failed ({ Errc::MissingElement, Retry::Never, "install what is missing: " + missing });
  apply_environment (settings_, context_.env.variable);
  identity_.reset ();
  urls_ = {};
  tokens_.begin (settings_);

  auto limit = settings_.connect_timeout.value_or (kConnectTimeout);
  data_->begin (limit);
  connect_timer_ = context_.timers->once (limit, [this, limit] {
    auto seconds = std::to_string (std::chrono::ceil<std::chrono::seconds> (limit).count ());
    if (join_ && link_)
      connect_failed (link_->no_media (limit));
    else if (link_ && link_->signal_stats ().received > 0)
      connect_failed ({ Errc::Protocol, Retry::Restart,
                        "what " + identity_->url
                            + " sends is no join response: check that a LiveKit server answers there" });
    else
      connect_failed ({ Errc::Timeout, Retry::Restart,
                        "no answer from " + (identity_ ? identity_->url : "token-url or request-token")
                            + " within " + seconds + " s: check the url and the network" });
  });
  attempt ();
}

Settings
Engine::effective () const {
  Settings settings;
  settings.url = settings_.url;
  if (identity_) {
    settings.url = identity_->url;
    settings.room = identity_->room;
    settings.identity = identity_->identity;
  }
  return settings;
}

void
Engine::set_token (const Secret &token) {
  if (!stopped ()) tokens_.on_given (token);
}

void
Engine::refresh_token () {
  if (!stopped ()) tokens_.refresh (state_ == State::Connected);
}

void
Engine::attempt () {
  tokens_.get ([this] (Result<Identity> identity) {
    if (!identity) {
      // What can be resumed waits for a token.
      if (link_ && outage_ && worth_another_try (identity.error ())) return outage_->attempt_later ();
      if (link_) suspend ();
      return on_link_lost (identity.error ());
    }
    identity_ = std::move (*identity);
    open_link ();
  });
}

/// Another token may do; with none left the next attempt says why.
void
Engine::token_refused (const Error &error) {
  tokens_.on_refused (error);
  --attempts_;
  if (state_ == State::Connecting)
    take_down (true, {});
  else if (!link_->resumable ())
    suspend ();
  attempt ();
}

void
Engine::open_link () {
  if (outage_ && link_) {
    if (link_->resumable ()) return link_->resume (identity_->token, kRejoinTimeout);
    suspend (); // it broke while it waited
  }
  ++attempts_;
  LinkSettings link;
  urls_.set_given (*net::parse_url (identity_->url)); // resolve() has checked it
  link.url = urls_.current ();
  link.token = identity_->token;
  link.access.proxy = settings_.proxy.value_or ("");
  link.access.ca_file = settings_.ca_file.value_or ("");
  if (settings_.tls_validation_flags) link.access.tls_validation_flags = *settings_.tls_validation_flags;
  link.auto_subscribe = automatic_;
  link.relay_only = settings_.relay_only.value_or (false);
  link.stun_server = settings_.stun_server.value_or ("");
  link.turn_servers = settings_.turn_servers.value_or (std::vector<std::string> ());
  link.latency = subscriptions_->jitter_latency ();
  link.timeout = outage_ ? kRejoinTimeout : settings_.connect_timeout.value_or (kConnectTimeout);
  link.insist = outage_ != nullptr;
  link_ = std::make_shared<Link> (context_, std::move (link), static_cast<Link::Listener &> (*this));
  if (data_wanted_) link_->open_data ();
  link_->connect ();
}

void
Engine::want_data () {
  data_wanted_ = true;
  if (link_) link_->open_data ();
}

void
Engine::retry () {
  GST_WARNING ("%s: no media connection, trying once more", context_.name.c_str ());
  take_down (true, {});
  attempt ();
}

void
Engine::on_link_joined (const JoinResponse &join) {
  join_ = join;
  link_joined_ = true;
  tokens_.on_accepted ();
  urls_.on_alternative (join.alternative_url);
  auto changes = roster_.reset (join.participant, join.others);
  snapshot_->write ([&] (Snapshot::Data &data) {
    data.room = join.room;
    data.self = std::make_shared<ParticipantInfo> (roster_.self ());
    data.participants = roster_.participants ();
    ++data.stats.joins;
  });
  if (state_ == State::Reconnecting) apply_changes (changes);
  // Requests leave before the subscriber's first offer comes: the time to the first frame is made of round
  // trips.
  publications_->set_permission (roster_.self ().permission);
  publications_->bind (*link_, join.enabled_publish_codecs);
  subscriptions_->bind (*link_, automatic_);
  data_->self_changed (roster_.self ());
  data_->bind (*link_);
  send_own_metadata ();
  if (outage_)
    media_timer_
        = context_.timers->once (kMediaTimeout, [this] { on_link_lost (link_->no_media (kMediaTimeout)); });
  else if (attempts_ == 1)
    media_timer_ = context_.timers->once (kMediaTimeout, [this] { retry (); });
}

void
Engine::on_link_connected () {
  connect_timer_.reset ();
  media_timer_.reset ();
  if (state_ == State::Reconnecting) {
    if (!recovered (false)) return;
    emit (RoomJoined{ join_->room, roster_.self (), join_->server });
  } else {
    outage_.reset ();
    auto took = std::chrono::duration_cast<Millis> (context_.env.clock->now () - started_);
    snapshot_->write ([&] (Snapshot::Data &data) { data.stats.connect_time = took; });
    refresh_stats ();
    if (!apply (Event::Joined)) return;
    liveness_ = std::make_unique<Liveness> (context_, *link_, *subscriptions_);
    for (const auto &event : replay ())
      emit (event);
  }
  subscriptions_->announce ();
  if (join_) data_->connected (join_->server.version);
}

// ---- the end

void
Engine::connect_failed (const Error &error) {
  if (!outage_ && !begin_outage (error)) return end (Event::Refused, error, true);
  if (!worth_another_try (error)) return end (Event::Refused, error, true);
  take_down (true, {});
  outage_->attempt_later ();
}

void
Engine::end (Event event, const Error &error, bool leave) {
  // Users hear of the end first and then of what went with it, so that they can tell a lost room from an
  // unpublished track.
  apply (event, error);
  data_->end (error);
  data_wanted_ = false;
  take_down (leave, {});
}

void
Engine::stop (std::function<void ()> done) {
  g_assert (context_.queue->is_current ());
  apply (Event::Stop);
  data_->end (closed_error ());
  data_wanted_ = false;
  take_down (true, std::move (done));
}

void
Engine::take_down (bool leave, std::function<void ()> done) {
  auto linger = data_->linger ();
  tokens_.cancel ();
  // A retry while connecting is invisible: nothing had been announced.
  bool visible = join_ && state_ != State::Connecting;
  if (state_ != State::Connecting) {
    connect_timer_.reset ();
    outage_.reset ();
  }
  media_timer_.reset ();
  liveness_.reset ();
  publications_->unbind ();
  subscriptions_->unbind ();
  data_->unbind ({ Errc::TransportLost, Retry::Restart, "the session lost its connection" });
  auto changes = roster_.clear ();
  join_.reset ();
  if (visible) apply_changes (changes);
  snapshot_->write ([&] (Snapshot::Data &data) {
    data.participants.clear ();
    data.media_paths.clear ();
  });
  metadata_updates_.fail_all (closed_error ());
  close_link (leave, leave ? linger : Millis (0), std::move (done));
}

void
Engine::close_link (bool leave, Millis linger, std::function<void ()> done) {
  refresh_stats ();
  // An earlier link may still be saying good-bye; who waits for us waits for that, too.
  if (done) left_.push_back (std::move (done));
  link_joined_ = false;
  auto link = std::exchange (link_, nullptr);
  if (!link) return links_closed ();
  closing_.push_back (link);
  link->close (leave, linger, [weak = weak_from_this (), raw = link.get (), queue = context_.queue] {
    // The link is still on the stack.
    queue->post ([weak, raw] {
      auto self = weak.lock ();
      if (!self) return;
      std::erase_if (self->closing_, [&] (const auto &l) { return l.get () == raw; });
      self->links_closed ();
    });
  });
}

void
Engine::links_closed () {
  if (!closing_.empty ()) return;
  for (const auto &done : std::exchange (left_, {}))
    done ();
}

void
Engine::shut_down () {
  g_assert (context_.queue->is_current ());
  tokens_.cancel ();
  connect_timer_.reset ();
  media_timer_.reset ();
  liveness_.reset ();
  outage_.reset ();
  publications_->unbind ();
  subscriptions_->unbind ();
  data_->shut_down ();
  link_.reset ();
  closing_.clear ();
  metadata_updates_.clear ();
}

// ---- requests

void
Engine::update_metadata (UpdateMetadata update, Done done) {
  if (!link_joined_) return done (closed_error ());
  metadata_updates_.send (*link_, std::move (update), std::move (done));
}

void
Engine::simulate (const SimulateScenario &scenario) {
  if (link_joined_) link_->send (scenario);
}

void
Engine::refresh_stats () {
  if (!link_) return;
  auto signal = link_->signal_stats ();
  data_->set_transport_drops (link_->dropped_messages ());
  snapshot_->write ([&] (Snapshot::Data &data) {
    data.stats.signal_sent = signal.sent;
    data.stats.signal_received = signal.received;
    data.stats.signal_unknown = signal.unknown;
    data.stats.signal_malformed = signal.malformed;
    data.stats.rtt = signal.rtt;
  });
}

// ---- the link's media side

void
Engine::on_offered (const std::string &sdp) {
  publications_->on_offered (sdp);
}

void
Engine::on_negotiated () {
  publications_->on_negotiated ();
}

void
Engine::on_publisher_up () {
  publications_->on_publisher_up ();
}

void
Engine::on_sections (const std::vector<rtc::ReceiveSection> &sections) {
  subscriptions_->on_sections (sections);
}

void
Engine::on_incoming (const rtc::Incoming &incoming) {
  subscriptions_->on_incoming (incoming);
}

void
Engine::on_publisher_made (rtc::Publisher &publisher) {
  data_->bind_channels (publisher);
}

void
Engine::on_message (rtc::ChannelKind kind, Ref<GBytes> message) {
  data_->on_message (kind, message);
}

void
Engine::on_sender_report (const rtc::SenderReport &report) {
  if (auto told = subscriptions_->on_sender_report (report))
    snapshot_->write ([&] (Snapshot::Data &data) { data.media_paths[told->participant_sid] = told->path; });
}

} // namespace lk::session
