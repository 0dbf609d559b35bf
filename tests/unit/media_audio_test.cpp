// Opus both ways: continuity of decoded sound, silence, concealment, levels.
#include "media_util.hpp"

#include "fakes/wait.hpp"
#include "media/drift.hpp"
#include "media/opus.hpp"

#include <gst/audio/audio.h>
#include <gst/rtp/rtp.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace lk;
using namespace lk::media;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

constexpr GstClockTime kPacket = 20 * GST_MSECOND;

class MediaAudio : public testing::Test {
protected:
  void
  SetUp () override {
    init_gst ();
    decoder = std::make_unique<Harness> (make_decode_bin (*find_codec ("opus")).value ());
    decoder->caps ("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000");
  }

  /// `count` packets of a 1 kHz tone, PTS from `first` on.
  static std::vector<Ref<GstBuffer>>
  packets (guint count, GstClockTime first) {
    EncodeSpec spec;
    spec.codec = "opus";
    Harness encoder (make_encode_bin (spec).value ());
    encoder.caps ("audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1");
    for (guint i = 0; i <= count; ++i)
      encoder.push (tone (1000, 48000, 1, guint64 (i) * 960, 960));
    auto out = encoder.drain ();
    out.resize (count);
    for (guint i = 0; i < count; ++i) {
      // Only the bytes cross a network: no clipping meta on the first packet.
      out[i] = Ref<GstBuffer>::adopt (
          gst_buffer_copy_region (out[i].get (), GST_BUFFER_COPY_MEMORY, 0, static_cast<gsize> (-1)));
      GST_BUFFER_PTS (out[i].get ()) = first + i * kPacket;
      GST_BUFFER_DURATION (out[i].get ()) = kPacket;
    }
    return out;
  }

  bool
  gap (GstClockTime start, GstClockTime duration, bool missing = false) {
    GstEvent *event = gst_event_new_gap (start, duration);
    if (missing) gst_event_set_gap_flags (event, GST_GAP_FLAG_MISSING_DATA);
    return decoder->event (event);
  }

  struct Sound {
    guint64 samples = 0, gap_samples = 0, loud_gap_samples = 0, holes = 0;
    GstClockTime first = GST_CLOCK_TIME_NONE, end = GST_CLOCK_TIME_NONE;
    std::vector<gint16> left;
  };
  Sound
  listen () {
    Sound sound;
    for (auto &buffer : decoder->drain ()) {
      GstBuffer *b = buffer.get ();
      guint64 samples = gst_buffer_get_size (b) / 4;
      if (!GST_CLOCK_TIME_IS_VALID (sound.first)) sound.first = GST_BUFFER_PTS (b);
      if (GST_CLOCK_TIME_IS_VALID (sound.end)
          && std::abs (GST_CLOCK_DIFF (sound.end, GST_BUFFER_PTS (b))) > 2)
        ++sound.holes;
      sound.end = GST_BUFFER_PTS (b) + GST_BUFFER_DURATION (b);
      sound.samples += samples;
      size_t before = sound.left.size ();
      append_left (sound.left, b);
      if (!GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_GAP)) continue;
      sound.gap_samples += samples;
      for (size_t i = before; i < sound.left.size (); ++i)
        if (sound.left[i]) ++sound.loud_gap_samples;
    }
    return sound;
  }

  std::unique_ptr<Harness> decoder;
};

} // namespace

TEST_F (MediaAudio, AGapBeforeAnyPacketIsStereoSilenceFromItsOwnStart) {
  ASSERT_TRUE (gap (100 * GST_SECOND, 100 * GST_MSECOND));
  auto sound = listen ();
  EXPECT_EQ (sound.samples, 4800u);
  EXPECT_EQ (sound.gap_samples, 4800u);
  EXPECT_EQ (sound.first, 100 * GST_SECOND);
  EXPECT_EQ (sound.holes, 0u);
  auto caps = decoder->output_caps ();
  GstAudioInfo info;
  ASSERT_TRUE (gst_audio_info_from_caps (&info, caps.get ()));
  EXPECT_EQ (info.rate, 48000);
  EXPECT_EQ (info.channels, 2);
}

TEST_F (MediaAudio, FiveSecondsOfGapAreExactlyFiveSecondsOfFlaggedSilence) {
  auto before = packets (25, GST_SECOND);
  for (auto &p : before)
    decoder->push (p);
  auto sound = listen ();
  EXPECT_EQ (sound.gap_samples, 0u);
  GstClockTime mute = GST_SECOND + 25 * kPacket;
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE (gap (mute + i * 100 * GST_MSECOND, 100 * GST_MSECOND));
  sound = listen ();
  EXPECT_EQ (sound.gap_samples, 240000u);
  EXPECT_EQ (sound.loud_gap_samples, 0u);
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_EQ (sound.end, mute + 5 * GST_SECOND);

  for (auto &p : packets (25, mute + 5 * GST_SECOND))
    decoder->push (p);
  sound = listen ();
  EXPECT_EQ (sound.gap_samples, 0u);
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_EQ (sound.first, mute + 5 * GST_SECOND);
}

TEST_F (MediaAudio, AHoleWithoutAnyEventIsFilledWithSilence) {
  for (auto &p : packets (10, 0))
    decoder->push (p);
  for (auto &p : packets (10, 2 * GST_SECOND))
    decoder->push (p);
  auto sound = listen ();
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_NEAR (double (sound.gap_samples), 48000 * 1.8, 1920);
  EXPECT_EQ (sound.loud_gap_samples, 0u);
}

TEST_F (MediaAudio, ALatecomerIsNotPrecededByTheSilenceSinceTheStart) {
  for (auto &p : packets (10, 3600 * GST_SECOND))
    decoder->push (p);
  auto sound = listen ();
  EXPECT_EQ (sound.gap_samples, 0u);
  EXPECT_GE (sound.first, 3600 * GST_SECOND);
}

TEST_F (MediaAudio, ALostPacketIsConcealedRatherThanSilenced) {
  auto all = packets (50, 0);
  for (guint i = 0; i < 50; ++i) {
    if (i == 25)
      ASSERT_TRUE (gap (i * kPacket, kPacket, true));
    else
      decoder->push (all[i]);
  }
  auto sound = listen ();
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_EQ (sound.gap_samples, 0u);
  std::vector<gint16> around (sound.left.begin () + 24 * 960, sound.left.begin () + 28 * 960);
  EXPECT_GT (tone_share (around, 1000, 48000), 0.8);
}

TEST_F (MediaAudio, SilenceAfterALossIsExactToo) {
  auto all = packets (50, 0);
  for (guint i = 0; i < 50; ++i) {
    if (i == 25)
      ASSERT_TRUE (gap (i * kPacket, kPacket, true));
    else
      decoder->push (all[i]);
  }
  ASSERT_TRUE (gap (50 * kPacket, GST_SECOND));
  auto sound = listen ();
  EXPECT_EQ (sound.gap_samples, 48000u) << "the packet that FEC holds back is not replaced by silence";
  EXPECT_EQ (sound.loud_gap_samples, 0u);
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_EQ (sound.end, 50 * kPacket + GST_SECOND);
  for (auto &p : packets (10, 50 * kPacket + GST_SECOND))
    decoder->push (p);
  sound = listen ();
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_EQ (sound.samples, 9u * 960) << "one packet waits for its successor";
}

TEST_F (MediaAudio, WithoutLossNoPacketWaitsForTheNext) {
  auto all = packets (10, 0);
  for (guint i = 0; i < 10; ++i) {
    decoder->push (all[i]);
    EXPECT_EQ (listen ().samples, 960u) << i;
  }
}

TEST_F (MediaAudio, DtxPausesOfALiveEncoderComeOutAsContinuousSound) {
  EncodeSpec spec;
  spec.codec = "opus";
  spec.dtx = true;
  Harness encoder (make_encode_bin (spec).value ());
  encoder.caps ("audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1");
  for (guint i = 0; i < 150; ++i)
    encoder.push (tone (i < 50 ? 1000 : 0, 48000, 1, guint64 (i) * 960, 960));
  // What the payloader leaves out: packets of one or two bytes.
  for (auto &p : encoder.drain ())
    if (gst_buffer_get_size (p.get ()) > 2) decoder->push (p);
  auto sound = listen ();
  EXPECT_EQ (sound.holes, 0u);
  EXPECT_GT (sound.samples, 48000u * 2);
}

namespace {

/// Twenty milliseconds each at a frequency of its own: what came before says nothing of what comes.
constexpr int kHops[] = { 600, 1400, 900, 2000, 500, 1700, 1100, 2300 };

int
hop (guint block) {
  return kHops[(block * 5 + block / 8 * 3) % 8];
}

} // namespace

TEST_F (MediaAudio, ALostPacketIsRebuiltFromItsCopyInTheNext) {
  constexpr guint kBlocks = 400;
  double right[2] = {};
  for (bool copies : { false, true }) {
    EncodeSpec spec;
    spec.codec = "opus";
    spec.setup = [copies] (GstElement *encoder) {
      g_object_set (encoder, "inband-fec", gboolean (copies), nullptr);
    };
    Harness encoder (make_encode_bin (spec).value ());
    encoder.caps ("audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1");
    gst_harness_push_upstream_event (encoder.get (), make_loss_event (20).release ());
    for (guint i = 0; i <= kBlocks; ++i)
      encoder.push (tone (hop (i), 48000, 1, guint64 (i) * 960, 960));
    auto packets = encoder.drain ();
    ASSERT_GE (packets.size (), kBlocks);
    decoder = std::make_unique<Harness> (make_decode_bin (*find_codec ("opus")).value ());
    decoder->caps ("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000");
    std::vector<guint> lost;
    for (guint i = 0; i < kBlocks; ++i) {
      if (i > 20 && i % 10 == 7) {
        lost.push_back (i);
        ASSERT_TRUE (gap (i * kPacket, kPacket, true));
        continue;
      }
      auto packet = Ref<GstBuffer>::adopt (
          gst_buffer_copy_region (packets[i].get (), GST_BUFFER_COPY_MEMORY, 0, static_cast<gsize> (-1)));
      GST_BUFFER_PTS (packet.get ()) = i * kPacket;
      GST_BUFFER_DURATION (packet.get ()) = kPacket;
      decoder->push (packet);
    }
    auto sound = listen ();
    EXPECT_EQ (sound.holes, 0u);
    EXPECT_EQ (sound.gap_samples, 0u);
    EXPECT_GE (sound.samples, (kBlocks - 1) * 960u);
    // The codec delays by some milliseconds: where the half of a block lies that is in its packet.
    auto loudest = [&sound] (size_t from) {
      const std::vector<gint16> part (sound.left.begin () + gint64 (from),
                                      sound.left.begin () + gint64 (from) + 480);
      return *std::ranges::max_element (kHops, {}, [&part] (int hz) { return tone_share (part, hz, 48000); });
    };
    size_t delay = 0, most = 0;
    for (size_t offset = 0; offset <= 480; offset += 48) {
      size_t good = 0;
      for (guint i = 30; i < 130; ++i)
        good += loudest (i * 960 + offset) == hop (i);
      if (good > most) most = good, delay = offset;
    }
    ASSERT_GT (most, 85u) << "the signal is of use";
    for (guint i : lost) {
      if ((i + 2) * 960 < sound.left.size ())
        right[copies] += loudest (i * 960 + delay) == hop (i) ? 1.0 / double (lost.size ()) : 0;
      guint zeros = 0, run = 0;
      for (size_t at = i * 960; at < std::min<size_t> ((i + 1) * 960, sound.left.size ()); ++at) {
        run = sound.left[at] == 0 ? run + 1 : 0;
        zeros = std::max (zeros, run);
      }
      EXPECT_LT (zeros, 240u) << "no silence where packet " << i << " was";
    }
  }
  EXPECT_GT (right[true], 0.8) << "with copies";
  EXPECT_LT (right[false], 0.4) << "without";
}

TEST (MediaOpus, DurationFollowsTheTocByte) {
  init_gst ();
  struct Row {
    std::vector<guint8> packet;
    GstClockTime duration;
  };
  const Row rows[] = {
    { { 0xfc }, 20 * GST_MSECOND },          // CELT fullband 20 ms, one frame
    { { 0x78 }, 20 * GST_MSECOND },          // hybrid 20 ms
    { { 0x18 }, 60 * GST_MSECOND },          // SILK 60 ms
    { { 0xe1 }, 5 * GST_MSECOND },           // two of 2.5 ms
    { { 0xfb, 0x03 }, 60 * GST_MSECOND },    // three of 20 ms
    { { 0xfb }, GST_CLOCK_TIME_NONE },       // count byte missing
    { { 0xfb, 0x00 }, GST_CLOCK_TIME_NONE }, // no frame
    { { 0x1b, 0x3f }, GST_CLOCK_TIME_NONE }, // 63 of 60 ms
    { {}, GST_CLOCK_TIME_NONE },
  };
  for (const auto &row : rows) {
    auto buffer = Ref<GstBuffer>::adopt (
        row.packet.empty () ? gst_buffer_new ()
                            : gst_buffer_new_memdup (row.packet.data (), row.packet.size ()));
    EXPECT_EQ (opus_duration (buffer.get ()), row.duration) << (row.packet.empty () ? -1 : row.packet[0]);
  }
}

namespace {

/// Audio levels (-dBov) that the RTP packets of a tone of this amplitude carry; 255 = a packet without the
/// extension.
std::vector<guint8>
rtp_levels (bool with_level, gint16 amplitude) {
  EncodeSpec spec;
  spec.codec = "opus";
  Harness encoder (make_encode_bin (spec).value ());
  encoder.caps ("audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1");
  const Codec &opus = *find_codec ("opus");
  auto sender = FrameSender::create (opus);
  auto receiver = FrameReceiver::create ({ [] {}, [] (bool) {} });
  auto collector = std::make_shared<Collector> ();
  receiver->add_consumer (collector);
  Wire wire (*sender, *receiver, opus, with_level);

  std::vector<guint8> levels;
  auto pad = wire.rtp_pad ();
  gst_pad_add_probe (
      pad.get (), GST_PAD_PROBE_TYPE_BUFFER,
      [] (GstPad *, GstPadProbeInfo *info, gpointer data) {
        GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
        gst_rtp_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), GST_MAP_READ, &rtp);
        gpointer value = nullptr;
        guint size = 0;
        bool found = gst_rtp_buffer_get_extension_onebyte_header (
            &rtp, static_cast<guint8> (rtc::kExtAudioLevel.id), 0, &value, &size);
        static_cast<std::vector<guint8> *> (data)->push_back (
            found && size == 1 ? *static_cast<guint8 *> (value) & 0x7f : 255);
        gst_rtp_buffer_unmap (&rtp);
        return GST_PAD_PROBE_OK;
      },
      &levels, nullptr);

  for (guint i = 0; i < 30; ++i) {
    auto block = tone (440, 48000, 1, guint64 (i) * 1024, 1024);
    GstMapInfo map;
    gst_buffer_map (block.get (), &map, GST_MAP_READWRITE);
    auto *samples = reinterpret_cast<gint16 *> (map.data);
    for (gsize s = 0; s < map.size / 2; ++s)
      samples[s] = static_cast<gint16> (samples[s] * amplitude / 12000);
    gst_buffer_unmap (block.get (), &map);
    encoder.push (block);
  }
  auto encoded = encoder.drain ();
  sender->set_caps (encoder.output_caps ().get ());
  for (auto &p : encoded)
    sender->push (p);
  EXPECT_TRUE (wait_until ([&] { return collector->count () == encoded.size (); }, 5s));
  return levels;
}

} // namespace

TEST_F (MediaAudio, EveryPacketCarriesTheLevelOfItsSound) {
  for (guint8 level : rtp_levels (true, 12000)) {
    EXPECT_GE (level, 8); // 20·log10 (12000 / 32768 / √2) = -11.7
    EXPECT_LE (level, 14);
  }
  // 1.22 says 59 for digital silence (a wrapped number); the SFU takes what is over 35 for quiet.
  for (guint8 level : rtp_levels (true, 0))
    EXPECT_GE (level, 50);
  for (guint8 level : rtp_levels (false, 12000))
    EXPECT_EQ (level, 255);
}

TEST_F (MediaAudio, ASoundThatLipSyncMovedLiesExactlyThere) {
  for (auto &p : packets (25, GST_SECOND))
    decoder->push (p);
  EXPECT_EQ (listen ().end, GST_SECOND + 25 * kPacket);
  auto later = packets (25, GST_SECOND + 25 * kPacket + 25 * GST_MSECOND);
  GST_BUFFER_FLAG_SET (later[0].get (), GST_BUFFER_FLAG_RESYNC);
  for (auto &p : later)
    decoder->push (p);
  auto sound = listen ();
  EXPECT_EQ (sound.gap_samples, 1200u) << "25 ms of silence, although jitter of that size changes nothing";
  EXPECT_EQ (sound.end, GST_SECOND + 50 * kPacket + 25 * GST_MSECOND);
  auto earlier = packets (25, GST_SECOND + 50 * kPacket);
  GST_BUFFER_FLAG_SET (earlier[0].get (), GST_BUFFER_FLAG_RESYNC);
  for (auto &p : earlier)
    decoder->push (p);
  sound = listen ();
  EXPECT_EQ (sound.end, GST_SECOND + 75 * kPacket);
  EXPECT_EQ (sound.holes, 0u);
}

TEST (MediaDrift, JitterOfTimeStampsIsNoDrift) {
  Drift drift;
  for (int i = 0; i < 3000; ++i)
    EXPECT_EQ (drift.correct ((i * 7919) % 400 - 200), 0) << i;
}

TEST (MediaDrift, AClockThatIsOffIsFollowedWithinSixMilliseconds) {
  struct Row {
    double ppm;
    int most; // samples at once
  };
  for (auto [ppm, most] : { Row{ 100, 1 }, Row{ -100, 1 }, Row{ 2000, 3 }, Row{ -2000, 3 } }) {
    Drift drift;
    double late = 0;
    for (int block = 0; block < 5000; ++block) {
      late += 960 * ppm / 1e6;
      const int more = drift.correct (std::lround (late));
      EXPECT_LE (std::abs (more), most) << ppm;
      late -= more;
      ASSERT_LT (std::abs (late), 288) << ppm << " after " << block;
    }
  }
}

TEST (MediaDrift, AStretchedToneIsAsPureAsBefore) {
  for (int frequency : { 440, 4000 })
    for (int more : { -4, -1, 1, 4 }) {
      std::vector<gint16> in (2 * 960), out (2 * size_t (960 + more));
      double worst = 0;
      for (size_t i = 0; i < 960; ++i)
        in[2 * i] = in[2 * i + 1] = gint16 (20000 * std::sin (2 * G_PI * frequency * double (i) / 48000));
      stretch (in.data (), 960, out.data (), size_t (960 + more));
      for (int i = 0; i < 960 + more; ++i) {
        const double wanted = 20000 * std::sin (2 * G_PI * frequency * (i * 959.0 / (959 + more)) / 48000);
        worst = std::max (worst, std::abs (out[2 * size_t (i)] - wanted));
        EXPECT_EQ (out[2 * size_t (i)], out[2 * size_t (i) + 1]);
      }
      EXPECT_LT (worst, frequency < 1000 ? 3 : 250) << frequency << " " << more;
      EXPECT_EQ (out.front (), in.front ());
      EXPECT_EQ (out.back (), in.back ());
    }
}

TEST_F (MediaAudio, ASenderWhoseClockIsOffIsFollowedWithoutAStep) {
  for (int ppm : { -1500, 1500 }) {
    decoder = std::make_unique<Harness> (make_decode_bin (*find_codec ("opus")).value ());
    decoder->caps ("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000");
    auto all = packets (1000, 0);
    const auto step = GstClockTime (20e6 * (1 - ppm / 1e6)); // too fast: more sound in our time
    Sound sound;
    std::vector<gint16> left;
    for (guint i = 0; i < 1000; ++i) {
      GST_BUFFER_PTS (all[i].get ()) = i * step;
      decoder->push (all[i]);
      sound = listen ();
      EXPECT_EQ (sound.holes, 0u);
      EXPECT_EQ (sound.gap_samples, 0u);
      left.insert (left.end (), sound.left.begin (), sound.left.end ());
      ASSERT_LT (std::abs (GST_CLOCK_DIFF (i * step, sound.first)), GstClockTimeDiff (6 * GST_MSECOND)) << i;
    }
    // 30 ms have been left out, or put in, and no sample is far from the one before.
    int steepest = 0;
    for (size_t i = 4800; i < left.size (); ++i)
      steepest = std::max (steepest, std::abs (left[i] - left[i - 1]));
    EXPECT_LT (steepest, 2000) << "a tone of 1 kHz rises by 1565 at most";
    for (size_t i = 96000; i + 4800 < left.size (); i += 4800) {
      const std::vector<gint16> part (left.begin () + gint64 (i), left.begin () + gint64 (i) + 4800);
      EXPECT_GT (tone_share (part, 1000 * (1 + ppm / 1e6), 48000), 0.97) << i;
    }
  }
}
