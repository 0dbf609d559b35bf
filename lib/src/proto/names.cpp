#include "proto/model.hpp"

namespace lk {

const char *
to_string (TrackKind kind) {
  switch (kind) {
  case TrackKind::Audio:
    return "audio";
  case TrackKind::Video:
    return "video";
  case TrackKind::Data:
    return "data";
  }
  return "unknown";
}

const char *
to_string (TrackSource source) {
  switch (source) {
  case TrackSource::Unknown:
    return "unknown";
  case TrackSource::Camera:
    return "camera";
  case TrackSource::Microphone:
    return "microphone";
  case TrackSource::ScreenShare:
    return "screen-share";
  case TrackSource::ScreenShareAudio:
    return "screen-share-audio";
  }
  return "unknown";
}

const char *
to_string (VideoQuality quality) {
  switch (quality) {
  case VideoQuality::Low:
    return "low";
  case VideoQuality::Medium:
    return "medium";
  case VideoQuality::High:
    return "high";
  case VideoQuality::Off:
    return "off";
  }
  return "unknown";
}

const char *
to_string (ConnectionQuality quality) {
  switch (quality) {
  case ConnectionQuality::Poor:
    return "poor";
  case ConnectionQuality::Good:
    return "good";
  case ConnectionQuality::Excellent:
    return "excellent";
  case ConnectionQuality::Lost:
    return "lost";
  }
  return "unknown";
}

const char *
to_string (ParticipantState state) {
  switch (state) {
  case ParticipantState::Joining:
    return "joining";
  case ParticipantState::Joined:
    return "joined";
  case ParticipantState::Active:
    return "active";
  case ParticipantState::Disconnected:
    return "disconnected";
  }
  return "unknown";
}

const char *
to_string (ParticipantKind kind) {
  switch (kind) {
  case ParticipantKind::Standard:
    return "standard";
  case ParticipantKind::Ingress:
    return "ingress";
  case ParticipantKind::Egress:
    return "egress";
  case ParticipantKind::Sip:
    return "sip";
  case ParticipantKind::Agent:
    return "agent";
  case ParticipantKind::Connector:
    return "connector";
  case ParticipantKind::Bridge:
    return "bridge";
  }
  return "unknown";
}

const char *
to_string (DisconnectReason reason) {
  switch (reason) {
  case DisconnectReason::Unknown:
    return "unknown";
  case DisconnectReason::ClientInitiated:
    return "client-initiated";
  case DisconnectReason::DuplicateIdentity:
    return "duplicate-identity";
  case DisconnectReason::ServerShutdown:
    return "server-shutdown";
  case DisconnectReason::ParticipantRemoved:
    return "participant-removed";
  case DisconnectReason::RoomDeleted:
    return "room-deleted";
  case DisconnectReason::StateMismatch:
    return "state-mismatch";
  case DisconnectReason::JoinFailure:
    return "join-failure";
  case DisconnectReason::Migration:
    return "migration";
  case DisconnectReason::SignalClose:
    return "signal-close";
  case DisconnectReason::RoomClosed:
    return "room-closed";
  case DisconnectReason::UserUnavailable:
    return "user-unavailable";
  case DisconnectReason::UserRejected:
    return "user-rejected";
  case DisconnectReason::SipTrunkFailure:
    return "sip-trunk-failure";
  case DisconnectReason::ConnectionTimeout:
    return "connection-timeout";
  case DisconnectReason::MediaFailure:
    return "media-failure";
  case DisconnectReason::AgentError:
    return "agent-error";
  }
  return "unknown";
}

const char *
to_string (LeaveAction action) {
  switch (action) {
  case LeaveAction::Disconnect:
    return "disconnect";
  case LeaveAction::Resume:
    return "resume";
  case LeaveAction::Reconnect:
    return "reconnect";
  }
  return "unknown";
}

const char *
to_string (RequestReason reason) {
  switch (reason) {
  case RequestReason::Ok:
    return "ok";
  case RequestReason::NotFound:
    return "not-found";
  case RequestReason::NotAllowed:
    return "not-allowed";
  case RequestReason::LimitExceeded:
    return "limit-exceeded";
  case RequestReason::Queued:
    return "queued";
  case RequestReason::UnsupportedType:
    return "unsupported-type";
  case RequestReason::UnclassifiedError:
    return "unclassified-error";
  case RequestReason::InvalidHandle:
    return "invalid-handle";
  case RequestReason::InvalidName:
    return "invalid-name";
  case RequestReason::DuplicateHandle:
    return "duplicate-handle";
  case RequestReason::DuplicateName:
    return "duplicate-name";
  case RequestReason::InvalidRequest:
    return "invalid-request";
  }
  return "unknown";
}

namespace {

const char *
description_name (const SessionDescription &description) {
  return description.type == SessionDescription::Type::Offer ? "offer" : "answer";
}

struct EventName {
  const char *
  operator() (const JoinResponse &) const {
    return "join";
  }
  const char *
  operator() (const ReconnectResponse &) const {
    return "reconnect";
  }
  const char *
  operator() (const SessionDescription &d) const {
    return description_name (d);
  }
  const char *
  operator() (const Trickle &) const {
    return "trickle";
  }
  const char *
  operator() (const ParticipantUpdate &) const {
    return "participant-update";
  }
  const char *
  operator() (const TrackPublished &) const {
    return "track-published";
  }
  const char *
  operator() (const TrackUnpublished &) const {
    return "track-unpublished";
  }
  const char *
  operator() (const Leave &) const {
    return "leave";
  }
  const char *
  operator() (const MuteTrack &) const {
    return "mute";
  }
  const char *
  operator() (const SpeakersChanged &) const {
    return "speakers-changed";
  }
  const char *
  operator() (const RoomUpdate &) const {
    return "room-update";
  }
  const char *
  operator() (const ConnectionQualityUpdate &) const {
    return "connection-quality";
  }
  const char *
  operator() (const StreamStateUpdate &) const {
    return "stream-state";
  }
  const char *
  operator() (const SubscribedQualityUpdate &) const {
    return "subscribed-quality";
  }
  const char *
  operator() (const SubscriptionPermissionUpdate &) const {
    return "subscription-permission";
  }
  const char *
  operator() (const RefreshToken &) const {
    return "refresh-token";
  }
  const char *
  operator() (const SubscriptionResponse &) const {
    return "subscription-response";
  }
  const char *
  operator() (const RequestResponse &) const {
    return "request-response";
  }
  const char *
  operator() (const TrackSubscribed &) const {
    return "track-subscribed";
  }
  const char *
  operator() (const RoomMoved &) const {
    return "room-moved";
  }
  const char *
  operator() (const MediaSectionsRequirement &) const {
    return "media-sections-requirement";
  }
  const char *
  operator() (const SubscribedAudioCodecUpdate &) const {
    return "subscribed-audio-codec";
  }
  const char *
  operator() (const DataTrackPublished &) const {
    return "data-track-published";
  }
  const char *
  operator() (const DataTrackUnpublished &) const {
    return "data-track-unpublished";
  }
  const char *
  operator() (const DataTrackSubscriberHandles &) const {
    return "data-track-subscriber-handles";
  }
  const char *
  operator() (const Pong &) const {
    return "pong";
  }
};

struct CommandName {
  const char *
  operator() (const SessionDescription &d) const {
    return description_name (d);
  }
  const char *
  operator() (const Trickle &) const {
    return "trickle";
  }
  const char *
  operator() (const AddTrack &) const {
    return "add-track";
  }
  const char *
  operator() (const MuteTrack &) const {
    return "mute";
  }
  const char *
  operator() (const UpdateSubscription &) const {
    return "update-subscription";
  }
  const char *
  operator() (const UpdateTrackSettings &) const {
    return "update-track-settings";
  }
  const char *
  operator() (const LeaveRequest &) const {
    return "leave";
  }
  const char *
  operator() (const SyncState &) const {
    return "sync-state";
  }
  const char *
  operator() (const UpdateMetadata &) const {
    return "update-metadata";
  }
  const char *
  operator() (const UpdateVideoTrack &) const {
    return "update-video-track";
  }
  const char *
  operator() (const UpdateAudioTrack &) const {
    return "update-audio-track";
  }
  const char *
  operator() (const SimulateScenario &) const {
    return "simulate";
  }
  const char *
  operator() (const PublishDataTrack &) const {
    return "publish-data-track";
  }
  const char *
  operator() (const UnpublishDataTrack &) const {
    return "unpublish-data-track";
  }
  const char *
  operator() (const UpdateDataSubscription &) const {
    return "update-data-subscription";
  }
  const char *
  operator() (const Ping &) const {
    return "ping";
  }
};

} // namespace

const char *
name_of (const SignalEvent &event) {
  return std::visit (EventName{}, event);
}

const char *
name_of (const SignalCommand &command) {
  return std::visit (CommandName{}, command);
}

} // namespace lk
