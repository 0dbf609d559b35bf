// The subscribe side of the bridge: consumers and their removal, loss, blocking, sender time, faults that
// stay inside.
#include "fakes/wait.hpp"
#include "media_util.hpp"

#include <gst/rtp/rtp.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <thread>

using namespace lk;
using namespace lk::media;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

/// RTP packets of a few encoded pictures of this size; the first is a key frame.
std::vector<Ref<GstBuffer>>
rtp_packets (const char *codec_name, int width, int height, guint count) {
  const Codec &codec = *find_codec (codec_name);
  EncodeSpec spec;
  spec.codec = codec_name;
  Harness encoder (make_encode_bin (spec).value ());
  Harness payloader (make_element (codec.payloader).value ());
  encoder.caps (i420 (width, height).c_str ());
  for (guint i = 0; i < count; ++i)
    encoder.push (numbered_picture (width, height, i, i * GST_SECOND / 30));
  auto frames = encoder.drain ();
  payloader.caps (encoder.output_caps ().get ());
  for (auto &frame : frames)
    payloader.push (frame);
  return payloader.drain ();
}

const std::vector<Ref<GstBuffer>> &
vp8_packets () {
  static const auto packets = rtp_packets ("vp8", 64, 64, 20);
  return packets;
}

/// A receiver's sink fed by the test.
class RtpInput {
public:
  RtpInput (FrameReceiver &receiver, const char *codec) {
    const Codec &c = *find_codec (codec);
    const auto &row = *rtc::find_codec (codec);
    auto bin = receiver.make_sink (c, row.clock_rate).value ();
    h_ = gst_harness_new_with_element (bin.get (), "sink", nullptr);
    std::string caps = "application/x-rtp,media=" + std::string (row.channels ? "audio" : "video")
                       + ",payload=" + std::to_string (row.payload)
                       + ",clock-rate=" + std::to_string (row.clock_rate) + ",encoding-name=" + row.encoding
                       + (row.channels ? ",encoding-params=(string)2" : "");
    gst_harness_set_src_caps_str (h_, caps.c_str ());
  }
  ~RtpInput () { gst_harness_teardown (h_); }
  /// Under the next sequence number, so that packets may come again in any order.
  GstFlowReturn
  push (const Ref<GstBuffer> &packet) {
    GstBuffer *copy = gst_buffer_copy_deep (packet.get ());
    GST_BUFFER_FLAG_UNSET (copy, GST_BUFFER_FLAG_DISCONT);
    if (discont_.exchange (false)) GST_BUFFER_FLAG_SET (copy, GST_BUFFER_FLAG_DISCONT);
    uint16_t number = sequence_++;
    guint8 bytes[2] = { static_cast<guint8> (number >> 8), static_cast<guint8> (number) };
    gst_buffer_fill (copy, 2, bytes, 2);
    return gst_harness_push (h_, copy);
  }
  void
  event (GstEvent *event) {
    gst_harness_push_event (h_, event);
  }
  /// That went on towards the sender.
  unsigned
  keyframe_requests () {
    unsigned found = 0;
    while (auto event = Ref<GstEvent>::adopt (gst_harness_try_pull_upstream_event (h_)))
      found += gst_video_event_is_force_key_unit (event.get ()) ? 1 : 0;
    return found;
  }
  /// The next packet comes after a hole of this many that no event tells of.
  void
  skip (uint16_t packets) {
    sequence_ = static_cast<uint16_t> (sequence_ + packets);
    discont_ = true;
  }
  void
  lost (GstClockTime from, GstClockTime duration) {
    event (gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                                 gst_structure_new ("GstRTPPacketLost", "seqnum", G_TYPE_UINT, 1u,
                                                    "timestamp", G_TYPE_UINT64, from, "duration",
                                                    G_TYPE_UINT64, duration, nullptr)));
  }

private:
  GstHarness *h_;
  std::atomic<uint16_t> sequence_{ 0 };
  std::atomic<bool> discont_{ false };
};

/// Holds each call until it is released.
class Blocker : public FrameConsumer {
public:
  void
  on_frame (const Frame &) override {
    ++entered;
    std::unique_lock hold (lock_);
    released_.wait (hold, [this] { return open_; });
    ++left;
  }
  void
  on_lost (GstClockTime, GstClockTime) override {}
  void
  open () {
    std::lock_guard hold (lock_);
    open_ = true;
    released_.notify_all ();
  }
  std::atomic<int> entered{ 0 }, left{ 0 };

private:
  std::mutex lock_;
  std::condition_variable released_;
  bool open_ = false;
};

class MediaReceiver : public testing::Test {
protected:
  void
  SetUp () override {
    init_gst ();
  }
  std::atomic<int> asked{ 0 }, dropping_on{ 0 }, dropping_off{ 0 };
  std::shared_ptr<FrameReceiver> receiver = FrameReceiver::create (
      { [this] { ++asked; }, [this] (bool on) { ++(on ? dropping_on : dropping_off); } });
  std::shared_ptr<Collector> collector = std::make_shared<Collector> ();
};

} // namespace

TEST_F (MediaReceiver, WithoutAConsumerFramesAreCountedAndDropped) {
  RtpInput input (*receiver, "vp8");
  for (auto &packet : vp8_packets ())
    EXPECT_EQ (input.push (packet), GST_FLOW_OK);
  auto stats = receiver->stats ();
  EXPECT_EQ (stats.frames, 20u);
  EXPECT_EQ (stats.keyframes, 1u);
  EXPECT_EQ (stats.dropped_no_consumer, 20u);
  EXPECT_LT (GST_CLOCK_DIFF (stats.last_frame, monotonic_now ()), GstClockTimeDiff (5 * GST_SECOND));
}

TEST_F (MediaReceiver, AllConsumersGetTheSameFramesWithTheSameCapsObject) {
  auto second = std::make_shared<Collector> ();
  receiver->add_consumer (collector);
  receiver->add_consumer (second);
  RtpInput input (*receiver, "vp8");
  for (auto &packet : vp8_packets ())
    input.push (packet);
  EXPECT_EQ (collector->count (), 20u) << "the first is called directly";
  ASSERT_TRUE (wait_until ([&] { return second->count () == 20; }, 5s));
  auto frames = collector->frames (), copies = second->frames ();
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ (frames[i].buffer, copies[i].buffer);
    EXPECT_EQ (frames[i].caps, frames[0].caps);
  }
  receiver->remove_consumer (collector);
  receiver->remove_consumer (second);
}

TEST_F (MediaReceiver, AConsumerThatComesLaterStartsAtAKeyFrameAndAsksForOne) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  auto &packets = vp8_packets ();
  input.push (packets[0]);
  input.push (packets[1]);
  EXPECT_EQ (collector->count (), 2u);
  auto second = std::make_shared<Collector> ();
  receiver->add_consumer (second);
  EXPECT_TRUE (wait_until (
      [&] {
        input.push (packets[2]);
        return asked > 0;
      },
      2s));
  input.push (packets[0]);
  ASSERT_TRUE (wait_until ([&] { return second->count () == 1; }, 5s));
  EXPECT_FALSE (GST_BUFFER_FLAG_IS_SET (second->frames ()[0].buffer.get (), GST_BUFFER_FLAG_DELTA_UNIT));
  receiver->remove_consumer (second);
}

TEST_F (MediaReceiver, AStreamThatBeginsWithoutAKeyFrameIsAskedForOneEverySecondAndByNobodyElse) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  GstClockTime start = monotonic_now ();
  while (asked < 2 && monotonic_now () - start < 10 * GST_SECOND) {
    input.push (vp8_packets ()[1]);
    std::this_thread::sleep_for (5ms); // the pace of the packets
  }
  EXPECT_EQ (asked, 2);
  EXPECT_GE (monotonic_now () - start, 2 * GST_SECOND) << "the server begins with one by itself";
  EXPECT_EQ (input.keyframe_requests (), 0u) << "the depayloader's own";
  EXPECT_EQ (collector->count (), 0u);
  input.push (vp8_packets ()[0]);
  EXPECT_EQ (collector->count (), 1u);
}

TEST_F (MediaReceiver, LossIsReportedAndVideoWaitsForTheNextKeyFrame) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  auto &packets = vp8_packets ();
  input.push (packets[0]);
  input.push (packets[1]);
  input.lost (GST_SECOND, 20 * GST_MSECOND);
  EXPECT_EQ (collector->losses (), 1u);
  EXPECT_EQ (receiver->stats ().lost_events, 1u);
  EXPECT_TRUE (wait_until (
      [&] {
        input.push (packets[3]);
        return asked > 0;
      },
      2s));
  EXPECT_EQ (collector->count (), 2u) << "frames without their references are not delivered";
  input.push (packets[0]);
  EXPECT_EQ (collector->count (), 3u);
}

TEST_F (MediaReceiver, AfterAnUnexplainedBreakVideoWaitsForTheNextKeyFrameToo) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  auto &packets = vp8_packets ();
  input.push (packets[0]);
  input.push (packets[1]);
  input.skip (5000);
  input.push (packets[9]);
  input.push (packets[10]);
  EXPECT_EQ (collector->count (), 2u);
  EXPECT_EQ (collector->losses (), 0u);
  input.push (packets[0]);
  input.push (packets[1]);
  EXPECT_EQ (collector->count (), 4u);
}

TEST_F (MediaReceiver, BlankFramesAtATracksEndAreNotDelivered) {
  for (auto [codec, size] : { std::pair{ "vp8", 8 }, std::pair{ "h264", 2 } }) {
    auto own = FrameReceiver::create ({ [] {}, [] (bool) {} });
    auto frames = std::make_shared<Collector> ();
    own->add_consumer (frames);
    RtpInput input (*own, codec);
    for (auto &packet : rtp_packets (codec, 320, 240, 3))
      input.push (packet);
    EXPECT_EQ (frames->count (), 3u);
    for (auto &packet : rtp_packets (codec, size, size, 4))
      input.push (packet);
    EXPECT_EQ (frames->count (), 3u) << codec;
    EXPECT_EQ (own->stats ().dropped_blank, 4u) << codec;
    for (auto &packet : rtp_packets (codec, 320, 240, 2))
      input.push (packet);
    EXPECT_EQ (frames->count (), 5u) << codec << ": another track on the same section";
  }
}

TEST_F (MediaReceiver, FlowErrorsAndBusErrorsStayInside) {
  receiver->add_consumer (collector);
  auto sink = receiver->make_sink (*find_codec ("h264"), 90000).value ();
  auto pipeline = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline.get ()), sink.get ());
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (sink.get (), "sink"));
  auto source = Ref<GstPad>::sink (gst_pad_new ("src", GST_PAD_SRC));
  gst_pad_set_active (source.get (), TRUE);
  ASSERT_EQ (gst_pad_link (source.get (), pad.get ()), GST_PAD_LINK_OK);
  gst_pad_push_event (source.get (), gst_event_new_stream_start ("s"));
  auto caps = caps_of (
      "application/"
      "x-rtp,media=video,payload=108,clock-rate=90000,encoding-name=H264,packetization-mode=(string)1");
  gst_pad_push_event (source.get (), gst_event_new_caps (caps.get ()));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (source.get (), gst_event_new_segment (&segment));

  // Noise with a valid RTP header, single NAL units, aggregates and fragments of all kinds, short packets.
  guint32 random = 1;
  for (guint i = 0; i < 3000; ++i) {
    guint8 bytes[64];
    for (auto &byte : bytes)
      byte = static_cast<guint8> ((random = random * 1664525 + 1013904223) >> 24);
    bytes[0] = 0x80;
    bytes[1] = static_cast<guint8> (108 | (i % 3 ? 0 : 0x80));
    bytes[2] = static_cast<guint8> (i >> 8);
    bytes[3] = static_cast<guint8> (i);
    gsize size = i % 50 == 0 ? i % 13 : sizeof bytes;
    auto *buffer = gst_buffer_new_memdup (bytes, std::max<gsize> (size, 1));
    GST_BUFFER_PTS (buffer) = i * GST_MSECOND;
    ASSERT_EQ (gst_pad_push (source.get (), buffer), GST_FLOW_OK) << i;
  }
  EXPECT_TRUE (gst_pad_push_event (source.get (), gst_event_new_eos ()));
  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline.get ()));
  auto message = Ref<GstMessage>::adopt (
      gst_bus_pop_filtered (bus.get (), static_cast<GstMessageType> (GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
  EXPECT_FALSE (message);
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  gst_pad_set_active (source.get (), FALSE);
}

TEST_F (MediaReceiver, ABlockedConsumerIsReportedWithinOneAndAHalfSecondsAndItsReturnAsWell) {
  auto blocker = std::make_shared<Blocker> ();
  receiver->add_consumer (blocker);
  RtpInput input (*receiver, "vp8");
  GstClockTime start = monotonic_now ();
  std::thread streaming ([&] { input.push (vp8_packets ()[0]); });
  EXPECT_TRUE (wait_until ([&] { return dropping_on == 1; }, 5s));
  GstClockTime took = monotonic_now () - start;
  EXPECT_GE (took, GST_SECOND);
  EXPECT_LE (took, 1600 * GST_MSECOND);
  EXPECT_EQ (dropping_off, 0);
  int asked_before = asked;
  blocker->open ();
  streaming.join ();
  EXPECT_EQ (dropping_on, 1);
  EXPECT_EQ (dropping_off, 1);
  EXPECT_GT (asked, asked_before) << "frames were dropped meanwhile";
  receiver->remove_consumer (blocker);
}

TEST_F (MediaReceiver, AConsumerBehindAQueueBlocksNobody) {
  auto blocker = std::make_shared<Blocker> ();
  receiver->add_consumer (collector);
  receiver->add_consumer (blocker);
  RtpInput input (*receiver, "vp8");
  auto &packets = vp8_packets ();
  for (int round = 0; round < 20; ++round)
    for (auto &packet : packets)
      input.push (packet);
  EXPECT_EQ (collector->count (), 400u);
  EXPECT_TRUE (wait_until ([&] { return blocker->entered == 1; }, 5s));
  auto dropped = receiver->stats ().dropped_queue;
  EXPECT_GE (dropped, 1u);
  blocker->open ();
  receiver->remove_consumer (blocker);
  int after = blocker->left;
  EXPECT_LE (after, 130);
  input.push (packets[0]);
  EXPECT_EQ (blocker->left, after);
}

TEST_F (MediaReceiver, RemoveWaitsForTheRunningCallAndIsFinal) {
  auto blocker = std::make_shared<Blocker> ();
  receiver->add_consumer (blocker);
  RtpInput input (*receiver, "vp8");
  std::thread streaming ([&] { input.push (vp8_packets ()[0]); });
  ASSERT_TRUE (wait_until ([&] { return blocker->entered == 1; }, 5s));
  std::atomic<bool> removed{ false };
  int left_at_return = -1;
  std::thread remover ([&] {
    receiver->remove_consumer (blocker);
    left_at_return = blocker->left;
    removed = true;
  });
  blocker->open ();
  remover.join ();
  streaming.join ();
  EXPECT_EQ (left_at_return, 1) << "the call had returned";
  input.push (vp8_packets ()[0]);
  EXPECT_EQ (blocker->entered, 1);
}

TEST_F (MediaReceiver, AConsumerMayRemoveItselfFromInsideACall) {
  struct Suicide : FrameConsumer {
    void
    on_frame (const Frame &) override {
      ++calls;
      receiver->remove_consumer (self.lock ());
    }
    void
    on_lost (GstClockTime, GstClockTime) override {}
    FrameReceiver *receiver = nullptr;
    std::weak_ptr<FrameConsumer> self;
    std::atomic<int> calls{ 0 };
  };
  for (bool queued : { false, true }) {
    if (queued) receiver->add_consumer (collector);
    auto one = std::make_shared<Suicide> ();
    one->receiver = receiver.get ();
    one->self = one;
    receiver->add_consumer (one);
    RtpInput input (*receiver, "vp8");
    for (auto &packet : vp8_packets ())
      input.push (packet);
    EXPECT_TRUE (wait_until ([&] { return one->calls == 1; }, 5s));
    std::weak_ptr<Suicide> weak = one;
    one.reset ();
    EXPECT_TRUE (wait_until ([&] { return weak.expired (); }, 5s)) << "nothing keeps it";
  }
}

TEST_F (MediaReceiver, NoCallFollowsRemovalInAnyRace) {
  struct Fragile : FrameConsumer {
    void
    on_frame (const Frame &) override {
      if (gone) ++late;
      ++calls;
    }
    void
    on_lost (GstClockTime, GstClockTime) override {
      if (gone) ++late;
    }
    std::atomic<bool> gone{ false };
    std::atomic<int> calls{ 0 }, late{ 0 };
  };
  receiver->add_consumer (collector);
  receiver->remove_consumer (collector);
  RtpInput input (*receiver, "vp8");
  std::atomic<bool> stop{ false };
  std::thread streaming ([&] {
    while (!stop) {
      for (auto &packet : vp8_packets ())
        input.push (packet);
      input.lost (0, 1);
    }
  });
  int late = 0, calls = 0;
  for (int i = 0; i < 150; ++i) {
    auto a = std::make_shared<Fragile> (), b = std::make_shared<Fragile> ();
    receiver->add_consumer (a);
    receiver->add_consumer (b);
    wait_until ([&] { return a->calls > 0 && b->calls > 0; }, 5s);
    for (auto &one : { i % 2 ? a : b, i % 2 ? b : a }) {
      receiver->remove_consumer (one);
      one->gone = true;
      calls += one->calls;
    }
    std::this_thread::yield ();
    late += a->late + b->late;
  }
  stop = true;
  streaming.join ();
  EXPECT_EQ (late, 0);
  EXPECT_GT (calls, 300);
}

TEST_F (MediaReceiver, AfterUnbindAndOnANewSinkTheOldOneIsSilent) {
  receiver->add_consumer (collector);
  RtpInput old (*receiver, "vp8");
  old.push (vp8_packets ()[0]);
  EXPECT_EQ (collector->count (), 1u);
  receiver->unbind ();
  old.push (vp8_packets ()[0]);
  EXPECT_EQ (collector->count (), 1u);
  EXPECT_FALSE (receiver->last_point ());
  RtpInput next (*receiver, "vp8");
  old.push (vp8_packets ()[0]);
  EXPECT_EQ (collector->count (), 1u);
  next.push (vp8_packets ()[0]);
  EXPECT_EQ (collector->count (), 2u);
}

TEST_F (MediaReceiver, OldAndNewTransportNeverCallAConsumerAtOnce) {
  struct Exclusive : FrameConsumer {
    void
    on_frame (const Frame &) override {
      if (++inside > 1) ++overlaps;
      std::this_thread::yield ();
      --inside;
      ++calls;
    }
    void
    on_lost (GstClockTime, GstClockTime) override {}
    std::atomic<int> inside{ 0 }, overlaps{ 0 }, calls{ 0 };
  };
  auto one = std::make_shared<Exclusive> ();
  receiver->add_consumer (one);
  for (int i = 0; i < 30; ++i) {
    RtpInput a (*receiver, "vp8");
    std::thread first ([&] {
      for (auto &packet : vp8_packets ())
        a.push (packet);
    });
    RtpInput b (*receiver, "vp8");
    for (auto &packet : vp8_packets ())
      b.push (packet);
    first.join ();
  }
  EXPECT_EQ (one->overlaps, 0);
  EXPECT_GE (one->calls, 30 * 20);
}

TEST_F (MediaReceiver, FramesCarryTheSendersTimeOnceAReportIsKnown) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  auto &packets = vp8_packets ();
  input.push (packets[0]);
  auto meta_time = [] (const Frame &frame) {
    auto *meta = gst_buffer_get_reference_timestamp_meta (frame.buffer.get (), nullptr);
    return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
  };
  EXPECT_EQ (meta_time (collector->frames ()[0]), GST_CLOCK_TIME_NONE);

  auto point = receiver->last_point ();
  ASSERT_TRUE (point);
  EXPECT_EQ (point->pts, GST_BUFFER_PTS (packets[0].get ()));
  guint8 word[4];
  gst_buffer_extract (packets[0].get (), 4, word, 4);
  EXPECT_EQ (point->rtp_time, GST_READ_UINT32_BE (word));

  // The report says: packet 0's RTP time + 1 s (wrapping or not) was 2026-01-01T00:00:01Z.
  constexpr uint64_t kUnix = 1767225600;
  receiver->set_sender_report ((kUnix + 1 + 2208988800ull) << 32, point->rtp_time + 90000);
  for (size_t i = 1; i < packets.size (); ++i)
    input.push (packets[i]);
  auto frames = collector->frames ();
  ASSERT_EQ (frames.size (), 20u);
  for (size_t i = 1; i < frames.size (); ++i) {
    double expected = static_cast<double> (kUnix) * 1e9 + static_cast<double> (i) * 1e9 / 30;
    EXPECT_NEAR (static_cast<double> (meta_time (frames[i])), expected, 50e3) << i;
    auto *meta = gst_buffer_get_reference_timestamp_meta (frames[i].buffer.get (), nullptr);
    EXPECT_TRUE (gst_structure_has_name (gst_caps_get_structure (meta->reference, 0), "timestamp/x-unix"));
  }
}

TEST_F (MediaReceiver, ASenderWhoseClockIsNotSetHasNoTime) {
  receiver->add_consumer (collector);
  RtpInput input (*receiver, "vp8");
  receiver->set_sender_report (5ull << 32, 0);
  input.push (vp8_packets ()[0]);
  EXPECT_FALSE (gst_buffer_get_reference_timestamp_meta (collector->frames ()[0].buffer.get (), nullptr));
}
