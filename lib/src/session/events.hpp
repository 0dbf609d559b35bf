// What a session tells its elements. Delivered on the session thread with no lock held; any call on the
// session is legal from there.
#pragma once

#include "base/result.hpp"
#include "proto/model.hpp"
#include "session/state.hpp"
#include "session/tracks.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lk::session {

/// How an outage ended.
struct Recovery {
  bool resumed = false; ///< the same participant, with its tracks; otherwise another one joined
  Millis outage{ 0 };
};
struct StateChanged {
  State from = State::Disconnected, to = State::Disconnected;
  std::optional<Error> cause = {}; ///< set when it ends or breaks
  std::optional<Recovery> recovery = {};
};
/// Joined (or joined again after a full reconnect).
struct RoomJoined {
  RoomInfo room;
  ParticipantInfo self;
  ServerInfo server;
};
struct RoomChanged {
  RoomInfo room;
};
struct ParticipantJoined {
  ParticipantInfo participant;
};
struct ParticipantLeft {
  ParticipantInfo participant;
};
/// Name, metadata, attributes or permission changed. `self`: it is us.
struct ParticipantChanged {
  ParticipantInfo participant;
  bool self = false;
};
struct RemoteTrackPublished {
  ParticipantInfo participant;
  TrackInfo track;
};
struct RemoteTrackUnpublished {
  ParticipantInfo participant;
  TrackInfo track;
};
struct RemoteTrackSubscribed {
  RemoteTrackPtr track;
};
struct RemoteTrackUnsubscribed {
  RemoteTrackPtr track;
};
/// Muted, unmuted, paused or resumed by the server, renamed: read the track.
struct RemoteTrackChanged {
  RemoteTrackPtr track;
};
struct SubscriptionFailed {
  std::string track_sid;
  Error error;
};
struct LocalTrackPublished {
  LocalTrackPtr track;
};
/// Taken down with our permission to publish it; published again when that is back.
struct LocalTrackSuspended {
  LocalTrackPtr track;
  Error error;
};
/// Gone without our asking, or never accepted: `error` says why.
struct LocalTrackEnded {
  LocalTrackPtr track;
  Error error;
};
/// The server muted or unmuted it; already applied.
struct LocalTrackMuted {
  LocalTrackPtr track;
  bool muted = false;
};
/// Somebody subscribed for the first time.
struct LocalTrackSubscribed {
  LocalTrackPtr track;
};
struct ActiveSpeakers {
  struct Entry {
    std::string identity;
    float level = 0;
    bool active = false;
  };
  std::vector<Entry> changed;
};
struct QualityChanged {
  std::string identity;
  ConnectionQuality quality = ConnectionQuality::Excellent;
  float score = 0;
};
/// Session::latency() changed: the jitter buffer, or the largest lip-sync delay on top of it. Holds for every
/// source pad.
struct LatencyChanged {
  Millis latency{ 0 };
};
/// A token that was set or pushed is not used: it is for somebody else, or for another room.
struct TokenUnusable {
  Error error;
};

using SessionEvent
    = std::variant<StateChanged, RoomJoined, RoomChanged, ParticipantJoined, ParticipantLeft,
                   ParticipantChanged, RemoteTrackPublished, RemoteTrackUnpublished, RemoteTrackSubscribed,
                   RemoteTrackUnsubscribed, RemoteTrackChanged, SubscriptionFailed, LocalTrackPublished,
                   LocalTrackSuspended, LocalTrackEnded, LocalTrackMuted, LocalTrackSubscribed,
                   ActiveSpeakers, QualityChanged, LatencyChanged, TokenUnusable>;

} // namespace lk::session
