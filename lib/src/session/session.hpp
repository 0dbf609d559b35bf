// One LiveKit participant, shared by every element with the same session name. The façade that gst/ and capi/
// use.
//
//   element NULL→READY    attach(settings, needs)   merged; contradictions are an error
//   element READY→PAUSED  start()                   the first one connects, in the background
//   element PAUSED→READY  (its own gate; publications and consumers are given back)
//   element READY→NULL    detach()                  the last one leaves: bounded wait
#pragma once

#include "base/result.hpp"
#include "session/data.hpp"
#include "session/events.hpp"
#include "session/settings.hpp"
#include "session/tracks.hpp"

#include <memory>
#include <string>
#include <vector>

namespace lk::session {

/// An element. Held weakly by the session: after detach() returned no event comes (from the session thread
/// itself: none after the running one).
class User {
public:
  virtual ~User () = default;
  virtual std::string user_name () const = 0; ///< the element's name, for messages
  virtual void on_event (const SessionEvent &event) = 0;
  /// Asks the application for a token; false when nobody would answer. `answer` is called once, on any
  /// thread, with "" for none.
  virtual bool
  request_token (std::function<void (std::string)> answer) {
    (void)answer;
    return false;
  }
  /// Whether request_token() would find somebody. Any thread.
  virtual bool
  answers_tokens () const {
    return false;
  }
};

struct SessionStats {
  uint64_t signal_sent = 0, signal_received = 0, signal_unknown = 0, signal_malformed = 0;
  Millis rtt{ 0 };
  uint32_t joins = 0, reconnects = 0, resumes = 0;
  Millis connect_time{ 0 }; ///< start → connected, of the first connect
  Millis last_outage{ 0 };  ///< lost → connected again, of the last reconnect
};

class Session {
public:
  static std::shared_ptr<Session> create (const std::string &name);
  virtual ~Session () = default;

  // Any thread; none of them waits for the network.
  // -----------------------------------------------------------
  virtual Result<> attach (const std::shared_ptr<User> &user, const Settings &settings, const Needs &needs)
      = 0;
  /// Connects unless connected or connecting. Errors come as StateChanged to Failed. A user that starts on a
  /// connected session gets RoomJoined, ParticipantJoined, RemoteTrackPublished and RemoteTrackSubscribed for
  /// what is already there (to it alone).
  virtual void start (const std::shared_ptr<User> &user) = 0;
  /// The last started user stopping or detaching leaves the room: pads' consumers must be removed before.
  /// Waits at most 500 ms for the orderly leave; on the session thread it does not wait.
  virtual void detach (const std::shared_ptr<User> &user) = 0;

  /// Changes the filter of a started user; subscriptions follow.
  virtual void set_filter (const std::shared_ptr<User> &user, const TrackFilter &filter) = 0;
  /// By request, whatever the filters say.
  virtual void set_subscribed (const std::string &track_sid, bool subscribed) = 0;
  virtual void set_latency (const std::shared_ptr<User> &user, Millis latency) = 0;

  /// `user` gets the track's events too (everyone does). The track waits until the session is connected.
  virtual LocalTrackPtr publish (const std::shared_ptr<User> &user, const PublishSpec &spec) = 0;

  /// Data of the room. Everything there may be called before the session connects and after it has ended.
  virtual std::shared_ptr<DataPort> data () = 0;

  /// For every later connect, before what the server pushed meanwhile. The present one stays.
  virtual void set_token (const std::shared_ptr<User> &user, const Secret &token) = 0;

  /// Unset = unchanged; an attribute with an empty value is deleted. The answer comes to `done` on the
  /// session thread.
  virtual void update_metadata (const UpdateMetadata &update, std::function<void (Result<>)> done) = 0;
  virtual void simulate (const SimulateScenario &scenario) = 0;

  // Snapshots, any thread.
  virtual State state () const = 0;
  virtual std::string name () const = 0;
  virtual RoomInfo room () const = 0;
  virtual ParticipantInfo self () const = 0;
  virtual std::vector<ParticipantInfo> participants () const = 0; ///< without ourselves
  virtual SessionStats stats () const = 0;
  /// Jitter buffer + largest lip-sync delay.
  virtual Millis latency () const = 0;
  /// True for the user that reports session-wide events and fatal errors on behalf of those that share
  /// `group` (a top-level pipeline).
  virtual bool is_reporter (const User *user, const void *group) const = 0;
  virtual void set_group (const User *user, const void *group) = 0;

  /// Has those asked that can give a new token, now instead of with the next connect, which takes it. False
  /// when there is nobody to ask: no token-file, token-url or secret, and no user that answers.
  virtual bool refresh_token () = 0;
};

/// Name → session. One pool per top-level pipeline (in a GstContext); non-empty names are looked up in one
/// process-wide table first.
class SessionPool {
public:
  SessionPool ();
  ~SessionPool ();
  std::shared_ptr<Session> find_or_make (const std::string &name);
  /// Tests put a fake here.
  void put (const std::string &name, std::shared_ptr<Session> session);

private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

} // namespace lk::session
