#include "capi/client.hpp"

#include "capi/handles.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace lk::capi {

namespace {

constexpr const char kReliableLabel[] = "mocap-bin-reliable", kLossyLabel[] = "mocap-bin-lossy";
constexpr const char kDefaultTrack[] = "ue-audio";
constexpr Millis kDefaultDepth{ 1000 };
constexpr Millis kConnectLimit{ 30'000 };
// A channel that has not taken a message by then may need long; others do not wait for it.
constexpr Millis kSendLimit{ 20 };
// Of one track: half a second to a second. A callback that blocks for longer loses sound.
constexpr int kMostSound = 50;

void
add (LkDataStats &sum, const LkDataStats &more) {
  sum.reliable_sent_bytes += more.reliable_sent_bytes;
  sum.reliable_dropped += more.reliable_dropped;
  sum.lossy_sent_bytes += more.lossy_sent_bytes;
  sum.lossy_dropped += more.lossy_dropped;
}

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

Client::Client (SessionFactory factory)
    : factory_ (std::move (factory)), streams_ (streams_wanted ()), reliable_label_ (kReliableLabel),
      lossy_label_ (kLossyLabel) {}

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

// ---- connection
// -----------------------------------------------------------------------------------------------

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
  const auto last = connection->data_stats ();
  std::lock_guard guard (lock_);
  add (data_stats_, last);
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

// ---- sound that goes out
// --------------------------------------------------------------------------------------

void
Client::publish_in (const ConnectionPtr &connection, const std::shared_ptr<AudioTrack> &track) {
  PublishOptions options;
  {
    std::lock_guard guard (lock_);
    options = options_;
  }
  track->publish (connection, options,
                  [connection] (const session::PublishSpec &spec) { return connection->publish (spec); });
  // It may have ended, and the track have been looked at, meanwhile.
  if (connection->silenced ()) track->unpublish (connection);
}

void
Client::set_publish_options (const PublishOptions &options) {
  {
    std::lock_guard guard (lock_);
    options_ = options;
  }
  for (const auto &track : tracks ())
    track->set_bitrate (options.bitrate_bps);
}

LkResult
Client::publish (const int16_t *pcm, size_t frames, media::pcm::Format format) {
  std::shared_ptr<AudioTrack> track;
  ConnectionPtr now;
  bool fresh = false;
  {
    std::unique_lock guard (lock_, std::defer_lock);
    if (!try_briefly (guard)) return fail (Code::AudioBusy, "too many threads use the client at once");
    now = connection_;
    if (now && now->joined () && may_publish_ && !default_track_ && !destroyed_) {
      default_track_ = std::make_shared<AudioTrack> (kDefaultTrack, kDefaultDepth, std::nullopt);
      tracks_.push_back (default_track_);
      fresh = true;
    }
    track = default_track_;
  }
  if (fresh) publish_in (now, track);
  if (!track) {
    if (now && now->joined ()) return fail (Code::AudioRefused, "the role does not publish");
    return fail (Code::AudioNotConnected, "not connected");
  }
  return publish (*track, pcm, frames, format);
}

LkResult
Client::publish (AudioTrack &track, const int16_t *pcm, size_t frames, media::pcm::Format format) {
  bool joined = false, may = false;
  {
    std::unique_lock guard (lock_, std::defer_lock);
    if (!try_briefly (guard)) return fail (Code::AudioBusy, "too many threads use the client at once");
    joined = connection_ && connection_->joined ();
    may = may_publish_;
  }
  if (!joined) return fail (Code::AudioNotConnected, "not connected");
  if (!may) return fail (Code::AudioRefused, "the role does not publish");
  if (track.refused ())
    return fail (Code::AudioRefused, "the track was refused: by the server, or there is no Opus encoder");
  if (track.write (pcm, frames, format) == media::pcm::Inlet::Outcome::Busy)
    return fail (Code::AudioBusy, "another thread publishes on this track");
  return ok ();
}

std::shared_ptr<AudioTrack>
Client::create_track (const std::string &name, Millis depth, media::pcm::Format format) {
  auto track = std::make_shared<AudioTrack> (name, depth, format);
  ConnectionPtr now;
  {
    std::lock_guard guard (lock_);
    if (destroyed_) return nullptr;
    tracks_.push_back (track);
    if (may_publish_ && connection_ && connection_->active ()) now = connection_;
  }
  if (now) publish_in (now, track);
  return track;
}

void
Client::destroy_track (const std::shared_ptr<AudioTrack> &track) {
  {
    std::lock_guard guard (lock_);
    std::erase (tracks_, track);
  }
  track->close ();
}

LkAudioStats
Client::audio_stats () const {
  std::shared_ptr<AudioTrack> track;
  {
    std::lock_guard guard (lock_);
    track = default_track_;
  }
  return track ? track->stats () : LkAudioStats{};
}

void
Client::on_track_ended (const session::LocalTrackPtr &ended) {
  for (const auto &track : tracks ())
    track->on_ended (ended);
}

// ---- sound that comes in
// --------------------------------------------------------------------------------------

void
Client::set_output (media::pcm::Format format, bool mixed) {
  ConnectionPtr now;
  {
    std::lock_guard guard (lock_);
    output_ = format;
    mixed_ = mixed;
    now = connection_;
  }
  {
    std::lock_guard guard (mix_lock_);
    mixer_.set_format (format);
  }
  if (now) now->set_output (format);
}

media::pcm::Format
Client::output () const {
  std::lock_guard guard (lock_);
  return output_;
}

bool
Client::wants_sound () const {
  return hears_;
}

void
Client::on_hearing (bool anything) {
  dispatcher_->set_ticking (anything);
}

void
Client::on_sound (const ConnectionPtr &in, const RemoteSoundPtr &from, const int16_t *pcm, size_t frames,
                  media::pcm::Format format) {
  bool mixed = false;
  {
    std::lock_guard guard (lock_);
    mixed = mixed_;
  }
  if (mixed) {
    std::lock_guard guard (mix_lock_);
    if (mixer_.format () == format && !from->gone) mixer_.add (from.get (), pcm, frames);
    return;
  }
  post_sound (in, from->waiting, from, std::vector<int16_t> (pcm, pcm + frames * size_t (format.channels)),
              format, from);
}

void
Client::on_sound_gone (const RemoteSoundPtr &from) {
  std::lock_guard guard (mix_lock_);
  mixer_.remove (from.get ());
}

/// `keep` holds `waiting`.
void
Client::post_sound (const ConnectionPtr &in, std::atomic<int> &waiting, std::shared_ptr<void> keep,
                    std::vector<int16_t> pcm, media::pcm::Format format, const RemoteSoundPtr &from) {
  if (pcm.empty () || waiting >= kMostSound) return;
  ++waiting;
  const size_t bytes = pcm.size () * sizeof (int16_t);
  const bool posted = dispatcher_->post (
      [this, self = shared_from_this (), in, &waiting, keep, pcm = std::move (pcm), format, from] {
        --waiting;
        if (in->silenced () || (from && from->gone)) return;
        const auto all = callbacks ();
        const size_t frames = pcm.size () / size_t (format.channels);
        if (all.audio_ex) {
          const auto [participant, track]
              = from ? from->names () : std::pair (std::string (), std::string ("mix"));
          all.audio_ex.fn (all.audio_ex.user, pcm.data (), frames, format.channels, format.rate,
                           participant.c_str (), track.c_str ());
        } else if (all.audio) {
          all.audio.fn (all.audio.user, pcm.data (), frames, format.channels, format.rate);
        }
      },
      bytes);
  if (!posted) --waiting;
}

void
Client::tick () {
  auto now = connection ();
  if (!now || now->silenced ()) return;
  now->tick ();
  std::vector<int16_t> pcm;
  media::pcm::Format format;
  {
    std::lock_guard guard (lock_);
    if (!mixed_ || !hears_) return;
  }
  {
    std::lock_guard guard (mix_lock_);
    if (mixer_.empty ()) return;
    pcm = mixer_.mix ();
    format = mixer_.format ();
  }
  post_sound (now, mixes_waiting_, shared_from_this (), std::move (pcm), format, nullptr);
}

void
Client::on_coded (const ConnectionPtr &in, media::pcm::Format format) {
  dispatcher_->post ([self = shared_from_this (), in, format] {
    if (in->silenced ()) return;
    if (const auto cb = self->callbacks ().format) cb.fn (cb.user, format.rate, format.channels);
  });
}

// ---- data
// -----------------------------------------------------------------------------------------------------

void
Client::set_default_labels (std::string reliable, std::string lossy) {
  std::lock_guard guard (lock_);
  reliable_label_ = reliable.empty () ? kReliableLabel : std::move (reliable);
  lossy_label_ = lossy.empty () ? kLossyLabel : std::move (lossy);
}

LkResult
Client::send (std::string bytes, LkReliability reliability, std::optional<std::string> label) {
  const bool lossy = reliability == LkLossy;
  const size_t size = bytes.size ();
  if (lossy && size > session::kMaxLossyPayload)
    return fail (Code::LossyTooLarge, "lossy data is at most 1300 bytes: send less, or reliably");
  if (!lossy && size > session::kMaxReliablePayload && !streams_)
    return fail (Code::ReliableTooLarge, "reliable data is at most 15360 bytes: send it in pieces");
  ConnectionPtr now;
  {
    std::lock_guard guard (lock_);
    now = connection_;
    if (!label) label = lossy ? lossy_label_ : reliable_label_;
  }
  if (!now || !now->joined ()) {
    std::lock_guard guard (lock_);
    ++(lossy ? data_stats_.lossy_dropped : data_stats_.reliable_dropped);
    return fail (Code::DataNotConnected, "not connected");
  }
  const Outgoing message{ *label, std::move (bytes), lossy };
  std::optional<Error> failed;
  bool queued = !lossy && now->outbox ().waiting ();
  if (!queued) {
    auto sent = deadlines_.run (kSendLimit, [&] (const auto &stop) { return now->send (message, stop); });
    if (!sent) failed = sent.error ();
    queued = failed && failed->code == Errc::Closed && !lossy && now->joined ();
  }
  if (queued) {
    if (now->outbox ().add (message)) return ok (); // counted there
    failed = Error{ Errc::LimitExceeded, Retry::Never, "a megabyte waits to be sent already: send it later" };
  }
  std::lock_guard guard (lock_);
  if (!failed) {
    (lossy ? data_stats_.lossy_sent_bytes : data_stats_.reliable_sent_bytes) += int64_t (size);
    return ok ();
  }
  // The channel has counted a lossy packet itself.
  if (!lossy || streams_) ++(lossy ? data_stats_.lossy_dropped : data_stats_.reliable_dropped);
  return fail (Code::SendFailed, failed->message);
}

LkDataStats
Client::data_stats () const {
  ConnectionPtr now;
  LkDataStats stats;
  {
    std::lock_guard guard (lock_);
    now = connection_;
    stats = data_stats_;
  }
  if (now) add (stats, now->data_stats ());
  return stats;
}

void
Client::on_data (const ConnectionPtr &in, std::string label, LkReliability reliability, std::string bytes) {
  const size_t size = bytes.size () + label.size ();
  dispatcher_->post (
      [self = shared_from_this (), in, label = std::move (label), reliability, bytes = std::move (bytes)] {
        if (in->silenced ()) return;
        const auto all = self->callbacks ();
        const auto *data = reinterpret_cast<const uint8_t *> (bytes.data ());
        if (all.data_ex)
          all.data_ex.fn (all.data_ex.user, label.c_str (), reliability, data, bytes.size ());
        else if (all.data)
          all.data.fn (all.data.user, data, bytes.size ());
      },
      size);
}

// ---- states
// ---------------------------------------------------------------------------------------------------

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
