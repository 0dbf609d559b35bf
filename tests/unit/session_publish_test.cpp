// From publish() to a published track and back, in every order that the two sides can choose.
#include "session_util.hpp"

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

class Publish : public EngineTest {
protected:
  /// A connected session whose publisher is up as soon as it exists.
  std::shared_ptr<LocalTrackImpl>
  published (PublishSpec spec, const std::string &sid) {
    auto track = publish (std::move (spec));
    acknowledge (track->cid (), sid);
    negotiate ();
    publisher ().set_state (rtc::PeerState::Connected);
    return track;
  }
  void
  respond (const std::string &cid, RequestReason reason) {
    RequestResponse response;
    response.add_track_cid = cid;
    response.reason = reason;
    deliver (response);
  }
  Error
  ended () {
    auto all = events<LocalTrackEnded> ();
    return all.empty () ? Error{} : all.back ().error;
  }
  FakeSource &
  source (size_t index = 0) {
    return *parts_->sources.at (index);
  }
};

TEST_F (Publish, ATrackPassesThroughAllStepsInOrder) {
  connect ();
  auto track = publish (camera ());
  auto adds = signal ().sent_of<AddTrack> ();
  ASSERT_EQ (adds.size (), 1u);
  EXPECT_EQ (publisher ().negotiations, 0) << "the offer comes after the acknowledgement";
  acknowledge (track->cid (), "TR_1");
  EXPECT_EQ (track->sid (), "TR_1");
  EXPECT_TRUE (source ().bound);
  ASSERT_EQ (publisher ().senders.size (), 1u);
  EXPECT_EQ (publisher ().senders[0].spec.cid, track->cid ());
  EXPECT_EQ (publisher ().senders[0].spec.codec, "vp8");
  EXPECT_EQ (publisher ().negotiations, 1);
  negotiate ();
  EXPECT_FALSE (track->published ()) << "frames would be lost before DTLS is up";
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_TRUE (track->published ());
  EXPECT_EQ (count<LocalTrackPublished> (), 1u);
}

TEST_F (Publish, TheRequestDescribesTheTrack) {
  connect ();
  auto track = publish (camera ());
  const auto add = signal ().sent_of<AddTrack> ().at (0);
  EXPECT_EQ (add.name, "cam");
  EXPECT_EQ (add.kind, TrackKind::Video);
  EXPECT_EQ (add.source, TrackSource::Camera);
  EXPECT_TRUE (add.disable_red);
  ASSERT_EQ (add.codecs.size (), 1u);
  EXPECT_EQ (add.codecs[0].mime_type, "vp8");
  EXPECT_EQ (add.codecs[0].cid, track->cid ());
  ASSERT_EQ (add.layers.size (), 1u);
  EXPECT_EQ (add.layers[0].quality, VideoQuality::High);
  EXPECT_EQ (add.layers[0].width, 640u);
  EXPECT_EQ (add.layers[0].bitrate_bps, 600'000u);

  auto spec = microphone ();
  spec.stereo = true;
  spec.dtx = false;
  publish (spec);
  const auto audio = signal ().sent_of<AddTrack> ().at (1);
  EXPECT_EQ (audio.kind, TrackKind::Audio);
  EXPECT_EQ (audio.audio_features, (std::vector{ AudioFeature::Stereo, AudioFeature::NoDtx }));
}

TEST_F (Publish, AWaitingTrackIsRequestedAtTheJoinWithoutWaitingForMedia) {
  auto track = publish (microphone ());
  EXPECT_TRUE (parts_->signals.empty ());
  start ();
  EXPECT_TRUE (signal ().sent.empty ());
  join ();
  EXPECT_EQ (signal ().sent_of<AddTrack> ().size (), 1u);
  EXPECT_EQ (parts_->publishers.size (), 1u) << "made while the server answers";
  acknowledge (track->cid (), "TR_1");
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_TRUE (track->published ());
  EXPECT_EQ (engine_->state (), State::Connecting) << "the subscriber may still be on its way";
}

TEST_F (Publish, TracksAskedForTogetherShareOneOffer) {
  auto a = publish (microphone ()), b = publish (camera ());
  start ();
  join ();
  acknowledge (a->cid (), "TR_1");
  EXPECT_EQ (publisher ().negotiations, 0);
  acknowledge (b->cid (), "TR_2");
  EXPECT_EQ (publisher ().negotiations, 1);
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_EQ (count<LocalTrackPublished> (), 2u);
}

TEST_F (Publish, ALateAcknowledgementDoesNotHoldUpTheOthers) {
  connect ();
  auto a = publish (microphone ()), b = publish (camera ());
  acknowledge (a->cid (), "TR_1");
  advance (20ms);
  EXPECT_EQ (publisher ().negotiations, 1);
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_TRUE (a->published ());
  acknowledge (b->cid (), "TR_2");
  EXPECT_EQ (publisher ().negotiations, 2);
  EXPECT_FALSE (b->published ());
  negotiate ();
  EXPECT_TRUE (b->published ());
}

TEST_F (Publish, ATrackThatMissedTheOfferUnderWayWaitsForTheNext) {
  connect ();
  auto a = publish (microphone ());
  acknowledge (a->cid (), "TR_1");
  publisher ().offer (); // without b
  auto b = publish (camera ());
  acknowledge (b->cid (), "TR_2");
  publisher ().set_state (rtc::PeerState::Connected);
  deliver (SessionDescription{ SessionDescription::Type::Answer, "answer", 1, {} });
  EXPECT_TRUE (a->published ());
  EXPECT_FALSE (b->published ());
  negotiate ();
  EXPECT_TRUE (b->published ());
}

TEST_F (Publish, WithoutAcknowledgementItIsAskedOnceMoreAndThenEnds) {
  connect ();
  auto track = publish (microphone ());
  advance (9999ms);
  EXPECT_EQ (signal ().sent_of<AddTrack> ().size (), 1u);
  advance (1ms);
  auto asked = signal ().sent_of<AddTrack> ();
  ASSERT_EQ (asked.size (), 2u);
  EXPECT_EQ (asked[1].cid, track->cid ());
  advance (9999ms);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  advance (1ms);
  EXPECT_EQ (ended ().code, Errc::Timeout);
  EXPECT_EQ (signal ().sent_of<AddTrack> ().size (), 2u);
}

TEST_F (Publish, TheSecondRequestMayBeAnswered) {
  connect ();
  auto track = publish (microphone ());
  advance (10s);
  respond (track->cid (), RequestReason::Queued); // behind the first one, whose answer comes late
  acknowledge (track->cid (), "TR_1");
  negotiate ();
  publisher ().set_state (rtc::PeerState::Connected);
  run ();
  EXPECT_TRUE (track->published ());
  advance (60s);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
}

TEST_F (Publish, QueuedBehindOurOwnRequestItIsNotWaitedForWithoutEnd) {
  connect ();
  auto track = publish (microphone ());
  advance (10s);
  respond (track->cid (), RequestReason::Queued);
  advance (10s);
  EXPECT_EQ (ended ().code, Errc::Timeout);
}

TEST_F (Publish, AQueuedTrackWaitsAsLongAsItTakes) {
  connect ();
  auto track = publish (microphone ());
  respond (track->cid (), RequestReason::Queued);
  advance (60s);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  acknowledge (track->cid (), "TR_1");
  EXPECT_EQ (track->sid (), "TR_1");
}

TEST_F (Publish, ARefusalSaysWhichPermissionIsMissing) {
  connect ();
  auto track = publish (camera ());
  respond (track->cid (), RequestReason::NotAllowed);
  EXPECT_EQ (ended ().code, Errc::NotAllowed);
  EXPECT_NE (ended ().message.find ("canPublish"), std::string::npos);
  EXPECT_FALSE (track->published ());
  acknowledge (track->cid (), "TR_1"); // a confused server
  EXPECT_TRUE (publisher ().senders.empty ());
}

TEST_F (Publish, ACodecThatTheRoomDoesNotTakeIsNamedWithThoseItTakes) {
  start ();
  auto spec = camera ();
  spec.codec = "h264";
  auto response = join_response ();
  response.enabled_publish_codecs = { "video/VP8", "audio/opus" };
  deliver (response);
  publish (spec);
  EXPECT_EQ (ended ().code, Errc::UnsupportedCodec);
  EXPECT_NE (ended ().message.find ("h264"), std::string::npos);
  EXPECT_NE (ended ().message.find ("vp8"), std::string::npos);
  EXPECT_TRUE (signal ().sent_of<AddTrack> ().empty ());
}

TEST_F (Publish, ACodecThatThisMachineCannotSendEndsAtOnce) {
  auto spec = camera ();
  spec.codec = "theora";
  publish (spec);
  EXPECT_EQ (ended ().code, Errc::UnsupportedCodec);
  EXPECT_NE (ended ().message.find ("theora"), std::string::npos);
}

TEST_F (Publish, ASourceThatCannotBeMadeEndsTheTrackOnly) {
  connect ();
  auto a = publish (camera ());
  source ().source_error = Error{ Errc::MissingElement, Retry::Never, "no rtpvp8pay" };
  acknowledge (a->cid (), "TR_1");
  EXPECT_EQ (ended ().code, Errc::MissingElement);
  auto b = published (microphone (), "TR_2");
  EXPECT_TRUE (b->published ());
}

TEST_F (Publish, MuteTravelsToTheServerOnceItKnowsTheTrack) {
  connect ();
  auto track = publish (microphone ());
  track->set_muted (true); // between request and acknowledgement
  run ();
  EXPECT_TRUE (source ().muted);
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ());
  acknowledge (track->cid (), "TR_1");
  ASSERT_EQ (signal ().sent_of<MuteTrack> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<MuteTrack> ()[0].sid, "TR_1");
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ()[0].muted);
  track->set_muted (true); // no change
  run ();
  EXPECT_EQ (signal ().sent_of<MuteTrack> ().size (), 1u);
  track->set_muted (false);
  run ();
  EXPECT_FALSE (signal ().sent_of<MuteTrack> ().at (1).muted);
  EXPECT_FALSE (source ().muted);
}

TEST_F (Publish, ATrackMutedBeforeTheRequestIsRequestedMuted) {
  auto spec = microphone ();
  spec.muted = true;
  auto track = publish (spec);
  EXPECT_TRUE (source ().muted);
  start ();
  join ();
  EXPECT_TRUE (signal ().sent_of<AddTrack> ().at (0).muted);
  acknowledge (track->cid (), "TR_1");
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ()) << "the request has said it";
}

TEST_F (Publish, WhatNobodyTakesIsNotWantedAndNotMutedEither) {
  connect ();
  auto track = published (camera (), "TR_1");
  auto say = [&] (bool low, bool high) {
    SubscribedQualityUpdate update{ "TR_1", {} };
    update.codecs.push_back ({ "vp8", { { VideoQuality::Low, low }, { VideoQuality::High, high } } });
    deliver (update);
  };
  say (false, false);
  EXPECT_FALSE (track->wanted ());
  EXPECT_FALSE (track->muted ());
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ());
  EXPECT_TRUE (source ().muted) << "nothing passes";
  say (true, false);
  EXPECT_FALSE (source ().muted);
  EXPECT_TRUE (track->wanted ()) << "there is one size, which stands for all";
  say (false, false);
  signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
  run ();
  EXPECT_TRUE (track->wanted ()) << "the next server has not said anything";
}

TEST_F (Publish, TheServerMutesUsWithoutAnEcho) {
  connect ();
  auto track = published (microphone (), "TR_1");
  deliver (MuteTrack{ "TR_1", true });
  EXPECT_TRUE (track->muted ());
  EXPECT_TRUE (source ().muted);
  ASSERT_EQ (count<LocalTrackMuted> (), 1u);
  EXPECT_TRUE (events<LocalTrackMuted> ()[0].muted);
  EXPECT_TRUE (signal ().sent_of<MuteTrack> ().empty ());
  deliver (MuteTrack{ "TR_1", true });
  deliver (MuteTrack{ "TR_unknown", true });
  EXPECT_EQ (count<LocalTrackMuted> (), 1u);
  track->set_muted (false);
  run ();
  EXPECT_EQ (signal ().sent_of<MuteTrack> ().size (), 1u);
}

TEST_F (Publish, ANewSizeIsTold) {
  connect ();
  auto track = published (camera (), "TR_1");
  track->set_size (640, 360);
  run ();
  EXPECT_TRUE (signal ().sent_of<UpdateVideoTrack> ().empty ());
  track->set_size (1280, 720);
  run ();
  ASSERT_EQ (signal ().sent_of<UpdateVideoTrack> ().size (), 1u);
  EXPECT_EQ (signal ().sent_of<UpdateVideoTrack> ()[0].width, 1280u);
  EXPECT_EQ (signal ().sent_of<UpdateVideoTrack> ()[0].track_sid, "TR_1");
}

TEST_F (Publish, UnpublishStopsTheSourceAndRenegotiates) {
  connect ();
  auto track = published (microphone (), "TR_1");
  int before = publisher ().negotiations;
  track->unpublish ();
  run ();
  EXPECT_FALSE (source ().bound);
  EXPECT_TRUE (publisher ().senders.at (0).removed);
  EXPECT_EQ (publisher ().negotiations, before + 1);
  EXPECT_FALSE (track->published ());
  EXPECT_EQ (track->sid (), "");
  EXPECT_EQ (count<LocalTrackEnded> (), 0u) << "it was our wish";
  track->unpublish (); // twice is once
  run ();
  EXPECT_EQ (publisher ().negotiations, before + 1);
}

TEST_F (Publish, UnpublishedBeforeTheAcknowledgementItIsNeverOffered) {
  connect ();
  auto track = publish (microphone ());
  track->unpublish ();
  run ();
  acknowledge (track->cid (), "TR_1");
  EXPECT_TRUE (publisher ().senders.empty ());
  EXPECT_EQ (publisher ().negotiations, 0);
  advance (60s);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
}

TEST_F (Publish, UnpublishedBetweenOfferAndAnswerItIsNotReportedAsPublished) {
  connect ();
  auto track = publish (microphone ());
  acknowledge (track->cid (), "TR_1");
  publisher ().offer ();
  track->unpublish ();
  run ();
  publisher ().set_state (rtc::PeerState::Connected);
  deliver (SessionDescription{ SessionDescription::Type::Answer, "answer", 1, {} });
  EXPECT_EQ (count<LocalTrackPublished> (), 0u);
}

TEST_F (Publish, TheServerEndsATrack) {
  connect ();
  auto track = published (microphone (), "TR_1");
  deliver (TrackUnpublished{ "TR_1" });
  EXPECT_FALSE (source ().bound);
  EXPECT_TRUE (publisher ().senders.at (0).removed);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u) << "a revoked permission may be the reason, and follow";
  advance (1s);
  EXPECT_EQ (ended ().code, Errc::NotAllowed);
  deliver (TrackUnpublished{ "TR_1" });
  advance (1s);
  EXPECT_EQ (count<LocalTrackEnded> (), 1u);
}

class Permitted : public Publish {
protected:
  /// The server tells what we may publish.
  void
  permit (bool publish, std::vector<TrackSource> sources = {}) {
    auto self = make_participant ("me", {}, ++version_);
    self.permission = Permission ();
    self.permission->can_publish = publish;
    self.permission->can_publish_sources = std::move (sources);
    deliver (ParticipantUpdate{ { self } });
  }
  size_t
  asked () {
    return signal ().sent_of<AddTrack> ().size ();
  }
  uint32_t version_ = 1;
};

TEST_F (Permitted, ATrackWaitsForThePermissionThatWasRevokedAndIsPublishedAgain) {
  connect ();
  auto track = published (microphone (), "TR_1");
  permit (false);
  deliver (TrackUnpublished{ "TR_1" });
  EXPECT_EQ (count<LocalTrackSuspended> (), 1u);
  EXPECT_FALSE (track->published ());
  EXPECT_FALSE (source ().bound);
  advance (60s);
  EXPECT_EQ (asked (), 1u);
  permit (true);
  ASSERT_EQ (asked (), 2u);
  EXPECT_EQ (signal ().sent_of<AddTrack> ()[1].cid, track->cid ());
  acknowledge (track->cid (), "TR_2");
  negotiate ();
  EXPECT_TRUE (track->published ());
  EXPECT_EQ (track->sid (), "TR_2");
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
}

TEST_F (Permitted, ThePermissionMayComeAfterTheEndOfTheTrack) {
  connect ();
  auto track = published (microphone (), "TR_1");
  deliver (TrackUnpublished{ "TR_1" });
  advance (500ms);
  permit (false);
  advance (60s);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  permit (true);
  EXPECT_EQ (asked (), 2u);
}

TEST_F (Permitted, OnlyTheSourcesThatAreAllowedComeBack) {
  connect ();
  auto track = published (microphone (), "TR_1");
  permit (true, { TrackSource::Camera });
  deliver (TrackUnpublished{ "TR_1" });
  permit (true, { TrackSource::Camera, TrackSource::ScreenShare });
  EXPECT_EQ (asked (), 1u);
  permit (true, { TrackSource::Microphone });
  EXPECT_EQ (asked (), 2u);
}

TEST_F (Permitted, AfterAReconnectWithoutThePermissionItStillWaits) {
  connect ();
  auto track = published (microphone (), "TR_1");
  permit (false);
  deliver (TrackUnpublished{ "TR_1" });
  signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
  run ();
  advance (0ms);
  auto answer = join_response ();
  answer.participant.permission = Permission ();
  answer.participant.permission->can_publish = false;
  deliver (answer);
  subscriber ().connect ();
  run ();
  EXPECT_EQ (asked (), 0u);
  permit (true);
  EXPECT_EQ (asked (), 1u);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
}

TEST_F (Permitted, ARefusalOfATrackThatWasPublishedOnceSuspendsIt) {
  connect ();
  auto track = published (microphone (), "TR_1");
  signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
  run ();
  advance (0ms);
  join ();
  subscriber ().connect ();
  run ();
  respond (track->cid (), RequestReason::NotAllowed);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  EXPECT_EQ (count<LocalTrackSuspended> (), 1u);
}

TEST_F (Permitted, ASuspendedTrackCanBeUnpublished) {
  connect ();
  auto track = published (microphone (), "TR_1");
  permit (false);
  deliver (TrackUnpublished{ "TR_1" });
  track->unpublish ();
  run ();
  permit (true);
  EXPECT_EQ (asked (), 1u);
}

TEST_F (Publish, TheFirstSubscriberIsTold) {
  connect ();
  published (microphone (), "TR_1");
  deliver (TrackSubscribed{ "TR_1" });
  deliver (TrackSubscribed{ "" });
  EXPECT_EQ (count<LocalTrackSubscribed> (), 1u);
}

TEST_F (Publish, AfterALostLinkItIsPublishedAgainByTheNextStart) {
  settings_.reconnect = ReconnectMode::Never;
  connect ();
  auto track = published (microphone (), "TR_1");
  signal ().lose ({ Errc::SignalLost, Retry::Resume, "broken" });
  run ();
  EXPECT_FALSE (track->published ());
  EXPECT_EQ (track->sid (), "");
  EXPECT_FALSE (source ().bound);
  EXPECT_EQ (count<LocalTrackEnded> (), 0u);
  connect ();
  EXPECT_EQ (signal ().sent_of<AddTrack> ().size (), 1u);
  acknowledge (track->cid (), "TR_2");
  publisher ().offer ();
  deliver (SessionDescription{ SessionDescription::Type::Answer, "answer", 1, {} });
  publisher ().set_state (rtc::PeerState::Connected);
  EXPECT_TRUE (track->published ());
  EXPECT_EQ (track->sid (), "TR_2");
}

TEST_F (Publish, TracksOfADetachedElementGoWithIt) {
  connect ();
  auto track = published (microphone (), "TR_1");
  engine_->publications ()->remove_owned (this);
  EXPECT_TRUE (publisher ().senders.at (0).removed);
  EXPECT_TRUE (engine_->publications ()->empty ());
}

TEST_F (Publish, FiguresAreFetchedAtMostOnceASecond) {
  connect ();
  auto track = published (microphone (), "TR_1");
  EXPECT_EQ (track->stats ().rtp.packets, 0u);
  run ();
  EXPECT_EQ (track->stats ().rtp.packets, 101u);
}

TEST_F (Publish, APublisherThatCannotBeMadeIsALostLink) {
  parts_->publisher_error = Error{ Errc::MissingElement, Retry::Never, "no webrtcbin" };
  connect ();
  publish (microphone ());
  EXPECT_EQ (engine_->state (), State::Failed);
}

TEST_F (Publish, AFailedPublisherPipelineIsALostLink) {
  settings_.reconnect = ReconnectMode::Never;
  connect ();
  published (microphone (), "TR_1");
  publisher ().fail ({ Errc::MediaFailed, Retry::Restart, "dtlsenc broke" });
  advance (500ms);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (events<StateChanged> ().back ().cause->code, Errc::MediaFailed);
}

} // namespace
