// From raw media through encoder, payloader, RTP, depayloader and decoder back to raw media, for every codec
// that is installed.
#include "media_util.hpp"

#include "fakes/wait.hpp"

#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace lk;
using namespace lk::media;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

class MediaLoop : public testing::Test {
protected:
  void
  SetUp () override {
    init_gst ();
  }

  /// Encoded frames of the pushed pictures, each sent over the wire; waits until they are received.
  std::shared_ptr<FrameSender> sender;
  std::shared_ptr<FrameReceiver> receiver = FrameReceiver::create ({ [] {}, [] (bool) {} });
  std::shared_ptr<Collector> collector = std::make_shared<Collector> ();
};

} // namespace

TEST_F (MediaLoop, OpusToneArrivesWithItsFrequencyAndTimestamps) {
  const Codec &opus = *find_codec ("opus");
  EncodeSpec spec;
  spec.codec = "opus";
  Harness encoder (make_encode_bin (spec).value ());
  encoder.caps ("audio/x-raw,format=S16LE,layout=interleaved,rate=44100,channels=2");
  sender = FrameSender::create (opus);
  receiver->add_consumer (collector);
  Wire wire (*sender, *receiver, opus, true);
  ASSERT_TRUE (wire.linked ());

  constexpr guint kBlock = 1024;
  for (guint i = 0; i < 100; ++i)
    encoder.push (tone (1000, 44100, 2, guint64 (i) * kBlock, kBlock));
  auto encoded = encoder.drain ();
  ASSERT_GT (encoded.size (), 110u);
  sender->set_caps (encoder.output_caps ().get ());
  for (size_t i = 0; i < encoded.size (); ++i) {
    EXPECT_TRUE (sender->push (encoded[i]));
    ASSERT_TRUE (wait_until ([&] { return collector->count () == i + 1; }, 5s)) << i;
  }

  Harness decoder (make_decode_bin (opus).value ());
  auto frames = collector->frames ();
  decoder.caps (frames[0].caps.get ());
  std::vector<gint16> pcm;
  for (auto &frame : frames) {
    EXPECT_EQ (GST_BUFFER_DURATION (frame.buffer.get ()), 20 * GST_MSECOND);
    decoder.push (frame.buffer);
  }
  GstClockTime next = GST_CLOCK_TIME_NONE;
  for (auto &buffer : decoder.drain ()) {
    if (GST_CLOCK_TIME_IS_VALID (next)) {
      EXPECT_NEAR (double (GST_BUFFER_PTS (buffer.get ())), double (next), 30e3);
    }
    next = GST_BUFFER_PTS (buffer.get ()) + GST_BUFFER_DURATION (buffer.get ());
    append_left (pcm, buffer.get ());
  }
  ASSERT_GT (pcm.size (), 48000u * 2);
  pcm.erase (pcm.begin (), pcm.begin () + 4800); // the codec's start
  EXPECT_GT (tone_share (pcm, 1000, 48000), 0.95);
  EXPECT_LT (tone_share (pcm, 1500, 48000), 0.01);
}

class MediaLoopVideo : public MediaLoop, public testing::WithParamInterface<const char *> {};

TEST_P (MediaLoopVideo, PicturesArriveInOrderAtTheirSizeAndChangeSizeMidStream) {
  const Codec &codec = *find_codec (GetParam ());
  ASSERT_TRUE (rtc::find_codec (codec.name));
  const auto &can_send = publishable_codecs ();
  const auto &can_receive = receivable_codecs ();
  if (std::ranges::find (can_send, codec.name) == can_send.end ()
      || std::ranges::find (can_receive, codec.name) == can_receive.end ())
    GTEST_SKIP () << "no payloader for " << codec.name << " on this machine";

  EncodeSpec spec;
  spec.codec = codec.name;
  Harness encoder (make_encode_bin (spec).value ());
  Harness decoder (make_decode_bin (codec).value ());
  sender = FrameSender::create (codec);
  receiver->add_consumer (collector);
  Wire wire (*sender, *receiver, codec);
  ASSERT_TRUE (wire.linked ());

  struct Part {
    int width, height;
  };
  guint number = 1;
  size_t sent = 0, decoded_total = 0;
  for (Part part : { Part{ 320, 240 }, Part{ 640, 360 } }) {
    encoder.caps (i420 (part.width, part.height).c_str ());
    guint first = number;
    for (int i = 0; i < 20; ++i, ++number)
      encoder.push (numbered_picture (part.width, part.height, number, number * GST_SECOND / 30));
    auto encoded = encoder.drain ();
    ASSERT_EQ (encoded.size (), 20u);
    sender->set_caps (encoder.output_caps ().get ());
    for (auto &frame : encoded) {
      EXPECT_TRUE (sender->push (frame));
      ++sent;
      // A depayloader may hold a frame until the next one begins.
      ASSERT_TRUE (
          wait_until ([&] { return sender->stats ().queued == 0 && collector->count () + 1 >= sent; }, 5s))
          << sent;
    }
    ASSERT_TRUE (wait_until ([&] { return collector->count () == sent; }, 5s)) << collector->count ();
    auto frames = collector->frames ();
    frames.erase (frames.begin (), frames.begin () + static_cast<long> (decoded_total));
    decoded_total = sent;
    guint expected = first;
    Ref<GstCaps> last;
    for (auto &frame : frames) {
      if (!last || !gst_caps_is_equal (last.get (), frame.caps.get ())) decoder.caps (frame.caps.get ());
      last = frame.caps;
      EXPECT_FALSE (GST_BUFFER_DTS_IS_VALID (frame.buffer.get ()));
      ASSERT_EQ (decoder.push (frame.buffer), GST_FLOW_OK);
      while (auto picture = decoder.try_pull ()) {
        GstVideoInfo info;
        ASSERT_TRUE (gst_video_info_from_caps (&info, decoder.output_caps ().get ()));
        EXPECT_EQ (info.width, part.width);
        EXPECT_EQ (info.height, part.height);
        EXPECT_EQ (read_number (picture.get (), part.width, part.height), expected & 0xff);
        EXPECT_NEAR (double (GST_BUFFER_PTS (picture.get ())), double (expected) * GST_SECOND / 30, 12e3);
        ++expected;
      }
    }
    EXPECT_EQ (expected, number) << "every picture is decoded at once";
    int width = 0;
    gst_structure_get_int (gst_caps_get_structure (last.get (), 0), "width", &width);
    EXPECT_EQ (width, part.width) << "bridge caps carry the size";
  }
  EXPECT_EQ (receiver->stats ().keyframes, 2u);
}

INSTANTIATE_TEST_SUITE_P (Codecs, MediaLoopVideo, testing::Values ("vp8", "h264", "vp9", "av1", "h265"));
