// livekitsink on a fake session: pads, start, timing, control.
#include "livekitsink_util.hpp"

#include "media/time_map.hpp"

namespace {

using namespace lk;
using namespace lk::test;

// ---- class --------------------------------------------------------------------------------------

TEST_F (Sink, TemplatesComeInTheOrderThatLaunchLinesNeed) {
  auto *klass = GST_ELEMENT_CLASS (g_type_class_ref (gst_element_factory_get_element_type (
      Ref<GstElementFactory>::adopt (gst_element_factory_find ("livekitsink")).get ())));
  std::vector<std::string> names;
  for (GList *l = gst_element_class_get_pad_template_list (klass); l; l = l->next)
    names.push_back (GST_PAD_TEMPLATE_NAME_TEMPLATE (l->data));
  g_type_class_unref (klass);
  EXPECT_EQ (names, (std::vector<std::string>{ "sink_%u", "audio_%u", "video_%u" }));
}

TEST_F (Sink, PadsAreNumberedByKindAfterTheNamesInUse) {
  launch ("livekitsink");
  auto s = sink ();
  auto request = [&] (const char *name) {
    auto *pad = gst_element_request_pad_simple (s.get (), name);
    std::string got = pad ? GST_PAD_NAME (pad) : "";
    if (pad) gst_object_unref (pad);
    return got;
  };
  EXPECT_EQ (request ("audio_%u"), "audio_0");
  EXPECT_EQ (request ("video_%u"), "video_0");
  EXPECT_EQ (request ("audio_7"), "audio_7");
  EXPECT_EQ (request ("audio_%u"), "audio_8");
  EXPECT_EQ (request ("sink_%u"), "sink_0");
  EXPECT_EQ (request ("audio_x"), "");
}

TEST_F (Sink, PadPropertiesAreSetFromALaunchLine) {
  launch ("livekitsink audio_3::track-name=voice audio_3::source=screen-share-audio audio_3::bitrate=32000 "
          "audiotestsrc num-buffers=1 ! s.audio_3");
  gchar *track = nullptr;
  GstLiveKitTrackSource source{};
  guint bitrate = 0;
  g_object_get (pad ("audio_3").get (), "track-name", &track, "source", &source, "bitrate", &bitrate,
                nullptr);
  EXPECT_STREQ (track, "voice");
  EXPECT_EQ (source, GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO);
  EXPECT_EQ (bitrate, 32000u);
  g_free (track);
}

TEST_F (Sink, ChildProxyListsPadsOnly) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  auto s = sink ();
  ASSERT_EQ (gst_child_proxy_get_children_count (GST_CHILD_PROXY (s.get ())), 1u);
  auto *child = gst_child_proxy_get_child_by_index (GST_CHILD_PROXY (s.get ()), 0);
  EXPECT_TRUE (GST_IS_PAD (child));
  g_object_unref (child);
}

// ---- start --------------------------------------------------------------------------------------

TEST_F (Sink, NonLivePipelineWaitsUntilItsTracksArePublished) {
  session_->hold_connect = session_->hold_publish = true;
  launch ("livekitsink audiotestsrc num-buffers=20 ! s.audio_0");
  EXPECT_EQ (play (), GST_STATE_CHANGE_ASYNC);
  ASSERT_TRUE (wait_until ([&] { return session_->tracks ().size () == 1; }, 5s));
  session_->release_connect ();
  ASSERT_TRUE (wait_until ([&] { return session_->state () == session::State::Connected; }, 5s));
  EXPECT_FALSE (reaches (GST_STATE_PLAYING, 100ms));
  session_->release ();
  EXPECT_TRUE (reaches (GST_STATE_PLAYING));
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
  // The first frame is not lost: 20 buffers of 1024 samples are 426 ms, 22 packets of Opus.
  EXPECT_GE (session_->tracks ()[0]->sender.stats ().frames, 21u);
}

TEST_F (Sink, PadWithoutDataDoesNotHoldUpTheStart) {
  launch ("livekitsink audiotestsrc num-buffers=20 ! s.audio_0 appsrc ! s.video_0");
  play ();
  EXPECT_TRUE (reaches (GST_STATE_PLAYING));
}

TEST_F (Sink, WithoutPadsItStartsOnceConnected) {
  session_->hold_connect = true;
  launch ("livekitsink");
  EXPECT_EQ (play (), GST_STATE_CHANGE_ASYNC);
  EXPECT_FALSE (reaches (GST_STATE_PLAYING, 50ms));
  session_->release ();
  EXPECT_TRUE (reaches (GST_STATE_PLAYING));
}

TEST_F (Sink, LiveSourceIsNotBlockedWhileTheRoomIsNotReached) {
  session_->hold_connect = true;
  launch ("livekitsink videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=50/1 ! identity "
          "name=i ! s.video_0");
  play ();
  auto identity = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), "i"));
  std::atomic<int> passed{ 0 };
  g_object_set (identity.get (), "signal-handoffs", TRUE, nullptr);
  g_signal_connect (identity.get (), "handoff",
                    G_CALLBACK (+[] (GstElement *, GstBuffer *, std::atomic<int> *n) { ++*n; }), &passed);
  ASSERT_TRUE (wait_until ([&] { return passed >= 20; }, 5s));
  session_->release ();
  ASSERT_TRUE (sends ("video_0", 5));
  EXPECT_TRUE (reaches (GST_STATE_PLAYING));
}

TEST_F (Sink, FailedConnectionIsOneErrorAndFailsTheStart) {
  session_->connect_error = Error{ Errc::Unauthorized, Retry::Never, "the server refused the token" };
  launch ("livekitsink audiotestsrc ! s.audio_0");
  play ();
  auto error = message (GST_MESSAGE_EOS);
  EXPECT_EQ (text_of (error), "the server refused the token");
  EXPECT_FALSE (reaches (GST_STATE_PLAYING, 50ms));
  EXPECT_EQ (text_of (message (GST_MESSAGE_ERROR, 100ms)), "(no message)");
}

TEST_F (Sink, ContradictingSettingsFailAtReady) {
  session_->attach_error = Error{ Errc::Settings, Retry::Never, "two rooms" };
  launch ("livekitsink");
  EXPECT_EQ (play (GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ (text_of (message (GST_MESSAGE_ERROR)), "two rooms");
}

TEST_F (Sink, RefusedTrackIsAnElementError) {
  session_->publish_error = Error{ Errc::NotAllowed, Retry::Never, "no canPublish" };
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  auto error = message (GST_MESSAGE_EOS);
  ASSERT_EQ (text_of (error), "no canPublish");
  GError *raw = nullptr;
  gst_message_parse_error (error.get (), &raw, nullptr);
  EXPECT_TRUE (g_error_matches (raw, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED));
  g_error_free (raw);
}

// ---- timing -------------------------------------------------------------------------------------

TEST_F (Sink, NonLiveInputIsPacedByTheClock) {
  launch ("livekitsink audiotestsrc num-buffers=48 samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=1 "
          "! s.audio_0");
  play ();
  ASSERT_TRUE (reaches (GST_STATE_PLAYING));
  const auto start = std::chrono::steady_clock::now ();
  ASSERT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
  const auto took = std::chrono::steady_clock::now () - start;
  EXPECT_GE (took, 400ms); // 480 ms of sound
  EXPECT_LE (took, 2s);
  auto sent = session_->tracks ()[0]->sender.sent ();
  // The first packet of Opus is shorter by what the encoder looks ahead.
  for (size_t i = 2; i < sent.size (); i++)
    EXPECT_NEAR (double (sent[i].pts - sent[i - 1].pts), 20e6, 1e6);
}

TEST_F (Sink, LiveInputIsStampedWithItsOwnTimeAndAddsNoLatency) {
  launch ("livekitsink audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 10));
  auto clock = Ref<GstClock>::adopt (gst_element_get_clock (pipeline_.get ()));
  auto last = session_->tracks ()[0]->sender.sent ().back ();
  const auto age = GstClockTimeDiff (media::monotonic_now ()) - GstClockTimeDiff (last.pts);
  EXPECT_GE (age, 0);
  EXPECT_LE (age, GstClockTimeDiff (500 * GST_MSECOND));
  auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
  ASSERT_TRUE (gst_element_query (pipeline_.get (), query.get ()));
  GstClockTime min = 1;
  gst_query_parse_latency (query.get (), nullptr, &min, nullptr);
  EXPECT_EQ (min, 0u);
}

TEST_F (Sink, PauseStopsFramesAndPlayGoesOn) {
  launch ("livekitsink audiotestsrc ! audio/x-raw,rate=48000 ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 5));
  play (GST_STATE_PAUSED);
  ASSERT_TRUE (reaches (GST_STATE_PAUSED));
  const auto paused = session_->tracks ()[0]->sender.stats ().frames;
  EXPECT_FALSE (sends ("audio_0", paused + 2, 200ms));
  play ();
  EXPECT_TRUE (sends ("audio_0", paused + 5));
  EXPECT_FALSE (session_->tracks ()[0]->unpublished);
  auto sent = session_->tracks ()[0]->sender.sent ();
  for (size_t i = 1; i < sent.size (); i++)
    EXPECT_GT (sent[i].pts, sent[i - 1].pts);
}

TEST_F (Sink, FlushingSeekKeepsTimeMovingForward) {
  launch ("livekitsink audiotestsrc num-buffers=2000 ! audio/x-raw,rate=48000 ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 20));
  ASSERT_TRUE (gst_element_seek_simple (pipeline_.get (), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
  const auto before = session_->tracks ()[0]->sender.stats ().frames;
  ASSERT_TRUE (sends ("audio_0", before + 20));
  auto sent = session_->tracks ()[0]->sender.sent ();
  for (size_t i = 1; i < sent.size (); i++)
    EXPECT_GT (sent[i].pts, sent[i - 1].pts);
  // Still at its own pace, not in a rush to catch up with the clock.
  EXPECT_LT (sent[before + 19].pts - sent[before].pts, 1000 * GST_MSECOND);
  EXPECT_GT (sent[before + 19].pts - sent[before].pts, 300 * GST_MSECOND);
  EXPECT_EQ (session_->tracks ().size (), 1u);
}

// ---- control ------------------------------------------------------------------------------------

TEST_F (Sink, MuteGoesBothWays) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  auto track = session_->track ("audio_0");
  auto p = pad ("audio_0");
  g_object_set (p.get (), "muted", TRUE, nullptr);
  EXPECT_TRUE (track->muted ());

  std::atomic<int> notified{ 0 };
  g_signal_connect (p.get (), "notify::muted",
                    G_CALLBACK (+[] (GObject *, GParamSpec *, std::atomic<int> *n) { ++*n; }), &notified);
  track->set_muted (false);
  session_->emit_later (session::LocalTrackMuted{ track, false });
  EXPECT_TRUE (wait_until ([&] { return notified == 1; }, 5s));
  gboolean muted = TRUE;
  g_object_get (p.get (), "muted", &muted, nullptr);
  EXPECT_FALSE (muted);

  gboolean done = FALSE;
  g_signal_emit_by_name (sink ().get (), "set-muted", track->sid ().c_str (), TRUE, &done);
  EXPECT_TRUE (done);
  EXPECT_TRUE (track->muted ());
  g_signal_emit_by_name (sink ().get (), "set-muted", "nobody", TRUE, &done);
  EXPECT_FALSE (done);
}

TEST_F (Sink, KeyframeRequestsReachTheEncoder) {
  launch (
      "livekitsink videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=30/1 ! s.video_0");
  play ();
  ASSERT_TRUE (sends ("video_0", 10));
  auto track = session_->track ("video_0");
  auto keys = [&] {
    auto sent = track->sender.sent ();
    return std::ranges::count_if (sent, [] (const auto &frame) { return frame.key; });
  };
  const auto before = keys ();
  track->sender.request_keyframe ();
  EXPECT_TRUE (wait_until ([&] { return keys () > before; }, 5s));
}

TEST_F (Sink, StatsAndSidAreReadable) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 5));
  gchar *sid = nullptr;
  GstStructure *stats = nullptr;
  g_object_get (pad ("audio_0").get (), "track-sid", &sid, "stats", &stats, nullptr);
  EXPECT_STREQ (sid, "TR_0");
  ASSERT_NE (stats, nullptr);
  EXPECT_TRUE (gst_structure_has_name (stats, "application/x-livekit-publish-stats"));
  gst_structure_free (stats);
  g_free (sid);
}

} // namespace
