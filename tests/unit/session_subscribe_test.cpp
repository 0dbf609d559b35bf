// Which remote tracks are subscribed, when they are announced, and how streams find their tracks.
#include "session_util.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

using Sids = std::vector<std::string>;
using Ssrcs = std::vector<uint32_t>;

class Subscribe : public EngineTest {
protected:
  /// What the server was asked: "+TR_1", "-TR_2".
  Sids
  asked () {
    Sids words;
    for (const auto &update : signal ().sent_of<UpdateSubscription> ())
      for (const auto &sid : update.track_sids)
        words.push_back ((update.subscribe ? "+" : "-") + sid);
    std::sort (words.begin (), words.end ());
    return words;
  }
  void
  want (std::vector<TrackFilter> filters, Millis latency = 0ms) {
    engine_->subscriptions ()->set_wanted (std::move (filters), latency);
  }
  void
  connect_with (std::vector<ParticipantInfo> others, bool automatic) {
    start (automatic);
    join (std::move (others));
    subscriber ().connect ();
    run ();
  }
  Sids
  subscribed () const {
    Sids sids;
    for (const auto &event : events<RemoteTrackSubscribed> ())
      sids.push_back (event.track->info ().sid);
    return sids;
  }
  Sids
  unsubscribed () const {
    Sids sids;
    for (const auto &event : events<RemoteTrackUnsubscribed> ())
      sids.push_back (event.track->info ().sid);
    return sids;
  }
  static ParticipantInfo
  alice (std::vector<TrackInfo> tracks, uint32_t version = 1) {
    return make_participant ("alice", std::move (tracks), version);
  }
  static TrackInfo
  video (const std::string &sid) {
    return make_track (sid, TrackKind::Video);
  }
};

// ---- demand
// ------------------------------------------------------------------------------------------------

TEST_F (Subscribe, TheServerIsNotAskedForWhatItGivesAnyway) {
  want ({ TrackFilter{} });
  connect_with ({ alice ({ make_track ("TR_1") }) }, true);
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_1"), video ("TR_2") }, 2) } });
  EXPECT_EQ (asked (), Sids{});
}

TEST_F (Subscribe, OnlyWhatSomeFilterWantsIsAskedFor) {
  TrackFilter audio, of_bob;
  audio.kinds = "audio";
  of_bob.participants = "bob";
  want ({ audio, of_bob });
  connect_with (
      { alice ({ make_track ("TR_a"), video ("TR_v") }), make_participant ("bob", { video ("TR_bob") }) },
      false);
  EXPECT_EQ (asked (), (Sids{ "+TR_a", "+TR_bob" }));
}

TEST_F (Subscribe, WithoutAnyoneWhoListensNothingIsAskedFor) {
  connect_with ({ alice ({ make_track ("TR_1") }) }, false);
  EXPECT_EQ (asked (), Sids{});
}

TEST_F (Subscribe, LaterTracksAreAskedForAsTheyCome) {
  want ({ TrackFilter{ "", "", "", "video" } });
  connect_with ({}, false);
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_a"), video ("TR_v") }) } });
  EXPECT_EQ (asked (), (Sids{ "+TR_v" }));
}

TEST_F (Subscribe, AChangedFilterSendsOnlyTheDifference) {
  want ({ TrackFilter{ "", "", "", "video" } });
  connect_with ({ alice ({ make_track ("TR_a"), video ("TR_v") }) }, false);
  want ({ TrackFilter{ "", "", "", "audio" } });
  EXPECT_EQ (asked (), (Sids{ "+TR_a", "+TR_v", "-TR_v" }));
  want ({ TrackFilter{ "", "", "", "audio" } });
  EXPECT_EQ (asked ().size (), 3u);
}

TEST_F (Subscribe, NarrowingAnAutomaticSessionUnsubscribesTheRest) {
  want ({ TrackFilter{} });
  connect_with ({ alice ({ make_track ("TR_a"), video ("TR_v") }) }, true);
  want ({ TrackFilter{ "", "", "", "audio" } });
  EXPECT_EQ (asked (), (Sids{ "-TR_v" }));
}

TEST_F (Subscribe, ARenamedTrackMayMatchNow) {
  want ({ TrackFilter{ "", "main", "", "" } });
  connect_with ({ alice ({ video ("TR_v") }) }, false);
  EXPECT_EQ (asked (), Sids{});
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_v", TrackKind::Video, "main") }, 2) } });
  EXPECT_EQ (asked (), (Sids{ "+TR_v" }));
}

TEST_F (Subscribe, ARequestByHandOverridesFilters) {
  TrackFilter by_request;
  by_request.automatic = false;
  want ({ by_request });
  connect_with ({ alice ({ make_track ("TR_a"), video ("TR_v") }) }, false);
  EXPECT_EQ (asked (), Sids{});
  engine_->subscriptions ()->set_subscribed ("TR_a", true);
  EXPECT_EQ (asked (), (Sids{ "+TR_a" }));
  want ({ TrackFilter{} });
  engine_->subscriptions ()->set_subscribed ("TR_v", false);
  EXPECT_EQ (asked (), (Sids{ "+TR_a", "+TR_v", "-TR_v" }));
}

TEST_F (Subscribe, ARequestForAnUnknownTrackHoldsUntilItAppears) {
  connect_with ({}, false);
  engine_->subscriptions ()->set_subscribed ("TR_1", true);
  EXPECT_EQ (asked (), Sids{});
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_1") }) } });
  EXPECT_EQ (asked (), (Sids{ "+TR_1" }));
}

TEST_F (Subscribe, ADemandAlwaysSaysQualityAndIsToldOnce) {
  connect ({ alice ({ video ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11, rtc::MediaKind::Video) });
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  track->set_demand (this, Demand{});
  run ();
  EXPECT_TRUE (signal ().sent_of<UpdateTrackSettings> ().empty ()) << "that is the default";
  Demand off;
  off.enabled = false;
  track->set_demand (this, off);
  track->set_demand (this, off);
  run ();
  auto sent = signal ().sent_of<UpdateTrackSettings> ();
  ASSERT_EQ (sent.size (), 1u);
  EXPECT_TRUE (sent[0].disabled);
  EXPECT_EQ (sent[0].quality, VideoQuality::High) << "nothing at all would mean low";
  Demand small;
  small.width = 320;
  small.height = 180;
  small.fps = 10;
  track->set_demand (this, small);
  run ();
  sent = signal ().sent_of<UpdateTrackSettings> ();
  ASSERT_EQ (sent.size (), 2u);
  EXPECT_FALSE (sent[1].disabled);
  EXPECT_EQ (sent[1].height, 180u);
  EXPECT_EQ (sent[1].track_sids, Sids{ "TR_1" });
}

TEST_F (Subscribe, EveryConsumerGetsWhatItWants) {
  Demand off, small, large, low, all;
  off.enabled = false;
  small.width = 320, small.height = 180;
  large.width = 100, large.height = 720;
  low.quality = VideoQuality::Low;
  EXPECT_EQ (both (off, small), small);
  EXPECT_EQ (both (small, off), small);
  EXPECT_EQ (both (off, off), off);
  EXPECT_EQ (both (small, large).width, 320u);
  EXPECT_EQ (both (small, large).height, 720u);
  EXPECT_EQ (both (low, low), low);
  EXPECT_EQ (both (low, all), all);
  EXPECT_EQ (both (low, small), all) << "not to be compared";

  connect ({ alice ({ video ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11, rtc::MediaKind::Video) });
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  const int one = 0, other = 0;
  track->set_demand (&one, small);
  track->set_demand (&other, all);
  track->set_demand (&other, std::nullopt);
  run ();
  auto sent = signal ().sent_of<UpdateTrackSettings> ();
  ASSERT_FALSE (sent.empty ());
  EXPECT_EQ (sent.back ().height, 180u);
  track->set_demand (&one, std::nullopt);
  run ();
  EXPECT_EQ (signal ().sent_of<UpdateTrackSettings> ().back ().height, 0u) << "as if nobody had asked";
}

// ---- announcing
// --------------------------------------------------------------------------------------------

TEST_F (Subscribe, ATrackIsAnnouncedByOfferAndRosterWithoutAnyPacket) {
  connect ({ alice ({ make_track ("TR_1") }) });
  EXPECT_EQ (subscribed (), Sids{});
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  ASSERT_EQ (subscribed (), Sids{ "TR_1" });
  auto track = events<RemoteTrackSubscribed> ()[0].track;
  EXPECT_EQ (track->codec (), "opus");
  EXPECT_EQ (track->participant ().identity, "alice");
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  EXPECT_EQ (subscribed ().size (), 1u);
}

TEST_F (Subscribe, AnOfferMayComeBeforeTheRosterKnowsTheTrack) {
  connect ();
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  EXPECT_EQ (subscribed (), Sids{});
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_1") }) } });
  EXPECT_EQ (subscribed (), Sids{ "TR_1" });
  EXPECT_LT (position<RemoteTrackPublished> (), position<RemoteTrackSubscribed> ());
}

TEST_F (Subscribe, TracksThatComeBeforeConnectedAreAnnouncedThen) {
  start ();
  join ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  EXPECT_EQ (subscribed (), Sids{});
  subscriber ().connect ();
  EXPECT_EQ (subscribed (), Sids{ "TR_1" });
  EXPECT_LT (position<RoomJoined> (), position<RemoteTrackSubscribed> ());
}

TEST_F (Subscribe, AnInactiveSectionEndsTheSubscription) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().incoming ("1", 11, "opus");
  subscriber ().sections ({ make_section ("1", "", 0) });
  EXPECT_EQ (unsubscribed (), Sids{ "TR_1" });
  EXPECT_EQ (subscriber ().detached, Ssrcs{ 11 });
  EXPECT_FALSE (parts_->drains.at (0)->bound);
}

TEST_F (Subscribe, AnUnpublishedTrackIsReportedBeforeItEnds) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  deliver (ParticipantUpdate{ { alice ({}, 2) } });
  EXPECT_EQ (unsubscribed (), Sids{ "TR_1" });
  EXPECT_LT (position<RemoteTrackUnpublished> (), position<RemoteTrackUnsubscribed> ());
  // The section lingers in the next offer, but nobody knows its track any more.
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  EXPECT_EQ (subscribed ().size (), 1u);
}

TEST_F (Subscribe, ATrackThatComesBackIsANewOne) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().sections ({ make_section ("1", "", 0) });
  subscriber ().sections ({ make_section ("2", "TR_1", 22) });
  EXPECT_EQ (subscribed (), (Sids{ "TR_1", "TR_1" }));
  EXPECT_EQ (unsubscribed (), Sids{ "TR_1" });
}

TEST_F (Subscribe, MuteAndPauseAreToldAsChanges) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  auto muted = make_track ("TR_1");
  muted.muted = true;
  deliver (ParticipantUpdate{ { alice ({ muted }, 2) } });
  EXPECT_EQ (count<RemoteTrackChanged> (), 1u);
  EXPECT_TRUE (track->info ().muted);
  deliver (StreamStateUpdate{ { { "PA_alice", "TR_1", true }, { "PA_alice", "TR_x", true } } });
  EXPECT_EQ (count<RemoteTrackChanged> (), 2u);
  EXPECT_TRUE (track->paused ());
  deliver (StreamStateUpdate{ { { "PA_alice", "TR_1", true } } });
  EXPECT_EQ (count<RemoteTrackChanged> (), 2u);
}

TEST_F (Subscribe, ATrackKnowsItsParticipantsNewName) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  auto renamed = alice ({ make_track ("TR_1") }, 2);
  renamed.name = "Alice";
  deliver (ParticipantUpdate{ { renamed } });
  EXPECT_EQ (events<RemoteTrackSubscribed> ().at (0).track->participant ().name, "Alice");
}

TEST_F (Subscribe, RefusalsAreTold) {
  connect ();
  deliver (SubscriptionPermissionUpdate{ "PA_alice", "TR_1", true });
  EXPECT_EQ (count<SubscriptionFailed> (), 0u) << "the server says that for every subscription";
  deliver (SubscriptionPermissionUpdate{ "PA_alice", "TR_1", false });
  deliver (SubscriptionResponse{ "TR_2", SubscriptionResponse::Problem::CodecUnsupported });
  deliver (SubscriptionResponse{ "TR_3", SubscriptionResponse::Problem::TrackNotFound });
  auto failed = events<SubscriptionFailed> ();
  ASSERT_EQ (failed.size (), 3u);
  EXPECT_EQ (failed[0].error.code, Errc::NotAllowed);
  EXPECT_EQ (failed[1].error.code, Errc::UnsupportedCodec);
  EXPECT_EQ (failed[2].error.code, Errc::NotFound);
}

// ---- streams
// -----------------------------------------------------------------------------------------------

TEST_F (Subscribe, AStreamRunsIntoTheTrackOfItsSection) {
  connect ({ alice ({ make_track ("TR_1"), make_track ("TR_2") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11), make_section ("2", "TR_2", 22) });
  subscriber ().incoming ("2", 22, "opus");
  EXPECT_EQ (subscriber ().attached, Ssrcs{ 22 });
  EXPECT_EQ (parts_->drains.at (1)->sinks, 1);
  EXPECT_EQ (parts_->drains.at (0)->sinks, 0);
}

TEST_F (Subscribe, AStreamBeforeItsTrackInfoIsHeldAndThenAttached) {
  connect ();
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().incoming ("1", 11, "opus");
  EXPECT_TRUE (subscriber ().attached.empty ());
  EXPECT_TRUE (subscriber ().ignored.empty ());
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_1") }) } });
  EXPECT_EQ (subscriber ().attached, Ssrcs{ 11 });
}

TEST_F (Subscribe, ARecycledSectionFeedsItsNewTrackOnly) {
  connect ({ alice ({ make_track ("TR_1"), make_track ("TR_2") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().incoming ("1", 11, "opus");
  subscriber ().sections ({ make_section ("1", "TR_2", 22) });
  EXPECT_EQ (unsubscribed (), Sids{ "TR_1" });
  subscriber ().incoming ("1", 11, "opus"); // of the old track, late
  EXPECT_EQ (subscriber ().ignored, Ssrcs{ 11 });
  subscriber ().incoming ("1", 22, "opus");
  EXPECT_EQ (subscriber ().attached, (Ssrcs{ 11, 22 }));
}

TEST_F (Subscribe, ATrackThatMovesToAnotherSectionStaysTheSameObject) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().incoming ("1", 11, "opus");
  subscriber ().sections ({ make_section ("1", "", 0), make_section ("2", "TR_1", 22) });
  EXPECT_EQ (unsubscribed (), Sids{});
  EXPECT_EQ (subscriber ().detached, Ssrcs{ 11 });
  subscriber ().incoming ("2", 22, "opus");
  EXPECT_EQ (subscriber ().attached, (Ssrcs{ 11, 22 }));
  EXPECT_EQ (parts_->drains.size (), 1u);
}

TEST_F (Subscribe, StreamsThatCannotBePlayedAreReportedAndIgnored) {
  connect ({ alice ({ make_track ("TR_1"), make_track ("TR_2"), make_track ("TR_3") }) });
  subscriber ().sections (
      { make_section ("1", "TR_1", 11), make_section ("2", "TR_2", 22), make_section ("3", "TR_3", 33) });
  subscriber ().incoming ("1", 11, "g722");
  parts_->drains.at (1)->sink_error = Error{ Errc::MissingElement, Retry::Never, "no rtpopusdepay" };
  subscriber ().incoming ("2", 22, "opus");
  subscriber ().attach_error = Error{ Errc::MediaFailed, Retry::Never, "no link" };
  subscriber ().incoming ("3", 33, "opus");
  EXPECT_EQ (subscriber ().ignored, (Ssrcs{ 11, 22, 33 }));
  auto failed = events<SubscriptionFailed> ();
  ASSERT_EQ (failed.size (), 3u);
  EXPECT_EQ (failed[0].error.code, Errc::UnsupportedCodec);
  EXPECT_EQ (failed[1].error.code, Errc::MissingElement);
  EXPECT_EQ (failed[2].error.code, Errc::MediaFailed);
  EXPECT_FALSE (parts_->drains.at (2)->bound);
}

TEST_F (Subscribe, UnexplainedStreamsAreHeldInBoundedNumber) {
  connect ();
  for (uint32_t i = 1; i <= 1000; ++i)
    subscriber ().incoming ("m" + std::to_string (i), i, "opus");
  EXPECT_EQ (subscriber ().ignored.size (), 1000u - 256u);
}

TEST_F (Subscribe, TheReceiversWishesReachTheirStream) {
  connect ({ alice ({ video ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11, rtc::MediaKind::Video) });
  auto &drain = *parts_->drains.at (0);
  drain.hooks.request_keyframe (); // no stream yet
  run ();
  EXPECT_TRUE (subscriber ().keyframes.empty ());
  subscriber ().incoming ("1", 11, "vp8");
  drain.hooks.request_keyframe ();
  drain.hooks.set_dropping (true);
  run ();
  EXPECT_EQ (subscriber ().keyframes, Ssrcs{ 11 });
  EXPECT_TRUE (subscriber ().dropping.at (11));
  auto hooks = drain.hooks;
  subscriber ().sections ({});
  hooks.request_keyframe ();
  run ();
  EXPECT_EQ (subscriber ().keyframes.size (), 1u);
}

TEST_F (Subscribe, FiguresOfAStreamAreFetchedWhenAskedFor) {
  connect ({ alice ({ make_track ("TR_1") }) });
  subscriber ().sections ({ make_section ("1", "TR_1", 11) });
  subscriber ().incoming ("1", 11, "opus");
  auto track = events<RemoteTrackSubscribed> ().at (0).track;
  track->stats ();
  run ();
  EXPECT_EQ (track->stats ().rtp.packets, 11u);
}

TEST_F (Subscribe, ATrackThatLeavesTheOfferEndsWhenTheRosterHasSaidWhy) {
  want ({ TrackFilter{} });
  connect ({ alice ({ make_track ("TR_a") }) });
  subscriber ().sections ({ make_section ("1", "TR_a", 11) });
  subscriber ().incoming ("1", 11, "opus");
  events_.clear ();
  subscriber ().sections ({});
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u) << "unpublished, or only taken from us?";
  deliver (ParticipantUpdate{ { alice ({}, 2) } });
  ASSERT_EQ (count<RemoteTrackUnpublished> (), 1u);
  ASSERT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
  EXPECT_LT (position<RemoteTrackUnpublished> (), position<RemoteTrackUnsubscribed> ());
}

TEST_F (Subscribe, ATrackThatIsOnlyTakenFromUsEndsAMomentLater) {
  want ({ TrackFilter{} });
  connect ({ alice ({ make_track ("TR_a") }) });
  subscriber ().sections ({ make_section ("1", "TR_a", 11) });
  subscriber ().sections ({});
  events_.clear ();
  advance (499ms);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  advance (1ms);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 1u);
}

TEST_F (Subscribe, ATrackThatComesBackAtOnceHasNotEnded) {
  want ({ TrackFilter{} });
  connect ({ alice ({ make_track ("TR_a") }) });
  subscriber ().sections ({ make_section ("1", "TR_a", 11) });
  subscriber ().sections ({});
  subscriber ().sections ({ make_section ("2", "TR_a", 22) });
  advance (1s);
  EXPECT_EQ (count<RemoteTrackUnsubscribed> (), 0u);
  EXPECT_EQ (count<RemoteTrackSubscribed> (), 1u);
}

// ---- latency and lip-sync
// ----------------------------------------------------------------------------------

TEST_F (Subscribe, TheWantedLatencyReachesTheJitterBufferAndIsTold) {
  want ({}, 100ms);
  connect ();
  EXPECT_EQ (parts_->peer_configs.at (0).latency, 100ms);
  events_.clear ();
  want ({}, 300ms);
  EXPECT_EQ (subscriber ().latency, 300ms);
  ASSERT_EQ (count<LatencyChanged> (), 1u);
  EXPECT_EQ (events<LatencyChanged> ()[0].latency, 300ms);
  EXPECT_EQ (snapshot_->read ([] (const auto &data) { return data.latency; }), 300ms);
}

class LipSyncing : public Subscribe {
protected:
  static constexpr uint64_t kNtp = uint64_t (3'900'000'000) << 32;

  void
  SetUp () override {
    connect ({ alice ({ make_track ("TR_a"), video ("TR_v") }) });
    subscriber ().sections (
        { make_section ("1", "TR_a", 11), make_section ("2", "TR_v", 22, rtc::MediaKind::Video) });
    subscriber ().incoming ("1", 11, "opus");
    subscriber ().incoming ("2", 22, "vp8");
  }
  /// Frames captured at the moment of the report arrive at these times.
  void
  frames (Nanos audio, Nanos video) {
    set (0, audio);
    set (1, video);
  }
  void
  set (size_t drain, Nanos pts) {
    parts_->drains.at (drain)->point = media::RtpPoint{ 1000, GstClockTime (pts.count ()) };
  }
  Nanos
  delay (size_t drain) {
    return parts_->drains.at (drain)->delay;
  }
  void
  report () {
    subscriber ().report (11, kNtp, 1000);
    subscriber ().report (22, kNtp, 1000);
  }
};

TEST_F (LipSyncing, TheEarlierTrackIsDelayedOnceBothHaveReports) {
  frames (10s, 10s + 300ms);
  subscriber ().report (11, kNtp, 1000);
  EXPECT_EQ (delay (0), 0ms);
  subscriber ().report (22, kNtp, 1000);
  EXPECT_EQ (delay (0), 300ms);
  EXPECT_EQ (delay (1), 0ms);
  EXPECT_EQ (parts_->drains.at (0)->reports, 1u);
  EXPECT_EQ (events<LatencyChanged> ().back ().latency, 500ms);
  EXPECT_EQ (events<RemoteTrackSubscribed> ().at (0).track->stats ().ts_offset, 300ms);
}

TEST_F (LipSyncing, AChangedPathChangesTheDelay) {
  frames (10s, 10s + 300ms);
  report ();
  report ();
  EXPECT_EQ (delay (0), 300ms);
  frames (13s, 13s); // now the video comes without its detour
  subscriber ().report (11, kNtp + (uint64_t (3) << 32), 1000);
  subscriber ().report (22, kNtp + (uint64_t (3) << 32), 1000);
  EXPECT_EQ (delay (0), 0ms);
}

TEST_F (LipSyncing, TheDelayEndsWithItsTrack) {
  frames (10s, 10s + 300ms);
  report ();
  subscriber ().sections ({ make_section ("2", "TR_v", 22, rtc::MediaKind::Video) });
  EXPECT_EQ (events<LatencyChanged> ().back ().latency, 200ms);
  report (); // of a stream that is gone
  EXPECT_EQ (events<LatencyChanged> ().back ().latency, 200ms);
}

TEST_F (LipSyncing, AScreenIsNotAlignedWithTheMicrophone) {
  auto screen = video ("TR_s");
  screen.source = TrackSource::ScreenShare;
  deliver (ParticipantUpdate{ { alice ({ make_track ("TR_a"), video ("TR_v"), screen }, 2) } });
  subscriber ().sections (
      { make_section ("1", "TR_a", 11), make_section ("3", "TR_s", 33, rtc::MediaKind::Video) });
  subscriber ().incoming ("3", 33, "vp8");
  set (0, 10s);
  set (2, 10s + 300ms);
  subscriber ().report (11, kNtp, 1000);
  subscriber ().report (33, kNtp, 1000);
  EXPECT_EQ (delay (0), 0ms);
  EXPECT_EQ (delay (2), 0ms);
}

} // namespace
