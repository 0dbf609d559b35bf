#include "proto/convert.hpp"

#include "livekit_wire.pb.h"
#include "proto/budget.hpp"
#include "proto/candidate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lk {

namespace {

/// proto3 enums are open: what a newer server adds becomes our zero.
template <typename To, typename From>
To
known (From value, bool (*valid) (int), To fallback = To{}) {
  return valid (value) ? static_cast<To> (value) : fallback;
}

template <typename Field>
std::vector<std::string>
strings (const Field &field) {
  return { field.begin (), field.end () };
}

int64_t
ms_from (int64_t ms, int64_t seconds) {
  constexpr int64_t kLimit = std::numeric_limits<int64_t>::max () / 1000;
  return ms ? ms : std::clamp (seconds, -kLimit, kLimit) * 1000;
}

std::chrono::seconds
interval (int32_t seconds, int32_t fallback) {
  constexpr int32_t kMax = 3600;
  return std::chrono::seconds (seconds > 0 ? std::min (seconds, kMax) : fallback);
}

VideoQuality
read (wire::VideoQuality quality) {
  return known<VideoQuality> (quality, wire::VideoQuality_IsValid);
}

DisconnectReason
read (wire::DisconnectReason reason) {
  return known<DisconnectReason> (reason, wire::DisconnectReason_IsValid);
}

Encryption
read (wire::Encryption::Type type) {
  // A scheme we don't know is still encryption: passing the media on as clear would only yield noise.
  return known<Encryption> (type, wire::Encryption::Type_IsValid, Encryption::Custom);
}

VideoLayer
read (const wire::VideoLayer &from) {
  VideoLayer layer;
  layer.quality = read (from.quality ());
  layer.width = from.width ();
  layer.height = from.height ();
  layer.bitrate_bps = from.bitrate ();
  layer.ssrc = from.ssrc ();
  layer.rid = from.rid ();
  return layer;
}

template <typename Field>
std::vector<VideoLayer>
layers (const Field &field) {
  std::vector<VideoLayer> all;
  for (const wire::VideoLayer &layer : field)
    all.push_back (read (layer));
  return all;
}

TrackInfo
read (const wire::TrackInfo &from) {
  TrackInfo track;
  track.sid = from.sid ();
  track.name = from.name ();
  track.mime_type = from.mime_type ();
  track.mid = from.mid ();
  track.stream = from.stream ();
  track.kind = known<TrackKind> (from.type (), wire::TrackType_IsValid, TrackKind::Data);
  track.source = known<TrackSource> (from.source (), wire::TrackSource_IsValid);
  track.muted = from.muted ();
  track.simulcast = from.simulcast ();
  track.disable_red = from.disable_red ();
  track.stereo = from.stereo ();
  track.disable_dtx = from.disable_dtx ();
  track.width = from.width ();
  track.height = from.height ();
  track.encryption = read (from.encryption ());
  track.layers = layers (from.layers ());
  for (const auto &codec : from.codecs ())
    track.codecs.push_back ({ codec.mime_type (), codec.mid (), codec.cid (), layers (codec.layers ()) });
  for (int feature : from.audio_features ())
    if (wire::AudioTrackFeature_IsValid (feature)) track.audio_features.push_back (AudioFeature (feature));
  return track;
}

Permission
read (const wire::ParticipantPermission &from) {
  Permission permission;
  permission.can_subscribe = from.can_subscribe ();
  permission.can_publish = from.can_publish ();
  permission.can_publish_data = from.can_publish_data ();
  permission.hidden = from.hidden ();
  permission.recorder = from.recorder ();
  permission.can_update_metadata = from.can_update_metadata ();
  permission.agent = from.agent ();
  // An unknown source stays in the list as Unknown: dropping the only entry would turn "one source" into
  // "any".
  for (int source : from.can_publish_sources ())
    permission.can_publish_sources.push_back (
        known<TrackSource> (wire::TrackSource (source), wire::TrackSource_IsValid));
  return permission;
}

DataTrackInfo
read (const wire::DataTrackInfo &from) {
  return { from.pub_handle (), from.sid (), from.name (), read (from.encryption ()) };
}

ParticipantInfo
read (const wire::ParticipantInfo &from) {
  ParticipantInfo participant;
  participant.sid = from.sid ();
  participant.identity = from.identity ();
  participant.name = from.name ();
  participant.metadata = from.metadata ();
  participant.region = from.region ();
  participant.state = known<ParticipantState> (from.state (), wire::ParticipantInfo::State_IsValid);
  participant.kind = known<ParticipantKind> (from.kind (), wire::ParticipantInfo::Kind_IsValid);
  for (const auto &track : from.tracks ())
    participant.tracks.push_back (read (track));
  for (const auto &track : from.data_tracks ())
    participant.data_tracks.push_back (read (track));
  participant.attributes = { from.attributes ().begin (), from.attributes ().end () };
  participant.joined_at_ms = ms_from (from.joined_at_ms (), from.joined_at ());
  participant.version = from.version ();
  participant.is_publisher = from.is_publisher ();
  if (from.has_permission ()) participant.permission = read (from.permission ());
  participant.disconnect_reason = read (from.disconnect_reason ());
  participant.client_protocol = from.client_protocol ();
  for (auto capability : from.capabilities ())
    if (capability == wire::ClientInfo::CAP_COMPRESSION_DEFLATE_RAW) participant.can_inflate = true;
  return participant;
}

template <typename Field>
std::vector<ParticipantInfo>
participants (const Field &field) {
  std::vector<ParticipantInfo> all;
  for (const wire::ParticipantInfo &participant : field)
    all.push_back (read (participant));
  return all;
}

RoomInfo
read (const wire::Room &from) {
  RoomInfo room;
  room.sid = from.sid ();
  room.name = from.name ();
  room.metadata = from.metadata ();
  room.empty_timeout_s = from.empty_timeout ();
  room.departure_timeout_s = from.departure_timeout ();
  room.max_participants = from.max_participants ();
  room.num_participants = from.num_participants ();
  room.num_publishers = from.num_publishers ();
  room.creation_time_ms = ms_from (from.creation_time_ms (), from.creation_time ());
  room.active_recording = from.active_recording ();
  return room;
}

template <typename Field>
std::vector<IceServer>
ice_servers (const Field &field) {
  std::vector<IceServer> all;
  for (const wire::ICEServer &server : field)
    all.push_back ({ strings (server.urls ()), server.username (), server.credential () });
  return all;
}

ClientConfiguration
read (const wire::ClientConfiguration &from) {
  return { from.resume_connection () == wire::DISABLED, from.force_relay () == wire::ENABLED };
}

ServerInfo
read (const wire::ServerInfo &from) {
  return { from.version (), from.region (), from.node_id (), from.protocol (),
           from.edition () == wire::ServerInfo::Cloud };
}

JoinResponse
read (const wire::JoinResponse &from) {
  JoinResponse join;
  join.room = read (from.room ());
  join.participant = read (from.participant ());
  join.others = participants (from.other_participants ());
  join.ice_servers = ice_servers (from.ice_servers ());
  for (const auto &codec : from.enabled_publish_codecs ())
    join.enabled_publish_codecs.push_back (codec.mime ());
  join.server = read (from.server_info ());
  // Servers before server_info told these two alone.
  if (join.server.version.empty ()) join.server.version = from.server_version ();
  if (join.server.region.empty ()) join.server.region = from.server_region ();
  join.client_configuration = read (from.client_configuration ());
  join.alternative_url = from.alternative_url ();
  join.sif_trailer = from.sif_trailer ();
  join.subscriber_primary = from.subscriber_primary ();
  join.fast_publish = from.fast_publish ();
  join.ping_interval = interval (from.ping_interval (), 5);
  join.ping_timeout = interval (from.ping_timeout (), 15);
  return join;
}

ReconnectResponse
read (const wire::ReconnectResponse &from) {
  return { ice_servers (from.ice_servers ()), read (from.client_configuration ()), read (from.server_info ()),
           from.last_message_seq () };
}

SessionDescription
read (const wire::SessionDescription &from, SessionDescription::Type type) {
  return {
    type, from.sdp (), from.id (), { from.mid_to_track_id ().begin (), from.mid_to_track_id ().end () }
  };
}

Trickle
read (const wire::TrickleRequest &from) {
  return { known<PeerTarget> (from.target (), wire::SignalTarget_IsValid),
           candidate_from_json (from.candidateinit ()), from.final () };
}

Leave
read (const wire::LeaveRequest &from) {
  Leave leave;
  leave.reason = read (from.reason ());
  leave.action = known<LeaveAction> (from.action (), wire::LeaveRequest::Action_IsValid);
  // Before `action` existed this flag alone said that joining again is welcome; DISCONNECT is then merely
  // unset.
  if (leave.action == LeaveAction::Disconnect && from.can_reconnect ()) leave.action = LeaveAction::Reconnect;
  for (const auto &region : from.regions ().regions ())
    leave.regions.push_back ({ region.region (), region.url (), region.distance () });
  return leave;
}

SpeakersChanged
read (const wire::SpeakersChanged &from) {
  SpeakersChanged changed;
  for (const auto &speaker : from.speakers ()) {
    const float level = std::isnan (speaker.level ()) ? 0.f : std::clamp (speaker.level (), 0.f, 1.f);
    changed.speakers.push_back ({ speaker.sid (), level, speaker.active () });
  }
  return changed;
}

ConnectionQualityUpdate
read (const wire::ConnectionQualityUpdate &from) {
  ConnectionQualityUpdate update;
  for (const auto &entry : from.updates ())
    update.entries.push_back ({ entry.participant_sid (),
                                known<ConnectionQuality> (entry.quality (), wire::ConnectionQuality_IsValid),
                                std::isfinite (entry.score ()) ? entry.score () : 0.f });
  return update;
}

StreamStateUpdate
read (const wire::StreamStateUpdate &from) {
  StreamStateUpdate update;
  for (const auto &entry : from.stream_states ())
    update.entries.push_back (
        { entry.participant_sid (), entry.track_sid (), entry.state () == wire::PAUSED });
  return update;
}

template <typename Field>
std::vector<std::pair<VideoQuality, bool>>
qualities (const Field &field) {
  std::vector<std::pair<VideoQuality, bool>> all;
  for (const wire::SubscribedQuality &quality : field)
    if (wire::VideoQuality_IsValid (quality.quality ()))
      all.emplace_back (read (quality.quality ()), quality.enabled ());
  return all;
}

SubscribedQualityUpdate
read (const wire::SubscribedQualityUpdate &from) {
  SubscribedQualityUpdate update{ from.track_sid (), {} };
  for (const auto &codec : from.subscribed_codecs ())
    update.codecs.push_back ({ codec.codec (), qualities (codec.qualities ()) });
  // Old servers list the qualities without a codec.
  if (update.codecs.empty () && from.subscribed_qualities_size ())
    update.codecs.push_back ({ "", qualities (from.subscribed_qualities ()) });
  return update;
}

RequestResponse
read (const wire::RequestResponse &from) {
  RequestResponse response;
  response.request_id = from.request_id ();
  response.reason = known<RequestReason> (from.reason (), wire::RequestResponse::Reason_IsValid,
                                          RequestReason::UnclassifiedError);
  response.message = from.message ();
  response.add_track_cid = from.add_track ().cid ();
  response.mute_sid = from.mute ().sid ();
  response.update_metadata = from.has_update_metadata ();
  response.trickle = from.has_trickle ();
  response.publish_data_track = from.publish_data_track ().pub_handle ();
  response.unpublish_data_track = from.unpublish_data_track ().pub_handle ();
  return response;
}

SubscribedAudioCodecUpdate
read (const wire::SubscribedAudioCodecUpdate &from) {
  SubscribedAudioCodecUpdate update{ from.track_sid (), {} };
  for (const auto &codec : from.subscribed_audio_codecs ())
    update.codecs.emplace_back (codec.codec (), codec.enabled ());
  return update;
}

DataTrackSubscriberHandles
read (const wire::DataTrackSubscriberHandles &from) {
  DataTrackSubscriberHandles all;
  for (const auto &[handle, track] : from.sub_handles ())
    all.handles[handle] = { track.publisher_identity (), track.publisher_sid (), track.track_sid () };
  return all;
}

std::optional<SignalEvent>
read (const wire::SignalResponse &from) {
  using Kind = wire::SignalResponse::MessageCase;
  switch (from.message_case ()) {
  case Kind::kJoin:
    return read (from.join ());
  case Kind::kAnswer:
    return read (from.answer (), SessionDescription::Type::Answer);
  case Kind::kOffer:
    return read (from.offer (), SessionDescription::Type::Offer);
  case Kind::kTrickle:
    return read (from.trickle ());
  case Kind::kUpdate:
    return ParticipantUpdate{ participants (from.update ().participants ()) };
  case Kind::kTrackPublished:
    return TrackPublished{ from.track_published ().cid (), read (from.track_published ().track ()) };
  case Kind::kLeave:
    return read (from.leave ());
  case Kind::kMute:
    return MuteTrack{ from.mute ().sid (), from.mute ().muted () };
  case Kind::kSpeakersChanged:
    return read (from.speakers_changed ());
  case Kind::kRoomUpdate:
    return RoomUpdate{ read (from.room_update ().room ()) };
  case Kind::kConnectionQuality:
    return read (from.connection_quality ());
  case Kind::kStreamStateUpdate:
    return read (from.stream_state_update ());
  case Kind::kSubscribedQualityUpdate:
    return read (from.subscribed_quality_update ());
  case Kind::kSubscriptionPermissionUpdate: {
    const auto &update = from.subscription_permission_update ();
    return SubscriptionPermissionUpdate{ update.participant_sid (), update.track_sid (), update.allowed () };
  }
  case Kind::kRefreshToken:
    return RefreshToken{ from.refresh_token () };
  case Kind::kTrackUnpublished:
    return TrackUnpublished{ from.track_unpublished ().track_sid () };
  case Kind::kPong:
    return Pong{ 0, from.pong () };
  case Kind::kReconnect:
    return read (from.reconnect ());
  case Kind::kPongResp:
    return Pong{ from.pong_resp ().last_ping_timestamp (), from.pong_resp ().timestamp () };
  case Kind::kSubscriptionResponse: {
    const auto &response = from.subscription_response ();
    return SubscriptionResponse{ response.track_sid (),
                                 known<SubscriptionResponse::Problem> (response.err (),
                                                                       wire::SubscriptionError_IsValid) };
  }
  case Kind::kRequestResponse:
    return read (from.request_response ());
  case Kind::kTrackSubscribed:
    return TrackSubscribed{ from.track_subscribed ().track_sid () };
  case Kind::kRoomMoved: {
    const auto &moved = from.room_moved ();
    return RoomMoved{ read (moved.room ()), moved.token (), read (moved.participant ()),
                      participants (moved.other_participants ()) };
  }
  case Kind::kMediaSectionsRequirement: {
    const auto &required = from.media_sections_requirement ();
    return MediaSectionsRequirement{ required.num_audios (), required.num_videos () };
  }
  case Kind::kSubscribedAudioCodecUpdate:
    return read (from.subscribed_audio_codec_update ());
  case Kind::kPublishDataTrackResponse:
    return DataTrackPublished{ read (from.publish_data_track_response ().info ()) };
  case Kind::kUnpublishDataTrackResponse:
    return DataTrackUnpublished{ read (from.unpublish_data_track_response ().info ()) };
  case Kind::kDataTrackSubscriberHandles:
    return read (from.data_track_subscriber_handles ());
  case Kind::kStoreDataBlobResponse:
  case Kind::kGetDataBlobResponse: // we never ask for blobs
  case Kind::MESSAGE_NOT_SET:
    break;
  }
  return std::nullopt;
}

} // namespace

ParsedSignal
parse_signal_response (std::string_view bytes) {
  if (bytes.size () > std::size_t (std::numeric_limits<int>::max ()) || !within_budget (bytes))
    return { {}, ParseProblem::Malformed };
  wire::SignalResponse response;
  if (!response.ParseFromArray (bytes.data (), int (bytes.size ()))) return { {}, ParseProblem::Malformed };
  return { read (response), ParseProblem::Unknown };
}

} // namespace lk
