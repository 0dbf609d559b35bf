#include "rtc/aux_sender.hpp"
#include "rtc/flow_guard.hpp"
#include "rtc/loss_watch.hpp"
#include "rtc/pad_blocks.hpp"
#include "rtc/payload_types.hpp"
#include "rtc/peer.hpp"
#include "rtc/repeat_time.hpp"

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <future>

namespace lk::test {
namespace {

using namespace std::chrono_literals;
using rtc::LossWatch;
using rtc::RepeatTime;

struct Elements : testing::Test {
  GstHarness *harness = nullptr;

  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
  }
  GstHarness *
  use (GstElement *element) {
    auto owned = Ref<GstElement>::sink (element);
    harness = gst_harness_new_with_element (owned.get (), "sink", "src");
    gst_harness_set_src_caps_str (
        harness, "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=111");
    return harness;
  }
  void
  TearDown () override {
    if (harness) gst_harness_teardown (harness);
  }
  GstBuffer *
  packet (uint8_t payload_type) {
    GstBuffer *buffer = gst_buffer_new_allocate (nullptr, 12, nullptr);
    guint8 header[12] = { 0x80, payload_type };
    gst_buffer_fill (buffer, 0, header, sizeof header);
    return buffer;
  }
  /// Transport-cc feedback as rtpsession sends it upstream.
  GstEvent *
  feedback (int received, int lost) {
    GValue value = G_VALUE_INIT;
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    GValueArray *packets = g_value_array_new (0);
    for (int i = 0; i < received + lost; ++i) {
      GValue entry = G_VALUE_INIT;
      g_value_init (&entry, GST_TYPE_STRUCTURE);
      g_value_take_boxed (
          &entry, gst_structure_new ("RTPTWCCPacket", "lost", G_TYPE_BOOLEAN, gboolean (i < lost), nullptr));
      g_value_array_append (packets, &entry);
      g_value_unset (&entry);
    }
    g_value_init (&value, g_value_array_get_type ());
    G_GNUC_END_IGNORE_DEPRECATIONS
    g_value_take_boxed (&value, packets);
    GstStructure *structure = gst_structure_new_empty ("RTPTWCCPackets");
    gst_structure_take_value (structure, "packets", &value);
    return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, structure);
  }
};

TEST_F (Elements, FlowGuardAnswersOkWhateverHappensBehindIt) {
  auto *h = use (rtc::flow_guard_new ("guard"));
  EXPECT_EQ (gst_harness_push (h, packet (111)), GST_FLOW_OK);
  gst_pad_set_active (h->sinkpad, FALSE);
  EXPECT_EQ (gst_harness_push (h, packet (111)), GST_FLOW_OK);
  EXPECT_EQ (rtc::flow_guard_stats (h->element).refused, 1u);
  gst_pad_set_active (h->sinkpad, TRUE);
}

TEST_F (Elements, FlowGuardKeepsEndOfStreamAndFlushesToItself) {
  auto *h = use (rtc::flow_guard_new ("guard"));
  gst_harness_push (h, packet (111));
  auto before = gst_harness_events_received (h);
  EXPECT_TRUE (gst_harness_push_event (h, gst_event_new_flush_start ()));
  EXPECT_TRUE (gst_harness_push_event (h, gst_event_new_flush_stop (FALSE)));
  EXPECT_TRUE (gst_harness_push_event (h, gst_event_new_eos ()));
  EXPECT_EQ (gst_harness_events_received (h), before);
}

TEST_F (Elements, ClosedFlowGuardDropsAndCounts) {
  auto *h = use (rtc::flow_guard_new ("guard"));
  rtc::flow_guard_set_open (h->element, false);
  EXPECT_EQ (gst_harness_push (h, packet (111)), GST_FLOW_OK);
  EXPECT_EQ (gst_harness_buffers_received (h), 0u);
  EXPECT_EQ (rtc::flow_guard_stats (h->element).dropped, 1u);
}

TEST_F (Elements, AuxSenderWritesTheTransportCcIdIntoCapsThatLostIt) {
  auto *h = use (rtc::aux_sender_new ());
  gst_harness_push (h, packet (111));
  auto caps = Ref<GstCaps>::adopt (gst_pad_get_current_caps (h->sinkpad));
  auto field = "extmap-" + std::to_string (rtc::kExtTransportCc.id);
  EXPECT_STREQ (gst_structure_get_string (gst_caps_get_structure (caps.get (), 0), field.c_str ()),
                rtc::kExtTransportCc.uri);
}

TEST_F (Elements, AuxSenderConsumesFeedback) {
  auto *h = use (rtc::aux_sender_new ());
  gst_harness_push (h, packet (111));
  auto before = gst_harness_upstream_events_received (h);
  EXPECT_TRUE (gst_harness_push_upstream_event (h, feedback (18, 3)));
  EXPECT_EQ (gst_harness_upstream_events_received (h), before);
  auto stats = rtc::aux_sender_stats (h->element);
  EXPECT_EQ (stats.feedbacks, 1u);
  EXPECT_EQ (stats.reported, 21u);
  EXPECT_EQ (stats.lost, 3u);
  // Everything else passes.
  gst_harness_push_upstream_event (
      h, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
  EXPECT_EQ (gst_harness_upstream_events_received (h), before + 1);
}

TEST (LossWatch, AsksForAKeyFrameWhenLossesStayUnrepeated) {
  LossWatch watch;
  watch.reported (10s, 6);
  EXPECT_FALSE (watch.keyframe_due (10s + 400ms));
  EXPECT_TRUE (watch.keyframe_due (10s + 500ms));
  EXPECT_FALSE (watch.keyframe_due (20s));
}

TEST (LossWatch, RetransmissionPaysForLosses) {
  LossWatch watch;
  watch.reported (10s, 6);
  for (int i = 0; i < 3; ++i)
    watch.retransmitted ();
  EXPECT_FALSE (watch.keyframe_due (11s)); // three are tolerated
  watch.reported (11s, 1);
  EXPECT_TRUE (watch.keyframe_due (12s));
}

TEST (LossWatch, AsksAtMostEveryTwoSeconds) {
  LossWatch watch;
  watch.reported (10s, 6);
  EXPECT_TRUE (watch.keyframe_due (11s));
  watch.reported (11s, 6);
  EXPECT_FALSE (watch.keyframe_due (12s));
  EXPECT_TRUE (watch.keyframe_due (13s));
}

TEST (LossWatch, AsksWhenASilenceIsOver) {
  LossWatch watch;
  for (auto at = 10s; at < 14s; at += 1s)
    watch.sent (at);
  EXPECT_FALSE (watch.keyframe_due (14s));
  watch.reported (14s, 0);
  EXPECT_TRUE (watch.keyframe_due (14s));
  watch.sent (14s);
  watch.reported (14s + 100ms, 0);
  EXPECT_FALSE (watch.keyframe_due (20s));
}

TEST (LossWatch, TakesNoPauseOfTheSenderForASilence) {
  LossWatch watch;
  for (auto at = 10s; at < 20s; at += 2s) {
    watch.sent (at);
    watch.reported (at + 100ms, 0);
    EXPECT_FALSE (watch.keyframe_due (at + 100ms));
  }
}

TEST (RepeatTime, IsPatientUntilItKnows) {
  EXPECT_EQ (RepeatTime ().timeout (), 250ms);
}

TEST (RepeatTime, LearnsFromTheFirstRequestOnALongPathToo) {
  RepeatTime time;
  for (uint16_t seqnum = 0; seqnum < 8; ++seqnum) {
    Nanos now = seqnum * 1s;
    time.asked (now, seqnum);
    time.asked (now + 250ms, seqnum); // before the answer can be here
    time.came (now + 600ms, seqnum);
  }
  EXPECT_EQ (time.timeout (), 750ms);
}

TEST (RepeatTime, IsNotMisledByRequestsThatWereLost) {
  RepeatTime time;
  for (uint16_t seqnum = 0; seqnum < 16; ++seqnum) {
    time.asked (seqnum * 1s, seqnum);
    time.came (seqnum * 1s + (seqnum % 3 == 0 ? 350ms : 100ms), seqnum);
  }
  EXPECT_EQ (time.timeout (), 125ms);
}

TEST (RepeatTime, KnowsNothingOfWhatItDidNotAskFor) {
  RepeatTime time;
  time.came (1s, 7);
  time.asked (2s, 8);
  for (uint16_t seqnum = 100; seqnum < 1100; ++seqnum)
    time.asked (2s, seqnum); // bounded: the oldest is forgotten
  time.came (2s + 10ms, 8);
  EXPECT_EQ (time.timeout (), 250ms);
}

struct BlockedPad : Elements {
  rtc::PadBlocks blocks;
  std::future<GstFlowReturn> pushed;

  GstPad *
  start () {
    use (gst_element_factory_make ("identity", nullptr));
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (harness->element, "src"));
    return pad.get (); // the element keeps it
  }
  void
  push () {
    pushed = std::async (std::launch::async, [this] { return gst_harness_push (harness, packet (111)); });
  }
  bool
  waits (GstPad *pad) {
    for (auto end = std::chrono::steady_clock::now () + 5s; !gst_pad_is_blocking (pad);)
      if (pushed.wait_for (1ms) == std::future_status::ready || std::chrono::steady_clock::now () > end)
        return false;
    return true;
  }
  void
  TearDown () override {
    blocks.end (); // whatever has failed, the thread ends
    if (pushed.valid ()) pushed.wait ();
    Elements::TearDown ();
  }
  bool
  arrives () {
    return pushed.wait_for (5s) == std::future_status::ready && pushed.get () == GST_FLOW_OK
           && gst_harness_buffers_received (harness) == 1;
  }
};

TEST_F (BlockedPad, LetsPacketsOnWhenItIsReleased) {
  auto *pad = start ();
  blocks.block (pad);
  push ();
  ASSERT_TRUE (waits (pad));
  blocks.release (pad);
  EXPECT_TRUE (arrives ());
}

TEST_F (BlockedPad, LetsPacketsOnAtTheEndOfAllWaiting) {
  auto *pad = start ();
  blocks.block (pad);
  push ();
  ASSERT_TRUE (waits (pad));
  blocks.end ();
  EXPECT_TRUE (arrives ());
}

TEST_F (BlockedPad, NoneComesIntoBeingAfterTheEnd) {
  auto *pad = start ();
  blocks.end ();
  blocks.block (pad);
  push ();
  EXPECT_TRUE (arrives ());
}

TEST_F (Elements, NothingThatATransportNeedsIsMissingHere) {
  EXPECT_EQ (rtc::missing_transport_elements (), "");
}

} // namespace
} // namespace lk::test
