#include "capi/connection.hpp"

#include "media/time_map.hpp"

namespace lk::capi {

namespace {

using session::State;

// Half of what elements begin with: a conversation in a game, on the application's own risk of gaps.
constexpr Millis kLatency{ 100 };
// For what was sent just before leaving.
constexpr Millis kLastWords{ 300 };
// A byte stream is one message to the application.
constexpr size_t kMaxStream = 16 * 1024 * 1024;

session::TrackFilter
filter_of (bool subscribes) {
  session::TrackFilter filter;
  filter.kinds = "audio";
  filter.automatic = subscribes;
  return filter;
}

LkConnectionState
to_public (State state) {
  switch (state) {
  case State::Connecting:
    return LkConnConnecting;
  case State::Connected:
    return LkConnConnected;
  case State::Reconnecting:
    return LkConnReconnecting;
  case State::Failed:
    return LkConnFailed;
  case State::Disconnected:
    break;
  }
  return LkConnDisconnected;
}

} // namespace

Role
role_of (LkRole role) {
  return { role != LkRoleSubscriber, role != LkRolePublisher };
}

void
RemoteSound::refresh () {
  auto participant = track->participant ();
  auto name = track->info ().name;
  std::lock_guard guard (lock_);
  participant_ = participant.name.empty () ? participant.identity : participant.name;
  name_ = std::move (name);
}

std::pair<std::string, std::string>
RemoteSound::names () const {
  std::lock_guard guard (lock_);
  return { participant_, name_ };
}

Connection::Connection (std::shared_ptr<session::Session> session, std::weak_ptr<ConnectionOwner> owner,
                        bool streams)
    : session_ (std::move (session)), owner_ (std::move (owner)), streams_ (streams),
      outbox_ (
          [this] (const Outgoing &message, const std::stop_token &stop) { return send (message, stop); }) {}

Result<>
Connection::open (const session::Settings &settings, Role role) {
  session::Needs needs;
  needs.publish = role.publishes;
  needs.subscribe = filter_of (role.subscribes);
  needs.latency = kLatency;
  needs.data = true;
  if (auto ok = session_->attach (shared_from_this (), settings, needs); !ok) return ok;
  session::DataFilter filter;
  filter.packets = filter.byte_streams = true;
  filter.max_stream_bytes = kMaxStream;
  session_->data ()->add_listener (shared_from_this (), filter);
  session_->start (shared_from_this ());
  return {};
}

std::optional<Result<>>
Connection::wait (Millis limit) {
  std::unique_lock guard (lock_);
  changed_.wait_for (guard, limit, [this] { return verdict_.has_value (); });
  return verdict_;
}

void
Connection::silence () {
  silenced_ = true;
  active_ = false;
  {
    std::lock_guard guard (lock_);
    if (!verdict_) verdict_ = Error{ Errc::Closed, Retry::Never, "disconnected while connecting" };
  }
  changed_.notify_all ();
}

void
Connection::abandon () {
  abandoned_ = true;
  silence ();
}

void
Connection::close () {
  active_ = false;
  outbox_.close (connected () ? kLastWords : Millis (0));
  session_->data ()->remove_listener (this);
  for (const auto &sound : sounds ())
    lose (sound->track);
  session_->detach (shared_from_this ());
  // One that was announced meanwhile.
  for (const auto &sound : sounds ())
    lose (sound->track);
  state_ = State::Disconnected;
}

Result<>
Connection::send (const Outgoing &message, const std::stop_token &stop) {
  auto port = session_->data ();
  if (streams_) {
    session::OutgoingStream stream;
    stream.topic = message.label;
    stream.total_length = message.bytes.size ();
    auto id = port->send_stream (std::move (stream), message.bytes, stop, {});
    return id ? Result<> () : Result<> (id.error ());
  }
  session::OutgoingPacket packet;
  packet.reliability = message.lossy ? Reliability::Lossy : Reliability::Reliable;
  packet.payload = message.bytes;
  packet.topic = message.label;
  return port->send (std::move (packet), stop);
}

LkDataStats
Connection::data_stats () const {
  const auto outbox = outbox_.stats ();
  return { outbox.sent_bytes, outbox.dropped, 0, int64_t (session_->data ()->stats ().lossy_dropped) };
}

session::LocalTrackPtr
Connection::publish (const session::PublishSpec &spec) {
  return silenced_ ? nullptr : session_->publish (shared_from_this (), spec);
}

void
Connection::set_role (Role role, bool auto_subscribe) {
  session_->set_filter (shared_from_this (), filter_of (role.subscribes && auto_subscribe));
}

void
Connection::set_token (const Secret &token) {
  session_->set_token (shared_from_this (), token);
}

std::vector<RemoteSoundPtr>
Connection::sounds () const {
  std::vector<RemoteSoundPtr> all;
  std::lock_guard guard (lock_);
  for (const auto &[track, sound] : sounds_)
    all.push_back (sound);
  return all;
}

void
Connection::set_output (media::pcm::Format output) {
  for (const auto &sound : sounds ())
    sound->receiver->set_output (output);
}

void
Connection::tick () {
  const auto all = sounds ();
  if (all.empty ()) return;
  const GstClockTime now = media::monotonic_now (),
                     latency = GstClockTime (session_->latency ().count ()) * GST_MSECOND;
  for (const auto &sound : all)
    sound->receiver->fill (now, latency);
}

// ---- what the session tells
// -----------------------------------------------------------------------------------

void
Connection::on_event (const session::SessionEvent &event) {
  if (silenced_) return;
  if (auto *change = std::get_if<session::StateChanged> (&event)) return on_change (*change);
  if (auto *heard = std::get_if<session::RemoteTrackSubscribed> (&event)) return hear (heard->track);
  if (auto *lost = std::get_if<session::RemoteTrackUnsubscribed> (&event)) return lose (lost->track);
  if (std::holds_alternative<session::RemoteTrackChanged> (event)
      || std::holds_alternative<session::ParticipantChanged> (event))
    return refresh_names ();
  if (auto *ended = std::get_if<session::LocalTrackEnded> (&event))
    if (auto owner = owner_.lock ()) owner->on_track_ended (ended->track);
}

void
Connection::on_change (const session::StateChanged &change) {
  state_ = change.to;
  const bool over = change.to == State::Failed || change.to == State::Disconnected;
  if (over) active_ = false;
  if (over || change.to == State::Connected) {
    {
      std::lock_guard guard (lock_);
      if (verdict_) {
      } else if (!over) {
        verdict_ = Result<> ();
      } else {
        verdict_ = change.cause.value_or (Error{ Errc::Closed, Retry::Never, "the connection ended" });
      }
    }
    changed_.notify_all ();
  }
  auto owner = owner_.lock ();
  if (!owner) return;
  std::optional<std::string> message;
  if (change.cause) message = change.cause->message;
  owner->on_state (shared_from_this (), to_public (change.to), change.cause ? reason_of (*change.cause) : 0,
                   std::move (message));
}

void
Connection::hear (const session::RemoteTrackPtr &track) {
  auto owner = owner_.lock ();
  if (!owner || track->info ().kind != TrackKind::Audio) return;
  auto sound = std::make_shared<RemoteSound> ();
  sound->track = track;
  sound->refresh ();
  media::pcm::Receiver::Hooks hooks;
  hooks.sound = [weak = std::weak_ptr (sound), self = weak_from_this (),
                 to = owner_] (const int16_t *pcm, size_t frames, media::pcm::Format format) {
    auto in = self.lock ();
    auto from = weak.lock ();
    auto listener = to.lock ();
    if (in && from && listener) listener->on_sound (in, from, pcm, frames, format);
  };
  hooks.coded = [self = weak_from_this (), to = owner_] (media::pcm::Format format) {
    auto in = self.lock ();
    auto listener = to.lock ();
    if (in && listener) listener->on_coded (in, format);
  };
  hooks.wanted = [to = owner_] {
    auto listener = to.lock ();
    return listener && listener->wants_sound ();
  };
  hooks.failed = [] (const Error &) {};
  sound->receiver = media::pcm::Receiver::create (std::move (hooks), owner->output ());
  {
    std::lock_guard guard (lock_);
    if (!sounds_.emplace (track.get (), sound).second) return;
  }
  owner->on_hearing (true);
  track->frames ().add_consumer (sound->receiver);
}

void
Connection::lose (const session::RemoteTrackPtr &track) {
  RemoteSoundPtr sound;
  bool last = false;
  {
    std::lock_guard guard (lock_);
    auto it = sounds_.find (track.get ());
    if (it == sounds_.end ()) return;
    sound = std::move (it->second);
    sounds_.erase (it);
    last = sounds_.empty ();
  }
  sound->gone = true;
  track->frames ().remove_consumer (sound->receiver);
  sound->receiver->close ();
  auto owner = owner_.lock ();
  if (!owner) return;
  owner->on_sound_gone (sound);
  if (last) owner->on_hearing (false);
}

void
Connection::refresh_names () {
  for (const auto &sound : sounds ())
    sound->refresh ();
}

void
Connection::on_data (const session::DataEvent &event) {
  auto owner = silenced_ ? nullptr : owner_.lock ();
  if (!owner) return;
  if (auto *packet = std::get_if<session::PacketReceived> (&event)) {
    const bool lossy = packet->reliability == Reliability::Lossy;
    owner->on_data (shared_from_this (), packet->message.topic.value_or (""), lossy ? LkLossy : LkReliable,
                    packet->message.payload);
  } else if (auto *stream = std::get_if<session::StreamEnded> (&event)) {
    // The existing implementation sends every message as a byte stream of its own.
    if (!stream->error)
      owner->on_data (shared_from_this (), stream->stream->header.topic, LkReliable, stream->bytes);
  }
}

} // namespace lk::capi
