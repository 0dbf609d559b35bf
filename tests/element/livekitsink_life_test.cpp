// livekitsink on a fake session: ends, pads that come and go, life cycle.
#include "livekitsink_util.hpp"

#include <filesystem>

namespace {

using namespace lk;
using namespace lk::test;

// ---- end ----------------------------------------------------------------------------------------

TEST_F (Sink, EosOnAPadUnpublishesThatTrackOnly) {
  launch ("livekitsink audiotestsrc num-buffers=5 ! s.audio_0 audiotestsrc is-live=true ! s.audio_1");
  play ();
  ASSERT_TRUE (wait_until (
      [&] {
        return session_->tracks ().size () == 2
               && (session_->tracks ()[0]->unpublished || session_->tracks ()[1]->unpublished);
      },
      5s));
  EXPECT_TRUE (session_->track ("audio_1"));
  EXPECT_FALSE (session_->track ("audio_0"));
  EXPECT_EQ (text_of (message (GST_MESSAGE_EOS, 100ms)), "(no message)");
}

TEST_F (Sink, EosOnAllPadsDrainsAndEndsThePipeline) {
  launch (std::string ("livekitsink audiotestsrc num-buffers=20 ! s.audio_0 ") + kPicture + " ! s.video_0");
  play ();
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
  ASSERT_EQ (session_->tracks ().size (), 2u);
  for (const auto &track : session_->tracks ()) {
    EXPECT_TRUE (track->sender.drain_asked);
    EXPECT_TRUE (track->unpublished);
  }
}

TEST_F (Sink, PadThatEndsWithoutDataCounts) {
  launch ("livekitsink audiotestsrc num-buffers=5 ! s.audio_0 fakesrc num-buffers=0 ! s.video_0");
  play ();
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
}

TEST_F (Sink, WithoutPadsAnEosEventEndsThePipeline) {
  launch ("livekitsink");
  play ();
  ASSERT_TRUE (reaches (GST_STATE_PLAYING));
  EXPECT_TRUE (gst_element_send_event (sink ().get (), gst_event_new_eos ()));
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
}

TEST_F (Sink, ATrackThatWaitsForItsPermissionIsAWarningAndItsPadGoesOn) {
  launch ("audiotestsrc is-live=true ! livekitsink");
  play ();
  ASSERT_TRUE (sends ("sink_0", 5));
  auto track = session_->track ("sink_0");
  session_->emit_later (
      session::LocalTrackSuspended{ track, { Errc::NotAllowed, Retry::Never, "the permission is gone" } });
  auto warning = message (GST_MESSAGE_WARNING);
  ASSERT_TRUE (warning);
  EXPECT_EQ (GST_MESSAGE_TYPE (warning.get ()), GST_MESSAGE_WARNING);
  EXPECT_EQ (text_of (warning), "the permission is gone");
  EXPECT_TRUE (sends ("sink_0", track->sender.stats ().frames + 5))
      << "the session drops what it cannot send";
}

TEST_F (Sink, CleanEndOfTheSessionIsEosAndAFailureAnError) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  session_->end (session::State::Disconnected, { Errc::RoomClosed, Retry::Never, "the room was closed" });
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));

  play (GST_STATE_NULL);
  SetUp ();
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  session_->end (session::State::Failed, { Errc::SignalLost, Retry::Never, "the connection broke" });
  EXPECT_EQ (text_of (message (GST_MESSAGE_EOS)), "the connection broke");
}

TEST_F (Sink, SeekAfterTheEndPublishesAgain) {
  launch ("livekitsink audiotestsrc ! audio/x-raw,rate=48000 ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  auto first_200_ms = [&] {
    return gst_element_seek (pipeline_.get (), 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                             GST_SEEK_TYPE_SET, 200 * GST_MSECOND);
  };
  ASSERT_TRUE (first_200_ms ());
  ASSERT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
  EXPECT_TRUE (session_->tracks ()[0]->unpublished);
  ASSERT_TRUE (first_200_ms ());
  EXPECT_TRUE (ends_in_eos (message (GST_MESSAGE_EOS)));
  ASSERT_EQ (session_->tracks ().size (), 2u);
  EXPECT_GE (session_->tracks ()[1]->sender.stats ().frames, 10u);
}

TEST_F (Sink, AnotherStreamAfterTheEndIsAnotherTrackOfAnyCodec) {
  launch ("livekitsink");
  auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink ().get (), "sink_0"));
  play ();
  ASSERT_TRUE (reaches (GST_STATE_PLAYING));
  Feeder feeder (p.get ());
  ASSERT_TRUE (feeder.begin ("one", kSound));
  for (int i = 0; i < 4; i++)
    ASSERT_EQ (feeder.push (1920, GstClockTime (i) * 20 * GST_MSECOND, 20 * GST_MSECOND), GST_FLOW_OK);
  ASSERT_TRUE (feeder.end ());
  ASSERT_EQ (session_->tracks ().size (), 1u);
  EXPECT_TRUE (session_->tracks ()[0]->unpublished);

  ASSERT_TRUE (feeder.begin ("two", "video/x-raw,format=I420,width=64,height=64,framerate=30/1"));
  for (int i = 0; i < 4; i++)
    ASSERT_EQ (feeder.push (64 * 64 * 3 / 2, GstClockTime (i) * 33 * GST_MSECOND, 33 * GST_MSECOND),
               GST_FLOW_OK);
  ASSERT_EQ (session_->tracks ().size (), 2u);
  EXPECT_EQ (session_->tracks ()[1]->spec ().codec, "vp8");
  EXPECT_TRUE (sends ("sink_0", 3));
}

TEST_F (Sink, PublishedTrackKeepsItsCodec) {
  launch ("livekitsink");
  auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink ().get (), "sink_0"));
  play ();
  Feeder feeder (p.get ());
  ASSERT_TRUE (feeder.begin ("one", kSound));
  ASSERT_EQ (feeder.push (1920, 0, 20 * GST_MSECOND), GST_FLOW_OK);
  feeder.begin ("two", "video/x-raw,format=I420,width=64,height=64,framerate=30/1");
  EXPECT_EQ (feeder.push (64 * 64 * 3 / 2, 0, 33 * GST_MSECOND), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_NE (text_of (message (GST_MESSAGE_ERROR)).find ("cannot change its codec"), std::string::npos);
}

TEST_F (Sink, EncodedInputMayTakeTheTrackOver) {
  launch ("livekitsink");
  auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink ().get (), "sink_0"));
  play ();
  Feeder feeder (p.get ());
  ASSERT_TRUE (feeder.begin ("one", kSound));
  for (int i = 0; i < 3; i++)
    ASSERT_EQ (feeder.push (1920, GstClockTime (i) * 20 * GST_MSECOND, 20 * GST_MSECOND), GST_FLOW_OK);
  ASSERT_TRUE (sends ("sink_0", 2));
  ASSERT_TRUE (feeder.begin ("one", "audio/x-opus,channel-mapping-family=0,channels=1,rate=48000"));
  const auto before = session_->tracks ()[0]->sender.stats ().frames;
  for (int i = 3; i < 6; i++)
    ASSERT_EQ (feeder.push (40, GstClockTime (i) * 20 * GST_MSECOND, 20 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_TRUE (sends ("sink_0", before + 2));
  EXPECT_EQ (session_->tracks ().size (), 1u);
}

TEST_F (Sink, PicturesThatReceiversCannotShowAreRefusedBeforeTheyArePublished) {
  launch ("livekitsink");
  auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink ().get (), "sink_0"));
  play ();
  for (const char *caps : { "profile=high-4:2:2", "profile=high-10", "chroma-format=4:4:4",
                            "profile=high,bit-depth-luma=(uint)10" }) {
    Feeder feeder (p.get ());
    feeder.begin (
        caps, (std::string ("video/x-h264,stream-format=byte-stream,alignment=au,width=64,height=64,") + caps)
                  .c_str ());
    auto text = text_of (message (GST_MESSAGE_ERROR));
    EXPECT_NE (text.find ("encode 4:2:0 with 8 bits"), std::string::npos) << text;
    EXPECT_NE (text.find ("sink_0"), std::string::npos) << text;
  }
  EXPECT_TRUE (session_->tracks ().empty ());
}

TEST_F (Sink, WhatOnlyTheStreamTellsIsRefusedToo) {
  launch (
      "videotestsrc is-live=true ! video/x-raw,format=Y42B,width=64,height=64 ! x264enc tune=zerolatency ! "
      "video/x-h264,stream-format=byte-stream,profile=high-4:2:2 ! capssetter replace=true "
      "caps=video/x-h264,stream-format=byte-stream,alignment=au ! livekitsink");
  play ();
  auto text = text_of (message (GST_MESSAGE_ERROR));
  EXPECT_NE (text.find ("high-4:2:2"), std::string::npos) << text;
  EXPECT_EQ (session_->tracks ().at (0)->sender.stats ().frames, 0u);
}

TEST_F (Sink, ReorderedFramesAreWarnedAboutOnce) {
  launch ("livekitsink");
  auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (sink ().get (), "sink_0"));
  play ();
  ASSERT_TRUE (reaches (GST_STATE_PLAYING));
  Feeder feeder (p.get ());
  ASSERT_TRUE (feeder.begin ("one", "video/x-vp8,width=64,height=64"));
  for (int pts : { 0, 100, 33, 66, 200, 133, 166 })
    ASSERT_EQ (feeder.push (40, GstClockTime (pts) * GST_MSECOND, 33 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_NE (text_of (message (GST_MESSAGE_WARNING)).find ("B-frames"), std::string::npos);
  EXPECT_EQ (text_of (message (GST_MESSAGE_WARNING, 0s)), "(no message)");
}

TEST_F (Sink, StopUnpublishesAndStartPublishesAgain) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  play (GST_STATE_READY);
  EXPECT_TRUE (session_->tracks ()[0]->unpublished);
  play ();
  EXPECT_TRUE (sends ("audio_0", 1));
  EXPECT_EQ (session_->tracks ().size (), 2u);
  play (GST_STATE_NULL);
  EXPECT_EQ (session_->users (), 0u);
}

// ---- pads that come and go ----------------------------------------------------------------------

TEST_F (Sink, PadsComeAndGoWhilePlaying) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
  play ();
  ASSERT_TRUE (sends ("audio_0", 1));
  auto s = sink ();
  for (int round = 0; round < 20; round++) {
    auto source = Ref<GstElement>::sink (gst_element_factory_make ("videotestsrc", nullptr));
    g_object_set (source.get (), "is-live", TRUE, nullptr);
    gst_bin_add (GST_BIN (pipeline_.get ()), source.get ());
    auto p = Ref<GstPad>::adopt (gst_element_request_pad_simple (s.get (), "video_%u"));
    const std::string track = GST_PAD_NAME (p.get ());
    auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (source.get (), "src"));
    ASSERT_EQ (gst_pad_link (src.get (), p.get ()), GST_PAD_LINK_OK);
    gst_element_sync_state_with_parent (source.get ());
    ASSERT_TRUE (sends (track, 1)) << "round " << round;
    auto published = session_->track (track);
    // Upstream still pushes.
    gst_element_release_request_pad (s.get (), p.get ());
    EXPECT_TRUE (published->unpublished);
    gst_element_set_state (source.get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline_.get ()), source.get ());
  }
  EXPECT_TRUE (session_->track ("audio_0"));
  EXPECT_EQ (text_of (message (GST_MESSAGE_WARNING, 0s)), "(no message)");
  EXPECT_EQ (s->numsinkpads, 1);
}

TEST_F (Sink, PadIsReleasedWhileItsInputWaitsForTheRoom) {
  session_->hold_connect = true;
  launch ("livekitsink audiotestsrc ! s.audio_0");
  play ();
  ASSERT_TRUE (wait_until ([&] { return session_->tracks ().size () == 1; }, 5s));
  auto s = sink ();
  gst_element_release_request_pad (s.get (), pad ("audio_0").get ());
  EXPECT_TRUE (session_->tracks ()[0]->unpublished);
  EXPECT_EQ (s->numsinkpads, 0);
}

TEST_F (Sink, PadIsReleasedByWhoIsToldOfItsElements) {
  for (const char *signal : { "encoder-setup", "deep-element-added" }) {
    launch (std::string ("livekitsink ") + kPicture + " ! s.video_0");
    auto s = sink ();
    auto release = +[] (GstElement *element, gpointer, gpointer) {
      if (auto p = Ref<GstPad>::adopt (gst_element_get_static_pad (element, "video_0")))
        gst_element_release_request_pad (element, p.get ());
    };
    g_signal_connect (s.get (), signal, G_CALLBACK (release), nullptr);
    play ();
    EXPECT_TRUE (wait_until ([&] { return s->numsinkpads == 0; }, 5s)) << signal;
    play (GST_STATE_NULL);
  }
}

// ---- life cycle ---------------------------------------------------------------------------------

size_t
entries (const char *directory) {
  size_t n = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator (directory))
    n++;
  return n;
}

TEST_F (Sink, StartsAndStopsManyTimesWithoutLeaving) {
  auto round = [&] (int n) {
    session_->hold_connect = n % 3 == 0;
    session_->hold_publish = n % 5 == 0;
    launch (std::string ("livekitsink audiotestsrc is-live=") + (n % 2 ? "true" : "false")
            + " ! s.audio_0 videotestsrc ! video/x-raw,width=64,height=64 ! s.video_0");
    play (n % 7 == 0 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
    // Stopped at whatever moment this is.
    if (n % 4) std::this_thread::sleep_for (std::chrono::microseconds (n % 50 * 400));
    if (n % 6 == 0) session_->release ();
    play (GST_STATE_NULL);
    pipeline_.reset ();
  };
  round (1);
  const auto threads = entries ("/proc/self/task"), files = entries ("/proc/self/fd");
  for (int n = 2; n < 300; n++)
    round (n);
  EXPECT_TRUE (wait_until ([&] { return entries ("/proc/self/task") <= threads + 4; }, 5s))
      << entries ("/proc/self/task") << " from " << threads;
  EXPECT_LE (entries ("/proc/self/fd"), files + 2);
  EXPECT_EQ (session_->users (), 0u);
}

TEST_F (Sink, StateChangesFromTheSessionThreadAreLegal) {
  for (int n = 0; n < 20; n++) {
    launch ("livekitsink audiotestsrc is-live=true ! s.audio_0");
    play ();
    ASSERT_TRUE (sends ("audio_0", 1));
    std::promise<void> stopped;
    session_->on_thread ([&] {
      gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
      stopped.set_value ();
    });
    ASSERT_EQ (stopped.get_future ().wait_for (5s), std::future_status::ready);
    pipeline_.reset ();
  }
}

TEST_F (Sink, StateChangesFromSeveralThreadsNeitherHangNorCrash) {
  launch ("livekitsink audiotestsrc is-live=true ! s.audio_0 videotestsrc ! video/x-raw,width=64,height=64 ! "
          "s.video_0");
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++)
    threads.emplace_back ([this, t] {
      const GstState states[] = { GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL };
      for (int n = 0; n < 100; n++)
        gst_element_set_state (pipeline_.get (), states[(n * 7 + t) % 4]);
    });
  for (auto &thread : threads)
    thread.join ();
  play (GST_STATE_NULL);
  EXPECT_EQ (session_->users (), 0u);
}

} // namespace
