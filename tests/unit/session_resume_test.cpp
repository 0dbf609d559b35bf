// A lost signalling connection is replaced under the same peer connections, and nobody notices; or it is not
// to be had, and everything begins anew.
#include "session_data_util.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

class Resume : public DataTest {
protected:
  const Error broken{ Errc::SignalLost, Retry::Resume, "broken" };

  static ParticipantInfo
  alice (std::vector<TrackInfo> tracks, uint32_t version = 1) {
    return make_participant ("alice", std::move (tracks), version);
  }
  /// alice's microphone TR_1 runs to us, our own is TR_own, data channels are open.
  void
  connect_all () {
    engine_->start (settings_, true, true);
    run ();
    join ({ alice ({ make_track ("TR_1", TrackKind::Audio, "mic") }) });
    subscriber ().connect ();
    run ();
    deliver (SessionDescription{ SessionDescription::Type::Offer, "offer", 7, { { "1", "TR_1" } } });
    subscriber ().sections ({ make_section ("1", "TR_1", 11) });
    subscriber ().incoming ("1", 11, "opus");
    ours_ = publish (microphone ());
    acknowledge (ours_->cid (), "TR_own");
    negotiate ();
    publisher ().set_state (rtc::PeerState::Connected);
    publisher ().open_channels ();
    run ();
    ASSERT_TRUE (ours_->published ());
    deliver (ParticipantUpdate{ { me () } }); // once media has arrived there
  }
  void
  lose () {
    signal ().lose (broken);
    run ();
    advance (0ms);
  }
  uint32_t
  stat (uint32_t SessionStats::*field) const {
    return snapshot_->read ([&] (const auto &data) { return data.stats.*field; });
  }
  /// Ourselves as the server lists us after a resume.
  ParticipantInfo
  me (bool muted = false) {
    auto track = make_track ("TR_own", TrackKind::Audio, "mic");
    track.muted = muted;
    return make_participant ("me", { track }, 2);
  }

  std::shared_ptr<LocalTrackImpl> ours_;
};

TEST_F (Resume, IceServersOfTheAnswerAreForPeerConnectionsToCome) {
  connect (); // no publisher yet
  auto before = parts_->peer_configs.size ();
  lose ();
  ReconnectResponse response;
  response.ice_servers = { { { "turn:turn.test:3478?transport=udp" }, "later", "pass" } };
  deliver (response);
  restart_ice ();
  ASSERT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (parts_->peer_configs.size (), before) << "those that live are kept";
  publish (microphone ());
  ASSERT_EQ (parts_->peer_configs.size (), before + 1);
  EXPECT_EQ (parts_->peer_configs.back ().ice_servers.turn,
             std::vector<std::string>{ "turn://later:pass@turn.test:3478?transport=udp" });
}

class RelaysOnly : public Resume {
protected:
  RelaysOnly () { settings_.relay_only = true; }
  static std::vector<IceServer>
  relay (const std::string &host, const std::string &user) {
    return { { { "turn:" + host + ":3478?transport=udp" }, user, "pass" } };
  }
  void
  connect_by (const std::vector<IceServer> &servers) {
    start ();
    auto response = join_response ();
    response.ice_servers = servers;
    deliver (response);
    subscriber ().connect ();
    run ();
    lose ();
  }
  void
  resume_by (const std::vector<IceServer> &servers) {
    ReconnectResponse response;
    response.ice_servers = servers;
    deliver (response);
    advance (0ms);
  }
};

TEST_F (RelaysOnly, OtherCredentialsForTheSameRelaysDoNotEndAResume) {
  connect_by (relay ("a.test", "first"));
  resume_by (relay ("a.test", "second"));
  restart_ice ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (parts_->subscribers.size (), 1u);
}

TEST_F (RelaysOnly, OtherRelaysNeedOtherPeerConnections) {
  connect_by (relay ("a.test", "first"));
  resume_by (relay ("b.test", "second"));
  EXPECT_FALSE (signal ().params.resume) << "joined anew, at once";
  auto response = join_response ();
  response.ice_servers = relay ("b.test", "third");
  deliver (response);
  subscriber ().connect ();
  run ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (parts_->peer_configs.back ().ice_servers.turn,
             std::vector<std::string>{ "turn://third:pass@b.test:3478?transport=udp" });
}

TEST_F (Resume, NothingButTheSignallingConnectionIsReplaced) {
  connect_all ();
  auto events_before = count<RemoteTrackSubscribed> () + count<RoomJoined> () + count<LocalTrackPublished> ();
  lose ();
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  EXPECT_TRUE (signal ().params.resume);
  EXPECT_EQ (signal ().params.participant_sid, "PA_me");
  EXPECT_EQ (signal ().params.reconnect_reason, 1);
  EXPECT_TRUE (publisher ().suspended);
  EXPECT_TRUE (parts_->sources.at (0)->bound); // media goes on
  EXPECT_TRUE (ours_->published ());
  answer_resume ();
  EXPECT_EQ (publisher ().restarts, 1);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  restart_ice ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (stat (&SessionStats::resumes), 1u);
  EXPECT_EQ (stat (&SessionStats::reconnects), 0u);
  EXPECT_EQ (stat (&SessionStats::joins), 1u);
  EXPECT_TRUE (events<StateChanged> ().back ().recovery->resumed);
  EXPECT_EQ (parts_->publishers.size (), 1u);
  EXPECT_EQ (parts_->subscribers.size (), 1u);
  EXPECT_EQ (count<RemoteTrackSubscribed> () + count<RoomJoined> () + count<LocalTrackPublished> (),
             events_before);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> () + count<LocalTrackEnded> () + count<ParticipantLeft> (), 0u);
  EXPECT_EQ (ours_->sid (), "TR_own");
}

TEST_F (Resume, BothPeerConnectionsMustComeBack) {
  connect_all ();
  lose ();
  answer_resume ();
  subscriber ().set_state (rtc::PeerState::Connecting);
  subscriber ().set_state (rtc::PeerState::Connected);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  publisher ().set_state (rtc::PeerState::Connecting);
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_EQ (engine_->state (), State::Connected);
}

TEST_F (Resume, TheStateIsToldBeforeAnythingElse) {
  connect_all ();
  engine_->subscriptions ()->set_subscribed ("TR_1", false);
  run ();
  lose ();
  ours_->set_muted (true);
  run ();
  publisher ().offer ();
  publisher ().emit_candidate ("candidate:1");
  EXPECT_TRUE (signal ().sent.empty ());
  answer_resume ();
  ASSERT_EQ (signal ().sent.size (), 1u);
  auto states = signal ().sent_of<SyncState> ();
  ASSERT_EQ (states.size (), 1u);
  const auto &state = states[0];
  EXPECT_EQ (state.offer->sdp, "offer");
  EXPECT_EQ (state.answer->sdp, "answer to offer");
  ASSERT_EQ (state.publish_tracks.size (), 1u);
  EXPECT_EQ (state.publish_tracks[0].cid, ours_->cid ());
  EXPECT_EQ (state.publish_tracks[0].track.sid, "TR_own");
  EXPECT_FALSE (state.subscription.subscribe);
  EXPECT_EQ (state.subscription.track_sids, std::vector<std::string>{ "TR_1" });
  EXPECT_EQ (state.data_channels.size (), 3u);
  publisher ().offer ();
  publisher ().emit_candidate ("candidate:1");
  EXPECT_EQ (signal ().sent.size (), 3u); // the restart may pass
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ());
  restart_ice ();
  ASSERT_EQ (signal ().sent_of<MuteTrack> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<MuteTrack> ()[0].muted, true);
}

TEST_F (Resume, ReceivedAndPublishedDataIsToldToo) {
  connect_all ();
  auto track = port ()->publish_track ({ "frames" }, {});
  run ();
  auto handle = signal ().sent_of<PublishDataTrack> ().at (0).pub_handle;
  DataTrackPublished published;
  published.info = { handle, "DTR_1", "frames", Encryption::None };
  deliver (published);
  receive (packet_from ("alice", message ("hello"), 5));
  lose ();
  answer_resume ();
  auto state = signal ().sent_of<SyncState> ().at (0);
  ASSERT_EQ (state.received.size (), 1u);
  EXPECT_EQ (state.received[0].publisher_sid, "PA_alice");
  EXPECT_EQ (state.received[0].last_sequence, 5u);
  ASSERT_EQ (state.publish_data_tracks.size (), 1u);
  EXPECT_EQ (state.publish_data_tracks[0].sid, "DTR_1");
}

TEST_F (Resume, AnswersToOffersOfTheLostConnectionAreNotSent) {
  connect_all ();
  subscriber ().hold_answers = true;
  deliver (SessionDescription{ SessionDescription::Type::Offer, "old", 8, {} });
  lose ();
  answer_resume ();
  subscriber ().answer ();
  EXPECT_TRUE (signal ().sent_of<SessionDescription> ().empty ());
  deliver (SessionDescription{ SessionDescription::Type::Offer, "new", 9, {} });
  subscriber ().answer ();
  auto sent = signal ().sent_of<SessionDescription> ();
  ASSERT_EQ (sent.size (), 1u);
  EXPECT_EQ (sent[0].id, 9u);
}

TEST_F (Resume, PingsGoOnAsTheJoinSaid) {
  start ();
  auto response = join_response ();
  response.ping_interval = std::chrono::seconds (7);
  response.ping_timeout = std::chrono::seconds (21);
  deliver (response);
  subscriber ().connect ();
  run ();
  lose ();
  EXPECT_EQ (signal ().params.ping_interval.count (), 7);
  EXPECT_EQ (signal ().params.ping_timeout.count (), 21);
}

TEST_F (Resume, AServerThatIsAwayIsAskedForAResumeAgain) {
  connect_all ();
  lose ();
  for (int attempt = 0; attempt < 5; ++attempt) {
    signal ().lose ({ Errc::ConnectFailed, Retry::Resume, "nothing listens" });
    run ();
    advance (400ms);
    ASSERT_TRUE (signal ().params.resume) << attempt;
  }
  answer_resume ();
  restart_ice ();
  EXPECT_EQ (stat (&SessionStats::resumes), 1u);
}

TEST_F (Resume, ARefusedOneIsFollowedByAJoinAtOnce) {
  connect_all ();
  lose ();
  signal ().lose ({ Errc::SignalLost, Retry::Restart, "state mismatch" });
  run ();
  advance (0ms);
  EXPECT_FALSE (signal ().params.resume);
  EXPECT_TRUE (publisher ().closed);
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (stat (&SessionStats::reconnects), 1u);
  EXPECT_FALSE (events<StateChanged> ().back ().recovery->resumed);
  EXPECT_EQ (stat (&SessionStats::resumes), 0u);
}

TEST_F (Resume, ARefusedJoinAfterThatWaitsForItsTurn) {
  connect_all ();
  lose ();
  signal ().lose ({ Errc::ServerBusy, Retry::Restart, "HTTP 503" });
  run ();
  advance (0ms);
  auto connections = parts_->signals.size ();
  signal ().lose ({ Errc::ServerBusy, Retry::Restart, "HTTP 503" });
  run ();
  advance (0ms);
  EXPECT_EQ (parts_->signals.size (), connections);
  advance (400ms);
  EXPECT_EQ (parts_->signals.size (), connections + 1);
  EXPECT_FALSE (signal ().params.resume);
}

TEST_F (Resume, RefusedCredentialsEndTheSession) {
  connect_all ();
  lose ();
  signal ().lose ({ Errc::Unauthorized, Retry::Never, "HTTP 401" });
  run ();
  EXPECT_EQ (engine_->state (), State::Failed);
}

TEST_F (Resume, IceThatDoesNotComeBackLeadsToAJoin) {
  connect_all ();
  lose ();
  answer_resume ();
  advance (4900ms);
  EXPECT_TRUE (signal ().params.resume);
  advance (100ms);
  advance (0ms);
  EXPECT_FALSE (signal ().params.resume);
  EXPECT_TRUE (publisher ().closed);
}

TEST_F (Resume, ABrokenPeerConnectionCannotBeResumed) {
  connect_all ();
  signal ().lose (broken);
  publisher ().fail ({ Errc::MediaFailed, Retry::Restart, "broken" });
  run ();
  advance (0ms);
  EXPECT_FALSE (signal ().params.resume);
}

TEST_F (Resume, AFailedPathIsResumedAndTheServerToldWhich) {
  connect_all ();
  publisher ().set_state (rtc::PeerState::Failed);
  advance (500ms);
  advance (0ms);
  EXPECT_TRUE (signal ().params.resume);
  EXPECT_EQ (signal ().params.reconnect_reason, 2);
}

TEST_F (Resume, ASilentPathIsResumedAndTheServerToldWhich) {
  connect_all ();
  auto first = &signal ();
  subscriber ().traffic.rtp_in = 100;
  advance (1s);
  advance (5s);
  EXPECT_EQ (signal ().probes.size (), 1u);
  advance (5s);
  advance (0ms);
  EXPECT_TRUE (first->closed);
  EXPECT_TRUE (signal ().params.resume);
  EXPECT_EQ (signal ().params.reconnect_reason, 3);
}

TEST_F (Resume, TheServerMayAskForIt) {
  connect_all ();
  Leave leave;
  leave.action = LeaveAction::Resume;
  leave.reason = DisconnectReason::ConnectionTimeout;
  deliver (leave);
  advance (0ms);
  EXPECT_TRUE (signal ().params.resume);
}

TEST_F (Resume, TheServerMayAskForAJoinInstead) {
  connect_all ();
  Leave leave;
  leave.action = LeaveAction::Reconnect;
  leave.reason = DisconnectReason::StateMismatch;
  deliver (leave);
  advance (0ms);
  EXPECT_FALSE (signal ().params.resume);
}

TEST_F (Resume, AServerThatForbidsItIsJoined) {
  start ();
  auto response = join_response ();
  response.client_configuration.resume_disabled = true;
  deliver (response);
  subscriber ().connect ();
  run ();
  lose ();
  EXPECT_FALSE (signal ().params.resume);
}

TEST_F (Resume, ARequestWithoutAnAnswerCannotBeResumed) {
  connect_all ();
  publish (camera ()); // the answer may have been lost
  lose ();
  EXPECT_FALSE (signal ().params.resume);
}

TEST_F (Resume, WhatIsPublishedMeanwhileIsRequestedAfterwards) {
  connect_all ();
  lose ();
  auto late = publish (camera ());
  advance (15s); // longer than the server has for its answer
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  answer_resume ();
  EXPECT_TRUE (signal ().sent_of<AddTrack> ().empty ());
  restart_ice ();
  auto asked = signal ().sent_of<AddTrack> ();
  ASSERT_EQ (asked.size (), 1u);
  EXPECT_EQ (asked[0].cid, late->cid ());
}

TEST_F (Resume, WhatHappenedInTheRoomMeanwhileIsCaughtUpOn) {
  connect_all ();
  deliver (ParticipantUpdate{ { make_participant ("bob") } });
  lose ();
  answer_resume ();
  // bob is not listed any more, carol is new, alice has another track.
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_2", TrackKind::Audio, "other") }, 2), me () } });
  deliver (ParticipantUpdate{ { make_participant ("carol") } }); // a large list comes in parts
  deliver (RoomUpdate{});
  EXPECT_EQ (count<ParticipantLeft> (), 0u);
  restart_ice ();
  ASSERT_EQ (count<ParticipantLeft> (), 1u);
  EXPECT_EQ (events<ParticipantLeft> ()[0].participant.identity, "bob");
  EXPECT_EQ (count<RemoteTrackUnpublished> (), 1u);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
  EXPECT_EQ (events<ParticipantJoined> ().back ().participant.identity, "carol");
}

TEST_F (Resume, AServerThatListsNobodyThrowsNobodyOut) {
  connect_all ();
  resume ();
  EXPECT_EQ (count<ParticipantLeft> (), 0u);
}

TEST_F (Resume, ATrackThatWasMutedByTheServerMeanwhileIsMuted) {
  connect_all ();
  lose ();
  answer_resume ();
  deliver (ParticipantUpdate{ { me (true) } });
  restart_ice ();
  EXPECT_TRUE (ours_->muted ());
  ASSERT_EQ (count<LocalTrackMuted> (), 1u);
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ());
}

TEST_F (Resume, OurOwnMuteMeanwhileWins) {
  connect_all ();
  lose ();
  ours_->set_muted (true);
  run ();
  answer_resume ();
  deliver (ParticipantUpdate{ { me (false) } });
  restart_ice ();
  EXPECT_TRUE (ours_->muted ());
  EXPECT_EQ (signal ().sent_of<MuteTrack> ().size (), 1u);
}

TEST_F (Resume, ATrackThatTheServerHasNotListedYetGoesOn) {
  connect_all ();
  auto silent = publish (camera ());
  acknowledge (silent->cid (), "TR_silent");
  negotiate ();
  lose ();
  answer_resume ();
  deliver (ParticipantUpdate{ { me () } });
  restart_ice ();
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  EXPECT_TRUE (silent->published ());
}

TEST_F (Resume, ATrackThatTheServerEndedMeanwhileEnds) {
  connect_all ();
  lose ();
  answer_resume ();
  deliver (ParticipantUpdate{ { make_participant ("me", {}, 2) } });
  restart_ice ();
  EXPECT_FALSE (ours_->published ());
  advance (1s); // no permission explains it
  EXPECT_EQ (count<LocalTrackEnded> (), 1u);
}

TEST_F (Resume, DataSentMeanwhileIsNeitherLostNorRefused) {
  connect_all ();
  ASSERT_TRUE (port ()->send (outgoing ("1"), {}));
  lose ();
  ASSERT_TRUE (port ()->send (outgoing ("2"), {}));
  answer_resume (1);
  restart_ice ();
  std::vector<uint32_t> sequences;
  for (const auto &packet : sent ())
    sequences.push_back (packet.sequence);
  EXPECT_EQ (sequences, (std::vector<uint32_t>{ 1, 2, 2 })); // the server drops what it has
}

TEST_F (Resume, DataThatArrivesWithoutSignallingIsHeard) {
  connect_all ();
  DataFilter everything;
  everything.packets = true;
  auto ear = listen (everything);
  lose ();
  receive (packet_from ("alice", message ("hello"), 1));
  EXPECT_EQ (ear->of<PacketReceived> ().size (), 1u);
}

TEST_F (Resume, StoppingMeanwhileEndsEverything) {
  connect_all ();
  lose ();
  engine_->stop ({});
  run ();
  EXPECT_EQ (engine_->state (), State::Disconnected);
  EXPECT_TRUE (publisher ().closed);
  EXPECT_TRUE (signal ().closed);
}

TEST_F (Resume, FiftyResumesLeaveNothingBehind) {
  connect_all ();
  for (int round = 0; round < 50; ++round)
    resume ();
  EXPECT_EQ (stat (&SessionStats::resumes), 50u);
  EXPECT_EQ (parts_->publishers.size (), 1u);
  size_t alive = 0;
  for (const auto &one : parts_->signals)
    alive += !one->dropped;
  EXPECT_EQ (alive, 1u);
}

} // namespace
