// livekitdatasink on a fake session.
#include "data_util.hpp"

#include <glib/gstdio.h>

#include <fstream>
#include <random>

namespace {

using namespace lk;
using namespace lk::test;

class DataSink : public DataElement {
protected:
  /// "appsrc ! livekitdatasink" with these properties, playing.
  void
  run (const std::string &properties, const std::string &source = "appsrc name=in") {
    launch (source + " ! livekitdatasink name=d " + properties);
    ASSERT_NE (play (), GST_STATE_CHANGE_FAILURE);
  }
  bool
  ends () {
    end_of_stream ();
    auto last = message (GST_MESSAGE_EOS);
    EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
    return is (last, GST_MESSAGE_EOS);
  }
};

// ---- packets ------------------------------------------------------------------------------------

TEST_F (DataSink, EachBufferIsAPacketWithTheTopicAndDestinations) {
  run ("topic=mocap destinations=\"alice, bob\" reliability=lossy max-latency=50");
  push ("one");
  push ("two");
  ASSERT_TRUE (ends ());
  auto packets = port_->packets ();
  ASSERT_EQ (packets.size (), 2u);
  EXPECT_EQ (packets[0].payload, "one");
  EXPECT_EQ (packets[1].payload, "two");
  EXPECT_EQ (packets[0].topic, "mocap");
  EXPECT_EQ (packets[0].destinations, (std::vector<std::string>{ "alice", "bob" }));
  EXPECT_EQ (packets[0].reliability, Reliability::Lossy);
  EXPECT_EQ (packets[0].max_latency, Millis (50));
  EXPECT_EQ (stat ("sent"), 2u);
  EXPECT_EQ (stat ("sent-bytes"), 6u);
}

TEST_F (DataSink, WithoutPropertiesPacketsAreReliableForEverybodyWithoutATopic) {
  run ("");
  push ("x");
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->packets ().size (), 1u);
  auto packet = port_->packets ()[0];
  EXPECT_EQ (packet.reliability, Reliability::Reliable);
  EXPECT_FALSE (packet.topic);
  EXPECT_TRUE (packet.destinations.empty ());
  EXPECT_FALSE (packet.max_latency);
}

TEST_F (DataSink, AMetaOfTheApplicationOverridesThePropertiesForItsBufferOnly) {
  run ("topic=usual destinations=alice");
  auto special = buffer ("special");
  auto *meta = gst_livekit_buffer_add_data_meta (special.get (), GST_LIVEKIT_DATA_KIND_PACKET);
  const gchar *const to[] = { "carol", nullptr };
  gst_livekit_data_meta_set_topic (meta, "urgent");
  gst_livekit_data_meta_set_destinations (meta, to);
  gst_livekit_data_meta_set_reliability (meta, GST_LIVEKIT_RELIABILITY_LOSSY);
  push (special);
  push ("plain");
  ASSERT_TRUE (ends ());
  auto packets = port_->packets ();
  ASSERT_EQ (packets.size (), 2u);
  EXPECT_EQ (packets[0].topic, "urgent");
  EXPECT_EQ (packets[0].destinations, std::vector<std::string>{ "carol" });
  EXPECT_EQ (packets[0].reliability, Reliability::Lossy);
  EXPECT_EQ (packets[1].topic, "usual");
  EXPECT_EQ (packets[1].destinations, std::vector<std::string>{ "alice" });
  EXPECT_EQ (packets[1].reliability, Reliability::Reliable);
}

TEST_F (DataSink, AMetaOfAReceivedBufferOnlyFillsInWhatThePropertiesLeaveOpen) {
  run ("topic=relayed mode=bytes");
  auto received = buffer ("x");
  auto *meta = gst_livekit_buffer_add_data_meta (received.get (), GST_LIVEKIT_DATA_KIND_BYTES);
  gst_livekit_data_meta_set_sender (meta, "somebody", "PA_1");
  gst_livekit_data_meta_set_topic (meta, "original");
  gst_livekit_data_meta_set_stream (meta, "their-id", "image/png", "a.png");
  gst_livekit_data_meta_set_attribute (meta, "k", "v");
  push (received);
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 1u);
  auto spec = port_->streams ()[0].spec;
  EXPECT_EQ (spec.topic, "relayed");
  EXPECT_EQ (spec.name, "a.png");
  EXPECT_EQ (spec.mime_type, "image/png");
  EXPECT_EQ (spec.attributes["k"], "v");
  EXPECT_NE (spec.id, "their-id");
}

TEST_F (DataSink, WithSendTimePacketsAndStreamsSayWhenTheirBufferWasMade) {
  for (auto [mode, asked] : { std::pair ("packet", true), { "bytes", true }, { "packet", false } }) {
    run (std::string ("mode=") + mode + " send-time=" + (asked ? "true" : "false"),
         "appsrc name=in is-live=true format=time");
    // What is live is sent at once; this one says that it is of 10 s from now.
    auto ahead = buffer ("x");
    GST_BUFFER_PTS (ahead.get ()) = gst_element_get_current_running_time (pipeline_.get ()) + 10 * GST_SECOND;
    const double wall = double (g_get_real_time ());
    push (ahead);
    ASSERT_TRUE (ends ());
    double told = 0;
    if (std::string (mode) == "packet")
      told = double (port_->packets ().back ().start_time.value_or (0));
    else
      told = std::stod (port_->streams ().back ().spec.attributes["capture-time"]);
    if (asked)
      EXPECT_NEAR (told, wall + 10e6, 1e6) << mode;
    else
      EXPECT_EQ (told, 0);
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }
}

struct OversizeRow {
  const char *properties;
  size_t limit;
  const char *says;
};
class Oversize : public DataSink, public testing::WithParamInterface<OversizeRow> {};

TEST_P (Oversize, TheLimitItselfPassesAndOneMoreIsAnErrorThatNamesIt) {
  const auto &row = GetParam ();
  run (row.properties);
  push (std::string (row.limit, 'x'));
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  push (std::string (row.limit + 1, 'x'));
  auto error = message (GST_MESSAGE_ERROR);
  EXPECT_TRUE (is (error, GST_MESSAGE_ERROR));
  EXPECT_NE (text_of (error).find (row.says), std::string::npos) << text_of (error);
  EXPECT_EQ (port_->packets ().size (), 1u);
}

INSTANTIATE_TEST_SUITE_P (
    Limits, Oversize,
    testing::Values (OversizeRow{ "reliability=lossy", 1300, "1300 bytes that a lossy packet" },
                     OversizeRow{ "reliability=reliable", 15360, "15360 bytes that a reliable packet" }));

TEST_F (DataSink, OversizeDropCountsAndWarnsOnce) {
  run ("oversize=drop");
  push (std::string (20000, 'x'));
  push (std::string (20000, 'y'));
  push ("fits");
  ASSERT_TRUE (ends ());
  EXPECT_EQ (port_->packets ().size (), 1u);
  EXPECT_EQ (stat ("dropped"), 2u);
  gst_element_set_state (pipeline_.get (), GST_STATE_READY);
  // EOS was popped above; what warnings there were come before it.
  EXPECT_TRUE (port_->streams ().empty ());
}

TEST_F (DataSink, OversizeStreamSendsAByteStreamOfTheSameTopic) {
  run ("oversize=stream topic=blob");
  const std::string large (20000, 'z');
  push (large);
  push ("small");
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 1u);
  EXPECT_EQ (port_->streams ()[0].bytes, large);
  EXPECT_FALSE (port_->streams ()[0].spec.text);
  EXPECT_EQ (port_->streams ()[0].spec.topic, "blob");
  EXPECT_EQ (port_->streams ()[0].spec.total_length, large.size ());
  ASSERT_EQ (port_->packets ().size (), 1u);
  EXPECT_EQ (port_->packets ()[0].payload, "small");
}

// ---- bad input ----------------------------------------------------------------------------------

struct BadRow {
  const char *properties;
  std::string bytes;
  const char *says;
};
/// By its bytes, it would be, with those that nobody has written between the fields.
void
PrintTo (const BadRow &row, std::ostream *out) {
  *out << row.properties;
}
class BadInput : public DataSink, public testing::WithParamInterface<BadRow> {};

TEST_P (BadInput, IsCountedWithOneWarningAndThePipelineGoesOn) {
  const auto &row = GetParam ();
  run (row.properties);
  push (row.bytes);
  push (row.bytes);
  auto warning = message (GST_MESSAGE_WARNING);
  ASSERT_TRUE (is (warning, GST_MESSAGE_WARNING)) << text_of (warning);
  EXPECT_NE (text_of (warning).find (row.says), std::string::npos) << text_of (warning);
  push ("good");
  end_of_stream ();
  auto last = message (GstMessageType (GST_MESSAGE_EOS | GST_MESSAGE_WARNING));
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
  EXPECT_EQ (stat ("dropped"), 2u);
  EXPECT_EQ (stat ("sent"), 1u);
}

INSTANTIATE_TEST_SUITE_P (Kinds, BadInput,
                          testing::Values (BadRow{ "", "", "empty" }, BadRow{ "mode=text", "", "empty" },
                                           BadRow{ "mode=text", "\xff\xfe", "UTF-8" },
                                           BadRow{ "mode=text", "cut \xc3", "UTF-8" },
                                           BadRow{ "mode=chat", "\xc3\x28", "UTF-8" },
                                           BadRow{ "mode=transcription", "\xed\xa0\x80", "UTF-8" },
                                           BadRow{ "oversize=drop", std::string (15361, 'x'), "15360" }));

// ---- streams ------------------------------------------------------------------------------------

TEST_F (DataSink, TextBuffersAreTextStreamsWithAllThatThePropertiesSay) {
  run ("mode=text topic=notes mime-type=text/markdown stream-attributes=\"a,lang=de\" destinations=alice");
  push ("# Grüße");
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 1u);
  auto stream = port_->streams ()[0];
  EXPECT_TRUE (stream.spec.text);
  EXPECT_EQ (stream.bytes, "# Grüße");
  EXPECT_EQ (stream.spec.topic, "notes");
  EXPECT_EQ (stream.spec.mime_type, "text/markdown");
  EXPECT_EQ (stream.spec.attributes, (Attributes{ { "lang", "de" } }));
  EXPECT_EQ (stream.spec.destinations, std::vector<std::string>{ "alice" });
  EXPECT_TRUE (stream.closed);
}

TEST_F (DataSink, AFileGoesAsOneStreamOfItsLengthWithProgress) {
  char path[] = "datasink-test-XXXXXX";
  close (g_mkstemp (path));
  std::string content (3'000'000, 0);
  std::mt19937 random (1);
  for (char &c : content)
    c = char (random ());
  std::ofstream (path, std::ios::binary) << content;
  run ("mode=bytes stream-per=segment topic=files stream-name=a.bin",
       std::string ("filesrc location=") + path);
  auto progress = told ("livekit-stream-progress");
  ASSERT_TRUE (progress);
  EXPECT_EQ (field (progress, "direction"), "out");
  EXPECT_EQ (field (progress, "topic"), "files");
  EXPECT_EQ (field (progress, "name"), "a.bin");
  EXPECT_EQ (number (progress, "total"), content.size ());
  while (progress && field (progress, "state") == "active")
    progress = told ("livekit-stream-progress");
  EXPECT_EQ (field (progress, "state"), "done");
  EXPECT_EQ (number (progress, "bytes"), content.size ());
  auto last = message (GST_MESSAGE_EOS);
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
  g_unlink (path);
  ASSERT_EQ (port_->streams ().size (), 1u);
  EXPECT_EQ (port_->streams ()[0].spec.total_length, content.size ());
  EXPECT_TRUE (port_->streams ()[0].bytes == content);
  EXPECT_TRUE (port_->streams ()[0].closed);
}

TEST_F (DataSink, ACharacterMayLieAcrossTwoBuffersOfOneTextStream) {
  run ("mode=text stream-per=segment");
  const std::string text = "a€b😀c";
  for (char c : text)
    push (std::string (1, c));
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 1u);
  EXPECT_EQ (port_->streams ()[0].bytes, text);
  EXPECT_EQ (stat ("dropped"), 0u);
}

TEST_F (DataSink, AStreamThatIsNotFinishedWhenTheElementStopsIsAborted) {
  run ("mode=bytes stream-per=segment");
  push ("half");
  ASSERT_TRUE (
      wait_until ([&] { return !port_->streams ().empty () && port_->streams ()[0].bytes == "half"; }, 5s));
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_TRUE (port_->streams ()[0].aborted);
}

TEST_F (DataSink, AFlushAbortsTheStreamAndTheNextBufferBeginsAnother) {
  run ("mode=bytes stream-per=segment");
  push ("old");
  ASSERT_TRUE (
      wait_until ([&] { return !port_->streams ().empty () && port_->streams ()[0].bytes == "old"; }, 5s));
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_.get (), "sink"));
  gst_pad_send_event (pad.get (), gst_event_new_flush_start ());
  gst_pad_send_event (pad.get (), gst_event_new_flush_stop (TRUE));
  EXPECT_TRUE (port_->streams ()[0].aborted);
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_pad_send_event (pad.get (), gst_event_new_segment (&segment));
  EXPECT_EQ (gst_pad_chain (pad.get (), buffer ("new").release ()), GST_FLOW_OK);
  ASSERT_EQ (port_->streams ().size (), 2u);
  EXPECT_EQ (port_->streams ()[1].bytes, "new");
}

TEST_F (DataSink, ANewSegmentClosesTheStreamBeforeIt) {
  run ("mode=bytes stream-per=segment");
  push ("first");
  ASSERT_TRUE (
      wait_until ([&] { return !port_->streams ().empty () && port_->streams ()[0].bytes == "first"; }, 5s));
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_.get (), "sink"));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_pad_send_event (pad.get (), gst_event_new_segment (&segment));
  gst_pad_chain (pad.get (), buffer ("second").release ());
  ASSERT_EQ (port_->streams ().size (), 2u);
  EXPECT_TRUE (port_->streams ()[0].closed);
  EXPECT_EQ (port_->streams ()[1].bytes, "second");
}

// ---- chat, transcription, tracks ----------------------------------------------------------------

TEST_F (DataSink, ALineOfATerminalIsAChatMessageWithoutItsLineBreak) {
  run ("mode=chat destinations=alice");
  push ("hello\n");
  push ("\n");
  push ("bye\r\n");
  ASSERT_TRUE (ends ());
  auto chats = port_->chats ();
  ASSERT_EQ (chats.size (), 2u);
  EXPECT_EQ (chats[0].message.text, "hello");
  EXPECT_EQ (chats[1].message.text, "bye");
  EXPECT_EQ (chats[0].destinations, std::vector<std::string>{ "alice" });
  EXPECT_GT (chats[0].message.timestamp_ms, 1'600'000'000'000);
}

TEST_F (DataSink, SubtitlesBecomeFinalSegmentsWithTheirTimes) {
  run ("mode=transcription sync=false stream-attributes=\"a,lk.transcribed_track_id=TR_1,gst.language=en\"",
       "appsrc name=in format=time caps=text/x-raw,format=utf8");
  auto cue = buffer ("Hello");
  GST_BUFFER_PTS (cue.get ()) = 1500 * GST_MSECOND;
  GST_BUFFER_DURATION (cue.get ()) = 500 * GST_MSECOND;
  push (cue);
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->transcriptions ().size (), 1u);
  auto transcription = port_->transcriptions ()[0];
  EXPECT_EQ (transcription.track_sid, "TR_1");
  ASSERT_EQ (transcription.segments.size (), 1u);
  const auto &segment = transcription.segments[0];
  EXPECT_EQ (segment.text, "Hello");
  EXPECT_EQ (segment.start_time_ms, 1500u);
  EXPECT_EQ (segment.end_time_ms, 2000u);
  EXPECT_EQ (segment.language, "en");
  EXPECT_TRUE (segment.final);
  EXPECT_FALSE (segment.id.empty ());
}

TEST_F (DataSink, TheMarkupOfSubtitlesIsTakenOff) {
  run ("mode=text", "appsrc name=in caps=text/x-raw,format=pango-markup");
  push ("a <i>b</i> &amp; c");
  push ("no < markup");
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 2u);
  EXPECT_EQ (port_->streams ()[0].bytes, "a b & c");
  EXPECT_EQ (port_->streams ()[1].bytes, "no < markup");
}

TEST_F (DataSink, FramesOfATrackCarryTheirTimeIn90kHzAndAsWallTime) {
  run ("mode=track topic=pose max-latency=40 sync=false", "appsrc name=in format=time");
  const auto before = guint64 (g_get_real_time ());
  auto frame = buffer ("frame");
  GST_BUFFER_PTS (frame.get ()) = 2 * GST_SECOND;
  push (frame);
  ASSERT_TRUE (wait_until (
      [&] { return port_->tracks ().size () == 1 && port_->tracks ()[0]->frames ().size () == 1; }, 5s));
  auto track = port_->tracks ()[0];
  EXPECT_EQ (track->spec.name, "pose");
  EXPECT_EQ (track->max_latency, Millis (40));
  auto sent = track->frames ()[0];
  EXPECT_EQ (sent.payload, "frame");
  // Two seconds of running time lie in the future of a pipeline that has just started.
  ASSERT_TRUE (sent.user_timestamp);
  EXPECT_NEAR (double (*sent.user_timestamp), double (before / 1000 + 2000), 1000)
      << "milliseconds since 1970";
  EXPECT_LT (sent.timestamp_90k - uint32_t (*sent.user_timestamp * 90), 90u) << "the same, but finer";
  track.reset ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_TRUE (port_->tracks ().empty ()) << "the track must be taken down";
}

TEST_F (DataSink, ARefusedTrackIsAnError) {
  port_->refuse (Error{ Errc::NotAllowed, Retry::Never, "no permission to publish data" });
  run ("mode=track topic=pose");
  push ("x");
  auto error = message (GST_MESSAGE_ERROR);
  EXPECT_NE (text_of (error).find ("no permission"), std::string::npos) << text_of (error);
}

// ---- blocking and states ------------------------------------------------------------------------

TEST_F (DataSink, ReachesPlayingWithoutDataAndBeforeTheRoomIsJoined) {
  session_->hold_connect = true;
  launch ("appsrc name=in ! livekitdatasink name=d  audiotestsrc num-buffers=1 ! fakesink");
  EXPECT_EQ (play (), GST_STATE_CHANGE_SUCCESS);
}

TEST_F (DataSink, ABlockedSenderIsWokenByNullAtOnce) {
  port_->block = true;
  run ("");
  push ("x");
  ASSERT_TRUE (wait_until ([&] { return port_->waiting == 1; }, 5s));
  const auto start = std::chrono::steady_clock::now ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_LT (std::chrono::steady_clock::now () - start, 1s);
  EXPECT_EQ (port_->waiting, 0);
}

TEST_F (DataSink, AFlushWakesABlockedSender) {
  port_->block = true;
  run ("");
  push ("x");
  ASSERT_TRUE (wait_until ([&] { return port_->waiting == 1; }, 5s));
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_.get (), "sink"));
  gst_pad_send_event (pad.get (), gst_event_new_flush_start ());
  EXPECT_TRUE (wait_until ([&] { return port_->waiting == 0; }, 5s));
  port_->unblock ();
  gst_pad_send_event (pad.get (), gst_event_new_flush_stop (TRUE));
  EXPECT_TRUE (port_->packets ().empty ());
}

TEST_F (DataSink, WhatWasBlockedWhenThePipelinePausedIsSentOnceWhenItPlaysAgain) {
  port_->block = true;
  run ("");
  push ("first");
  push ("second");
  ASSERT_TRUE (wait_until ([&] { return port_->waiting == 1; }, 5s));
  EXPECT_EQ (play (GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  ASSERT_TRUE (wait_until ([&] { return port_->waiting == 0; }, 5s));
  port_->unblock ();
  play ();
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->packets ().size (), 2u);
  EXPECT_EQ (port_->packets ()[0].payload, "first");
  EXPECT_EQ (port_->packets ()[1].payload, "second");
}

TEST_F (DataSink, APauseInTheMiddleOfAFileRepeatsAndLosesNothing) {
  run ("mode=bytes stream-per=segment");
  std::string content (200'000, 0);
  for (size_t i = 0; i < content.size (); i++)
    content[i] = char (i * 7 + i / 251);
  port_->block = true;
  push (content);
  ASSERT_TRUE (wait_until ([&] { return port_->waiting == 1; }, 5s));
  play (GST_STATE_PAUSED);
  port_->unblock ();
  play ();
  ASSERT_TRUE (ends ());
  ASSERT_EQ (port_->streams ().size (), 1u);
  EXPECT_TRUE (port_->streams ()[0].bytes == content);
}

TEST_F (DataSink, EosWaitsUntilTheChannelIsEmpty) {
  session::DataStats stats;
  stats.buffered = 5000;
  port_->set_stats (stats);
  run ("");
  push ("x");
  end_of_stream ();
  EXPECT_FALSE (message (GST_MESSAGE_EOS, 300ms));
  port_->set_stats ({});
  auto last = message (GST_MESSAGE_EOS);
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
}

TEST_F (DataSink, EosWaitsUntilTheServerHasAcknowledgedEverything) {
  session::DataStats stats;
  stats.settled = false;
  port_->set_stats (stats);
  run ("");
  push ("x");
  end_of_stream ();
  EXPECT_FALSE (message (GST_MESSAGE_EOS, 600ms));
  port_->set_stats ({});
  auto last = message (GST_MESSAGE_EOS);
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
}

TEST_F (DataSink, EosGivesUpAfterTheDrainTimeoutAndSaysWhatIsLost) {
  session::DataStats stats;
  stats.buffered = 5000;
  port_->set_stats (stats);
  run ("drain-timeout=200");
  push ("x");
  end_of_stream ();
  auto warning = message (GST_MESSAGE_WARNING);
  EXPECT_NE (text_of (warning).find ("5000 bytes could not be sent"), std::string::npos) << text_of (warning);
  auto last = message (GST_MESSAGE_EOS);
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
  EXPECT_EQ (stat ("unsent-bytes"), 5000u);
}

TEST_F (DataSink, AfterAnOutageItTellsWhatIsUncertainOnce) {
  run ("resend-window=3000");
  EXPECT_EQ (port_->repeat_window (), Millis (3000));
  push ("x");
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  session::DataStats stats;
  stats.unconfirmed = 7;
  stats.repeated = 3;
  port_->set_stats (stats);
  for (int outage = 0; outage < 2; ++outage) {
    session_->emit_later (
        session::StateChanged{ session::State::Reconnecting, session::State::Connected, {} });
    auto told_now = told ("livekit-data-unconfirmed", outage ? 500ms : 5000ms);
    if (outage)
      EXPECT_FALSE (told_now) << "nothing new";
    else
      EXPECT_EQ (number (told_now, "count"), 7u);
  }
}

TEST_F (DataSink, NullInterruptsTheWaitAtTheEnd) {
  session::DataStats stats;
  stats.buffered = 5000;
  port_->set_stats (stats);
  run ("");
  push ("x");
  end_of_stream ();
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  const auto start = std::chrono::steady_clock::now ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_LT (std::chrono::steady_clock::now () - start, 1s);
}

TEST_F (DataSink, NonLiveTextIsSentAtItsTimeAndLiveTextAtOnce) {
  struct Row {
    const char *live;
    bool waits;
  };
  for (const Row &row : { Row{ "false", true }, Row{ "true", false } }) {
    SetUp ();
    run ("mode=text", std::string ("appsrc name=in format=time is-live=") + row.live);
    auto late = buffer ("later");
    GST_BUFFER_PTS (late.get ())
        = gst_element_get_current_running_time (pipeline_.get ()) + 700 * GST_MSECOND;
    const auto start = std::chrono::steady_clock::now ();
    push (late);
    ASSERT_TRUE (wait_until ([&] { return port_->streams ().size () == 1; }, 5s));
    const auto took = std::chrono::steady_clock::now () - start;
    if (row.waits)
      EXPECT_GE (took, 500ms);
    else
      EXPECT_LT (took, 400ms);
    TearDown ();
  }
}

TEST_F (DataSink, ARefusalWhileConnectedIsTheElementsError) {
  run ("");
  ASSERT_TRUE (wait_until ([&] { return session_->state () == session::State::Connected; }, 5s));
  port_->refuse (Error{ Errc::NotAllowed, Retry::Never, "no permission to publish data" });
  push ("x");
  auto error = message (GST_MESSAGE_ERROR);
  EXPECT_TRUE (is (error, GST_MESSAGE_ERROR));
  EXPECT_NE (text_of (error).find ("no permission"), std::string::npos) << text_of (error);
}

TEST_F (DataSink, ARoomThatClosesIsTheEndOfTheStream) {
  run ("");
  push ("x");
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  session_->end (session::State::Disconnected, { Errc::RoomClosed, Retry::Never, "the room was closed" });
  auto last = message (GST_MESSAGE_EOS);
  EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
}

TEST_F (DataSink, AFailedSessionIsToldOnceAndNotAsAnEnd) {
  run ("");
  push ("x");
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  port_->refuse (Error{ Errc::Closed, Retry::Never, "the session is over" });
  session_->end (session::State::Failed, { Errc::SignalLost, Retry::Never, "the connection broke" });
  ASSERT_TRUE (wait_until ([&] { return session_->state () == session::State::Failed; }, 5s));
  push ("y");
  auto error = message (GST_MESSAGE_EOS);
  EXPECT_EQ (text_of (error), "the connection broke");
  EXPECT_FALSE (message (GST_MESSAGE_EOS, 300ms));
}

TEST_F (DataSink, StartsAndStopsAHundredTimesWithABlockedSender) {
  run ("mode=bytes stream-per=segment");
  for (int i = 0; i < 100; i++) {
    port_->block = i % 2 == 1;
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    push ("x");
    if (i % 3 == 0) wait_until ([&] { return port_->waiting > 0 || !port_->streams ().empty (); }, 1s);
    gst_element_set_state (pipeline_.get (), i % 5 == 0 ? GST_STATE_NULL : GST_STATE_READY);
    port_->unblock ();
  }
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_EQ (port_->waiting, 0);
  EXPECT_EQ (session_->users (), 0u);
}

TEST_F (DataSink, StatesMayChangeFromAnyThreadWhileBuffersFlow) {
  run ("mode=text",
       "fakesrc is-live=true sizetype=fixed filltype=pattern sizemax=10 datarate=100000 name=in");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back ([this, t] {
      const GstState states[] = { GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PLAYING };
      for (int i = 0; i < 50; i++)
        gst_element_set_state (pipeline_.get (), states[(i + t) % 4]);
    });
  for (auto &thread : threads)
    thread.join ();
  EXPECT_EQ (gst_element_set_state (pipeline_.get (), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

} // namespace
