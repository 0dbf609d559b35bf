#include "capi/client.hpp"

#include "capi/handles.hpp"

#include <cstdlib>
#include <cstring>

namespace lk::capi {

namespace {

constexpr Millis kConnectLimit{ 30'000 };

bool
streams_wanted () {
  const char *value = std::getenv ("LK_COMPAT_DATA");
  return value && std::strcmp (value, "stream") == 0;
}

} // namespace

std::shared_ptr<Client>
Client::create (SessionFactory factory) {
  auto self = std::shared_ptr<Client> (new Client (std::move (factory)));
  self->dispatcher_ = Dispatcher::start ([weak = std::weak_ptr (self)] {
    if (auto client = weak.lock ()) client->tick ();
  });
  return self;
}

Client::Client (SessionFactory factory) : factory_ (std::move (factory)), streams_ (streams_wanted ()) {
  set_default_labels ("", "");
}

void
Client::set_callbacks (const std::function<void (Callbacks &)> &change) {
  std::lock_guard guard (lock_);
  change (callbacks_);
  hears_ = bool (callbacks_.audio) || bool (callbacks_.audio_ex);
}

Callbacks
Client::callbacks () const {
  std::lock_guard guard (lock_);
  return callbacks_;
}

ConnectionPtr
Client::connection () const {
  std::lock_guard guard (lock_);
  return connection_;
}

std::vector<std::shared_ptr<AudioTrack>>
Client::tracks () const {
  std::lock_guard guard (lock_);
  return tracks_;
}

// ---- connection ----------------------------------------------------------------------------------

LkResult
Client::connect (const std::string &url, const std::string &token, LkRole wanted, bool wait) {
  const Role role = role_of (wanted);
  ConnectionPtr old, fresh;
  session::Settings settings;
  {
    std::lock_guard guard (lock_);
    if (destroyed_) return fail (Code::Destroyed, "the client is being destroyed");
    if (connection_ && connection_->active ())
      return fail (Code::AlreadyConnected, "the client is connected or connecting: call lk_disconnect first");
    old = std::move (connection_);
    fresh = connection_ = std::make_shared<Connection> (factory_ (), weak_from_this (), streams_);
    may_publish_ = role.publishes;
    settings = backoff_;
  }
  if (old) retire (old);
  settings.url = url;
  settings.token = Secret (token);
  if (auto opened = fresh->open (settings, role); !opened) {
    fresh->silence ();
    return fail (opened.error ());
  }
  if (role.publishes)
    for (const auto &track : tracks ())
      publish_in (fresh, track);
  if (!wait) return ok ();

  auto verdict = fresh->wait (kConnectLimit);
  if (verdict && *verdict) return ok ();
  if (verdict) return fail (verdict->error ());
  fresh->silence ();
  {
    std::lock_guard guard (lock_);
    if (connection_ == fresh) connection_ = nullptr;
  }
  retire (fresh);
  const char *late = "there was no connection within 30 s";
  post_state (LkConnFailed, reason_of ({ Errc::Timeout, Retry::Never, late }), late, fresh);
  return fail (Code::ConnectTimeout, late);
}

/// Ends all that the connection has here, and it. What it told before is still told, unless it was silenced.
void
Client::retire (const ConnectionPtr &connection) {
  deadlines_.stop_all ();
  for (const auto &track : tracks ())
    track->unpublish (connection);
  connection->close ();
  keep_stats (connection->data_stats ());
}

LkResult
Client::disconnect () {
  ConnectionPtr gone;
  {
    std::lock_guard guard (lock_);
    gone = std::move (connection_);
    connection_ = nullptr;
  }
  if (gone) {
    const bool was_active = gone->active ();
    if (dispatcher_->is_current ()) {
      gone->abandon ();
      dispatcher_->purge ();
      dispatcher_->defer ([self = shared_from_this (), gone] { self->retire (gone); });
    } else {
      gone->silence ();
      retire (gone);
      if (was_active) post_state (LkConnDisconnected, 0, {}, nullptr);
    }
  }
  dispatcher_->quiesce ();
  return ok ();
}

void
Client::destroy () {
  ConnectionPtr gone;
  std::vector<std::shared_ptr<AudioTrack>> tracks;
  {
    std::lock_guard guard (lock_);
    destroyed_ = true;
    callbacks_ = {};
    gone = std::move (connection_);
    connection_ = nullptr;
    tracks = tracks_;
  }
  if (gone) gone->abandon ();
  auto tear_down = [self = shared_from_this (), gone, tracks] {
    if (gone) self->retire (gone);
    for (const auto &track : tracks)
      track->close ();
    std::lock_guard guard (self->lock_);
    self->tracks_.clear ();
    self->default_track_ = nullptr;
  };
  if (dispatcher_->is_current ())
    dispatcher_->defer (std::move (tear_down));
  else
    tear_down ();
  dispatcher_->stop ();
}

bool
Client::ready () const {
  auto now = connection ();
  return now && now->active () && now->connected ();
}

void
Client::set_backoff (Millis initial, Millis max, double multiplier) {
  std::lock_guard guard (lock_);
  backoff_.reconnect_initial = initial;
  backoff_.reconnect_max = max;
  backoff_.reconnect_multiplier = multiplier;
}

LkResult
Client::refresh_token (const std::string &token) {
  auto now = connection ();
  if (!now || !now->active ())
    return fail (Code::NotInRoom, "there is no connection that could use the token: give it to lk_connect");
  now->set_token (Secret (token));
  return ok ();
}

LkResult
Client::set_role (LkRole wanted, bool auto_subscribe) {
  const Role role = role_of (wanted);
  ConnectionPtr now;
  {
    std::lock_guard guard (lock_);
    now = connection_;
    if (now && now->active ()) may_publish_ = role.publishes;
  }
  if (!now || !now->active ())
    return fail (Code::NotInRoom, "there is no connection: give the role to lk_connect_with_role");
  now->set_role (role, auto_subscribe);
  for (const auto &track : tracks ()) {
    if (role.publishes)
      publish_in (now, track);
    else
      track->unpublish (now);
  }
  return ok ();
}

// ---- states --------------------------------------------------------------------------------------

void
Client::on_state (const ConnectionPtr &in, LkConnectionState state, int32_t reason,
                  std::optional<std::string> message) {
  post_state (state, reason, std::move (message), in);
}

void
Client::post_state (LkConnectionState state, int32_t reason, std::optional<std::string> message,
                    const ConnectionPtr &in) {
  dispatcher_->post ([self = shared_from_this (), state, reason, message = std::move (message), in] {
    if (in && in->abandoned ()) return;
    if (const auto cb = self->callbacks ().connection)
      cb.fn (cb.user, state, reason, message ? message->c_str () : nullptr);
  });
}

} // namespace lk::capi
