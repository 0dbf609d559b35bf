// Connecting, failing, leaving: the engine on fakes.
#include "session_util.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

class Connect : public EngineTest {
protected:
  std::vector<State>
  states () const {
    std::vector<State> to;
    for (const auto &change : events<StateChanged> ())
      to.push_back (change.to);
    return to;
  }
  Error
  last_cause () const {
    auto changes = events<StateChanged> ();
    return changes.empty () || !changes.back ().cause ? Error{} : *changes.back ().cause;
  }
  static Leave
  leave (DisconnectReason reason, LeaveAction action = LeaveAction::Disconnect) {
    return { reason, action, {} };
  }
};

TEST_F (Connect, IsConnectedWhenJoinedAndThePrimaryPeerIsUp) {
  start ();
  EXPECT_EQ (states (), (std::vector{ State::Connecting }));
  join ();
  EXPECT_EQ (engine_->state (), State::Connecting);
  clock_.advance (80ms);
  subscriber ().connect ();
  EXPECT_EQ (states (), (std::vector{ State::Connecting, State::Connected }));
  auto stats = snapshot_->read ([] (const auto &data) { return data.stats; });
  EXPECT_EQ (stats.connect_time, 80ms);
  EXPECT_EQ (stats.joins, 1u);
}

TEST_F (Connect, TheRoomIsToldInOrderAndOnlyOnceConnected) {
  start ();
  join ({ make_participant ("alice", { make_track ("TR_1") }) });
  EXPECT_EQ (count<ParticipantJoined> (), 0u);
  subscriber ().connect ();
  EXPECT_LT (position<StateChanged> (), position<RoomJoined> ());
  EXPECT_LT (position<RoomJoined> (), position<ParticipantJoined> ());
  EXPECT_LT (position<ParticipantJoined> (), position<RemoteTrackPublished> ());
  EXPECT_EQ (events<RoomJoined> ().at (0).room.name, "room");
  EXPECT_EQ (events<RemoteTrackPublished> ().at (0).track.sid, "TR_1");
}

TEST_F (Connect, AWhoLeavesBeforeConnectedIsNeverMentioned) {
  start ();
  join ({ make_participant ("alice") });
  auto gone = make_participant ("alice", {}, 2);
  gone.state = ParticipantState::Disconnected;
  deliver (ParticipantUpdate{ { gone } });
  subscriber ().connect ();
  EXPECT_EQ (count<ParticipantJoined> (), 0u);
  EXPECT_EQ (count<ParticipantLeft> (), 0u);
}

TEST_F (Connect, WithoutSubscriberAsPrimaryThePublisherOffersAtOnceAndDecides) {
  start ();
  auto response = join_response ();
  response.subscriber_primary = false;
  deliver (response);
  EXPECT_EQ (publisher ().negotiations, 1);
  subscriber ().connect ();
  EXPECT_EQ (engine_->state (), State::Connecting);
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_EQ (engine_->state (), State::Connected);
}

TEST_F (Connect, APublisherIsMadeOnlyWhenNeeded) {
  connect ();
  EXPECT_TRUE (parts_->publishers.empty ());
}

TEST_F (Connect, TheSettingsReachNetworkAndPeers) {
  settings_.proxy = "http://proxy:1";
  settings_.ca_file = "ca.pem";
  settings_.tls_validation_flags = 1;
  settings_.relay_only = true;
  settings_.stun_server = "stun:mine:3478";
  settings_.connect_timeout = 3s;
  start (false);
  EXPECT_EQ (parts_->access.proxy, "http://proxy:1");
  EXPECT_EQ (parts_->access.ca_file, "ca.pem");
  EXPECT_EQ (parts_->access.tls_validation_flags, 1u);
  EXPECT_FALSE (signal ().params.auto_subscribe);
  EXPECT_TRUE (signal ().params.subscriber_allow_pause);
  EXPECT_EQ (signal ().params.timeout, 3s);
  EXPECT_FALSE (signal ().params.token.empty ());
  auto response = join_response ();
  response.ice_servers = { { { "turn:turn.test:3478?transport=udp" }, "user", "pass" } };
  deliver (response);
  const auto &config = parts_->peer_configs.at (0);
  EXPECT_TRUE (config.relay_only);
  EXPECT_EQ (config.ice_servers.stun, "stun://mine:3478");
  ASSERT_EQ (config.ice_servers.turn.size (), 1u);
}

TEST_F (Connect, TurnServersBehindTlsAreReachedThroughARelay) {
  start ();
  auto response = join_response ();
  response.ice_servers
      = { { { "turn:turn.test:3478?transport=udp", "turns:turn.test:443?transport=tcp" }, "user", "pass" } };
  deliver (response);
  EXPECT_EQ (parts_->tls_servers, (std::vector<std::string>{ "turn.test:443" }));
  EXPECT_EQ (parts_->peer_configs.at (0).ice_servers.turn,
             (std::vector<std::string>{ "turn://user:pass@turn.test:3478?transport=udp",
                                        "turn://user:pass@127.0.0.1:9001?transport=tcp" }));
}

TEST_F (Connect, WithoutTurnServersBehindTlsThereIsNoRelay) {
  start ();
  auto response = join_response ();
  response.ice_servers = { { { "turn:turn.test:3478?transport=udp" }, "user", "pass" } };
  deliver (response);
  EXPECT_EQ (parts_->relays, 0);
}

TEST_F (Connect, TheUsersTurnServersComeInsteadOfTheServers) {
  settings_.turn_servers = std::vector<std::string>{ "turn://me:mine@turn.mine:3478" };
  start ();
  auto response = join_response ();
  response.ice_servers = { { { "stun:stun.test", "turn:turn.test", "turns:turn.test" }, "user", "pass" } };
  deliver (response);
  const auto &servers = parts_->peer_configs.at (0).ice_servers;
  EXPECT_EQ (servers.turn, (std::vector<std::string>{ "turn://me:mine@turn.mine:3478?transport=udp" }));
  EXPECT_EQ (servers.stun, "stun://stun.test:3478");
}

TEST_F (Connect, TheServerCanForceRelays) {
  start ();
  auto response = join_response ();
  response.client_configuration.force_relay = true;
  deliver (response);
  EXPECT_TRUE (parts_->peer_configs.at (0).relay_only);
}

TEST_F (Connect, MissingElementsFailBeforeAnythingIsSent) {
  parts_->missing = "webrtcbin (gstreamer1.0-plugins-bad)";
  start ();
  EXPECT_EQ (states (), (std::vector{ State::Connecting, State::Failed }));
  EXPECT_EQ (last_cause ().code, Errc::MissingElement);
  EXPECT_NE (last_cause ().message.find ("gstreamer1.0-plugins-bad"), std::string::npos);
  EXPECT_TRUE (parts_->signals.empty ());
}

TEST_F (Connect, BadSettingsFailBeforeAnythingIsSent) {
  settings_.room = "";
  start ();
  EXPECT_EQ (last_cause ().code, Errc::Settings);
  EXPECT_TRUE (parts_->signals.empty ());
}

TEST_F (Connect, ARefusalIsFinal) {
  start ();
  signal ().lose ({ Errc::Unauthorized, Retry::Never, "join refused" });
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::Unauthorized);
  advance (30s);
  EXPECT_EQ (parts_->signals.size (), 1u);
}

TEST_F (Connect, SilenceEndsAtTheTimeoutAndSaysWhatToCheck) {
  settings_.connect_timeout = 4s;
  start ();
  advance (3999ms);
  EXPECT_EQ (engine_->state (), State::Connecting);
  advance (1ms);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::Timeout);
  EXPECT_NE (last_cause ().message.find ("url"), std::string::npos);
}

TEST_F (Connect, WithoutMediaAfterFiveSecondsItTriesOnceMoreFromScratch) {
  start ();
  join ({ make_participant ("alice") });
  advance (5s);
  ASSERT_EQ (parts_->signals.size (), 2u);
  EXPECT_EQ (parts_->signals[0]->sent_of<LeaveRequest> ().size (), 1u);
  EXPECT_TRUE (parts_->subscribers[0]->closed);
  join ({ make_participant ("alice") });
  subscriber ().connect ();
  EXPECT_EQ (states (), (std::vector{ State::Connecting, State::Connected }));
  EXPECT_EQ (count<ParticipantJoined> (), 1u);
  EXPECT_EQ (count<ParticipantLeft> (), 0u) << "the first try is nobody's business";
}

TEST_F (Connect, TheTimeoutHoldsOverBothTries) {
  start ();
  join ();
  advance (5s);
  join ();
  advance (5s);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::TransportLost);
  EXPECT_EQ (parts_->signals.size (), 2u);
}

TEST_F (Connect, AFailedPeerIsRetriedOnceAndThenFinal) {
  start ();
  join ();
  subscriber ().set_state (rtc::PeerState::Failed);
  run ();
  ASSERT_EQ (parts_->signals.size (), 2u);
  EXPECT_EQ (engine_->state (), State::Connecting);
  join ();
  subscriber ().set_state (rtc::PeerState::Failed);
  run ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::TransportLost);
}

TEST_F (Connect, ABrokenPipelineIsRetriedOnceToo) {
  start ();
  join ();
  subscriber ().fail ({ Errc::MediaFailed, Retry::Restart, "dtlsdec broke" });
  run ();
  EXPECT_EQ (parts_->signals.size (), 2u);
  EXPECT_EQ (engine_->state (), State::Connecting);
}

TEST_F (Connect, APeerThatCannotBeMadeFailsWithItsReason) {
  parts_->subscriber_error = Error{ Errc::MissingElement, Retry::Never, "no webrtcbin" };
  start ();
  join ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::MissingElement);
}

TEST_F (Connect, WithoutReconnectALostLinkTakesEverythingDown) {
  settings_.reconnect = ReconnectMode::Never;
  connect ({ make_participant ("alice", { make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  ASSERT_EQ (count<RemoteTrackSubscribed> (), 1u);
  signal ().lose ({ Errc::SignalLost, Retry::Resume, "broken" });
  run ();
  EXPECT_EQ (states (),
             (std::vector{ State::Connecting, State::Connected, State::Reconnecting, State::Failed }));
  EXPECT_EQ (last_cause ().code, Errc::SignalLost);
  EXPECT_TRUE (subscriber ().closed);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
  EXPECT_EQ (count<RemoteTrackUnpublished> (), 1u);
  EXPECT_EQ (count<ParticipantLeft> (), 1u);
  // The end comes first, so that a lost room is not taken for an unpublished track.
  EXPECT_TRUE (std::holds_alternative<ParticipantLeft> (events_.back ()));
  EXPECT_TRUE (snapshot_->read ([] (const auto &data) { return data.participants.empty (); }));
}

TEST_F (Connect, AFailedPeerLaterOnIsALostLink) {
  settings_.reconnect = ReconnectMode::Never;
  connect ();
  subscriber ().set_state (rtc::PeerState::Failed);
  run ();
  EXPECT_EQ (engine_->state (), State::Connected); // the server may still say why
  advance (500ms);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::TransportLost);
}

TEST_F (Connect, TheServersWordCountsMoreThanThePeerThatItBroke) {
  connect ();
  subscriber ().set_state (rtc::PeerState::Failed);
  run ();
  deliver (leave (DisconnectReason::DuplicateIdentity));
  EXPECT_EQ (engine_->state (), State::Disconnected);
  EXPECT_EQ (last_cause ().code, Errc::DuplicateIdentity);
  advance (1s);
  EXPECT_EQ (engine_->state (), State::Disconnected);
}

struct LeaveRow {
  DisconnectReason reason;
  Errc code;
};

TEST_F (Connect, BeingSentAwayEndsDisconnectedWithTheReason) {
  for (auto row : { LeaveRow{ DisconnectReason::DuplicateIdentity, Errc::DuplicateIdentity },
                    LeaveRow{ DisconnectReason::ParticipantRemoved, Errc::Removed },
                    LeaveRow{ DisconnectReason::RoomDeleted, Errc::RoomClosed } }) {
    connect ();
    deliver (leave (row.reason));
    EXPECT_EQ (engine_->state (), State::Disconnected) << to_string (row.reason);
    EXPECT_EQ (last_cause ().code, row.code) << to_string (row.reason);
    advance (1s);
    EXPECT_TRUE (signal ().closed);
    EXPECT_TRUE (signal ().sent_of<LeaveRequest> ().empty ()) << "the server has said good-bye already";
  }
}

TEST_F (Connect, BeingSentAwayWhileConnectingIsAFailure) {
  start ();
  join ();
  deliver (leave (DisconnectReason::DuplicateIdentity));
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (last_cause ().code, Errc::DuplicateIdentity);
}

TEST_F (Connect, ALeaveThatAsksForAReconnectIsALostLink) {
  settings_.reconnect = ReconnectMode::Never;
  for (auto action : { LeaveAction::Resume, LeaveAction::Reconnect }) {
    events_.clear ();
    connect ();
    deliver (leave (DisconnectReason::StateMismatch, action));
    EXPECT_EQ (states (),
               (std::vector{ State::Connecting, State::Connected, State::Reconnecting, State::Failed }));
  }
}

TEST_F (Connect, LeavingClosesPeersThenSaysGoodByeThenClosesTheSocket) {
  connect ();
  publish (microphone ());
  publisher ().hold_close = true;
  bool done = false;
  engine_->stop ([&] { done = true; });
  EXPECT_EQ (engine_->state (), State::Disconnected);
  EXPECT_TRUE (subscriber ().closed);
  EXPECT_TRUE (signal ().sent_of<LeaveRequest> ().empty ()) << "a peer still runs";
  publisher ().finish_close ();
  EXPECT_EQ (signal ().sent_of<LeaveRequest> ().size (), 1u);
  EXPECT_TRUE (signal ().closed);
  EXPECT_FALSE (done);
  advance (100ms);
  EXPECT_TRUE (done);
  EXPECT_TRUE (signal ().dropped);
}

TEST_F (Connect, APeerThatNeverClosesDoesNotKeepUsInTheRoom) {
  connect ();
  publish (microphone ());
  publisher ().hold_close = true;
  bool done = false;
  engine_->stop ([&] { done = true; });
  advance (450ms);
  EXPECT_TRUE (done);
  EXPECT_EQ (signal ().sent_of<LeaveRequest> ().size (), 1u);
  publisher ().finish_close (); // late, and harmless
  run ();
}

TEST_F (Connect, LeavingIsPossibleAtEveryStage) {
  bool done = false;
  auto leave = [&] {
    done = false;
    engine_->stop ([&] { done = true; });
    advance (1s);
    EXPECT_TRUE (done);
    EXPECT_EQ (engine_->state (), State::Disconnected);
  };
  leave (); // never started
  start ();
  leave (); // no answer yet
  EXPECT_TRUE (signal ().closed);
  start ();
  join ();
  leave (); // no media yet
  connect ();
  leave ();
  start ();
  signal ().lose ({ Errc::ConnectFailed, Retry::Never, "refused" });
  leave (); // failed
  EXPECT_EQ (timers_.pending (), 0u);
}

TEST_F (Connect, LeavingAfterAFailureWaitsForTheGoodByeUnderWay) {
  connect ();
  subscriber ().set_state (rtc::PeerState::Failed);
  run ();
  bool done = false;
  engine_->stop ([&] { done = true; });
  EXPECT_FALSE (done) << "the connection would be cut before the Leave is out";
  advance (1s);
  EXPECT_TRUE (done);
  EXPECT_EQ (signal ().sent_of<LeaveRequest> ().size (), 1u);
}

TEST_F (Connect, AnOfferInTheSameBreathAsTheJoinIsNotLost) {
  start ();
  signal ().deliver (join_response ());
  signal ().deliver (SessionDescription{ SessionDescription::Type::Offer, "offer", 3, {} });
  run ();
  EXPECT_EQ (subscriber ().offers, std::vector<uint32_t>{ 3 });
  EXPECT_EQ (parts_->subscribers.size (), 1u);
}

TEST_F (Connect, AfterAFailureItStartsAgainWithAFreshTransport) {
  start ();
  signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
  connect ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (parts_->signals.size (), 2u);
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.stats.joins; }), 1u);
}

TEST_F (Connect, AServerThatSpeaksAfterTheEndIsNotHeard) {
  connect ();
  engine_->stop ({});
  events_.clear ();
  deliver (ParticipantUpdate{ { make_participant ("late") } });
  subscriber ().incoming ("1", 11, "opus");
  EXPECT_TRUE (events_.empty ());
}

TEST_F (Connect, DescriptionsAndCandidatesTravelBothWays) {
  connect ();
  deliver (SessionDescription{ SessionDescription::Type::Offer, "offer", 7, {} });
  EXPECT_EQ (subscriber ().offers, std::vector<uint32_t>{ 7 });
  auto said = signal ().sent_of<SessionDescription> ();
  ASSERT_EQ (said.size (), 1u);
  EXPECT_EQ (said[0].id, 7u);
  EXPECT_EQ (said[0].type, SessionDescription::Type::Answer);
  deliver (Trickle{ PeerTarget::Subscriber, "candidate:1", false });
  deliver (Trickle{ PeerTarget::Subscriber, "", true });
  EXPECT_EQ (subscriber ().candidates, std::vector<std::string>{ "candidate:1" });
  publish (microphone ());
  publisher ().emit_candidate ("candidate:2");
  auto trickled = signal ().sent_of<Trickle> ();
  ASSERT_EQ (trickled.size (), 1u);
  EXPECT_EQ (trickled[0].target, PeerTarget::Publisher);
}

TEST_F (Connect, ASecondJoinResponseChangesNothing) {
  connect ();
  deliver (join_response ({ make_participant ("ghost") }));
  EXPECT_EQ (count<ParticipantJoined> (), 0u);
  EXPECT_EQ (parts_->subscribers.size (), 1u);
}

TEST_F (Connect, MetadataOfAMintedTokenIsNotSentAgain) {
  settings_.metadata = "m";
  connect ();
  EXPECT_TRUE (signal ().sent_of<UpdateMetadata> ().empty ());
}

TEST_F (Connect, MetadataBesidesAGivenTokenIsSentAndARefusalIsNoFailure) {
  start ();
  auto token = signal ().params.token; // a valid one for this room
  engine_->stop ({});
  advance (1s);
  settings_.token = token;
  settings_.metadata = "m";
  settings_.attributes = Attributes{ { "k", "v" } };
  connect ();
  auto updates = signal ().sent_of<UpdateMetadata> ();
  ASSERT_EQ (updates.size (), 1u);
  EXPECT_EQ (updates[0].metadata, "m");
  EXPECT_EQ (updates[0].attributes.at ("k"), "v");
  RequestResponse refused;
  refused.request_id = updates[0].request_id;
  refused.update_metadata = true;
  refused.reason = RequestReason::NotAllowed;
  deliver (refused);
  EXPECT_EQ (engine_->state (), State::Connected);
}

TEST_F (Connect, AMetadataUpdateIsAnsweredOnceWhateverHappens) {
  std::vector<std::string> answers;
  auto done = [&] (const Result<> &result) {
    answers.push_back (result ? "ok" : to_string (result.error ().code));
  };
  engine_->update_metadata ({}, done);
  EXPECT_EQ (answers.back (), "closed");
  connect ();
  auto answer = [&] (RequestReason reason) {
    RequestResponse response;
    response.request_id = signal ().sent_of<UpdateMetadata> ().back ().request_id;
    response.update_metadata = true;
    response.reason = reason;
    deliver (response);
    deliver (response); // twice
    return answers.back ();
  };
  engine_->update_metadata ({}, done);
  EXPECT_EQ (answer (RequestReason::Ok), "ok");
  engine_->update_metadata ({}, done);
  EXPECT_EQ (answer (RequestReason::NotAllowed), "not-allowed");
  engine_->update_metadata ({}, done);
  EXPECT_EQ (answer (RequestReason::LimitExceeded), "limit-exceeded");
  engine_->update_metadata ({}, done);
  advance (10s);
  EXPECT_EQ (answers.back (), "timeout");
  engine_->update_metadata ({}, done);
  engine_->stop ({});
  EXPECT_EQ (answers.back (), "closed");
  EXPECT_EQ (answers.size (), 6u);
}

TEST_F (Connect, SpeakersAndQualityAreToldByIdentity) {
  connect ({ make_participant ("alice") });
  deliver (SpeakersChanged{ { { "PA_alice", 0.5f, true }, { "PA_unknown", 0.1f, true } } });
  ASSERT_EQ (count<ActiveSpeakers> (), 1u);
  ASSERT_EQ (events<ActiveSpeakers> ()[0].changed.size (), 1u);
  EXPECT_EQ (events<ActiveSpeakers> ()[0].changed[0].identity, "alice");
  deliver (ConnectionQualityUpdate{
      { { "PA_me", ConnectionQuality::Poor, 2.f }, { "PA_unknown", ConnectionQuality::Good, 1.f } } });
  ASSERT_EQ (count<QualityChanged> (), 1u);
  EXPECT_EQ (events<QualityChanged> ()[0].identity, "me");
}

TEST_F (Connect, OwnAndOtherChangesReachSnapshotBeforeTheEvent) {
  connect ({ make_participant ("alice") });
  auto me = make_participant ("me", {}, 3);
  me.name = "Me";
  auto alice = make_participant ("alice", {}, 3);
  alice.metadata = "m";
  deliver (ParticipantUpdate{ { me, alice } });
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.self->name; }), "Me");
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.participants.at ("alice")->metadata; }),
             "m");
  auto changes = events<ParticipantChanged> ();
  ASSERT_EQ (changes.size (), 2u);
  EXPECT_TRUE (changes[0].self);
  EXPECT_FALSE (changes[1].self);
}

TEST_F (Connect, ARoomUpdateIsToldAndKept) {
  connect ();
  RoomInfo room;
  room.name = "room";
  room.metadata = "new";
  deliver (RoomUpdate{ room });
  EXPECT_EQ (events<RoomChanged> ().at (0).room.metadata, "new");
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.room.metadata; }), "new");
}

TEST_F (Connect, AMoveToAnotherRoomReplacesTheRoster) {
  connect ({ make_participant ("alice") });
  RoomMoved moved;
  moved.room.name = "other";
  moved.token = "token";
  moved.participant = make_participant ("me");
  moved.others = { make_participant ("bob") };
  deliver (moved);
  EXPECT_EQ (events<ParticipantLeft> ().at (0).participant.identity, "alice");
  EXPECT_EQ (events<ParticipantJoined> ().back ().participant.identity, "bob");
  EXPECT_EQ (events<RoomJoined> ().back ().room.name, "other");
}

TEST_F (Connect, AScenarioIsPassedOn) {
  engine_->simulate ({ SimulateScenario::Kind::ServerLeave, 0 }); // not connected: nothing
  connect ();
  engine_->simulate ({ SimulateScenario::Kind::SpeakerUpdate, 3 });
  ASSERT_EQ (signal ().sent_of<SimulateScenario> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<SimulateScenario> ()[0].value, 3);
}

TEST_F (Connect, ALateComerGetsWhatIsThere) {
  EXPECT_TRUE (engine_->replay ().empty ());
  connect ({ make_participant ("alice", { make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  auto replay = engine_->replay ();
  ASSERT_EQ (replay.size (), 4u);
  EXPECT_TRUE (std::holds_alternative<RoomJoined> (replay[0]));
  EXPECT_TRUE (std::holds_alternative<ParticipantJoined> (replay[1]));
  EXPECT_TRUE (std::holds_alternative<RemoteTrackPublished> (replay[2]));
  EXPECT_TRUE (std::holds_alternative<RemoteTrackSubscribed> (replay[3]));
}

} // namespace
