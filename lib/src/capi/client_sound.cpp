// The sound of a client: what the application publishes, and what it hears.
#include "capi/client.hpp"

#include "capi/handles.hpp"

namespace lk::capi {

namespace {

constexpr const char kDefaultTrack[] = "ue-audio";
constexpr Millis kDefaultDepth{ 1000 };
// Of one track: half a second to a second. A callback that blocks for longer loses sound.
constexpr int kMostSound = 50;

} // namespace

// ---- sound that goes out -------------------------------------------------------------------------

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

// ---- sound that comes in -------------------------------------------------------------------------

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

} // namespace lk::capi
