#include "capi/audio_track.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace lk::capi {

namespace {

int32_t
clamped (uint64_t value) {
  return int32_t (std::min<uint64_t> (value, std::numeric_limits<int32_t>::max ()));
}

} // namespace

AudioTrack::~AudioTrack () {
  close ();
}

LkAudioStats
AudioTrack::stats () const {
  const auto stats = sender_->stats ();
  return { stats.format.rate,      stats.format.channels,           clamped (stats.capacity),
           clamped (stats.queued), clamped (sender_->underruns ()), clamped (stats.overruns) };
}

void
AudioTrack::set_bitrate (uint32_t bitrate_bps) {
  sender_->set_bitrate (bitrate_bps);
}

void
AudioTrack::publish (const Place &place, const PublishOptions &options, Publish publish) {
  session::PublishSpec spec;
  spec.name = name_;
  spec.source = TrackSource::Microphone;
  spec.codec = "opus";
  spec.bitrate_bps = options.bitrate_bps;
  spec.dtx = options.dtx;
  // A track with a format of its own says itself how many channels it has.
  spec.stereo = fixed_ ? fixed_->channels == 2 : options.stereo;

  std::lock_guard guard (place_lock_);
  if (closed_ || place_ == place) return;
  end ();
  place_ = place;
  refused_ = false;

  media::EncodeSpec encode;
  encode.codec = spec.codec;
  encode.bitrate_bps = spec.bitrate_bps;
  encode.dtx = spec.dtx;
  encode.stereo = spec.stereo;
  media::pcm::Sender::Hooks hooks;
  // The sender is stopped before this object goes.
  hooks.begin = [this, spec, publish = std::move (publish)] {
    // Events about the track may come before it is known here; on_ended() waits for that.
    std::lock_guard local (local_lock_);
    local_ = publish (spec);
    caps_ = nullptr;
  };
  hooks.packet = [this] (Ref<GstBuffer> packet, const Ref<GstCaps> &caps) {
    session::LocalTrackPtr track;
    {
      std::lock_guard local (local_lock_);
      track = local_;
    }
    if (!track) return;
    if (caps_.get () != caps.get ()) track->frames ().set_caps (caps.get ());
    caps_ = caps;
    GST_BUFFER_DTS (packet.get ()) = GST_CLOCK_TIME_NONE;
    track->frames ().push (std::move (packet));
  };
  hooks.failed = [this] (const Error &) { refused_ = true; };
  sender_->start (std::move (encode), std::move (hooks));
}

void
AudioTrack::end () {
  if (!std::exchange (place_, nullptr)) return;
  sender_->stop ();
  session::LocalTrackPtr track;
  {
    std::lock_guard local (local_lock_);
    track = std::move (local_);
  }
  if (track) track->unpublish ();
}

void
AudioTrack::unpublish (const Place &place) {
  std::lock_guard guard (place_lock_);
  if (place_ == place) end ();
}

void
AudioTrack::close () {
  std::lock_guard guard (place_lock_);
  closed_ = true;
  end ();
}

void
AudioTrack::on_ended (const session::LocalTrackPtr &track) {
  std::lock_guard local (local_lock_);
  if (local_ == track) refused_ = true;
}

} // namespace lk::capi
