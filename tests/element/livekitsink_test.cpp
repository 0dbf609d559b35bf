// livekitsink on a fake session: everything but the network.
#include "elements.hpp"
#include "fakes/fake_session.hpp"
#include "fakes/wait.hpp"
#include "media/time_map.hpp"
#include "session_context.hpp"

#include <gst/check/gstharness.h>
#include <gst/livekit/enums.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace {

using namespace lk;
using namespace std::chrono_literals;
using test::FakeSession;
using test::wait_until;

class Sink : public testing::Test {
protected:
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
    GST_ELEMENT_REGISTER (livekitsink, nullptr);
  }

  void
  SetUp () override {
    session_ = std::make_shared<FakeSession> ("");
  }
  void
  TearDown () override {
    if (pipeline_) gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }

  /// Parses; "livekitsink" is given the fake session and the name "s".
  GstElement *
  launch (std::string line) {
    const std::string element = "livekitsink";
    auto at = line.find (element);
    line.insert (at + element.size (), " name=s");
    GError *error = nullptr;
    pipeline_ = Ref<GstElement>::sink (gst_parse_launch (line.c_str (), &error));
    ErrorPtr held (error);
    EXPECT_EQ (error, nullptr) << (error ? error->message : "");
    // A single element is not wrapped.
    if (pipeline_ && !GST_IS_PIPELINE (pipeline_.get ())) {
      auto *pipeline = gst_pipeline_new (nullptr);
      gst_bin_add (GST_BIN (pipeline), pipeline_.get ());
      pipeline_ = Ref<GstElement>::sink (pipeline);
    }
    gst::find_or_announce_pool (sink ().get ())->put ("", session_);
    return pipeline_.get ();
  }
  Ref<GstElement>
  sink () {
    return Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), "s"));
  }
  Ref<GstPad>
  pad (const char *name) {
    return Ref<GstPad>::adopt (gst_element_get_static_pad (sink ().get (), name));
  }
  GstStateChangeReturn
  play (GstState state = GST_STATE_PLAYING) {
    return gst_element_set_state (pipeline_.get (), state);
  }
  /// True when the pipeline gets there.
  bool
  reaches (GstState state, std::chrono::milliseconds limit = 5s) {
    GstState now = GST_STATE_NULL;
    auto result = gst_element_get_state (pipeline_.get (), &now, nullptr,
                                         GstClockTime (limit.count ()) * GST_MSECOND);
    return result != GST_STATE_CHANGE_FAILURE && now == state && result != GST_STATE_CHANGE_ASYNC;
  }
  /// The next message of these types from the bus, ERROR always included.
  Ref<GstMessage>
  message (GstMessageType types, std::chrono::milliseconds limit = 5s) {
    auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline_.get ()));
    return Ref<GstMessage>::adopt (gst_bus_timed_pop_filtered (
        bus.get (), GstClockTime (limit.count ()) * GST_MSECOND, GstMessageType (types | GST_MESSAGE_ERROR)));
  }
  static std::string
  text_of (const Ref<GstMessage> &message) {
    if (!message) return "(no message)";
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message.get (), &error, nullptr);
    else if (GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message.get (), &error, nullptr);
    else
      return GST_MESSAGE_TYPE_NAME (message.get ());
    return ErrorPtr (error)->message;
  }
  bool
  sends (const std::string &track, uint64_t frames, std::chrono::milliseconds limit = 5s) {
    return wait_until (
        [&] {
          auto t = session_->track (track);
          return t && t->sender.stats ().frames >= frames;
        },
        limit);
  }

  std::shared_ptr<FakeSession> session_;
  Ref<GstElement> pipeline_;
};

bool
ends_in_eos (const Ref<GstMessage> &message) {
  return message && GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_EOS;
}

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

// ---- formats ------------------------------------------------------------------------------------

struct FormatRow {
  const char *what, *source, *pad;
  const char *codec, *sent; ///< caps of frames begin with this
};

class Formats : public Sink, public testing::WithParamInterface<FormatRow> {};

TEST_P (Formats, ArePublishedAsWhatTheyAre) {
  const auto &row = GetParam ();
  if (!strcmp (row.codec, "h265") && !Ref<GstElementFactory>::adopt (gst_element_factory_find ("x265enc")))
    GTEST_SKIP () << "no x265enc";
  launch (std::string ("livekitsink ") + row.source + " ! s." + row.pad);
  play ();
  ASSERT_TRUE (wait_until ([&] { return session_->tracks ().size () == 1; }, 5s))
      << text_of (message (GST_MESSAGE_ERROR, 0s));
  auto track = session_->tracks ()[0];
  EXPECT_EQ (track->spec ().codec, row.codec);
  EXPECT_EQ (track->spec ().name, row.pad);
  ASSERT_TRUE (wait_until ([&] { return track->sender.stats ().frames >= 3; }, 5s))
      << text_of (message (GST_MESSAGE_ERROR, 0s));
  EXPECT_TRUE (g_str_has_prefix (track->sender.caps ().c_str (), row.sent)) << track->sender.caps ();
  auto first = track->sender.sent ()[0];
  EXPECT_GT (first.size, 0u);
  EXPECT_TRUE (first.key || track->spec ().codec == "opus");
}

constexpr const char *kPicture
    = "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=180,framerate=30/1";
const std::string kVp8 = std::string (kPicture) + " ! vp8enc deadline=1";
const std::string kVp9 = std::string (kPicture) + " ! vp9enc deadline=1 cpu-used=8";
const std::string kH264 = std::string (kPicture) + " ! x264enc tune=zerolatency speed-preset=ultrafast";
const std::string kH264Avc = kH264 + " ! video/x-h264,stream-format=avc,alignment=au";
const std::string kH265 = std::string (kPicture) + " ! x265enc tune=zerolatency speed-preset=ultrafast";
const std::string kOpus = "audiotestsrc num-buffers=50 ! audioconvert ! opusenc";

INSTANTIATE_TEST_SUITE_P (
    Sink, Formats,
    testing::Values (
        FormatRow{ "rawAudio", "audiotestsrc num-buffers=50", "audio_0", "opus", "audio/x-opus" },
        FormatRow{ "rawAudioOddRate",
                   "audiotestsrc num-buffers=50 ! audio/x-raw,rate=22050,channels=2,format=F32LE", "audio_0",
                   "opus", "audio/x-opus" },
        FormatRow{ "opus", kOpus.c_str (), "audio_0", "opus", "audio/x-opus" },
        FormatRow{ "rawVideo", kPicture, "video_0", "vp8", "video/x-vp8" },
        FormatRow{ "rawVideoOddSize",
                   "videotestsrc num-buffers=30 ! video/x-raw,width=321,height=181,format=YUY2", "video_0",
                   "vp8", "video/x-vp8" },
        FormatRow{ "vp8", kVp8.c_str (), "video_0", "vp8", "video/x-vp8" },
        FormatRow{ "vp9", kVp9.c_str (), "video_0", "vp9", "video/x-vp9" },
        FormatRow{ "h264", kH264.c_str (), "video_0", "h264", "video/x-h264" },
        FormatRow{ "h264Avc", kH264Avc.c_str (), "video_0", "h264", "video/x-h264" },
        FormatRow{ "h265", kH265.c_str (), "video_0", "h265", "video/x-h265" },
        FormatRow{ "kindByCapsAudio", "audiotestsrc num-buffers=50", "sink_0", "opus", "audio/x-opus" },
        FormatRow{ "kindByCapsVideo", kPicture, "sink_0", "vp8", "video/x-vp8" }),
    [] (const auto &row) { return std::string (row.param.what); });

TEST_F (Sink, PadPropertiesReachThePublication) {
  launch (std::string ("livekitsink video_0::codec=h264 video_0::track-name=cam video_0::source=screen-share "
                       "video_0::stream=st "
                       "video_0::bitrate=300000 video_0::muted=true ")
          + kPicture + " ! s.video_0");
  play ();
  ASSERT_TRUE (wait_until ([&] { return session_->track ("cam") != nullptr; }, 5s));
  const auto &spec = session_->track ("cam")->spec ();
  EXPECT_EQ (spec.codec, "h264");
  EXPECT_EQ (spec.source, TrackSource::ScreenShare);
  EXPECT_EQ (spec.stream, "st");
  EXPECT_EQ (spec.bitrate_bps, 300000u);
  EXPECT_TRUE (spec.muted);
  EXPECT_EQ (spec.width, 320u);
  EXPECT_EQ (spec.height, 180u);
}

TEST_F (Sink, EncoderSetupGivesTheEncoderBeforeItRuns) {
  launch (std::string ("livekitsink ") + kPicture + " ! s.video_0");
  auto s = sink ();
  std::atomic<bool> called{ false };
  auto handler = +[] (GstElement *, GstPad *pad, GstElement *encoder, std::atomic<bool> *flag) {
    EXPECT_STREQ (GST_PAD_NAME (pad), "video_0");
    EXPECT_TRUE (g_object_class_find_property (G_OBJECT_GET_CLASS (encoder), "target-bitrate"));
    *flag = true;
  };
  g_signal_connect (s.get (), "encoder-setup", G_CALLBACK (handler), &called);
  play ();
  EXPECT_TRUE (sends ("video_0", 1));
  EXPECT_TRUE (called);
}

TEST_F (Sink, AnotherSizeIsTheSameTrack) {
  launch ("livekitsink appsrc name=a is-live=true format=time do-timestamp=true "
          "caps=video/x-raw,format=I420,width=320,height=180,framerate=30/1 ! "
          "s.video_0");
  play ();
  auto source = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), "a"));
  auto push = [&] (int width, int height) {
    auto caps = Ref<GstCaps>::adopt (
        gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, width,
                             "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 30, 1, nullptr));
    auto buffer
        = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, gsize (width * height * 3 / 2), nullptr));
    gst_buffer_memset (buffer.get (), 0, 128, gsize (-1));
    auto sample = Ref<GstSample>::adopt (gst_sample_new (buffer.get (), caps.get (), nullptr, nullptr));
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name (source.get (), "push-sample", sample.get (), &flow);
  };
  ASSERT_TRUE (wait_until (
      [&] {
        push (320, 180);
        return sends ("video_0", 2, 20ms);
      },
      5s));
  ASSERT_TRUE (wait_until (
      [&] {
        push (640, 360);
        return session_->track ("video_0")->size () == std::pair (640u, 360u);
      },
      5s));
  EXPECT_EQ (session_->tracks ().size (), 1u);
  EXPECT_FALSE (session_->tracks ()[0]->unpublished);
}

struct RefusedRow {
  const char *what, *line, *says;
};
class Refused : public Sink, public testing::WithParamInterface<RefusedRow> {};

TEST_P (Refused, FormatsEndInOneErrorThatSaysWhy) {
  launch (GetParam ().line);
  play ();
  auto error = message (GST_MESSAGE_EOS);
  ASSERT_EQ (GST_MESSAGE_TYPE (error.get ()), GST_MESSAGE_ERROR);
  EXPECT_NE (text_of (error).find (GetParam ().says), std::string::npos) << text_of (error);
  EXPECT_EQ (GST_MESSAGE_SRC (error.get ()), GST_OBJECT (sink ().get ()));
  EXPECT_TRUE (session_->tracks ().empty ());
}

INSTANTIATE_TEST_SUITE_P (
    Sink, Refused,
    testing::Values (
        RefusedRow{
            "foreignFormat",
            "livekitsink appsrc caps=video/mpeg,mpegversion=2,systemstream=false num-buffers=3 ! s.sink_0 "
            "fakesrc num-buffers=3 sizetype=fixed ! capsfilter name=c caps=image/png ! fakesink",
            "cannot publish video/mpeg" },
        RefusedRow{ "noFormat", "livekitsink fakesrc num-buffers=3 sizetype=fixed sizemax=10 ! s.sink_0",
                    "unknown format" },
        RefusedRow{ "codecOfTheOtherKind",
                    "livekitsink audio_0::codec=vp8 audiotestsrc num-buffers=3 ! s.audio_0",
                    "cannot be encoded as vp8" },
        RefusedRow{ "unknownCodec", "livekitsink audio_0::codec=mp3 audiotestsrc num-buffers=3 ! s.audio_0",
                    "no codec \"mp3\"" }),
    [] (const auto &row) { return std::string (row.param.what); });

TEST_F (Sink, MissingPayloaderIsNamedWithItsPackage) {
  if (Ref<GstElementFactory>::adopt (gst_element_factory_find ("rtpav1pay")))
    GTEST_SKIP () << "rtpav1pay is installed";
  launch ("livekitsink appsrc caps=video/x-av1,width=64,height=64,framerate=30/1 num-buffers=1 ! s.sink_0");
  play ();
  auto error = message (GST_MESSAGE_EOS);
  EXPECT_NE (text_of (error).find ("rtpav1pay"), std::string::npos) << text_of (error);
  EXPECT_NE (text_of (error).find ("install"), std::string::npos) << text_of (error);
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

/// Pushes by hand into a pad of the element.
class Feeder {
public:
  explicit Feeder (GstPad *to)
      : pad_ (Ref<GstPad>::sink (gst_pad_new ("src", GST_PAD_SRC))), to_ (Ref<GstPad>::retain (to)) {
    gst_pad_set_active (pad_.get (), TRUE);
    EXPECT_EQ (gst_pad_link (pad_.get (), to), GST_PAD_LINK_OK);
  }
  ~Feeder () {
    gst_pad_unlink (pad_.get (), to_.get ());
    gst_pad_set_active (pad_.get (), FALSE);
  }
  bool
  begin (const char *stream, const char *caps) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    return gst_pad_push_event (pad_.get (), gst_event_new_stream_start (stream))
           && gst_pad_push_event (
               pad_.get (), gst_event_new_caps (Ref<GstCaps>::adopt (gst_caps_from_string (caps)).get ()))
           && gst_pad_push_event (pad_.get (), gst_event_new_segment (&segment));
  }
  GstFlowReturn
  push (gsize size, GstClockTime pts, GstClockTime duration) {
    auto *buffer = gst_buffer_new_allocate (nullptr, size, nullptr);
    gst_buffer_memset (buffer, 0, 0, size);
    GST_BUFFER_PTS (buffer) = pts;
    GST_BUFFER_DURATION (buffer) = duration;
    return gst_pad_push (pad_.get (), buffer);
  }
  bool
  end () {
    return gst_pad_push_event (pad_.get (), gst_event_new_eos ());
  }

private:
  Ref<GstPad> pad_, to_;
};

constexpr const char *kSound = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";

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
