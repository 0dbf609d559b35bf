// The publish side of the bridge: what is dropped when, key frame requests, RTP caps, life cycle.
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

/// A real access unit, small enough for one packet. Its PTS is the caller's.
Ref<GstBuffer>
vp8_frame (bool key, GstClockTime pts) {
  static const std::vector<Ref<GstBuffer>> kUnits = [] {
    EncodeSpec spec;
    spec.codec = "vp8";
    Harness encoder (make_encode_bin (spec).value ());
    encoder.caps (i420 (64, 64).c_str ());
    for (guint i = 0; i < 2; ++i)
      encoder.push (numbered_picture (64, 64, 5, i * GST_SECOND / 30));
    return encoder.drain ();
  }();
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_copy (kUnits.at (key ? 0 : 1).get ()));
  GST_BUFFER_PTS (buffer.get ()) = pts;
  return buffer;
}

Ref<GstBuffer>
opus_frame (GstClockTime pts) {
  static const guint8 kSilence[] = { 0xf8, 0xff, 0xfe };
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_memdup (kSilence, sizeof kSilence));
  GST_BUFFER_PTS (buffer.get ()) = pts;
  return buffer;
}

/// A sender's source in a pipeline of its own; `hold` stops the packets behind the source until it is
/// released.
class Transport {
public:
  Transport (FrameSender &sender, bool audio_level = false) {
    source_ = sender.make_source (audio_level).value ();
    auto sink = make_element ("fakesink").value ();
    g_object_set (sink.get (), "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add_many (GST_BIN (pipeline_.get ()), source_.get (), sink.get (), nullptr);
    EXPECT_TRUE (gst_element_link (source_.get (), sink.get ()));
    pad_ = Ref<GstPad>::adopt (gst_element_get_static_pad (source_.get (), "src"));
    gst_pad_add_probe (
        pad_.get (),
        static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
          static_cast<Transport *> (data)->on_packets (info);
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
  ~Transport () {
    release ();
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  }
  void
  play () {
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
  }
  void
  hold () {
    std::lock_guard lock (lock_);
    held_ = true;
  }
  void
  release () {
    std::lock_guard lock (lock_);
    held_ = false;
    released_.notify_all ();
  }
  size_t
  packets () const {
    return packets_;
  }
  bool
  waiting () const {
    return waiting_;
  }
  std::vector<uint32_t>
  rtp_times () const {
    std::lock_guard lock (lock_);
    return rtp_times_;
  }
  GstPad *
  pad () const {
    return pad_.get ();
  }
  GstElement *
  source () const {
    return source_.get ();
  }
  Ref<GstCaps>
  caps () const {
    return Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad_.get ()));
  }

private:
  void
  on_packet (GstBuffer *buffer) {
    guint8 word[4];
    gst_buffer_extract (buffer, 4, word, 4);
    {
      std::unique_lock lock (lock_);
      waiting_ = held_;
      released_.wait (lock, [this] { return !held_; });
      waiting_ = false;
      rtp_times_.push_back (GST_READ_UINT32_BE (word));
    }
    ++packets_;
  }
  void
  on_packets (GstPadProbeInfo *info) {
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER) return on_packet (GST_PAD_PROBE_INFO_BUFFER (info));
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);
    for (guint i = 0; i < gst_buffer_list_length (list); ++i)
      on_packet (gst_buffer_list_get (list, i));
  }

  Ref<GstElement> pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr)), source_;
  Ref<GstPad> pad_;
  mutable std::mutex lock_;
  std::condition_variable released_;
  bool held_ = false;
  std::vector<uint32_t> rtp_times_;
  std::atomic<size_t> packets_{ 0 };
  std::atomic<bool> waiting_{ false };
};

class MediaSender : public testing::Test {
protected:
  void
  SetUp () override {
    init_gst ();
    video->set_keyframe_handler ([this] { ++asked; });
    auto caps = caps_of ("video/x-vp8,width=320,height=240");
    video->set_caps (caps.get ());
  }
  std::shared_ptr<FrameSender> video = FrameSender::create (*find_codec ("vp8"));
  std::atomic<int> asked{ 0 };
};

} // namespace

TEST_F (MediaSender, WithoutATransportFramesAreDroppedAndCounted) {
  EXPECT_FALSE (video->push (vp8_frame (true, 0)));
  EXPECT_EQ (video->stats ().dropped_unbound, 1u);
  EXPECT_EQ (asked, 0) << "a key frame would be dropped too";
  EXPECT_TRUE (video->wait_drained (0));
}

TEST_F (MediaSender, ATransportBeginsWithAKeyFrame) {
  EXPECT_FALSE (video->push (vp8_frame (true, 0)));
  Transport transport (*video);
  transport.play ();
  EXPECT_FALSE (video->push (vp8_frame (false, 1)));
  EXPECT_EQ (asked, 1);
  EXPECT_FALSE (video->push (vp8_frame (false, 2)));
  EXPECT_EQ (asked, 1) << "not for every frame";
  EXPECT_TRUE (video->push (vp8_frame (true, 3)));
  EXPECT_TRUE (video->push (vp8_frame (false, 4)));
  EXPECT_TRUE (wait_until ([&] { return transport.packets () == 2; }, 5s));
  EXPECT_TRUE (wait_until ([&] { return video->stats ().frames == 2; }, 5s));
  EXPECT_EQ (video->stats ().bytes, gst_buffer_get_size (vp8_frame (true, 0).get ())
                                        + gst_buffer_get_size (vp8_frame (false, 0).get ()));
  EXPECT_EQ (video->stats ().dropped_unbound, 3u);
}

TEST_F (MediaSender, RtpCapsAreThereBeforeTheFirstFrameAndNeverChange) {
  for (const char *name : { "opus", "vp8", "vp9", "h264", "h265" }) {
    const Codec &codec = *find_codec (name);
    const auto &row = *rtc::find_codec (name);
    auto sender = FrameSender::create (codec);
    Transport transport (*sender, codec.kind == MediaKind::Audio);
    transport.play ();
    ASSERT_TRUE (wait_until ([&] { return transport.caps ().get () != nullptr; }, 5s)) << name;
    auto before = transport.caps ();
    const GstStructure *s = gst_caps_get_structure (before.get (), 0);
    EXPECT_TRUE (gst_caps_is_fixed (before.get ()));
    int payload = 0, rate = 0;
    gst_structure_get_int (s, "payload", &payload);
    gst_structure_get_int (s, "clock-rate", &rate);
    EXPECT_EQ (payload, row.payload);
    EXPECT_EQ (rate, row.clock_rate);
    EXPECT_STREQ (gst_structure_get_string (s, "encoding-name"), row.encoding);
    EXPECT_STREQ (gst_structure_get_string (s, "media"), codec.kind == MediaKind::Audio ? "audio" : "video");
    EXPECT_TRUE (gst_structure_has_field_typed (s, "ssrc", G_TYPE_UINT));
    EXPECT_STREQ (gst_structure_get_string (s, "extmap-4"),
                  codec.kind == MediaKind::Video ? rtc::kExtTransportCc.uri : nullptr);
    EXPECT_STREQ (gst_structure_get_string (s, "extmap-5"),
                  codec.kind == MediaKind::Audio ? rtc::kExtAudioLevel.uri : nullptr);
    if (codec.kind == MediaKind::Audio) {
      EXPECT_STREQ (gst_structure_get_string (s, "encoding-params"), "2");
      EXPECT_STREQ (gst_structure_get_string (s, "useinbandfec"), "1");
      EXPECT_STREQ (gst_structure_get_string (s, "minptime"), "10");
      continue;
    }
    if (g_str_equal (name, "h264")) {
      EXPECT_STREQ (gst_structure_get_string (s, "packetization-mode"), "1");
      EXPECT_STREQ (gst_structure_get_string (s, "profile-level-id"), "42e01f");
    }
    EncodeSpec spec;
    spec.codec = name;
    auto bin = make_encode_bin (spec);
    if (!bin) continue;
    Harness encoder (*bin);
    size_t sent = 0;
    for (int width : { 320, 640 }) {
      encoder.caps (i420 (width, 240).c_str ());
      encoder.push (numbered_picture (width, 240, 1, 0));
      auto frames = encoder.drain ();
      sender->set_caps (encoder.output_caps ().get ());
      for (auto &frame : frames)
        sent += sender->push (frame);
      ASSERT_GT (sent, 0u) << name;
      ASSERT_TRUE (wait_until ([&] { return sender->stats ().frames == sent; }, 5s)) << name;
      EXPECT_GT (transport.packets (), 0u);
      EXPECT_TRUE (gst_caps_is_equal (transport.caps ().get (), before.get ())) << name;
    }
  }
}

TEST_F (MediaSender, StereoSoundSaysSo) {
  for (int channels : { 1, 2 }) {
    auto sender = FrameSender::create (*find_codec ("opus"));
    auto caps = caps_of ("audio/x-opus,channel-mapping-family=0,channels=" + std::to_string (channels));
    sender->set_caps (caps.get ());
    Transport transport (*sender);
    transport.play ();
    ASSERT_TRUE (wait_until ([&] { return transport.caps ().get () != nullptr; }, 5s));
    EXPECT_STREQ (
        gst_structure_get_string (gst_caps_get_structure (transport.caps ().get (), 0), "sprop-stereo"),
        channels == 2 ? "1" : nullptr);
  }
}

TEST_F (MediaSender, EveryPacketHasRoomForTransportCc) {
  Transport transport (*video);
  std::atomic<int> with{ 0 }, without{ 0 };
  std::pair<std::atomic<int> *, std::atomic<int> *> counts{ &with, &without };
  gst_pad_add_probe (
      transport.pad (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto &[yes, no] = *static_cast<std::pair<std::atomic<int> *, std::atomic<int> *> *> (data);
        GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
        gst_rtp_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), GST_MAP_READ, &rtp);
        gpointer value = nullptr;
        guint size = 0;
        bool found = gst_rtp_buffer_get_extension_onebyte_header (
            &rtp, static_cast<guint8> (rtc::kExtTransportCc.id), 0, &value, &size);
        ++*(found && size == 2 ? yes : no);
        gst_rtp_buffer_unmap (&rtp);
        return GST_PAD_PROBE_OK;
      },
      &counts, nullptr);
  transport.play ();
  for (int i = 0; i < 5; ++i)
    video->push (vp8_frame (i == 0, static_cast<GstClockTime> (i)));
  EXPECT_TRUE (wait_until ([&] { return with == 5; }, 5s)) << with << " with, " << without << " without";
}

TEST_F (MediaSender, RtpTimeFollowsThePtsThroughPausesAndIgnoresTheDts) {
  for (const char *name : { "vp8", "opus" }) {
    bool is_audio = std::string_view (name) == "opus";
    auto sender = FrameSender::create (*find_codec (name));
    auto caps = caps_of (find_codec (name)->bridge_caps);
    sender->set_caps (caps.get ());
    Transport transport (*sender);
    transport.play ();
    const GstClockTime pts[] = { 1000 * GST_SECOND, 1000 * GST_SECOND + 20 * GST_MSECOND, 1005 * GST_SECOND };
    for (GstClockTime t : pts) {
      auto frame = is_audio ? opus_frame (t) : vp8_frame (true, t);
      GST_BUFFER_DTS (frame.get ()) = 7;
      GST_BUFFER_OFFSET (frame.get ()) = 960;
      EXPECT_TRUE (sender->push (frame));
    }
    ASSERT_TRUE (wait_until ([&] { return transport.packets () == 3; }, 5s));
    auto times = transport.rtp_times ();
    uint32_t rate = is_audio ? 48000 : 90000;
    EXPECT_NEAR (times[1] - times[0], rate / 50, 1);
    EXPECT_NEAR (times[2] - times[0], rate * 5, 1);
  }
}

TEST_F (MediaSender, AStalledTransportBoundsTheQueueAndVideoGoesOnWithAKeyFrame) {
  Transport transport (*video);
  transport.hold ();
  transport.play ();
  EXPECT_TRUE (video->push (vp8_frame (true, 0)));
  ASSERT_TRUE (wait_until ([&] { return transport.waiting (); }, 5s));
  int taken = 0;
  for (GstClockTime i = 1; i < 200; ++i)
    taken += video->push (vp8_frame (false, i * 1000));
  EXPECT_LE (taken, 64);
  auto stats = video->stats ();
  EXPECT_LE (stats.queued, 64u);
  EXPECT_EQ (stats.dropped_full, 199u - static_cast<unsigned> (taken));
  EXPECT_EQ (asked, 1);
  EXPECT_FALSE (video->wait_drained (20 * GST_MSECOND));
  transport.release ();
  EXPECT_TRUE (video->wait_drained (5 * GST_SECOND));
  EXPECT_EQ (video->stats ().queued, 0u);
  EXPECT_FALSE (video->push (vp8_frame (false, GST_SECOND))) << "its reference was dropped";
  EXPECT_TRUE (video->push (vp8_frame (true, GST_SECOND)));
  EXPECT_TRUE (video->push (vp8_frame (false, GST_SECOND)));
}

TEST_F (MediaSender, AStalledTransportTakesTheNewestSound) {
  auto audio = FrameSender::create (*find_codec ("opus"));
  auto caps = caps_of ("audio/x-opus,channel-mapping-family=0,channels=1");
  audio->set_caps (caps.get ());
  Transport transport (*audio);
  transport.hold ();
  transport.play ();
  EXPECT_TRUE (audio->push (opus_frame (0)));
  ASSERT_TRUE (wait_until ([&] { return transport.waiting (); }, 5s));
  for (GstClockTime i = 1; i <= 100; ++i)
    EXPECT_TRUE (audio->push (opus_frame (i * 20 * GST_MSECOND)));
  EXPECT_EQ (audio->stats ().queued, 64u);
  EXPECT_EQ (audio->stats ().dropped_full, 36u);
  transport.release ();
  ASSERT_TRUE (wait_until ([&] { return transport.packets () == 65; }, 5s));
  auto times = transport.rtp_times ();
  EXPECT_EQ (times.back () - times.front (), 100u * 960);
}

TEST_F (MediaSender, MutedFramesAreDroppedAndUnmutingAsksForAKeyFrame) {
  Transport transport (*video);
  transport.play ();
  EXPECT_TRUE (video->push (vp8_frame (true, 0)));
  video->set_muted (true);
  EXPECT_FALSE (video->push (vp8_frame (true, 1)));
  EXPECT_FALSE (video->push (vp8_frame (false, 2)));
  EXPECT_EQ (video->stats ().dropped_paused, 2u);
  EXPECT_EQ (asked, 0);
  video->set_muted (false);
  EXPECT_EQ (asked, 1);
  EXPECT_FALSE (video->push (vp8_frame (false, 3)));
  EXPECT_TRUE (video->push (vp8_frame (true, 4)));
}

TEST_F (MediaSender, KeyFrameRequestsOfTheSfuReachTheHandlerThrottled) {
  Transport transport (*video);
  transport.play ();
  ASSERT_TRUE (wait_until ([&] { return transport.caps ().get () != nullptr; }, 5s));
  auto request = [&] {
    gst_pad_send_event (transport.pad (),
                        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
  };
  for (int i = 0; i < 10; ++i)
    request ();
  EXPECT_EQ (asked, 1);
  EXPECT_TRUE (wait_until (
      [&] {
        request ();
        return asked == 2;
      },
      2s))
      << "after 100 ms the next one passes";
  EXPECT_EQ (video->stats ().keyframe_requests, 2u);
  video->set_muted (true);
  request ();
  EXPECT_EQ (asked, 2);
}

TEST_F (MediaSender, ARequestRightAfterAKeyFrameIsNotForgotten) {
  Transport transport (*video);
  transport.play ();
  ASSERT_TRUE (wait_until ([&] { return transport.caps ().get () != nullptr; }, 5s));
  auto request = [&] {
    gst_pad_send_event (transport.pad (),
                        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
  };
  EXPECT_FALSE (video->push (vp8_frame (false, 0)));
  EXPECT_TRUE (video->push (vp8_frame (true, 1)));
  EXPECT_EQ (asked, 1);
  request (); // of somebody who came too late for that key frame
  EXPECT_TRUE (wait_until (
      [&] {
        video->push (vp8_frame (false, 2));
        return asked == 2;
      },
      5s));
  request ();
  EXPECT_TRUE (video->push (vp8_frame (true, 3))); // which is the answer
  for (auto end = std::chrono::steady_clock::now () + 300ms; std::chrono::steady_clock::now () < end;)
    video->push (vp8_frame (false, 4));
  EXPECT_EQ (asked, 2);
}

TEST_F (MediaSender, TheHandlerMayCallTheSender) {
  Transport transport (*video);
  transport.play ();
  bool pushed = false;
  video->set_keyframe_handler ([&] {
    video->set_keyframe_handler ({});
    pushed = video->push (vp8_frame (true, 5));
  });
  video->push (vp8_frame (false, 4));
  EXPECT_TRUE (pushed);
}

TEST_F (MediaSender, TheNextTransportTakesOver) {
  auto first = std::make_unique<Transport> (*video);
  first->play ();
  EXPECT_TRUE (video->push (vp8_frame (true, 0)));
  ASSERT_TRUE (wait_until ([&] { return first->packets () == 1; }, 5s));
  video->unbind ();
  EXPECT_FALSE (video->push (vp8_frame (false, 1)));
  Transport second (*video);
  second.play ();
  EXPECT_FALSE (video->push (vp8_frame (false, 2)));
  EXPECT_TRUE (video->push (vp8_frame (true, 3)));
  EXPECT_TRUE (wait_until ([&] { return second.packets () == 1; }, 5s));
  EXPECT_EQ (first->packets (), 1u);
  first.reset ();
  EXPECT_TRUE (video->push (vp8_frame (false, 4)));
  EXPECT_TRUE (wait_until ([&] { return second.packets () == 2; }, 5s));
}

TEST_F (MediaSender, AnUnlinkedTransportNeitherFailsNorBlocks) {
  auto source = video->make_source (false).value ();
  auto pipeline = Ref<GstElement>::sink (gst_pipeline_new (nullptr));
  gst_bin_add (GST_BIN (pipeline.get ()), source.get ());
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  for (GstClockTime i = 0; i < 10; ++i)
    video->push (vp8_frame (true, i));
  EXPECT_TRUE (video->wait_drained (5 * GST_SECOND));
  auto bus = Ref<GstBus>::adopt (gst_element_get_bus (pipeline.get ()));
  EXPECT_FALSE (Ref<GstMessage>::adopt (gst_bus_pop_filtered (bus.get (), GST_MESSAGE_ERROR)));
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  EXPECT_EQ (video->stats ().frames, 0u);
}

TEST_F (MediaSender, BadCapsOfTheUserDoNotFailTheTransport) {
  Transport transport (*video);
  transport.play ();
  auto bad = caps_of ("video/x-h264,stream-format=avc");
  video->set_caps (bad.get ());
  video->push (vp8_frame (true, 0));
  EXPECT_TRUE (video->wait_drained (5 * GST_SECOND));
  auto good = caps_of ("video/x-vp8");
  video->set_caps (good.get ());
  video->push (vp8_frame (true, 1));
  EXPECT_TRUE (wait_until ([&] { return transport.packets () == 1; }, 5s));
}

TEST_F (MediaSender, PushingUnbindingAndRebindingAtOnceIsSafe) {
  std::atomic<bool> stop{ false };
  std::thread pusher ([&] {
    for (GstClockTime i = 0; !stop; ++i)
      video->push (vp8_frame (i % 10 == 0, i * 1000));
  });
  std::thread muter ([&] {
    while (!stop) {
      video->set_muted (true);
      video->set_muted (false);
      video->stats ();
      video->wait_drained (1000);
    }
  });
  for (int i = 0; i < 30; ++i) {
    Transport transport (*video);
    transport.play ();
    wait_until ([&] { return transport.packets () > 3; }, 5s);
    if (i % 2) video->unbind ();
  }
  stop = true;
  pusher.join ();
  muter.join ();
}
