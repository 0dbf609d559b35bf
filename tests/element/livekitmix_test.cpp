// The pad audio_mix of livekitsrc on a fake session.
#include "livekitmix_util.hpp"

using namespace lk;
using namespace lk::test;

namespace {

TEST_F (Mix, IsSilenceBeforeAnybodyCame) {
  listen ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 25; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, GoesOnWhoeverComesAndGoes) {
  listen ();
  auto first = subscribe ("TR_a", "opus", "first");
  ASSERT_TRUE (pad ("audio_0"));
  talk (first, 20);
  auto second = subscribe ("TR_b", "opus", "second");
  ASSERT_TRUE (pad ("audio_1"));
  talk (second, 20);
  unsubscribe (first);
  ASSERT_TRUE (no_pad ("audio_0"));
  unsubscribe (second);
  ASSERT_TRUE (no_pad ("audio_1"));
  auto count = drain_.count ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= count + 25; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, IsThereOnceAndAgainAfterItsRelease) {
  make ();
  auto pad = request ();
  ASSERT_TRUE (pad);
  EXPECT_EQ (GST_PAD_NAME (pad.get ()), std::string ("audio_mix"));
  auto *any = gst_element_get_pad_template (src_, "audio_mix");
  EXPECT_FALSE (Ref<GstPad>::adopt (gst_element_request_pad (src_, any, nullptr, nullptr)));
  gst_element_release_request_pad (src_, pad.get ());
  EXPECT_TRUE (pads ().empty ());
  EXPECT_TRUE (request ());
}

TEST_F (Mix, AskedForWhilePlayingBeginsThereAndTakesWhoIsThere) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  ASSERT_TRUE (wait_until ([&] { return running_time () > 300 * GST_MSECOND; }, 5s));
  auto requested = running_time ();
  mix_ = request ();
  ASSERT_TRUE (mix_);
  drain_.link (mix_);
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 10; }, 5s));
  EXPECT_GE (drain_.got ()[0].pts + 100 * GST_MSECOND, requested);
  EXPECT_LE (drain_.got ()[0].pts, running_time ());
  guint heard = gst_child_proxy_get_children_count (GST_CHILD_PROXY (mix_.get ()));
  EXPECT_EQ (heard, 1u);
  gst_element_release_request_pad (src_, mix_.get ());
  drain_.unlink ();
}

TEST_F (Mix, ParticipantsHaveAVolume) {
  listen ();
  subscribe ("TR_a", "opus", "them");
  ASSERT_TRUE (pad ("audio_0"));
  gst_child_proxy_set (GST_CHILD_PROXY (src_), "audio_mix::them::volume", 0.25, nullptr);
  gdouble volume = 0;
  gst_child_proxy_get (GST_CHILD_PROXY (src_), "audio_mix::them::volume", &volume, nullptr);
  EXPECT_DOUBLE_EQ (volume, 0.25);
}

TEST_F (Mix, PicturesAreNotTakenUnlessAskedFor) {
  listen ();
  subscribe ("TR_v", "vp8");
  subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  EXPECT_EQ (pads (), (std::vector<std::string>{ "audio_mix", "audio_0" }));
  g_object_set (src_, "kinds", "audio,video", nullptr);
  subscribe ("TR_w", "vp8");
  EXPECT_TRUE (pad ("video_0"));
}

TEST_F (Mix, PicturesHaveTheSizeAndRateThatDownstreamNames) {
  make ();
  mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
  Drain drain{ "video/x-raw,width=320,height=180,framerate=10/1" };
  drain.link (mix_);
  play ();
  ASSERT_TRUE (wait_until ([&] { return drain.count () >= 5; }, 10s));
  auto got = drain.got ();
  EXPECT_NE (got[0].caps.find ("width=(int)320, height=(int)180"), std::string::npos) << got[0].caps;
  EXPECT_EQ (got[1].pts - got[0].pts, 100 * GST_MSECOND);
  play (GST_STATE_NULL);
}

TEST_F (Mix, PicturesStandInTheOrderOfArrivalAndShareTheFrame) {
  make ();
  mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
  Drain drain{ "video/x-raw" };
  drain.link (mix_);
  play ();
  auto a = subscribe ("TR_a", "vp8", "a");
  auto b = subscribe ("TR_b", "vp8", "b");
  ASSERT_TRUE (pad ("video_1"));
  auto get = [&] (const char *property) {
    gint value = -1;
    gst_child_proxy_get (GST_CHILD_PROXY (src_), property, &value, nullptr);
    return value;
  };
  EXPECT_EQ (get ("video_mix::a::xpos"), 0);
  EXPECT_EQ (get ("video_mix::b::xpos"), 640);
  EXPECT_EQ (get ("video_mix::b::width"), 640);
  unsubscribe (a);
  EXPECT_TRUE (wait_until ([&] { return get ("video_mix::b::width") == 1280; }, 5s));
  play (GST_STATE_NULL);
}

TEST_F (Mix, EndsWithTheElement) {
  listen ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  talk (track, 10);
  ASSERT_FALSE (drain_.ended ());
  gst_element_send_event (src_, gst_event_new_eos ());
  EXPECT_TRUE (wait_until ([&] { return drain_.ended (); }, 5s));
}

TEST_F (Mix, StopsAloneWhileASinkThatWaitsToPlayKeepsWhatItGot) {
  make ();
  std::vector<Ref<GstPad>> sinks;
  for (const char *name : { "audio_mix", "video_mix" }) {
    auto *sink = gst_parse_launch ("fakesink async=false sync=false", nullptr);
    gst_bin_add (GST_BIN (pipeline_.get ()), sink);
    auto mix = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, name));
    sinks.push_back (Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink")));
    ASSERT_EQ (gst_pad_link (mix.get (), sinks.back ().get ()), GST_PAD_LINK_OK);
  }
  play ();
  for (int who = 0; who < 8; who++)
    talk (subscribe ("TR_" + std::to_string (who), "opus", "p" + std::to_string (who)), 2);
  for (const auto &pad : sinks) {
    auto sink = Ref<GstElement>::adopt (gst_pad_get_parent_element (pad.get ()));
    gst_element_set_state (sink.get (), GST_STATE_PAUSED);
    const auto is_free = [&] {
      if (!GST_PAD_STREAM_TRYLOCK (pad.get ())) return false;
      GST_PAD_STREAM_UNLOCK (pad.get ());
      return true;
    };
    ASSERT_TRUE (wait_until ([&] { return !wait_until (is_free, 200ms); }, 10s)) << "nothing is held";
  }
  const gint64 start = g_get_monotonic_time ();
  gst_element_set_state (src_, GST_STATE_NULL);
  EXPECT_LT (g_get_monotonic_time () - start, 4 * G_USEC_PER_SEC);
}

TEST_F (Mix, StartsAgainAtZeroEachTime) {
  make ();
  mix_ = request ();
  for (int round = 0; round < 10; round++) {
    Drain drain{ "audio/x-raw" };
    drain.link (mix_);
    play ();
    auto track = subscribe ("TR_" + std::to_string (round), "opus");
    ASSERT_TRUE (pad ("audio_0")) << round;
    ASSERT_TRUE (wait_until ([&] { return drain.count () >= 5; }, 5s)) << round;
    play (GST_STATE_NULL);
    expect_continuous (drain.got ());
  }
}

TEST_F (Mix, GoesOnWhenItsPeerGoesAndForTheNextOne) {
  listen ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 5; }, 5s));
  drain_.unlink ();
  auto then = running_time ();
  ASSERT_TRUE (wait_until ([&] { return running_time () > then + 300 * GST_MSECOND; }, 5s));
  Drain next{ "audio/x-raw" };
  next.link (mix_);
  ASSERT_TRUE (wait_until ([&] { return next.count () >= 10; }, 5s));
  EXPECT_GT (next.got ()[0].pts, then);
  EXPECT_FALSE (message (GST_MESSAGE_ERROR, 0s)) << "a pipeline may take itself apart";
  play (GST_STATE_NULL);
}

TEST_F (Mix, GoesOnWhenTheEndRefuses) {
  listen ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 5; }, 5s));
  drain_.flow = GST_FLOW_NOT_LINKED;
  auto count = drain_.count ();
  EXPECT_TRUE (wait_until ([&] { return drain_.count () > count + 10; }, 5s));
  EXPECT_FALSE (message (GST_MESSAGE_ERROR, 0s));
}

TEST_F (Mix, CannotBeSought) {
  listen ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  talk (track, 10);
  EXPECT_FALSE (
      gst_pad_push_event (drain_.pad (), gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                                             GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1)));
  talk (track, 10);
  auto count = drain_.count ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () > count + 10; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, KeepsNothingOfThoseWhoLeft) {
  listen ();
  auto parts = [&] {
    auto mix = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (src_), "audio-mix"));
    GST_OBJECT_LOCK (mix.get ());
    const auto count = GST_BIN_NUMCHILDREN (mix.get ());
    GST_OBJECT_UNLOCK (mix.get ());
    return count;
  };
  const auto bare = parts ();
  std::weak_ptr<FakeRemoteTrack> last;
  for (int i = 0; i < 60; i++) {
    auto track = subscribe ("TR_" + std::to_string (i), "opus", "guest " + std::to_string (i));
    deliver (track, opus_frame ());
    unsubscribe (track);
    last = track;
  }
  settle ();
  EXPECT_TRUE (wait_until ([&] { return parts () == bare && last.expired (); }, 20s)) << parts ();
  auto count = drain_.count ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () > count + 10; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, TakesFiftyPictures) {
  request_pictures ();
  Drain drain{ "video/x-raw,width=640,height=360,framerate=10/1" };
  drain.link (mix_);
  play ();
  const auto frames = encode ("vp8", 2, 160, 90);
  std::vector<RemotePtr> tracks;
  for (int i = 0; i < 50; i++)
    tracks.push_back (subscribe ("TR_" + std::to_string (i), "vp8", "guest " + std::to_string (i)));
  ASSERT_TRUE (pad ("video_49", 60s));
  for (const auto &track : tracks)
    for (const auto &frame : frames)
      deliver (track, frame);
  EXPECT_EQ (gst_child_proxy_get_children_count (GST_CHILD_PROXY (mix_.get ())), 50u);
  EXPECT_EQ (number ("video_mix::guest 49::height"), 50);
  auto count = drain.count ();
  EXPECT_TRUE (wait_until ([&] { return drain.count () > count + 5; }, 20s));
  for (const auto &track : tracks)
    unsubscribe (track);
  count = drain.count ();
  EXPECT_TRUE (wait_until ([&] { return drain.count () > count + 5; }, 20s));
  play (GST_STATE_NULL);
}

TEST_F (Mix, KeepsItsFormatWhateverItsPicturesDo) {
  request_pictures ();
  Drain drain{ "video/x-raw,format=I420" };
  drain.link (mix_);
  play ();
  auto track = subscribe ("TR_a", "vp8");
  ASSERT_TRUE (pad ("video_0"));
  for (auto [width, height] : { std::pair (320, 240), std::pair (160, 90), std::pair (90, 160) }) {
    for (const auto &frame : encode ("vp8", 5, width, height))
      deliver (track, frame);
    auto count = drain.count ();
    ASSERT_TRUE (wait_until ([&] { return drain.count () > count + 10; }, 10s));
  }
  play (GST_STATE_NULL);
  EXPECT_EQ (drain.events (GST_EVENT_CAPS).size (), 1u);
  EXPECT_FALSE (message (GST_MESSAGE_ERROR, 0s));
}

TEST_F (Mix, FollowsWhoeverWantsAnotherSizeLater) {
  request_pictures ();
  auto *filter = gst_element_factory_make ("capsfilter", nullptr);
  gst_util_set_object_arg (G_OBJECT (filter), "caps", "video/x-raw,width=320,height=180,framerate=10/1");
  gst_bin_add (GST_BIN (pipeline_.get ()), filter);
  auto into = Ref<GstPad>::adopt (gst_element_get_static_pad (filter, "sink"));
  auto out_of = Ref<GstPad>::adopt (gst_element_get_static_pad (filter, "src"));
  Drain drain;
  drain.link (out_of);
  ASSERT_EQ (gst_pad_link (mix_.get (), into.get ()), GST_PAD_LINK_OK);
  play ();
  ASSERT_TRUE (wait_until ([&] { return drain.count () >= 3; }, 10s));
  gst_util_set_object_arg (G_OBJECT (filter), "caps", "video/x-raw,width=160,height=90,framerate=10/1");
  EXPECT_TRUE (wait_until (
      [&] { return drain.got ().back ().caps.find ("width=(int)160") != std::string::npos; }, 10s));
  play (GST_STATE_NULL);
}

} // namespace
