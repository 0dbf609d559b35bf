#include "proto/convert.hpp"

#include "proto/budget.hpp"
#include "proto_samples.hpp"

#include <limits>
#include <random>
#include <set>

using namespace lk;
using namespace lk::test;

namespace {

void
expect_filled (const TrackInfo &track) {
  EXPECT_EQ (track.sid, "TR_VCx");
  EXPECT_EQ (track.kind, TrackKind::Video);
  EXPECT_EQ (track.name, "cam");
  EXPECT_TRUE (track.muted);
  EXPECT_EQ (track.width, 1280u);
  EXPECT_EQ (track.height, 720u);
  EXPECT_TRUE (track.simulcast);
  EXPECT_EQ (track.source, TrackSource::Camera);
  EXPECT_EQ (track.mime_type, "video/H264");
  EXPECT_EQ (track.mid, "3");
  EXPECT_TRUE (track.disable_red);
  EXPECT_EQ (track.encryption, Encryption::Gcm);
  EXPECT_EQ (track.stream, "camera");
  ASSERT_EQ (track.layers.size (), 1u);
  EXPECT_EQ (track.layers[0].quality, VideoQuality::High);
  EXPECT_EQ (track.layers[0].bitrate_bps, 1'700'000u);
  EXPECT_EQ (track.layers[0].ssrc, 4'000'000'000u);
  EXPECT_EQ (track.layers[0].rid, "f");
  ASSERT_EQ (track.codecs.size (), 1u);
  EXPECT_EQ (track.codecs[0].cid, "cid-1");
  ASSERT_EQ (track.codecs[0].layers.size (), 1u);
  EXPECT_EQ (track.codecs[0].layers[0].quality, VideoQuality::Low);
  EXPECT_EQ (track.audio_features, std::vector{ AudioFeature::Stereo }); // the unknown one is dropped
}

std::string
trickled (const std::string &json) {
  wire::SignalResponse response;
  response.mutable_trickle ()->set_candidateinit (json);
  return event_of<Trickle> (response).candidate;
}

} // namespace

// ---- what the server sends
// ---------------------------------------------------------------------------------

TEST (ParseSignal, JoinCarriesRoomSelfOthersAndServer) {
  const auto join = event_of<JoinResponse> (full_join ());
  EXPECT_EQ (join.room.sid, "RM_x");
  EXPECT_EQ (join.room.name, "demo");
  EXPECT_EQ (join.room.creation_time_ms, 1'700'000'000'000); // from seconds, for servers without the ms field
  EXPECT_TRUE (join.room.active_recording);
  EXPECT_EQ (join.participant.identity, "me");
  EXPECT_EQ (join.participant.state, ParticipantState::Joined);
  EXPECT_EQ (join.participant.kind, ParticipantKind::Bridge);
  EXPECT_EQ (join.participant.joined_at_ms, 12'345);
  EXPECT_EQ (join.participant.attributes.at ("k"), "v");
  ASSERT_TRUE (join.participant.permission);
  EXPECT_TRUE (join.participant.permission->can_publish);
  EXPECT_FALSE (join.participant.permission->can_subscribe);
  EXPECT_EQ (join.participant.permission->can_publish_sources, std::vector{ TrackSource::ScreenShare });
  ASSERT_EQ (join.others.size (), 1u);
  EXPECT_FALSE (join.others[0].permission);
  ASSERT_EQ (join.others[0].tracks.size (), 1u);
  expect_filled (join.others[0].tracks[0]);
  ASSERT_EQ (join.ice_servers.size (), 1u);
  EXPECT_EQ (join.ice_servers[0].urls, std::vector<std::string>{ "turn:h:1?transport=udp" });
  EXPECT_EQ (join.ice_servers[0].username, "u");
  EXPECT_EQ (join.ice_servers[0].credential, "c");
  EXPECT_EQ (join.server.version, "1.13.4");
  EXPECT_EQ (join.server.protocol, 17);
  EXPECT_TRUE (join.server.cloud);
  EXPECT_TRUE (join.client_configuration.resume_disabled);
  EXPECT_TRUE (join.client_configuration.force_relay);
  EXPECT_EQ (join.enabled_publish_codecs, (std::vector<std::string>{ "video/VP8", "audio/opus" }));
  EXPECT_TRUE (join.subscriber_primary);
  EXPECT_TRUE (join.fast_publish);
  EXPECT_EQ (join.alternative_url, "wss://elsewhere");
  EXPECT_EQ (join.sif_trailer, std::string ("\0\xff", 2));
  EXPECT_EQ (join.ping_interval.count (), 7);
  EXPECT_EQ (join.ping_timeout.count (), 21);
}

TEST (ParseSignal, JoinWithoutPingTimesKeepsTheDefaults) {
  for (int32_t seconds : { 0, -1, std::numeric_limits<int32_t>::min () }) {
    auto response = full_join ();
    response.mutable_join ()->set_ping_interval (seconds);
    response.mutable_join ()->set_ping_timeout (seconds);
    const auto join = event_of<JoinResponse> (response);
    EXPECT_EQ (join.ping_interval.count (), 5);
    EXPECT_EQ (join.ping_timeout.count (), 15);
  }
}

TEST (ParseSignal, ExtremeTimesDoNotOverflow) {
  auto response = full_join ();
  response.mutable_join ()->mutable_room ()->set_creation_time (std::numeric_limits<int64_t>::min ());
  response.mutable_join ()->mutable_participant ()->set_joined_at_ms (0);
  response.mutable_join ()->mutable_participant ()->set_joined_at (std::numeric_limits<int64_t>::max ());
  response.mutable_join ()->set_ping_interval (std::numeric_limits<int32_t>::max ());
  const auto join = event_of<JoinResponse> (response);
  EXPECT_LT (join.room.creation_time_ms, 0);
  EXPECT_GT (join.participant.joined_at_ms, 0);
  EXPECT_EQ (join.ping_interval.count (), 3600);
}

TEST (ParseSignal, OlderServersNameVersionAndRegionOutsideServerInfo) {
  wire::SignalResponse response;
  response.mutable_join ()->set_server_version ("0.15");
  response.mutable_join ()->set_server_region ("eu");
  const auto join = event_of<JoinResponse> (response);
  EXPECT_EQ (join.server.version, "0.15");
  EXPECT_EQ (join.server.region, "eu");
}

TEST (ParseSignal, ReconnectCarriesIceServersAndLastSequence) {
  wire::SignalResponse response;
  response.mutable_reconnect ()->add_ice_servers ()->add_urls ("stun:h:3478");
  response.mutable_reconnect ()->set_last_message_seq (41);
  response.mutable_reconnect ()->mutable_server_info ()->set_node_id ("ND_1");
  const auto reconnect = event_of<ReconnectResponse> (response);
  ASSERT_EQ (reconnect.ice_servers.size (), 1u);
  EXPECT_EQ (reconnect.last_message_seq, 41u);
  EXPECT_EQ (reconnect.server.node_id, "ND_1");
  EXPECT_FALSE (reconnect.client_configuration.resume_disabled);
}

TEST (ParseSignal, DescriptionsKeepIdAndMidMapAndTakeTheirTypeFromTheField) {
  wire::SignalResponse response;
  auto *offer = response.mutable_offer ();
  offer->set_type ("rollback"); // the field they come in decides
  offer->set_sdp ("v=0\r\n");
  offer->set_id (211);
  (*offer->mutable_mid_to_track_id ())["1"] = "TR_a";
  auto description = event_of<SessionDescription> (response);
  EXPECT_EQ (description.type, SessionDescription::Type::Offer);
  EXPECT_EQ (description.sdp, "v=0\r\n");
  EXPECT_EQ (description.id, 211u);
  EXPECT_EQ (description.mid_to_track.at ("1"), "TR_a");

  response.mutable_answer ()->set_id (2);
  description = event_of<SessionDescription> (response);
  EXPECT_EQ (description.type, SessionDescription::Type::Answer);
  EXPECT_EQ (description.id, 2u);
}

TEST (ParseSignal, TrickleYieldsTheCandidateLine) {
  wire::SignalResponse response;
  auto *trickle = response.mutable_trickle ();
  trickle->set_candidateinit (
      R"({"candidate":"candidate:1 1 udp 2 10.0.0.1 7 typ host ufrag a","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null})");
  trickle->set_target (wire::SUBSCRIBER);
  trickle->set_final (true);
  const auto event = event_of<Trickle> (response);
  EXPECT_EQ (event.candidate, "candidate:1 1 udp 2 10.0.0.1 7 typ host ufrag a");
  EXPECT_EQ (event.target, PeerTarget::Subscriber);
  EXPECT_TRUE (event.final);
}

TEST (ParseSignal, TrickleNeedsNothingButTheCandidate) {
  EXPECT_EQ (trickled (R"({"candidate":"candidate:1"})"), "candidate:1");
  EXPECT_EQ (trickled (R"({"candidate":"a=candidate:1"})"), "candidate:1");
  EXPECT_EQ (trickled (R"({"sdpMid":null,"candidate":"candidate:1","sdpMLineIndex":null})"), "candidate:1");
}

TEST (ParseSignal, ATrickleThatIsNoCandidateIsEmpty) {
  for (const char *json : { "", "null", "{}", "[]", "candidate:1", "{\"candidate\":", "{\"candidate\":7}",
                            "{\"candidate\":null}", "{\"candidate\":\"\"}",
                            "{\"candidate\":\"candidate:1\\r\\na=fingerprint:x\"}", "\"\\ud800\\u0041\"" })
    EXPECT_EQ (trickled (json), "") << json;
  EXPECT_EQ (trickled (std::string (100'000, '[')), "");
  EXPECT_EQ (trickled ("{\"candidate\":\"" + std::string (100'000, 'x') + "\"}"), "");
}

TEST (ParseSignal, UpdateListsParticipantsWithTheirTracks) {
  wire::SignalResponse response;
  auto *participant = response.mutable_update ()->add_participants ();
  participant->set_identity ("gone");
  participant->set_state (wire::ParticipantInfo::DISCONNECTED);
  participant->set_disconnect_reason (wire::DUPLICATE_IDENTITY);
  participant->set_version (9);
  fill (participant->add_tracks ());
  const auto update = event_of<ParticipantUpdate> (response);
  ASSERT_EQ (update.participants.size (), 1u);
  EXPECT_EQ (update.participants[0].state, ParticipantState::Disconnected);
  EXPECT_EQ (update.participants[0].disconnect_reason, DisconnectReason::DuplicateIdentity);
  EXPECT_EQ (update.participants[0].version, 9u);
  expect_filled (update.participants[0].tracks.at (0));
}

TEST (ParseSignal, LeaveNamesReasonActionAndRegions) {
  wire::SignalResponse response;
  auto *leave = response.mutable_leave ();
  leave->set_reason (wire::STATE_MISMATCH);
  leave->set_action (wire::LeaveRequest::RESUME);
  auto *region = leave->mutable_regions ()->add_regions ();
  region->set_region ("eu");
  region->set_url ("wss://eu");
  region->set_distance (12);
  const auto event = event_of<Leave> (response);
  EXPECT_EQ (event.reason, DisconnectReason::StateMismatch);
  EXPECT_EQ (event.action, LeaveAction::Resume);
  ASSERT_EQ (event.regions.size (), 1u);
  EXPECT_EQ (event.regions[0].url, "wss://eu");
  EXPECT_EQ (event.regions[0].distance, 12);
}

TEST (ParseSignal, ALegacyLeaveThatMayReconnectMeansReconnect) {
  wire::SignalResponse response;
  response.mutable_leave ()->set_can_reconnect (true);
  EXPECT_EQ (event_of<Leave> (response).action, LeaveAction::Reconnect);
  response.mutable_leave ()->set_action (wire::LeaveRequest::RESUME);
  EXPECT_EQ (event_of<Leave> (response).action, LeaveAction::Resume);
  response.mutable_leave ()->Clear ();
  EXPECT_EQ (event_of<Leave> (response).action, LeaveAction::Disconnect);
}

TEST (ParseSignal, BothPongsBecomeOneKind) {
  wire::SignalResponse response;
  response.set_pong (1234);
  EXPECT_EQ (event_of<Pong> (response).timestamp_ms, 1234);
  response.mutable_pong_resp ()->set_timestamp (99);
  response.mutable_pong_resp ()->set_last_ping_timestamp (88);
  EXPECT_EQ (event_of<Pong> (response).timestamp_ms, 99);
  EXPECT_EQ (event_of<Pong> (response).last_ping_timestamp_ms, 88);
}

TEST (ParseSignal, RequestResponseIsToldByWhatItEchoes) {
  wire::SignalResponse response;
  auto *verdict = response.mutable_request_response ();
  verdict->set_request_id (5);
  verdict->set_reason (wire::RequestResponse::NOT_ALLOWED);
  verdict->set_message ("no");
  verdict->mutable_add_track ()->set_cid ("cid-7");
  auto event = event_of<RequestResponse> (response);
  EXPECT_EQ (event.request_id, 5u);
  EXPECT_EQ (event.reason, RequestReason::NotAllowed);
  EXPECT_EQ (event.message, "no");
  EXPECT_EQ (event.add_track_cid, "cid-7");
  EXPECT_FALSE (event.trickle || event.update_metadata);

  verdict->mutable_mute ()->set_sid ("TR_m");
  event = event_of<RequestResponse> (response);
  EXPECT_EQ (event.mute_sid, "TR_m");
  EXPECT_EQ (event.add_track_cid, "");
  verdict->mutable_update_metadata ();
  EXPECT_TRUE (event_of<RequestResponse> (response).update_metadata);
  verdict->mutable_trickle ();
  EXPECT_TRUE (event_of<RequestResponse> (response).trickle);

  verdict->set_reason (wire::RequestResponse::Reason (77));
  EXPECT_EQ (event_of<RequestResponse> (response).reason,
             RequestReason::UnclassifiedError); // never taken for success
}

TEST (ParseSignal, SmallNoticesKeepTheirFields) {
  wire::SignalResponse response;
  response.mutable_mute ()->set_sid ("TR_1");
  response.mutable_mute ()->set_muted (true);
  EXPECT_EQ (event_of<MuteTrack> (response).sid, "TR_1");
  EXPECT_TRUE (event_of<MuteTrack> (response).muted);

  response.mutable_track_published ()->set_cid ("c");
  fill (response.mutable_track_published ()->mutable_track ());
  EXPECT_EQ (event_of<TrackPublished> (response).cid, "c");
  expect_filled (event_of<TrackPublished> (response).track);

  response.mutable_track_unpublished ()->set_track_sid ("TR_2");
  EXPECT_EQ (event_of<TrackUnpublished> (response).sid, "TR_2");
  response.mutable_track_subscribed ()->set_track_sid ("TR_3");
  EXPECT_EQ (event_of<TrackSubscribed> (response).track_sid, "TR_3");
  response.set_refresh_token ("jwt");
  EXPECT_EQ (event_of<RefreshToken> (response).token, "jwt");

  response.mutable_subscription_response ()->set_err (wire::SE_CODEC_UNSUPPORTED);
  EXPECT_EQ (event_of<SubscriptionResponse> (response).problem,
             SubscriptionResponse::Problem::CodecUnsupported);
  response.mutable_subscription_permission_update ()->set_track_sid ("TR_4");
  EXPECT_FALSE (event_of<SubscriptionPermissionUpdate> (response).allowed);
  response.mutable_media_sections_requirement ()->set_num_videos (3);
  EXPECT_EQ (event_of<MediaSectionsRequirement> (response).num_videos, 3u);
  response.mutable_room_update ()->mutable_room ()->set_creation_time_ms (5);
  EXPECT_EQ (event_of<RoomUpdate> (response).room.creation_time_ms, 5);
}

TEST (ParseSignal, StatesAndQualitiesKeepTheirEntries) {
  wire::SignalResponse response;
  auto *state = response.mutable_stream_state_update ()->add_stream_states ();
  state->set_track_sid ("TR_1");
  state->set_state (wire::PAUSED);
  const auto states = event_of<StreamStateUpdate> (response);
  EXPECT_EQ (states.entries.at (0).track_sid, "TR_1");
  EXPECT_TRUE (states.entries.at (0).paused);

  auto *quality = response.mutable_connection_quality ()->add_updates ();
  quality->set_participant_sid ("PA_1");
  quality->set_quality (wire::LOST);
  quality->set_score (std::numeric_limits<float>::infinity ());
  const auto connection = event_of<ConnectionQualityUpdate> (response);
  EXPECT_EQ (connection.entries.at (0).quality, ConnectionQuality::Lost);
  EXPECT_EQ (connection.entries.at (0).score, 0.f);

  auto *codec = response.mutable_subscribed_quality_update ()->add_subscribed_codecs ();
  codec->set_codec ("vp8");
  codec->add_qualities ()->set_enabled (true);
  const auto subscribed = event_of<SubscribedQualityUpdate> (response);
  EXPECT_EQ (subscribed.codecs.at (0).codec, "vp8");
  EXPECT_EQ (subscribed.codecs.at (0).qualities.at (0), std::pair (VideoQuality::Low, true));

  auto *audio = response.mutable_subscribed_audio_codec_update ()->add_subscribed_audio_codecs ();
  audio->set_codec ("opus");
  audio->set_enabled (true);
  EXPECT_EQ (event_of<SubscribedAudioCodecUpdate> (response).codecs.at (0),
             (std::pair<std::string, bool> ("opus", true)));
}

TEST (ParseSignal, QualitiesWithoutACodecAreKeptForTheFirstOne) {
  wire::SignalResponse response;
  auto *quality = response.mutable_subscribed_quality_update ()->add_subscribed_qualities ();
  quality->set_quality (wire::MEDIUM);
  const auto update = event_of<SubscribedQualityUpdate> (response);
  ASSERT_EQ (update.codecs.size (), 1u);
  EXPECT_EQ (update.codecs[0].codec, "");
  EXPECT_EQ (update.codecs[0].qualities.at (0), std::pair (VideoQuality::Medium, false));
}

TEST (ParseSignal, SpeakerLevelsStayBetweenZeroAndOne) {
  wire::SignalResponse response;
  for (float level : { 0.25f, -3.f, 1e30f, std::numeric_limits<float>::quiet_NaN () })
    response.mutable_speakers_changed ()->add_speakers ()->set_level (level);
  const auto changed = event_of<SpeakersChanged> (response);
  ASSERT_EQ (changed.speakers.size (), 4u);
  EXPECT_EQ (changed.speakers[0].level, 0.25f);
  EXPECT_EQ (changed.speakers[1].level, 0.f);
  EXPECT_EQ (changed.speakers[2].level, 1.f);
  EXPECT_EQ (changed.speakers[3].level, 0.f);
}

TEST (ParseSignal, RoomMovedBringsRoomTokenAndPeople) {
  wire::SignalResponse response;
  auto *moved = response.mutable_room_moved ();
  moved->mutable_room ()->set_name ("next");
  moved->set_token ("jwt");
  moved->mutable_participant ()->set_sid ("PA_new");
  moved->add_other_participants ()->set_identity ("peer");
  const auto event = event_of<RoomMoved> (response);
  EXPECT_EQ (event.room.name, "next");
  EXPECT_EQ (event.token, "jwt");
  EXPECT_EQ (event.participant.sid, "PA_new");
  EXPECT_EQ (event.others.at (0).identity, "peer");
}

TEST (ParseSignal, ParticipantsTellTheirDataTracksAndWhatTheyUnderstand) {
  wire::SignalResponse response;
  auto *participant = response.mutable_update ()->add_participants ();
  participant->set_client_protocol (2);
  participant->add_capabilities (wire::ClientInfo::CAP_PACKET_TRAILER);
  participant->add_capabilities (wire::ClientInfo::CAP_COMPRESSION_DEFLATE_RAW);
  auto *track = participant->add_data_tracks ();
  track->set_sid ("DTR_1");
  track->set_name ("pose");
  track->set_pub_handle (3);
  response.mutable_update ()->add_participants ()->add_capabilities (wire::ClientInfo::CAP_PACKET_TRAILER);
  const auto people = event_of<ParticipantUpdate> (response).participants;
  EXPECT_EQ (people.at (0).client_protocol, 2);
  EXPECT_TRUE (people.at (0).can_inflate);
  EXPECT_EQ (people.at (0).data_tracks.at (0).sid, "DTR_1");
  EXPECT_EQ (people.at (0).data_tracks.at (0).name, "pose");
  EXPECT_FALSE (people.at (1).can_inflate);
}

TEST (ParseSignal, RefusedDataTracksAreToldByTheirHandle) {
  wire::SignalResponse response;
  auto *refusal = response.mutable_request_response ();
  refusal->set_reason (wire::RequestResponse::NOT_ALLOWED);
  refusal->mutable_publish_data_track ()->set_pub_handle (9);
  EXPECT_EQ (event_of<RequestResponse> (response).publish_data_track, 9u);
  EXPECT_EQ (event_of<RequestResponse> (response).unpublish_data_track, 0u);
}

TEST (ParseSignal, DataTrackNoticesKeepHandleAndNames) {
  wire::SignalResponse response;
  auto *info = response.mutable_publish_data_track_response ()->mutable_info ();
  info->set_pub_handle (3);
  info->set_sid ("DTR_1");
  info->set_name ("pose");
  info->set_encryption (wire::Encryption::Type (9));
  const auto published = event_of<DataTrackPublished> (response);
  EXPECT_EQ (published.info.pub_handle, 3u);
  EXPECT_EQ (published.info.name, "pose");
  EXPECT_EQ (published.info.encryption, Encryption::Custom); // an unknown scheme is not taken for clear text
  response.mutable_unpublish_data_track_response ()->mutable_info ()->set_sid ("DTR_2");
  EXPECT_EQ (event_of<DataTrackUnpublished> (response).info.sid, "DTR_2");
  (*response.mutable_data_track_subscriber_handles ()->mutable_sub_handles ())[8].set_publisher_identity (
      "p");
  EXPECT_EQ (event_of<DataTrackSubscriberHandles> (response).handles.at (8).publisher_identity, "p");
}

TEST (ParseSignal, UnknownKindsAreTellableFromGarbage) {
  wire::SignalResponse blob;
  blob.mutable_get_data_blob_response ()->set_request_id (1);
  // field 1000, length-delimited, two bytes: a kind that a future server may send
  for (const std::string &bytes :
       { std::string ("\xc2\x3e\x02hi", 5), std::string (), blob.SerializeAsString () }) {
    const auto parsed = parse_signal_response (bytes);
    EXPECT_FALSE (parsed.event);
    EXPECT_EQ (parsed.problem, ParseProblem::Unknown);
  }
  for (const std::string &bytes :
       { std::string ("\xff"), std::string ("not protobuf"), std::string ("\x0a\x05x", 3),
         std::string ("\x82\x01\x02\xff\xfe", 5) /* a token that is not UTF-8 */ }) {
    const auto parsed = parse_signal_response (bytes);
    EXPECT_FALSE (parsed.event);
    EXPECT_EQ (parsed.problem, ParseProblem::Malformed);
  }
}

TEST (ParseSignal, OutOfRangeEnumsBecomeTheirZero) {
  wire::SignalResponse response;
  auto *participant = response.mutable_update ()->add_participants ();
  participant->set_state (wire::ParticipantInfo::State (50));
  participant->set_kind (wire::ParticipantInfo::Kind (5)); // a hole in the numbering
  participant->set_disconnect_reason (wire::DisconnectReason (-1));
  participant->mutable_permission ()->add_can_publish_sources (wire::TrackSource (42));
  auto *track = participant->add_tracks ();
  track->set_type (wire::TrackType (8));
  track->set_source (wire::TrackSource (1000));
  track->add_layers ()->set_quality (wire::VideoQuality (-7));
  const auto event = event_of<ParticipantUpdate> (response).participants.at (0);
  EXPECT_EQ (event.state, ParticipantState::Joining);
  EXPECT_EQ (event.kind, ParticipantKind::Standard);
  EXPECT_EQ (event.disconnect_reason, DisconnectReason::Unknown);
  EXPECT_EQ (event.permission->can_publish_sources, std::vector{ TrackSource::Unknown }); // not "any"
  EXPECT_EQ (event.tracks.at (0).kind, TrackKind::Data); // neither audio nor video
  EXPECT_EQ (event.tracks.at (0).source, TrackSource::Unknown);
  EXPECT_EQ (event.tracks.at (0).layers.at (0).quality, VideoQuality::Low);
}

TEST (ParseSignal, AFrameOfManyEmptyPartsIsRefusedBeforeItUnfolds) {
  // Two bytes each on the wire, hundreds in memory.
  const auto refused = [] (const wire::SignalResponse &response) {
    const auto parsed = parse_signal_response (response.SerializeAsString ());
    return !parsed.event && parsed.problem == ParseProblem::Malformed;
  };
  wire::SignalResponse people, tracks, layers, inside_join;
  auto *participant = tracks.mutable_update ()->add_participants ();
  auto *codec = layers.mutable_track_published ()->mutable_track ()->add_codecs ();
  for (std::size_t i = 0; i <= kMaxParts; i++) {
    people.mutable_update ()->add_participants ();
    participant->add_tracks ();
    codec->add_layers ();
    inside_join.mutable_join ()->add_other_participants ();
  }
  EXPECT_TRUE (refused (people));
  EXPECT_TRUE (refused (tracks));
  EXPECT_TRUE (refused (layers));
  EXPECT_TRUE (refused (inside_join));
  // A group in front hides nothing: field 100, start and end.
  EXPECT_EQ (parse_signal_response ("\xa3\x06\xa4\x06" + full_join ().SerializeAsString ()).problem,
             ParseProblem::Malformed);
}

TEST (ParseSignal, AVeryFullRoomIsTaken) {
  wire::SignalResponse response;
  for (int i = 0; i < 5000; i++) {
    auto *participant = response.mutable_join ()->add_other_participants ();
    participant->set_sid ("PA_" + std::to_string (i));
    for (int track = 0; track < 2; track++)
      fill (participant->add_tracks ());
  }
  EXPECT_EQ (event_of<JoinResponse> (response).others.size (), 5000u);
}

TEST (Budget, EveryKindWithAListIsCounted) {
  // The way to a list counts too, so a budget of one is spent before its first entry.
  std::set<std::string> counted;
  for (const auto &response : one_of_each ())
    if (const auto bytes = response.SerializeAsString (); !within_budget (bytes, 1))
      counted.insert (name_of (*parse_signal_response (bytes).event));
  EXPECT_EQ (counted,
             (std::set<std::string>{ "join", "offer", "participant-update", "track-published", "leave",
                                     "speakers-changed", "room-update", "connection-quality", "stream-state",
                                     "subscribed-quality", "reconnect", "request-response", "room-moved",
                                     "subscribed-audio-codec", "data-track-subscriber-handles" }));
  wire::SignalResponse pong;
  pong.set_pong (7);
  EXPECT_TRUE (within_budget (pong.SerializeAsString (), 0));
}

TEST (ParseSignal, EveryTruncationOfEveryKindIsSurvived) {
  for (const auto &response : one_of_each ()) {
    const auto bytes = response.SerializeAsString ();
    for (std::size_t size = 0; size < bytes.size (); size++) {
      const auto parsed = parse_signal_response (std::string_view (bytes).substr (0, size));
      EXPECT_TRUE (!parsed.event || *name_of (*parsed.event));
    }
  }
}

TEST (ParseSignal, RandomMutationsOfEveryKindAreSurvived) {
  std::mt19937 random (20261121); // fixed: a crash must be repeatable
  std::size_t malformed = 0, events = 0;
  for (const auto &response : one_of_each ()) {
    const auto original = response.SerializeAsString ();
    for (int round = 0; round < 2000; round++) {
      auto bytes = original;
      for (unsigned edits = 1 + random () % 4; edits && !bytes.empty (); edits--) {
        const auto at = random () % bytes.size ();
        switch (random () % 3) {
        case 0:
          bytes[at] = char (random ());
          break;
        case 1:
          bytes.erase (at, 1 + random () % 4);
          break;
        default:
          bytes.insert (at, 1 + random () % 3, char (random ()));
        }
      }
      const auto parsed = parse_signal_response (bytes);
      if (parsed.event)
        events++;
      else if (parsed.problem == ParseProblem::Malformed)
        malformed++;
    }
  }
  EXPECT_GT (events, 0u);
  EXPECT_GT (malformed, 0u);
}
