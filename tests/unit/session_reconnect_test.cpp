// Losing the room and coming back: the policy, and what stands through an outage.
#include "session_util.hpp"

#include "auth/token.hpp"
#include "session/path_watch.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

// ---- policy

/// The delays of an outage in which every attempt fails at once, until `age`.
std::vector<Millis>
delays (const ReconnectPolicy &policy, Random &random, Millis age) {
  Backoff backoff (policy);
  std::vector<Millis> all;
  for (Millis now{ 0 }; now < age;) {
    all.push_back (backoff.next (now, random));
    now += std::max (all.back (), 1ms);
  }
  return all;
}

TEST (Backoff, TheFirstAttemptIsMadeAtOnce) {
  FakeRandom random;
  EXPECT_EQ (Backoff ({}).next (0ms, random), 0ms);
}

TEST (Backoff, DelaysGrowFromTheUpperHalfBelowTheCeiling) {
  Backoff backoff ({});
  auto &random = system_random ();
  backoff.next (0ms, random);
  for (double ceiling : { 100.0, 150.0, 225.0, 337.5, 400.0, 400.0 }) {
    auto delay = backoff.next (1s, random);
    EXPECT_GE (double (delay.count ()), ceiling / 2 - 1);
    EXPECT_LE (double (delay.count ()), ceiling);
  }
}

TEST (Backoff, AYoungOutageIsProbedEvery400msAtMostAndAnOldOneEvery5s) {
  auto &random = system_random ();
  Millis now{ 0 };
  for (auto delay : delays ({}, random, 60s)) {
    EXPECT_LE (delay, now < kYoungOutage ? 400ms : 5000ms) << now.count ();
    now += std::max (delay, 1ms);
  }
  EXPECT_GT (delays ({}, random, 10s).size (), 25u);
  EXPECT_LT (delays ({}, random, 60s).size (), 70u);
}

TEST (Backoff, AServerThatIsBackAfter2100msIsMetWithin400ms) {
  auto &random = system_random ();
  for (int round = 0; round < 500; ++round) {
    Millis now{ 0 };
    Backoff backoff ({});
    while (now < 2100ms)
      now += backoff.next (now, random);
    EXPECT_LE (now, 2500ms);
  }
}

TEST (Backoff, PropertiesShapeIt) {
  ReconnectPolicy policy;
  policy.initial = 2s;
  policy.max = 3s;
  policy.multiplier = 10;
  Backoff backoff (policy);
  auto &random = system_random ();
  backoff.next (0ms, random);
  auto second = backoff.next (1s, random); // a large initial holds in a young outage, too
  EXPECT_TRUE (second >= 1s && second <= 2s) << second.count ();
  auto third = backoff.next (20s, random);
  EXPECT_TRUE (third >= 1500ms && third <= 3s) << third.count ();
}

TEST (WorthAnotherTry, CredentialsAndBeingThrownOutAreFinal) {
  EXPECT_FALSE (worth_another_try ({ Errc::Unauthorized, Retry::Never, "" }));
  EXPECT_FALSE (worth_another_try ({ Errc::Removed, Retry::Never, "" }));
  EXPECT_FALSE (worth_another_try ({ Errc::DuplicateIdentity, Retry::Never, "" }));
  EXPECT_TRUE (worth_another_try ({ Errc::RoomFull, Retry::Never, "" }));
  EXPECT_TRUE (worth_another_try ({ Errc::ConnectFailed, Retry::Restart, "" }));
  EXPECT_TRUE (worth_another_try ({ Errc::SignalLost, Retry::Resume, "" }));
}

// ---- engine

class Reconnect : public EngineTest {
protected:
  // From scratch: what can be resumed is in session_resume_test.cpp.
  const Error broken{ Errc::SignalLost, Retry::Restart, "broken" };

  std::vector<State>
  states () const {
    std::vector<State> to;
    for (const auto &change : events<StateChanged> ())
      to.push_back (change.to);
    return to;
  }
  void
  lose () {
    signal ().lose (broken);
    run ();
  }
  /// The next attempt succeeds.
  void
  rejoin (std::vector<ParticipantInfo> others = {}) {
    advance (500ms);
    join (std::move (others));
    subscriber ().connect ();
    run ();
  }
  static ParticipantInfo
  alice (std::vector<TrackInfo> tracks, const std::string &sid = "PA_alice") {
    auto info = make_participant ("alice", std::move (tracks));
    info.sid = sid;
    info.joined_at_ms = sid == "PA_alice" ? 1 : 2;
    return info;
  }
  /// alice's microphone TR_1 is subscribed and runs.
  void
  connect_with_alice () {
    connect ({ alice ({ make_track ("TR_1", TrackKind::Audio, "mic") }) });
    subscriber ().sections ({ make_section ("1", "TR_1", 11) });
    subscriber ().incoming ("1", 11, "opus");
  }
};

TEST_F (Reconnect, TheFirstAttemptFollowsAtOnceAndRecovers) {
  connect ();
  auto first = &signal ();
  lose ();
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  advance (0ms);
  EXPECT_NE (&signal (), first);
  EXPECT_TRUE (first->closed);
  EXPECT_TRUE (first->sent_of<LeaveRequest> ().empty ()); // it would end the next one of the same identity
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (states (),
             (std::vector{ State::Connecting, State::Connected, State::Reconnecting, State::Connected }));
  EXPECT_EQ (count<RoomJoined> (), 2u);
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.stats.reconnects; }), 1u);
}

TEST_F (Reconnect, FailedAttemptsGoOnUntilTheServerIsBack) {
  connect ();
  lose ();
  for (int attempt = 0; attempt < 20; ++attempt) {
    advance (400ms);
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
    run ();
    ASSERT_EQ (engine_->state (), State::Reconnecting);
  }
  rejoin ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_GT (snapshot_->read ([] (const auto &data) { return data.stats.last_outage; }), 3s);
}

TEST_F (Reconnect, AChangedNetworkIsTriedAtOnce) {
  settings_.reconnect_timeout = 0s;
  connect ();
  lose ();
  for (int attempt = 0; attempt < 60; ++attempt) {
    advance (5s);
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "unreachable" });
    run ();
  }
  auto attempts = parts_->signals.size ();
  parts_->change_network ();
  advance (0ms);
  EXPECT_EQ (parts_->signals.size (), attempts + 1);
  parts_->change_network (); // an attempt is under way
  advance (0ms);
  EXPECT_EQ (parts_->signals.size (), attempts + 1);
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (parts_->network_watches.size (), 1u); // of the connection that stands
}

TEST_F (Reconnect, ALostAddressIsNoticedAtOnce) {
  connect ();
  subscriber ().lost_address = true;
  parts_->change_network ();
  EXPECT_EQ (engine_->state (), State::Connected); // more of the same change may follow
  advance (100ms);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  EXPECT_TRUE (signal ().params.resume); // there may be another address
  EXPECT_EQ (signal ().params.reconnect_reason, 3);
}

TEST_F (Reconnect, AnAddressThatOnlyThePublisherUsesCountsToo) {
  connect ();
  auto track = publish (microphone ());
  acknowledge (track->cid (), "TR_1"); // what waits for an answer cannot be resumed
  publisher ().lost_address = true;
  parts_->change_network ();
  advance (100ms);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  EXPECT_EQ (signal ().params.reconnect_reason, 2);
}

TEST_F (Reconnect, AnotherInterfacesChangeOnlyAsksTheServer) {
  connect ();
  for (int i = 0; i < 5; ++i) // addresses and routes
    parts_->change_network ();
  advance (100ms);
  EXPECT_EQ (signal ().probes, std::vector<Millis>{ 1500ms });
  advance (60s);
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (parts_->signals.size (), 1u);
}

TEST_F (Reconnect, OnlyAnAttemptInAnOutageInsistsOnANetworkThatIsAway) {
  connect ();
  EXPECT_FALSE (signal ().params.insist); // the user wants to know of a wrong url
  lose ();
  advance (0ms);
  EXPECT_TRUE (signal ().params.insist);
}

TEST_F (Reconnect, AnAttemptThatHungIsFollowedByTheNextAtOnce) {
  connect ();
  lose ();
  for (int attempt = 0; attempt < 10; ++attempt) {
    advance (0ms);
    ASSERT_EQ (parts_->signals.size (), size_t (attempt) + 2);
    advance (3s);
    signal ().lose ({ Errc::Timeout, Retry::Resume, "no answer" });
    run ();
  }
}

TEST_F (Reconnect, AnAttemptWithoutAnAnswerIsGivenUpAfterThreeSeconds) {
  connect ();
  lose ();
  advance (0ms);
  EXPECT_EQ (signal ().params.timeout, 3000ms); // which the signalling client keeps
}

TEST_F (Reconnect, AJoinWithoutMediaIsTriedAgain) {
  connect ();
  lose ();
  advance (0ms);
  join ();
  auto joined = &signal ();
  advance (5s);
  advance (500ms);
  EXPECT_NE (&signal (), joined);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
}

TEST_F (Reconnect, ItEndsAtTheTimeoutWithTheReasonOfTheLoss) {
  settings_.reconnect_timeout = 10s;
  connect ();
  lose ();
  for (int attempt = 0; attempt < 100 && engine_->state () == State::Reconnecting; ++attempt) {
    advance (400ms);
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
    run ();
  }
  EXPECT_EQ (engine_->state (), State::Failed);
  auto cause = *events<StateChanged> ().back ().cause;
  EXPECT_EQ (cause.code, Errc::SignalLost);
  EXPECT_NE (cause.message.find ("did not come back in time"), std::string::npos);
}

TEST_F (Reconnect, RefusedCredentialsEndIt) {
  connect ();
  lose ();
  advance (0ms);
  signal ().lose ({ Errc::Unauthorized, Retry::Never, "expired" });
  run ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (events<StateChanged> ().back ().cause->code, Errc::Unauthorized);
}

TEST_F (Reconnect, AMintedTokenIsMintedAnewAndTheIdentityKept) {
  settings_.identity.reset (); // a unique one is made
  connect ();
  auto before = signal ().params.token.reveal ();
  lose ();
  clock_.set_wall (clock_.wall () + 1h);
  advance (0ms);
  auto after = signal ().params.token.reveal ();
  EXPECT_NE (after, before);
  EXPECT_EQ (auth::inspect (after)->identity, auth::inspect (before)->identity);
}

TEST_F (Reconnect, StoppingEndsIt) {
  connect ();
  lose ();
  engine_->stop ({});
  run ();
  EXPECT_EQ (engine_->state (), State::Disconnected);
  auto last = &signal ();
  advance (60s);
  EXPECT_EQ (&signal (), last);
}

TEST_F (Reconnect, TracksArePublishedAgainWithTheirMute) {
  connect ();
  auto track = publish (microphone ());
  acknowledge (track->cid (), "TR_1");
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  run ();
  ASSERT_TRUE (track->published ());
  track->set_muted (true);
  run ();
  lose ();
  EXPECT_FALSE (track->published ());
  rejoin ();
  auto asked = signal ().sent_of<AddTrack> ();
  ASSERT_EQ (asked.size (), 1u);
  EXPECT_TRUE (asked[0].muted);
  acknowledge (track->cid (), "TR_2");
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  run ();
  EXPECT_TRUE (track->published ());
  EXPECT_EQ (track->sid (), "TR_2");
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
}

TEST_F (Reconnect, ASubscribedTrackIsTheSameOneAfterTheServerWasNew) {
  connect_with_alice ();
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  lose ();
  // Everybody has new sids.
  rejoin ({ alice ({ make_track ("TR_9", TrackKind::Audio, "mic") }, "PA_new") });
  subscriber ().sections ({ make_section ("0", "TR_9", 99) });
  subscriber ().incoming ("0", 99, "opus");
  EXPECT_EQ (count<RemoteTrackSubscribed> (), 1u);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  EXPECT_EQ (track->info ().sid, "TR_9");
  EXPECT_EQ (track->participant ().sid, "PA_new");
  EXPECT_EQ (events<RemoteTrackChanged> ().back ().track, track);
  EXPECT_EQ (subscriber ().attached, std::vector<uint32_t>{ 99 });
  EXPECT_EQ (parts_->drains.at (0)->sinks, 2);
}

TEST_F (Reconnect, WhenOnlyWeWereAwayNobodyLeftAndNobodyJoined) {
  connect_with_alice ();
  lose ();
  rejoin ({ alice ({ make_track ("TR_1", TrackKind::Audio, "mic") }) });
  subscriber ().sections ({ make_section ("0", "TR_1", 77) });
  EXPECT_EQ (count<ParticipantLeft> (), 0u);
  EXPECT_EQ (count<ParticipantJoined> (), 1u);
  EXPECT_EQ (count<RemoteTrackPublished> (), 1u);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
}

TEST_F (Reconnect, WhoLeftMeanwhileIsReportedAndTheTrackWaitsForAWhile) {
  connect_with_alice ();
  lose ();
  rejoin ();
  EXPECT_EQ (count<ParticipantLeft> (), 1u);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  advance (Subscriptions::kReappearLimit - 1s);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  advance (1s);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
}

TEST_F (Reconnect, HowLongATrackMayStayAwayCanBeSet) {
  engine_->subscriptions ()->set_wanted ({ TrackFilter{} }, 0ms, 2s);
  connect_with_alice ();
  lose ();
  rejoin ();
  advance (1900ms);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  advance (100ms);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
}

TEST_F (Reconnect, ATrackThatComesBackLateIsStillTheSame) {
  connect_with_alice ();
  lose ();
  rejoin ();
  advance (5s);
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_9", TrackKind::Audio, "mic") }, "PA_new") } });
  subscriber ().sections ({ make_section ("1", "TR_9", 99) });
  EXPECT_EQ (count<RemoteTrackSubscribed> (), 1u);
  advance (Subscriptions::kReappearLimit);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
}

TEST_F (Reconnect, EqualTracksKeepTheirOrder) {
  auto mic = [] (const std::string &sid) { return make_track (sid, TrackKind::Audio, "mic"); };
  connect ({ alice ({ mic ("TR_b"), mic ("TR_a") }) });
  subscriber ().sections ({ make_section ("1", "TR_a", 1), make_section ("2", "TR_b", 2) });
  std::map<std::string, RemoteTrackPtr> before;
  for (const auto &event : events<RemoteTrackSubscribed> ())
    before[event.track->info ().sid] = event.track;
  lose ();
  rejoin ({ alice ({ mic ("TR_y"), mic ("TR_z") }, "PA_new") });
  subscriber ().sections ({ make_section ("1", "TR_z", 1), make_section ("2", "TR_y", 2) });
  EXPECT_EQ (before.at ("TR_b")->info ().sid, "TR_y");
  EXPECT_EQ (before.at ("TR_a")->info ().sid, "TR_z");
}

TEST_F (Reconnect, AnotherCodecIsAnotherTrack) {
  connect_with_alice ();
  lose ();
  auto track = make_track ("TR_9", TrackKind::Audio, "mic");
  track.mime_type = "audio/red";
  rejoin ({ alice ({ track }, "PA_new") });
  subscriber ().sections ({ make_section ("1", "TR_9", 99) });
  EXPECT_EQ (count<RemoteTrackSubscribed> (), 2u);
}

TEST_F (Reconnect, ARequestByHandIsMadeAgainForTheTrackThatCameBack) {
  engine_->subscriptions ()->set_wanted ({}, 0ms);
  start (false);
  join ({ alice ({ make_track ("TR_1", TrackKind::Audio, "mic") }) });
  subscriber ().connect ();
  run ();
  engine_->subscriptions ()->set_subscribed ("TR_1", true);
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  ASSERT_EQ (count<RemoteTrackSubscribed> (), 1u);
  lose ();
  rejoin ({ alice ({ make_track ("TR_9", TrackKind::Audio, "mic") }, "PA_new") });
  auto asked = signal ().sent_of<UpdateSubscription> ();
  ASSERT_EQ (asked.size (), 1u);
  EXPECT_EQ (asked[0].track_sids, std::vector<std::string>{ "TR_9" });
}

TEST_F (Reconnect, AlwaysTriesTheFirstConnectAgainToo) {
  settings_.reconnect = ReconnectMode::Always;
  start ();
  for (int attempt = 0; attempt < 5; ++attempt) {
    signal ().lose ({ Errc::ConnectFailed, Retry::Restart, "refused" });
    run ();
    EXPECT_EQ (engine_->state (), State::Connecting);
    advance (400ms);
  }
  advance (600s); // beyond connect-timeout and reconnect-timeout
  EXPECT_EQ (engine_->state (), State::Connecting);
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_EQ (states (), (std::vector{ State::Connecting, State::Connected }));
}

// ---- dead paths

PathSample
sample (std::chrono::seconds at, uint64_t received, uint64_t sent = 0, uint64_t reports = 0,
        bool expecting = true) {
  return { at, expecting, received, sent, reports };
}

using Verdict = PathWatch::Verdict;

TEST (PathWatch, SilenceIsProbedOnceAndThenDead) {
  PathWatch watch;
  EXPECT_EQ (watch.look (sample (100s, 10)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (101s, 20)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (105s, 20)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (106s, 20)), Verdict::Probe);
  EXPECT_EQ (watch.look (sample (107s, 20)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (110s, 20)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (111s, 20)), Verdict::ReceivingDead);
}

TEST (PathWatch, AnotherSilenceIsProbedAgain) {
  PathWatch watch;
  EXPECT_EQ (watch.look (sample (100s, 10)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (106s, 10)), Verdict::Probe);
  EXPECT_EQ (watch.look (sample (107s, 11)), Verdict::Fine);
  EXPECT_EQ (watch.look (sample (112s, 11)), Verdict::Probe);
}

TEST (PathWatch, WithoutATrackSilenceMeansNothing) {
  PathWatch watch;
  for (auto at = 0s; at < 60s; at += 1s)
    EXPECT_EQ (watch.look (sample (at, 10, 0, 0, false)), Verdict::Fine);
}

TEST (PathWatch, ASideThatNeverSpokeIsAskedAfterButNotDead) {
  PathWatch watch;
  uint64_t sent = 0;
  for (auto at = 0s; at < 60s; at += 1s)
    EXPECT_EQ (watch.look (sample (at, 0, sent += 50)), at == 5s ? Verdict::Probe : Verdict::Fine);
}

TEST (PathWatch, WhatIsSentWithoutAReportIsDeadToo) {
  PathWatch watch;
  uint64_t sent = 0;
  EXPECT_EQ (watch.look (sample (0s, 0, sent, 1, false)), Verdict::Fine);
  for (auto at = 1s; at < 10s; at += 1s)
    EXPECT_EQ (watch.look (sample (at, 0, sent += 50, 1, false)), at == 5s ? Verdict::Probe : Verdict::Fine);
  EXPECT_EQ (watch.look (sample (10s, 0, sent += 50, 1, false)), Verdict::SendingDead);
}

TEST (PathWatch, AMutedPublisherIsNotDead) {
  PathWatch watch;
  for (auto at = 0s; at < 60s; at += 1s)
    EXPECT_EQ (watch.look (sample (at, 0, 1000, 1, false)), Verdict::Fine);
}

TEST_F (Reconnect, ASilentPathIsProbedAndThenLeft) {
  connect_with_alice ();
  subscriber ().traffic.rtp_in = 100;
  advance (1s);
  advance (5s);
  EXPECT_EQ (signal ().probes, std::vector<Millis>{ 3000ms });
  EXPECT_EQ (engine_->state (), State::Connected);
  advance (5s);
  EXPECT_EQ (engine_->state (), State::Reconnecting);
}

TEST_F (Reconnect, AMutedTrackMaySayNothing) {
  connect_with_alice ();
  subscriber ().traffic.rtp_in = 100;
  auto muted = make_track ("TR_1", TrackKind::Audio, "mic");
  muted.muted = true;
  auto info = alice ({ muted });
  info.version = 2;
  deliver (ParticipantUpdate{ { info } });
  advance (60s);
  EXPECT_EQ (engine_->state (), State::Connected);
  EXPECT_TRUE (signal ().probes.empty ());
}

TEST_F (Reconnect, FiftyOutagesLeaveNothingBehind) {
  connect_with_alice ();
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  for (int round = 0; round < 50; ++round) {
    lose ();
    auto sid = "TR_" + std::to_string (100 + round);
    rejoin ({ alice ({ make_track (sid, TrackKind::Audio, "mic") }, "PA_" + std::to_string (round)) });
    subscriber ().sections ({ make_section ("1", sid, 11) });
    subscriber ().incoming ("1", 11, "opus");
    ASSERT_EQ (track->info ().sid, sid);
  }
  EXPECT_EQ (count<RemoteTrackSubscribed> (), 1u);
  EXPECT_EQ (engine_->subscriptions ()->announced ().size (), 1u);
}

} // namespace
