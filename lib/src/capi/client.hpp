// A client of the C API: settings, callbacks, tracks, and the connection of the moment.
#pragma once

#include "capi/audio_track.hpp"
#include "capi/connection.hpp"
#include "capi/deadline.hpp"
#include "capi/dispatcher.hpp"
#include "media/pcm/mixer.hpp"

#include <optional>
#include <vector>

namespace lk::capi {

/// A function of the application with its argument.
template <typename Fn> struct Callback {
  Fn fn = nullptr;
  void *user = nullptr;
  explicit operator bool () const { return fn != nullptr; }
};

struct Callbacks {
  Callback<LkDataCallback> data;
  Callback<LkDataCallbackEx> data_ex;
  Callback<LkAudioCallback> audio;
  Callback<LkAudioCallbackEx> audio_ex;
  Callback<LkAudioFormatChangeCallback> format;
  Callback<LkConnectionCallback> connection;
};

class Client : public ConnectionOwner, public std::enable_shared_from_this<Client> {
public:
  static std::shared_ptr<Client> create (SessionFactory factory);

  // Any thread; those of the C API with checked arguments.
  void set_callbacks (const std::function<void (Callbacks &)> &change);

  LkResult connect (const std::string &url, const std::string &token, LkRole role, bool wait);
  LkResult disconnect ();
  /// The last call.
  void destroy ();
  bool ready () const;

  void set_publish_options (const PublishOptions &options);
  void set_output (media::pcm::Format format, bool mixed);
  LkResult publish (const int16_t *pcm, size_t frames, media::pcm::Format format);
  LkResult publish (AudioTrack &track, const int16_t *pcm, size_t frames, media::pcm::Format format);
  /// Null once destroyed.
  std::shared_ptr<AudioTrack> create_track (const std::string &name, Millis depth, media::pcm::Format format);
  void destroy_track (const std::shared_ptr<AudioTrack> &track);
  LkAudioStats audio_stats () const;

  /// The most that goes as one stream.
  static constexpr size_t kMostData = 16 * 1024 * 1024;
  LkResult send (std::string bytes, LkReliability reliability, std::optional<std::string> label);
  void set_default_labels (std::string reliable, std::string lossy);
  LkDataStats data_stats () const;

  void set_backoff (Millis initial, Millis max, double multiplier);
  LkResult refresh_token (const std::string &token);
  LkResult set_role (LkRole role, bool auto_subscribe);

  // ConnectionOwner
  void on_state (const ConnectionPtr &in, LkConnectionState state, int32_t reason,
                 std::optional<std::string> message) override;
  void on_data (const ConnectionPtr &in, std::string label, LkReliability reliability,
                std::string bytes) override;
  void on_sound (const ConnectionPtr &in, const RemoteSoundPtr &from, const int16_t *pcm, size_t frames,
                 media::pcm::Format format) override;
  void on_sound_gone (const RemoteSoundPtr &from) override;
  void on_coded (const ConnectionPtr &in, media::pcm::Format format) override;
  bool wants_sound () const override;
  media::pcm::Format output () const override;
  void on_hearing (bool anything) override;
  void on_track_ended (const session::LocalTrackPtr &track) override;

private:
  explicit Client (SessionFactory factory);

  Callbacks callbacks () const;
  ConnectionPtr connection () const;
  std::vector<std::shared_ptr<AudioTrack>> tracks () const;
  void publish_in (const ConnectionPtr &connection, const std::shared_ptr<AudioTrack> &track);
  void retire (const ConnectionPtr &connection);
  void keep_stats (const LkDataStats &of_one_that_ends);
  void post_state (LkConnectionState state, int32_t reason, std::optional<std::string> message,
                   const ConnectionPtr &in);
  void post_sound (const ConnectionPtr &in, std::atomic<int> &waiting, std::shared_ptr<void> keep,
                   std::vector<int16_t> pcm, media::pcm::Format format, const RemoteSoundPtr &from);
  void tick ();

  const SessionFactory factory_;
  const bool streams_; ///< LK_COMPAT_DATA=stream: what is sent goes as byte streams
  std::shared_ptr<Dispatcher> dispatcher_;
  Deadlines deadlines_;
  std::atomic<bool> hears_{ false }; ///< there is an audio callback

  mutable std::mutex lock_; // leaf; guards what follows
  Callbacks callbacks_;
  ConnectionPtr connection_;
  bool destroyed_ = false;
  std::vector<std::shared_ptr<AudioTrack>> tracks_;
  std::shared_ptr<AudioTrack> default_track_;
  PublishOptions options_;
  media::pcm::Format output_;
  bool mixed_ = false;
  bool may_publish_ = true;
  std::string reliable_label_, lossy_label_;
  session::Settings backoff_;
  LkDataStats data_stats_{}; ///< without what the present connection counts itself

  std::mutex mix_lock_; // leaf
  media::pcm::Mixer mixer_{ {} };
  std::atomic<int> mixes_waiting_{ 0 };
};

} // namespace lk::capi
