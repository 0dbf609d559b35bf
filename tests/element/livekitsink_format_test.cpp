// livekitsink on a fake session: what it publishes as what, and what it refuses.
#include "livekitsink_util.hpp"

namespace {

using namespace lk;
using namespace lk::test;

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

} // namespace
