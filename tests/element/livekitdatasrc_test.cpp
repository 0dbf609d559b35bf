// livekitdatasrc on a fake session.
#include "data_util.hpp"

#include <thread>

namespace {

using namespace lk;
using namespace lk::test;

const session::DataSender kAlice{ "alice", "PA_alice" }, kBob{ "bob", "PA_bob" };

session::PacketReceived
packet (const std::string &payload, const std::string &topic = "t",
        const session::DataSender &from = kAlice) {
  return { from, Reliability::Lossy, { .payload = payload, .topic = topic } };
}

session::StreamInfoPtr
stream (const std::string &id, bool text, const std::string &topic = "t",
        std::optional<uint64_t> total = {}) {
  auto info = std::make_shared<session::StreamInfo> ();
  info->from = kAlice;
  info->header.id = id;
  info->header.topic = topic;
  info->header.mime_type = text ? "text/plain" : "image/png";
  info->header.timestamp_ms = 1'700'000'000'000;
  info->header.total_length = total;
  info->header.attributes = { { "k", "v" } };
  if (text)
    info->header.kind = TextHeader{};
  else
    info->header.kind = ByteHeader{ "a.png" };
  return info;
}

class DataSrc : public DataElement {
protected:
  void
  run (const std::string &properties, const std::string &rest = "appsink name=out sync=false") {
    launch ("livekitdatasrc name=d " + properties + " ! " + rest);
    ASSERT_NE (play (), GST_STATE_CHANGE_FAILURE);
    ASSERT_TRUE (wait_until ([&] { return session_->state () == session::State::Connected; }, 5s));
  }
  void
  whole (const session::StreamInfoPtr &info, const std::string &bytes) {
    port_->deliver (session::StreamOpened{ info });
    port_->deliver (session::StreamEnded{ info, {}, bytes });
  }
  Ref<GstSample>
  pull (std::chrono::milliseconds limit = 5s) {
    return Ref<GstSample>::adopt (gst_app_sink_try_pull_sample (GST_APP_SINK (named ("out").get ()),
                                                                GstClockTime (limit.count ()) * GST_MSECOND));
  }
  static std::string
  bytes_of (const Ref<GstSample> &sample) {
    if (!sample) return "(none)";
    auto *buffer = gst_sample_get_buffer (sample.get ());
    std::string bytes (gst_buffer_get_size (buffer), 0);
    gst_buffer_extract (buffer, 0, bytes.data (), bytes.size ());
    return bytes;
  }
  static const GstLiveKitDataMeta *
  meta_of (const Ref<GstSample> &sample) {
    return gst_livekit_buffer_get_data_meta (gst_sample_get_buffer (sample.get ()));
  }
  bool
  ends () {
    auto last = message (GST_MESSAGE_EOS);
    EXPECT_TRUE (is (last, GST_MESSAGE_EOS)) << text_of (last);
    return is (last, GST_MESSAGE_EOS);
  }
};

// ---- what comes out -----------------------------------------------------------------------------

TEST_F (DataSrc, APacketIsABufferStampedOnArrivalWithItsMeta) {
  run ("topic=t");
  const GstClockTime before = gst_element_get_current_running_time (pipeline_.get ());
  port_->deliver (packet ("hello"));
  auto sample = pull ();
  ASSERT_EQ (bytes_of (sample), "hello");
  const GstClockTime pts = GST_BUFFER_PTS (gst_sample_get_buffer (sample.get ()));
  EXPECT_GE (pts, before);
  EXPECT_LE (pts, gst_element_get_current_running_time (pipeline_.get ()));
  EXPECT_EQ (gst_sample_get_segment (sample.get ())->format, GST_FORMAT_TIME);
  const auto *meta = meta_of (sample);
  ASSERT_NE (meta, nullptr);
  EXPECT_EQ (meta->kind, GST_LIVEKIT_DATA_KIND_PACKET);
  EXPECT_STREQ (meta->topic, "t");
  EXPECT_STREQ (meta->sender_identity, "alice");
  EXPECT_STREQ (meta->sender_sid, "PA_alice");
  EXPECT_EQ (meta->reliability, GST_LIVEKIT_RELIABILITY_LOSSY);
}

/// By the sender's clock, which is 5 s behind.
const int64_t kCapturedUs = 1'700'000'000'000'000;

class DataTime : public DataSrc {
protected:
  /// The sender's media of kCapturedUs come out this much from now.
  void
  media_come_out (Nanos from_now) {
    when_ = system_clock ().now () + from_now;
    port_->set_media_path ("PA_alice", when_ - std::chrono::microseconds (kCapturedUs));
  }
  session::PacketReceived
  timed (uint64_t start_time) {
    auto event = packet ("x");
    event.message.start_time = start_time;
    return event;
  }
  GstClockTime
  expected () const {
    return GstClockTime (when_.count ()) - gst_element_get_base_time (pipeline_.get ());
  }
  static GstClockTime
  pts_of (const Ref<GstSample> &sample) {
    return sample ? GST_BUFFER_PTS (gst_sample_get_buffer (sample.get ())) : GST_CLOCK_TIME_NONE;
  }
  static GstClockTime
  reference_of (const Ref<GstSample> &sample) {
    auto caps = Ref<GstCaps>::adopt (gst_caps_new_empty_simple ("timestamp/x-unix"));
    auto *meta = sample ? gst_buffer_get_reference_timestamp_meta (gst_sample_get_buffer (sample.get ()),
                                                                   caps.get ())
                        : nullptr;
    return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
  }
  static bool
  near (GstClockTime one, GstClockTime other) {
    return ABS (GST_CLOCK_DIFF (one, other)) < gint64 (GST_MSECOND);
  }
  Nanos when_{ 0 };
};

TEST_F (DataTime, OfTheSenderStandsWhereItsMediaOfThatMomentDo) {
  session_->latency_ms = 10000; // nothing is given up meanwhile
  run ("timestamp-mode=sender");
  for (auto from_now : { Nanos (-150ms), Nanos (300ms) }) {
    media_come_out (from_now);
    port_->deliver (timed (kCapturedUs));
    auto sample = pull ();
    // A pipeline that plays for less than that cannot place what was before it.
    EXPECT_TRUE (near (pts_of (sample), std::max<gint64> (0, gint64 (expected ())))) << pts_of (sample);
    EXPECT_EQ (reference_of (sample), GstClockTime (kCapturedUs) * 1000);
  }
}

TEST_F (DataTime, IsTheArrivalWhereTheSendersIsUnknownOrUnlikely) {
  run ("timestamp-mode=sender");
  struct Row {
    const char *what;
    bool path;
    uint64_t start_time;
  };
  const Row rows[] = {
    { "no media yet", false, kCapturedUs },
    { "none given", true, 0 },
    { "more than a minute ago", true, kCapturedUs - 61'000'000 },
    { "far ahead", true, kCapturedUs + 3'000'000 },
    { "an application's own unit", true, 90000 },
    { "too large for any clock", true, G_MAXUINT64 },
  };
  for (const auto &row : rows) {
    if (row.path) media_come_out (0ms);
    const auto before = gst_element_get_current_running_time (pipeline_.get ());
    port_->deliver (timed (row.start_time));
    auto sample = pull ();
    EXPECT_GE (pts_of (sample), before) << row.what;
    EXPECT_LE (pts_of (sample), gst_element_get_current_running_time (pipeline_.get ())) << row.what;
    EXPECT_EQ (reference_of (sample), GST_CLOCK_TIME_NONE) << row.what;
  }
}

TEST_F (DataTime, OfAStreamIsThatOfItsBeginning) {
  session_->latency_ms = 10000;
  run ("timestamp-mode=sender mode=bytes chunks=true");
  auto info = stream ("s", false); // its header has the moment in milliseconds
  media_come_out (300ms);
  port_->deliver (session::StreamOpened{ info });
  port_->deliver (session::StreamData{ info, 0, "a" });
  port_->deliver (session::StreamData{ info, 1, "b" });
  EXPECT_TRUE (near (pts_of (pull ()), expected ()));
  EXPECT_EQ (reference_of (pull ()), GST_CLOCK_TIME_NONE);
}

TEST_F (DataTime, OfTheSenderTakesTheLatencyOfMedia) {
  for (auto [mode, latency] : { std::pair ("arrival", 0), { "sender", 240 } }) {
    session_->latency_ms = 240;
    run (std::string ("timestamp-mode=") + mode);
    auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
    ASSERT_TRUE (gst_element_query (element_.get (), query.get ()));
    gboolean live = FALSE;
    GstClockTime least = 0;
    gst_query_parse_latency (query.get (), &live, &least, nullptr);
    EXPECT_TRUE (live);
    EXPECT_EQ (least, latency * GST_MSECOND) << mode;
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }
}

TEST_F (DataSrc, EncryptedDataIsAWarningThatNamesItsSender) {
  run ("");
  port_->deliver (session::EncryptedDataMet{ kBob });
  auto warning = message (GST_MESSAGE_WARNING);
  EXPECT_NE (text_of (warning).find ("bob sends encrypted data"), std::string::npos) << text_of (warning);
}

TEST_F (DataSrc, TheFilterIsWhatThePropertiesSay) {
  run ("mode=bytes topic=\"a*,!ab\" participants=alice max-stream-bytes=1000");
  ASSERT_EQ (port_->filters ().size (), 1u);
  auto filter = port_->filters ()[0];
  EXPECT_EQ (filter.topics, "a*,!ab");
  EXPECT_EQ (filter.participants, "alice");
  EXPECT_TRUE (filter.byte_streams && filter.whole_streams);
  EXPECT_FALSE (filter.packets || filter.text_streams || filter.chat || filter.transcription
                || filter.tracks);
  EXPECT_EQ (filter.max_stream_bytes, 1000u);
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_TRUE (wait_until ([&] { return port_->filters ().empty (); }, 5s)) << "the listener must go";
}

TEST_F (DataSrc, AWholeByteStreamIsOneBufferWithItsHeader) {
  run ("mode=bytes");
  const std::string content (100'000, 'x');
  whole (stream ("s1", false), content);
  auto sample = pull ();
  ASSERT_TRUE (bytes_of (sample) == content);
  const auto *meta = meta_of (sample);
  EXPECT_STREQ (meta->stream_id, "s1");
  EXPECT_STREQ (meta->name, "a.png");
  EXPECT_STREQ (meta->mime_type, "image/png");
  EXPECT_STREQ (gst_livekit_data_meta_get_attribute (meta, "k"), "v");
  EXPECT_EQ (meta->timestamp, 1'700'000'000'000'000u);
  EXPECT_EQ (meta->total_size, content.size ());
}

TEST_F (DataSrc, TextHasTextCapsAndADurationForOverlays) {
  run ("mode=text text-duration=1500");
  whole (stream ("s", true), "Grüße");
  auto sample = pull ();
  EXPECT_EQ (bytes_of (sample), "Grüße");
  const CString caps (gst_caps_to_string (gst_sample_get_caps (sample.get ())));
  EXPECT_STREQ (caps.get (), "text/x-raw, format=(string)utf8");
  EXPECT_EQ (GST_BUFFER_DURATION (gst_sample_get_buffer (sample.get ())), 1500 * GST_MSECOND);
}

TEST_F (DataSrc, TheCapsPropertyNamesTheFormatOfOpaqueBytes) {
  run ("caps=meta/x-klv,parsed=true");
  port_->deliver (packet ("klv"));
  auto sample = pull ();
  ASSERT_TRUE (sample);
  const CString caps (gst_caps_to_string (gst_sample_get_caps (sample.get ())));
  EXPECT_STREQ (caps.get (), "meta/x-klv, parsed=(boolean)true");
}

TEST_F (DataSrc, ATranscriptionGivesFinalSegmentsWithTheirLength) {
  run ("mode=transcription");
  Transcription transcription{ "carol", "TR_1", {} };
  transcription.segments
      = { { "a", "Hel", "en", 1000, 1200, false }, { "a", "Hello", "en", 1000, 2500, true } };
  port_->deliver (session::TranscriptionReceived{ kAlice, transcription });
  auto sample = pull ();
  EXPECT_EQ (bytes_of (sample), "Hello");
  EXPECT_EQ (GST_BUFFER_DURATION (gst_sample_get_buffer (sample.get ())), 1500 * GST_MSECOND);
  EXPECT_STREQ (gst_livekit_data_meta_get_attribute (meta_of (sample), "lk.transcribed_track_id"), "TR_1");
  EXPECT_FALSE (pull (200ms));
}

TEST_F (DataSrc, InterimGivesTheVersionsBeforeTheFinalOneToo) {
  run ("mode=transcription interim=true");
  port_->deliver (session::TranscriptionReceived{ kAlice, { "", "", { { "a", "Hel", "", 0, 0, false } } } });
  EXPECT_EQ (bytes_of (pull ()), "Hel");
}

TEST_F (DataSrc, FramesOfADataTrackCarryTheSendersTimeInMicroseconds) {
  run ("mode=track topic=pose");
  session::TrackFrameReceived frame{ kAlice, {}, "frame", 0, 1'700'000'000'123 };
  frame.track.name = "pose";
  frame.track.sid = "DTR_1";
  port_->deliver (frame);
  frame.user_timestamp = 1'700'000'000'123'456; // some write microseconds
  port_->deliver (frame);
  auto sample = pull ();
  EXPECT_EQ (bytes_of (sample), "frame");
  EXPECT_EQ (meta_of (sample)->timestamp, 1'700'000'000'123'000u);
  EXPECT_STREQ (meta_of (sample)->topic, "pose");
  EXPECT_EQ (meta_of (pull ())->timestamp, 1'700'000'000'123'456u);
}

TEST_F (DataSrc, AnEmptyMessageIsAnEmptyBuffer) {
  run ("");
  port_->deliver (packet (""));
  auto sample = pull ();
  ASSERT_TRUE (sample);
  EXPECT_EQ (bytes_of (sample), "");
}

TEST_F (DataSrc, LineBreaksEndEachMessage) {
  run ("line-breaks=true");
  port_->deliver (packet ("one"));
  port_->deliver (packet (""));
  EXPECT_EQ (bytes_of (pull ()), "one\n");
  EXPECT_EQ (bytes_of (pull ()), "\n");
}

// ---- streams in parts ---------------------------------------------------------------------------

TEST_F (DataSrc, ChunksComeAsTheyArriveWithTheirOffsets) {
  run ("mode=bytes chunks=true");
  EXPECT_FALSE (port_->filters ()[0].whole_streams);
  auto info = stream ("s", false, "t", 30'000);
  port_->deliver (session::StreamOpened{ info });
  port_->deliver (session::StreamData{ info, 0, std::string (15'000, 'a') });
  auto first = pull ();
  ASSERT_EQ (bytes_of (first), std::string (15'000, 'a'));
  EXPECT_TRUE (GST_BUFFER_FLAG_IS_SET (gst_sample_get_buffer (first.get ()), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ (meta_of (first)->total_size, 30'000u);
  port_->deliver (session::StreamData{ info, 15'000, std::string (15'000, 'b') });
  auto second = pull ();
  EXPECT_EQ (GST_BUFFER_OFFSET (gst_sample_get_buffer (second.get ())), 15'000u);
  port_->deliver (session::StreamEnded{ info, {}, "" });
  auto progress = told ("livekit-stream-progress");
  while (progress && field (progress, "state") == "active")
    progress = told ("livekit-stream-progress");
  EXPECT_EQ (field (progress, "state"), "done");
  EXPECT_EQ (field (progress, "identity"), "alice");
  EXPECT_EQ (field (progress, "direction"), "in");
  EXPECT_EQ (number (progress, "bytes"), 30'000u);
}

TEST_F (DataSrc, NumStreamsEndsAfterOneWholeFileInChunksAndIgnoresASecondOne) {
  run ("mode=bytes chunks=true num-streams=1");
  auto wanted = stream ("wanted", false), other = stream ("other", false);
  port_->deliver (session::StreamOpened{ wanted });
  port_->deliver (session::StreamOpened{ other });
  port_->deliver (session::StreamData{ other, 0, "no" });
  port_->deliver (session::StreamData{ wanted, 0, "ye" });
  port_->deliver (session::StreamData{ wanted, 2, "s" });
  port_->deliver (session::StreamEnded{ wanted, {}, "" });
  EXPECT_EQ (bytes_of (pull ()), "ye");
  EXPECT_EQ (bytes_of (pull ()), "s");
  EXPECT_TRUE (ends ());
}

TEST_F (DataSrc, AnAbortedStreamIsToldAndDoesNotCount) {
  run ("mode=bytes chunks=true num-streams=1");
  auto broken = stream ("broken", false), good = stream ("good", false);
  port_->deliver (session::StreamOpened{ broken });
  port_->deliver (session::StreamData{ broken, 0, "ha" });
  port_->deliver (session::StreamEnded{ broken, Error{ Errc::Closed, Retry::Never, "the sender left" }, "" });
  auto warning = message (GST_MESSAGE_WARNING);
  EXPECT_NE (text_of (warning).find ("the sender left"), std::string::npos) << text_of (warning);
  port_->deliver (session::StreamOpened{ good });
  port_->deliver (session::StreamData{ good, 0, "good" });
  port_->deliver (session::StreamEnded{ good, {}, "" });
  EXPECT_EQ (bytes_of (pull ()), "ha");
  EXPECT_EQ (bytes_of (pull ()), "good");
  EXPECT_TRUE (ends ());
}

TEST_F (DataSrc, NumStreamsCountsMessagesOfOtherKinds) {
  run ("num-streams=2");
  for (const char *payload : { "1", "2", "3" })
    port_->deliver (packet (payload));
  EXPECT_EQ (bytes_of (pull ()), "1");
  EXPECT_EQ (bytes_of (pull ()), "2");
  EXPECT_TRUE (ends ());
  EXPECT_FALSE (pull (100ms));
}

// ---- bounds -------------------------------------------------------------------------------------

struct LeakRow {
  const char *properties;
  std::vector<std::string> kept;
};
class Leaks : public DataSrc, public testing::WithParamInterface<LeakRow> {};

TEST_P (Leaks, AFullQueueDropsAndCounts) {
  const auto &row = GetParam ();
  run (row.properties, "appsink name=out sync=false max-buffers=1");
  // The sink holds one, the streaming thread another: then the queue fills.
  for (guint64 i = 1; i <= 2; i++) {
    port_->deliver (packet (std::to_string (i)));
    ASSERT_TRUE (wait_until ([&] { return stat ("received") == i && stat ("waiting-bytes") == 0; }, 5s));
  }
  for (const char *payload : { "aa", "bb", "cc", "dd", "ee" })
    port_->deliver (packet (payload));
  ASSERT_TRUE (wait_until ([&] { return stat ("received") == 7; }, 5s));
  EXPECT_EQ (stat ("dropped"), 5 - row.kept.size ());
  EXPECT_EQ (bytes_of (pull ()), "1");
  EXPECT_EQ (bytes_of (pull ()), "2");
  for (const auto &payload : row.kept)
    EXPECT_EQ (bytes_of (pull ()), payload);
  EXPECT_FALSE (pull (100ms));
}

INSTANTIATE_TEST_SUITE_P (Limits, Leaks,
                          testing::Values (LeakRow{ "max-buffers=2", { "dd", "ee" } },
                                           LeakRow{ "max-buffers=2 leaky=newest", { "aa", "bb" } },
                                           LeakRow{ "max-bytes=5", { "dd", "ee" } },
                                           LeakRow{ "max-bytes=1 leaky=newest", { "aa" } }));

TEST_F (DataSrc, AStreamOfWhichAChunkDoesNotFitIsLeftOutAsAWhole) {
  run ("mode=bytes chunks=true max-buffers=2", "appsink name=out sync=false max-buffers=1");
  auto first = stream ("first", false), second = stream ("second", false);
  port_->deliver (session::StreamOpened{ first });
  for (int i = 0; i < 2; i++)
    port_->deliver (session::StreamData{ first, uint64_t (i), "f" });
  ASSERT_TRUE (wait_until ([&] { return stat ("received-bytes") == 2 && stat ("waiting-bytes") == 0; }, 5s));
  port_->deliver (session::StreamOpened{ second });
  for (int i = 0; i < 4; i++)
    port_->deliver (session::StreamData{ second, uint64_t (i), "s" });
  auto failed = told ("livekit-stream-progress");
  while (failed && field (failed, "state") != "failed")
    failed = told ("livekit-stream-progress");
  EXPECT_EQ (field (failed, "stream-id"), "second");
  EXPECT_EQ (bytes_of (pull ()), "f");
  EXPECT_EQ (bytes_of (pull ()), "f");
  EXPECT_FALSE (pull (200ms)) << "no part of the broken stream";
}

TEST_F (DataSrc, MessagesOnTheBusAreLimitedAndSayHowManyWereLeftOut) {
  run ("max-buffers=5000");
  for (int i = 0; i < 300; i++)
    port_->deliver (packet ("x"));
  ASSERT_TRUE (wait_until ([&] { return stat ("received") == 300; }, 5s));
  int told_of = 0;
  while (told ("livekit-data", 200ms))
    told_of++;
  EXPECT_GE (told_of, 100);
  EXPECT_LE (told_of, 200);
}

// ---- told ---------------------------------------------------------------------------------------

TEST_F (DataSrc, AMessageIsToldOnTheBusWithItsText) {
  run ("mode=chat");
  port_->deliver (session::ChatReceived{ kBob, { .id = "c1", .text = "hi", .timestamp_ms = 5 } });
  auto data = told ("livekit-data");
  EXPECT_EQ (field (data, "kind"), "chat");
  EXPECT_EQ (field (data, "identity"), "bob");
  EXPECT_EQ (field (data, "text"), "hi");
  EXPECT_EQ (number (data, "size"), 2u);
}

TEST_F (DataSrc, DataTracksAreToldOfWhenTheyComeAndGo) {
  run ("mode=track");
  DataTrackInfo track;
  track.sid = "DTR_1";
  track.name = "pose";
  port_->deliver (session::DataTrackAppeared{ kAlice, track });
  auto came = told ("livekit-data-track-published");
  EXPECT_EQ (field (came, "sid"), "DTR_1");
  EXPECT_EQ (field (came, "identity"), "alice");
  port_->deliver (session::DataTrackGone{ kAlice, track });
  EXPECT_EQ (field (told ("livekit-data-track-unpublished"), "sid"), "DTR_1");
}

TEST_F (DataSrc, TheSignalGivesTheBufferOnTheSessionsThread) {
  struct Seen {
    std::mutex lock;
    std::string bytes, sender;
  } seen;
  launch ("livekitdatasrc name=d ! fakesink");
  g_signal_connect (element_.get (), "data-received", G_CALLBACK (+[] (GstElement *, GstBuffer *b, Seen *s) {
                      std::lock_guard guard (s->lock);
                      s->bytes.resize (gst_buffer_get_size (b));
                      gst_buffer_extract (b, 0, s->bytes.data (), s->bytes.size ());
                      s->sender = gst_livekit_buffer_get_data_meta (b)->sender_identity;
                    }),
                    &seen);
  play ();
  port_->deliver (packet ("x"));
  EXPECT_TRUE (wait_until (
      [&] {
        std::lock_guard guard (seen.lock);
        return seen.bytes == "x" && seen.sender == "alice";
      },
      5s));
}

// ---- life ---------------------------------------------------------------------------------------

TEST_F (DataSrc, SilenceIsGapEventsThatMoveTimeOn) {
  launch ("livekitdatasrc name=d mode=text ! fakesink name=out sync=false");
  struct Gaps {
    std::mutex lock;
    std::vector<std::pair<GstClockTime, GstClockTime>> gaps;
    bool sparse = false, segment_first = false, segment = false;
  } seen;
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_.get (), "src"));
  gst_pad_add_probe (
      pad.get (), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *s = static_cast<Gaps *> (data);
        auto *event = GST_PAD_PROBE_INFO_EVENT (info);
        std::lock_guard guard (s->lock);
        GstStreamFlags flags = GST_STREAM_FLAG_NONE;
        if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
          gst_event_parse_stream_flags (event, &flags);
          s->sparse = flags & GST_STREAM_FLAG_SPARSE;
        }
        if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) s->segment = true;
        if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
          if (s->gaps.empty ()) s->segment_first = s->segment;
          GstClockTime start = 0, duration = 0;
          gst_event_parse_gap (event, &start, &duration);
          s->gaps.emplace_back (start, duration);
        }
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  play ();
  ASSERT_TRUE (wait_until (
      [&] {
        std::lock_guard guard (seen.lock);
        return seen.gaps.size () >= 3;
      },
      5s));
  std::lock_guard guard (seen.lock);
  EXPECT_TRUE (seen.sparse);
  EXPECT_TRUE (seen.segment_first);
  for (size_t i = 1; i < seen.gaps.size (); i++)
    EXPECT_EQ (seen.gaps[i].first, seen.gaps[i - 1].first + seen.gaps[i - 1].second) << "no hole, no overlap";
}

TEST_F (DataSrc, ItIsLiveAndDoesNotHoldUpThePipeline) {
  session_->hold_connect = true;
  launch ("livekitdatasrc name=d ! fakesink");
  EXPECT_EQ (play (GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
  play ();
  const auto start = std::chrono::steady_clock::now ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_LT (std::chrono::steady_clock::now () - start, 1s);
}

TEST_F (DataSrc, WhatComesInAPauseIsGivenWhenItPlaysAgain) {
  run ("");
  play (GST_STATE_PAUSED);
  port_->deliver (packet ("early"));
  ASSERT_TRUE (wait_until ([&] { return stat ("received") == 1; }, 5s));
  play ();
  auto sample = pull ();
  EXPECT_EQ (bytes_of (sample), "early");
  EXPECT_TRUE (GST_BUFFER_PTS_IS_VALID (gst_sample_get_buffer (sample.get ())));
}

TEST_F (DataSrc, ARoomThatClosesIsTheEndAfterWhatWaits) {
  run ("");
  port_->deliver (packet ("last"));
  ASSERT_TRUE (wait_until ([&] { return stat ("received") == 1; }, 5s));
  session_->end (session::State::Disconnected, { Errc::RoomClosed, Retry::Never, "closed" });
  EXPECT_EQ (bytes_of (pull ()), "last");
  EXPECT_TRUE (ends ());
}

TEST_F (DataSrc, AnEosEventOfTheApplicationEndsItAtOnce) {
  run ("");
  gst_element_send_event (pipeline_.get (), gst_event_new_eos ());
  EXPECT_TRUE (ends ());
}

TEST_F (DataSrc, StartsAndStopsAHundredTimesWhileDataComes) {
  launch ("livekitdatasrc name=d mode=bytes chunks=true ! fakesink sync=false");
  std::atomic<bool> stop{ false };
  std::thread sender ([&] {
    for (uint64_t i = 0; !stop; i++) {
      auto info = stream ("s" + std::to_string (i), false);
      port_->deliver (session::StreamOpened{ info });
      port_->deliver (session::StreamData{ info, 0, "abc" });
      port_->deliver (session::StreamEnded{ info, {}, "" });
      std::this_thread::sleep_for (100us); // the pace of what comes
    }
  });
  for (int i = 0; i < 100; i++) {
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    gst_element_set_state (pipeline_.get (), i % 3 ? GST_STATE_NULL : GST_STATE_READY);
  }
  stop = true;
  sender.join ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_EQ (session_->users (), 0u);
  EXPECT_TRUE (wait_until ([&] { return port_->filters ().empty (); }, 5s));
}

TEST_F (DataSrc, AHandlerOnTheSessionsThreadMayStopThePipeline) {
  launch ("livekitdatasrc name=d ! fakesink");
  struct Context {
    GstElement *pipeline;
    std::atomic<bool> done{ false };
  } context{ pipeline_.get () };
  g_signal_connect (element_.get (), "data-received",
                    G_CALLBACK (+[] (GstElement *, GstBuffer *, Context *c) {
                      gst_element_set_state (c->pipeline, GST_STATE_NULL);
                      c->done = true;
                    }),
                    &context);
  play ();
  port_->deliver (packet ("stop"));
  EXPECT_TRUE (wait_until ([&] { return context.done.load (); }, 5s));
}

} // namespace
