// A track that the application feeds: a ring that lives as long as the handle, published in one connection
// after another.
#pragma once

#include "capi/codes.hpp"
#include "media/pcm/sender.hpp"
#include "session/tracks.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace lk::capi {

/// How sound is published; see lk_set_audio_publish_options().
struct PublishOptions {
  uint32_t bitrate_bps = 32000;
  bool dtx = false, stereo = false;
};

class AudioTrack : public std::enable_shared_from_this<AudioTrack> {
public:
  /// `fixed`: the one format that this track takes. Without, it takes any.
  AudioTrack (std::string name, Millis depth, std::optional<media::pcm::Format> fixed)
      : name_ (std::move (name)), fixed_ (fixed), sender_ (media::pcm::Sender::create (depth)) {}
  ~AudioTrack ();

  // Any thread.
  media::pcm::Inlet::Outcome
  write (const int16_t *pcm, size_t frames, media::pcm::Format format) {
    return sender_->write (pcm, frames, format);
  }
  const std::optional<media::pcm::Format> &
  fixed () const {
    return fixed_;
  }
  bool
  refused () const {
    return refused_;
  }
  LkAudioStats stats () const;
  void set_bitrate (uint32_t bitrate_bps);

  /// In what `place` stands for; where it was published before it ends. `publish` is called on another thread
  /// and may give null.
  using Place = std::shared_ptr<const void>;
  using Publish = std::function<session::LocalTrackPtr (const session::PublishSpec &spec)>;
  void publish (const Place &place, const PublishOptions &options, Publish publish);
  /// Ends it, if it is published in `place`.
  void unpublish (const Place &place);
  /// Ends it for good.
  void close ();
  /// The server has ended it.
  void on_ended (const session::LocalTrackPtr &track);

private:
  void end (); // place_lock_ held

  const std::string name_;
  const std::optional<media::pcm::Format> fixed_;
  const std::unique_ptr<media::pcm::Sender> sender_;
  std::atomic<bool> refused_{ false };

  std::mutex place_lock_; // held while the sender starts and stops; before local_lock_
  Place place_;           // compared only
  bool closed_ = false;

  std::mutex local_lock_; // held to copy, and while the session takes note of the track
  session::LocalTrackPtr local_;
  Ref<GstCaps> caps_; // the sender's thread
};

} // namespace lk::capi
