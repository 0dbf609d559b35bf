// One stay in a room, or the attempt: a session, what it tells, and the tracks that are heard. After close()
// nothing of it reaches its owner.
#pragma once

#include "capi/codes.hpp"
#include "capi/outbox.hpp"
#include "media/pcm/receiver.hpp"
#include "session/session.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lk::capi {

using SessionFactory = std::function<std::shared_ptr<session::Session> ()>;

/// A remote track with sound. What is heard of it carries this, so that names are those of the moment.
struct RemoteSound {
  session::RemoteTrackPtr track;
  std::shared_ptr<media::pcm::Receiver> receiver;
  std::atomic<int> waiting{ 0 }; ///< callbacks that have not run
  std::atomic<bool> gone{ false };

  void refresh ();
  std::pair<std::string, std::string> names () const; ///< of the participant, of the track

private:
  mutable std::mutex lock_; // leaf
  std::string participant_, name_;
};
using RemoteSoundPtr = std::shared_ptr<RemoteSound>;

class Connection;
using ConnectionPtr = std::shared_ptr<Connection>;

/// What a connection tells. From any thread, with no lock of the connection's held; must not block.
class ConnectionOwner {
public:
  virtual ~ConnectionOwner () = default;
  virtual void on_state (const ConnectionPtr &in, LkConnectionState state, int32_t reason,
                         std::optional<std::string> message)
      = 0;
  virtual void on_data (const ConnectionPtr &in, std::string label, LkReliability reliability,
                        std::string bytes)
      = 0;
  virtual void on_sound (const ConnectionPtr &in, const RemoteSoundPtr &from, const int16_t *pcm,
                         size_t frames, media::pcm::Format format)
      = 0;
  virtual void on_sound_gone (const RemoteSoundPtr &from) = 0;
  virtual void on_coded (const ConnectionPtr &in, media::pcm::Format format) = 0;
  virtual bool wants_sound () const = 0;
  virtual media::pcm::Format output () const = 0;
  virtual void on_hearing (bool anything) = 0;
  virtual void on_track_ended (const session::LocalTrackPtr &track) = 0;
};

struct Role {
  bool publishes = true, subscribes = true;
};
Role role_of (LkRole role);

class Connection : public session::User,
                   public session::DataListener,
                   public std::enable_shared_from_this<Connection> {
public:
  /// `streams`: data is sent as byte streams.
  Connection (std::shared_ptr<session::Session> session, std::weak_ptr<ConnectionOwner> owner, bool streams);

  // Any thread.
  Result<> open (const session::Settings &settings, Role role);
  /// Until connected or failed; false after `limit`.
  std::optional<Result<>> wait (Millis limit);
  /// No sound, data or change of state from now on, and wait() returns. States told before still count.
  void silence ();
  /// Those neither.
  void abandon ();
  /// Leaves the room: at most half a second. Not from an owner's method.
  void close ();

  /// Neither ended nor silenced.
  bool
  active () const {
    return active_;
  }
  bool
  silenced () const {
    return silenced_;
  }
  bool
  abandoned () const {
    return abandoned_;
  }
  bool
  connected () const {
    return state_ == session::State::Connected;
  }
  /// Connected, or on the way back to it.
  bool
  joined () const {
    return connected () || state_ == session::State::Reconnecting;
  }
  session::LocalTrackPtr publish (const session::PublishSpec &spec);
  /// While the channel is full or away it waits until stopped.
  Result<> send (const Outgoing &message, const std::stop_token &stop);
  Outbox &
  outbox () {
    return outbox_;
  }
  /// What the channels and the outbox did: bytes sent from there, messages lost.
  LkDataStats data_stats () const;
  void set_role (Role role, bool auto_subscribe);
  void set_token (const Secret &token);
  void set_output (media::pcm::Format output);
  /// Silence where no sound has come.
  void tick ();

  // session::User
  std::string
  user_name () const override {
    return "livekit_ffi";
  }
  void on_event (const session::SessionEvent &event) override;
  // session::DataListener
  void on_data (const session::DataEvent &event) override;

private:
  void on_change (const session::StateChanged &change);
  void hear (const session::RemoteTrackPtr &track);
  void lose (const session::RemoteTrackPtr &track);
  void refresh_names ();
  std::vector<RemoteSoundPtr> sounds () const;

  const std::shared_ptr<session::Session> session_;
  const std::weak_ptr<ConnectionOwner> owner_;
  const bool streams_;
  Outbox outbox_;
  std::atomic<bool> active_{ true }, silenced_{ false }, abandoned_{ false };
  std::atomic<session::State> state_{ session::State::Disconnected };

  mutable std::mutex lock_; // leaf; guards what follows
  std::condition_variable changed_;
  std::optional<Result<>> verdict_;
  std::map<const session::RemoteTrack *, RemoteSoundPtr> sounds_;
};

} // namespace lk::capi
