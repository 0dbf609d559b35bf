#include "proto_samples.hpp"

#include <array>
#include <limits>

using namespace lk;
using namespace lk::test;

namespace {

wire::SignalRequest
request_of (const SignalCommand &command) {
  wire::SignalRequest request;
  EXPECT_TRUE (request.ParseFromString (serialize_signal_request (command)));
  return request;
}

} // namespace

// ---- what we send
// ------------------------------------------------------------------------------------------

TEST (SerializeSignal, DescriptionsGoIntoTheFieldOfTheirType) {
  auto request = request_of (SessionDescription{ SessionDescription::Type::Offer, "v=0", 3, {} });
  EXPECT_EQ (request.offer ().type (), "offer");
  EXPECT_EQ (request.offer ().sdp (), "v=0");
  EXPECT_EQ (request.offer ().id (), 3u);
  request = request_of (SessionDescription{ SessionDescription::Type::Answer, "v=0", 212, {} });
  EXPECT_EQ (request.answer ().type (), "answer");
  EXPECT_EQ (request.answer ().id (), 212u);
}

TEST (SerializeSignal, TrickleIsTheSmallestCandidateObject) {
  const auto request = request_of (Trickle{ PeerTarget::Subscriber, "candidate:1 \"q\"", true });
  EXPECT_EQ (request.trickle ().candidateinit (), R"({"candidate":"candidate:1 \"q\"","sdpMLineIndex":0})");
  EXPECT_EQ (request.trickle ().target (), wire::SUBSCRIBER);
  EXPECT_TRUE (request.trickle ().final ());
}

TEST (SerializeSignal, AddTrackCarriesEverything) {
  AddTrack track;
  track.cid = "cid-1";
  track.name = "cam";
  track.stream = "s";
  track.kind = TrackKind::Video;
  track.source = TrackSource::ScreenShare;
  track.width = 1920;
  track.height = 1080;
  track.muted = true;
  track.disable_red = true;
  track.encryption = Encryption::Gcm;
  track.layers = { { VideoQuality::High, 1920, 1080, 3'000'000, 0, "" } };
  track.codecs = { { "vp8", "", "cid-1", { { VideoQuality::High, 1920, 1080, 3'000'000, 0, "" } } } };
  track.audio_features = { AudioFeature::Stereo, AudioFeature::NoDtx };
  const auto request = request_of (track);
  const auto &sent = request.add_track ();
  EXPECT_EQ (sent.cid (), "cid-1");
  EXPECT_EQ (sent.name (), "cam");
  EXPECT_EQ (sent.stream (), "s");
  EXPECT_EQ (sent.type (), wire::VIDEO);
  EXPECT_EQ (sent.source (), wire::SCREEN_SHARE);
  EXPECT_EQ (sent.width (), 1920u);
  EXPECT_EQ (sent.height (), 1080u);
  EXPECT_TRUE (sent.muted ());
  EXPECT_TRUE (sent.disable_red ());
  EXPECT_EQ (sent.encryption (), wire::Encryption::GCM);
  ASSERT_EQ (sent.layers_size (), 1);
  EXPECT_EQ (sent.layers (0).quality (), wire::HIGH);
  EXPECT_EQ (sent.layers (0).bitrate (), 3'000'000u);
  ASSERT_EQ (sent.simulcast_codecs_size (), 1);
  EXPECT_EQ (sent.simulcast_codecs (0).codec (), "vp8");
  EXPECT_EQ (sent.simulcast_codecs (0).cid (), "cid-1");
  EXPECT_EQ (sent.simulcast_codecs (0).layers_size (), 1);
  ASSERT_EQ (sent.audio_features_size (), 2);
  EXPECT_EQ (sent.audio_features (1), wire::TF_NO_DTX);
}

TEST (SerializeSignal, SubscriptionsAndSettingsNameTheirTracks) {
  UpdateSubscription subscription;
  subscription.track_sids = { "TR_1", "TR_2" };
  subscription.participant_tracks["PA_1"] = { "TR_1" };
  auto request = request_of (subscription);
  EXPECT_TRUE (request.subscription ().subscribe ());
  EXPECT_EQ (request.subscription ().track_sids_size (), 2);
  EXPECT_EQ (request.subscription ().participant_tracks (0).participant_sid (), "PA_1");
  EXPECT_EQ (request.subscription ().participant_tracks (0).track_sids (0), "TR_1");

  UpdateTrackSettings settings;
  settings.track_sids = { "TR_1" };
  request = request_of (settings);
  EXPECT_EQ (request.track_setting ().quality (), wire::HIGH); // unset, the server would take LOW
  EXPECT_FALSE (request.track_setting ().disabled ());
  settings.disabled = true;
  settings.width = 640;
  settings.height = 360;
  settings.fps = 15;
  request = request_of (settings);
  EXPECT_TRUE (request.track_setting ().disabled ());
  EXPECT_EQ (request.track_setting ().width (), 640u);
  EXPECT_EQ (request.track_setting ().height (), 360u);
  EXPECT_EQ (request.track_setting ().fps (), 15u);
}

TEST (SerializeSignal, SyncStateKeepsTheWholeTrack) {
  wire::TrackInfo original;
  fill (&original);
  wire::SignalResponse response;
  *response.mutable_track_published ()->mutable_track () = original;
  SyncState state;
  state.publish_tracks = { event_of<TrackPublished> (response) };
  state.answer = SessionDescription{ SessionDescription::Type::Answer, "a", 1, {} };
  state.offer = SessionDescription{ SessionDescription::Type::Offer, "o", 1, {} };
  state.subscription.subscribe = false;
  state.subscription.track_sids = { "TR_no" };
  state.track_sids_disabled = { "TR_off" };
  state.data_channels = { { "_lossy", 3, PeerTarget::Subscriber } };
  state.received = { { "PA_1", 42 } };
  state.publish_data_tracks = { { 7, "DTR_1", "pose", Encryption::Gcm } };
  const auto request = request_of (state);
  const auto &sent = request.sync_state ();
  EXPECT_EQ (sent.answer ().sdp (), "a");
  EXPECT_EQ (sent.offer ().sdp (), "o");
  EXPECT_FALSE (sent.subscription ().subscribe ());
  EXPECT_EQ (sent.subscription ().track_sids (0), "TR_no");
  EXPECT_EQ (sent.track_sids_disabled (0), "TR_off");
  EXPECT_EQ (sent.data_channels (0).label (), "_lossy");
  EXPECT_EQ (sent.data_channels (0).id (), 3u);
  EXPECT_EQ (sent.data_channels (0).target (), wire::SUBSCRIBER);
  EXPECT_EQ (sent.datachannel_receive_states (0).publisher_sid (), "PA_1");
  EXPECT_EQ (sent.datachannel_receive_states (0).last_seq (), 42u);
  const auto &data_track = sent.publish_data_tracks (0).info ();
  EXPECT_EQ (data_track.pub_handle (), 7u);
  EXPECT_EQ (data_track.sid (), "DTR_1");
  EXPECT_EQ (data_track.name (), "pose");
  EXPECT_EQ (data_track.encryption (), wire::Encryption::GCM);
  original.mutable_audio_features ()->RemoveLast (); // the unknown feature cannot come back
  EXPECT_EQ (sent.publish_tracks (0).track ().SerializeAsString (), original.SerializeAsString ());

  EXPECT_FALSE (request_of (SyncState{}).sync_state ().has_answer ());
}

TEST (SerializeSignal, SmallRequestsKeepTheirFields) {
  auto request = request_of (MuteTrack{ "TR_1", true });
  EXPECT_EQ (request.mute ().sid (), "TR_1");
  EXPECT_TRUE (request.mute ().muted ());
  request = request_of (LeaveRequest{});
  EXPECT_EQ (request.leave ().reason (), wire::CLIENT_INITIATED);
  request = request_of (Ping{ 1000, 42 });
  EXPECT_EQ (request.ping_req ().timestamp (), 1000);
  EXPECT_EQ (request.ping_req ().rtt (), 42);
  request = request_of (UpdateVideoTrack{ "TR_1", 320, 180 });
  EXPECT_EQ (request.update_video_track ().width (), 320u);
  request = request_of (PublishDataTrack{ 7, "pose", Encryption::Gcm });
  EXPECT_EQ (request.publish_data_track_request ().pub_handle (), 7u);
  EXPECT_EQ (request.publish_data_track_request ().name (), "pose");
  EXPECT_EQ (request.publish_data_track_request ().encryption (), wire::Encryption::GCM);
  request = request_of (UnpublishDataTrack{ 7 });
  EXPECT_EQ (request.unpublish_data_track_request ().pub_handle (), 7u);
  request = request_of (UpdateDataSubscription{ { { "DTR_1", true }, { "DTR_2", false } } });
  ASSERT_EQ (request.update_data_subscription ().updates_size (), 2);
  EXPECT_EQ (request.update_data_subscription ().updates (0).track_sid (), "DTR_1");
  EXPECT_TRUE (request.update_data_subscription ().updates (0).subscribe ());
  EXPECT_FALSE (request.update_data_subscription ().updates (1).subscribe ());
  request = request_of (UpdateAudioTrack{ "TR_1", { AudioFeature::NoDtx } });
  EXPECT_EQ (request.update_audio_track ().features (0), wire::TF_NO_DTX);
}

TEST (SerializeSignal, MetadataThatIsNotGivenStaysUnset) {
  UpdateMetadata update;
  update.attributes["k"] = "v";
  update.request_id = 4;
  auto request = request_of (update);
  EXPECT_EQ (request.update_metadata ().metadata (), "");
  EXPECT_EQ (request.update_metadata ().attributes ().at ("k"), "v");
  EXPECT_EQ (request.update_metadata ().request_id (), 4u);
  update.metadata = "m";
  update.name = "n";
  request = request_of (update);
  EXPECT_EQ (request.update_metadata ().metadata (), "m");
  EXPECT_EQ (request.update_metadata ().name (), "n");
}

TEST (SerializeSignal, TextThatIsNotUtf8IsRepairedNotSent) {
  UpdateMetadata update;
  update.metadata = "bad \xff byte";
  EXPECT_EQ (request_of (update).update_metadata ().metadata (), "bad \xef\xbf\xbd byte");
}

TEST (SerializeSignal, EveryScenarioHasItsField) {
  using Kind = SimulateScenario::Kind;
  using Case = wire::SimulateScenario::ScenarioCase;
  const std::array<std::pair<Kind, Case>, 9> table{ {
      { Kind::SpeakerUpdate, Case::kSpeakerUpdate },
      { Kind::NodeFailure, Case::kNodeFailure },
      { Kind::Migration, Case::kMigration },
      { Kind::ServerLeave, Case::kServerLeave },
      { Kind::SwitchProtocol, Case::kSwitchCandidateProtocol },
      { Kind::SubscriberBandwidth, Case::kSubscriberBandwidth },
      { Kind::DisconnectOnResume, Case::kDisconnectSignalOnResume },
      { Kind::DisconnectOnResumeNoMessages, Case::kDisconnectSignalOnResumeNoMessages },
      { Kind::LeaveFullReconnect, Case::kLeaveRequestFullReconnect },
  } };
  for (const auto &[kind, expected] : table)
    EXPECT_EQ (request_of (SimulateScenario{ kind, 1 }).simulate ().scenario_case (), expected);
  EXPECT_EQ (
      request_of (SimulateScenario{ Kind::SwitchProtocol, 2 }).simulate ().switch_candidate_protocol (),
      wire::TLS);
  EXPECT_EQ (
      request_of (SimulateScenario{ Kind::SwitchProtocol, 99 }).simulate ().switch_candidate_protocol (),
      wire::TLS);
  EXPECT_EQ (
      request_of (SimulateScenario{ Kind::SpeakerUpdate, int64_t{ 1 } << 40 }).simulate ().speaker_update (),
      std::numeric_limits<int32_t>::max ());
  EXPECT_EQ (
      request_of (SimulateScenario{ Kind::SubscriberBandwidth, 100'000 }).simulate ().subscriber_bandwidth (),
      100'000);
}

// ---- names
// -------------------------------------------------------------------------------------------------

TEST (Names, AreLowerCaseWithDashes) {
  EXPECT_STREQ (to_string (TrackSource::ScreenShareAudio), "screen-share-audio");
  EXPECT_STREQ (to_string (DisconnectReason::DuplicateIdentity), "duplicate-identity");
  EXPECT_STREQ (to_string (RequestReason::UnclassifiedError), "unclassified-error");
  EXPECT_STREQ (to_string (ParticipantKind::Bridge), "bridge");
  EXPECT_STREQ (to_string (LeaveAction::Reconnect), "reconnect");
  EXPECT_STREQ (to_string (TrackKind (77)), "unknown"); // a cast gone wrong must not read past a table
}

TEST (Names, TellTheKindOfAMessage) {
  EXPECT_STREQ (name_of (SignalEvent (JoinResponse{})), "join");
  EXPECT_STREQ (name_of (SignalEvent (ParticipantUpdate{})), "participant-update");
  EXPECT_STREQ (name_of (SignalEvent (SessionDescription{ SessionDescription::Type::Answer, "", 0, {} })),
                "answer");
  EXPECT_STREQ (name_of (SignalCommand (AddTrack{})), "add-track");
  EXPECT_STREQ (name_of (SignalCommand (SessionDescription{})), "offer");
}
