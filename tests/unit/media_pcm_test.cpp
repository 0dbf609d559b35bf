// PCM without pads: rings, pacing, mixing, and the way to the encoder and back.
#include "fakes/wait.hpp"
#include "media/pcm/mixer.hpp"
#include "media/pcm/receiver.hpp"
#include "media/pcm/sender.hpp"
#include "media_util.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>
#include <thread>

using namespace lk;
using namespace lk::media::pcm;
using namespace std::chrono_literals;
using lk::media::monotonic_now;
using test::init_gst;
using test::wait_until;

namespace {

std::vector<int16_t>
count (size_t from, size_t frames, int channels = 1) {
  std::vector<int16_t> samples;
  for (size_t i = 0; i < frames; ++i)
    for (int c = 0; c < channels; ++c)
      samples.push_back (int16_t ((from + i) % 30000 + 1));
  return samples;
}

Inlet::Outcome
put (Inlet &inlet, size_t from, size_t frames, Format format) {
  return inlet.write (count (from, frames, format.channels).data (), frames, format);
}

constexpr Format kMono{ 48000, 1 };

} // namespace

TEST (Ring, GivesWhatItWasGivenAcrossItsEnd) {
  Ring ring (100, 2);
  size_t written = 0, read = 0;
  std::vector<int16_t> out (2 * 100);
  for (size_t chunk : { 70u, 60u, 99u, 1u, 100u, 33u }) {
    ASSERT_EQ (ring.write (count (written, chunk, 2).data (), chunk), chunk);
    written += chunk;
    ASSERT_EQ (ring.queued (), chunk);
    ASSERT_EQ (ring.read (out.data (), 100), chunk);
    out.resize (2 * chunk);
    EXPECT_EQ (out, count (read, chunk, 2));
    out.resize (200);
    read += chunk;
  }
}

TEST (Ring, TakesNoMoreThanItHolds) {
  Ring ring (100, 1);
  EXPECT_EQ (ring.write (count (0, 150).data (), 150), 100u);
  EXPECT_EQ (ring.write (count (0, 1).data (), 1), 0u);
  EXPECT_EQ (ring.read (nullptr, 40), 40u);
  EXPECT_EQ (ring.write (count (0, 150).data (), 150), 40u);
}

TEST (Ring, IsSafeBetweenTwoThreads) {
  Ring ring (256, 1);
  constexpr size_t kTotal = 40'000;
  std::thread writer ([&] {
    for (size_t at = 0; at < kTotal;)
      at += ring.write (count (at, std::min<size_t> (97, kTotal - at)).data (),
                        std::min<size_t> (97, kTotal - at));
  });
  std::vector<int16_t> block (64);
  bool right = true;
  for (size_t at = 0; at < kTotal;) {
    const size_t got = ring.read (block.data (), block.size ());
    for (size_t i = 0; i < got; ++i)
      right &= block[i] == int16_t ((at + i) % 30000 + 1);
    at += got;
  }
  writer.join ();
  EXPECT_TRUE (right);
}

TEST (Inlet, CountsOneOverrunForEachCallThatDidNotFit) {
  Inlet inlet (100ms);
  EXPECT_EQ (put (inlet, 0, 4800, kMono), Inlet::Outcome::Taken);
  EXPECT_EQ (put (inlet, 0, 480, kMono), Inlet::Outcome::Cut);
  EXPECT_EQ (put (inlet, 0, 480, kMono), Inlet::Outcome::Cut);
  const auto stats = inlet.stats ();
  EXPECT_EQ (stats.overruns, 2u);
  EXPECT_EQ (stats.capacity, 4800u);
  EXPECT_EQ (stats.queued, 4800u);
}

TEST (Inlet, PlaysWhatCameBeforeANewFormatFirst) {
  Inlet inlet (1000ms);
  put (inlet, 0, 100, kMono);
  put (inlet, 0, 50, { 16000, 2 });
  std::vector<int16_t> out (1000);
  EXPECT_EQ (inlet.format (), kMono);
  EXPECT_TRUE (inlet.superseded ());
  EXPECT_EQ (inlet.read (out.data (), 500), 100u);
  EXPECT_EQ (inlet.format (), (Format{ 16000, 2 }));
  EXPECT_EQ (inlet.read (out.data (), 500), 50u);
  EXPECT_EQ (inlet.stats ().queued, 0u);
}

TEST (Inlet, FormatsThatChangeWithEachCallTakeABoundedAmountOfMemory) {
  Inlet inlet (1000ms);
  size_t cut = 0;
  for (int i = 0; i < 100; ++i)
    cut += put (inlet, 0, 10, { i % 2 ? 48000 : 16000, 1 }) == Inlet::Outcome::Cut;
  EXPECT_EQ (cut, 48u); // those of the format that got no ring
}

TEST (Inlet, WhatCameWhileNobodyReadIsDroppedButTheReserve) {
  Inlet inlet (1000ms);
  put (inlet, 0, 100, kMono); // of an earlier time
  inlet.forget ();
  EXPECT_EQ (inlet.queued (), 0u);
  put (inlet, 0, 2000, kMono);
  std::this_thread::sleep_for (40ms); // longer than calls that belong together are apart
  put (inlet, 2000, 480, kMono);
  put (inlet, 2480, 480, kMono);
  inlet.catch_up ();
  EXPECT_EQ (inlet.queued (), 2000u);
  std::vector<int16_t> out (2000);
  EXPECT_EQ (inlet.read (out.data (), out.size ()), 2000u);
  EXPECT_EQ (out, count (960, 2000));
}

TEST (Pacer, GivesTenMillisecondsOfAnyRateAndExactlyASecondInAHundred) {
  for (int rate : { 8000, 11025, 22050, 44100, 48000, 96000 }) {
    Inlet inlet (2000ms);
    Pacer pacer (inlet);
    put (inlet, 0, size_t (rate) * 3 / 2, { rate, 1 });
    size_t total = 0;
    for (int i = 0; i < 100; ++i)
      total += pacer.next ().frames;
    EXPECT_EQ (total, size_t (rate));
    EXPECT_EQ (pacer.underruns (), 0u);
  }
}

TEST (Pacer, WhatIsMissingIsSilenceAndCountedUntilItIsAPause) {
  Inlet inlet (1000ms);
  Pacer pacer (inlet);
  EXPECT_TRUE (pacer.next ().silence); // before anything came
  EXPECT_EQ (pacer.underruns (), 0u);
  put (inlet, 0, 480, kMono);
  EXPECT_FALSE (pacer.next ().silence);
  for (int i = 0; i < 1000; ++i) {
    const auto block = pacer.next ();
    ASSERT_EQ (std::accumulate (block.pcm, block.pcm + block.frames, 0), 0);
  }
  EXPECT_GE (pacer.underruns (), 99u);
  EXPECT_LE (pacer.underruns (), 100u);
}

TEST (Pacer, OddChunksSettleWithoutHoles) {
  Inlet inlet (1000ms);
  Pacer pacer (inlet);
  size_t pushed = 0, expected = 0;
  uint64_t early = 0;
  for (size_t ms = 0; ms < 5000; ++ms) {
    if (ms % 7 == 0) {
      put (inlet, pushed, 336, kMono);
      pushed += 336;
    }
    if (ms == 1000) early = pacer.underruns ();
    if (ms % 10 != 9) continue;
    const auto block = pacer.next ();
    if (block.silence || ms < 1000) {
      expected = size_t (block.pcm[block.frames - 1]);
      continue;
    }
    for (size_t i = 0; i < block.frames; ++i)
      ASSERT_EQ (block.pcm[i], int16_t ((expected + i) % 30000 + 1));
    expected += block.frames;
    expected %= 30000;
  }
  EXPECT_EQ (pacer.underruns (), early);
}

TEST (Pacer, AHangOfTheApplicationDoesNotStayAsDelay) {
  Inlet inlet (1000ms);
  Pacer pacer (inlet);
  const auto run = [&] (int blocks, bool push) {
    for (int i = 0; i < blocks; ++i) {
      if (push) put (inlet, 0, 480, kMono);
      pacer.next ();
    }
  };
  run (200, true);
  run (30, false);                 // it hangs
  put (inlet, 0, 480 * 30, kMono); // and then brings all that was due
  EXPECT_GE (inlet.queued (), size_t (480 * 30));
  run (300, true);
  EXPECT_LE (inlet.queued (), size_t (480 * 3));
}

TEST (Pacer, ALeadThatTheApplicationHasGivenItselfStays) {
  Inlet inlet (1000ms);
  Pacer pacer (inlet);
  put (inlet, 0, 4800, kMono);
  for (int i = 0; i < 500; ++i) {
    put (inlet, 0, 480, kMono);
    pacer.next ();
  }
  EXPECT_EQ (inlet.queued (), 4800u);
}

TEST (Mixer, AddsAndCutsOffAtFullScale) {
  Mixer mixer (kMono);
  const std::vector<int16_t> loud (1920, 30000), soft (1920, 100);
  int a = 0, b = 0, c = 0;
  mixer.add (&a, soft.data (), soft.size ());
  mixer.add (&b, soft.data (), soft.size ());
  EXPECT_EQ (mixer.mix ()[7], 200);
  mixer.add (&c, loud.data (), loud.size ());
  mixer.add (&b, loud.data (), 0);
  mixer.remove (&a);
  EXPECT_EQ (mixer.mix ()[7], 30100);
  mixer.add (&a, loud.data (), loud.size ());
  EXPECT_EQ (mixer.mix ()[7], 32767);
}

TEST (Mixer, AnEmptySourceIsSilenceAndOneThatFloodsIsCut) {
  Mixer mixer (kMono);
  int a = 0;
  const std::vector<int16_t> some (480, 100);
  mixer.add (&a, some.data (), some.size ());
  EXPECT_EQ (mixer.mix ()[0], 0); // waits for 40 ms
  for (int i = 0; i < 1000; ++i)
    mixer.add (&a, some.data (), some.size ());
  int sounding = 0;
  for (int i = 0; i < 100; ++i)
    sounding += mixer.mix ()[0] != 0;
  EXPECT_LE (sounding, 12);
  EXPECT_GE (sounding, 4);
}

namespace {

struct Packets {
  std::mutex lock;
  std::vector<std::pair<Ref<GstBuffer>, Ref<GstCaps>>> all;
  size_t
  size () {
    std::lock_guard guard (lock);
    return all.size ();
  }
};

Sender::Hooks
hooks_for (Packets &packets) {
  Sender::Hooks hooks;
  hooks.begin = [] {};
  hooks.failed = [] (const Error &) { ADD_FAILURE (); };
  hooks.packet = [&packets] (Ref<GstBuffer> packet, const Ref<GstCaps> &caps) {
    std::lock_guard guard (packets.lock);
    packets.all.emplace_back (std::move (packet), caps);
  };
  return hooks;
}

media::EncodeSpec
opus () {
  media::EncodeSpec spec;
  spec.codec = "opus";
  return spec;
}

/// The delay, in ms, that half of what is written has at most when it reaches the encoder.
double
median_delay (std::chrono::milliseconds chunk) {
  Packets packets;
  auto sender = Sender::create (1000ms);
  struct Marks {
    std::mutex lock;
    std::vector<GstClockTime> pushed, seen;
  } marks;
  auto spec = opus ();
  spec.setup = [&marks] (GstElement *encoder) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (encoder, "sink"));
    gst_pad_add_probe (
        pad.get (), GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
          auto &m = *static_cast<Marks *> (data);
          GstMapInfo map;
          GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
          if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
          const auto *samples = reinterpret_cast<const int16_t *> (map.data);
          std::lock_guard guard (m.lock);
          for (gsize i = 0; i < map.size / 2; ++i)
            if (samples[i] > 10000) m.seen.push_back (monotonic_now ());
          gst_buffer_unmap (buffer, &map);
          return GST_PAD_PROBE_OK;
        },
        &marks, nullptr);
  };
  sender->start (spec, hooks_for (packets));
  EXPECT_TRUE (wait_until ([&] { return packets.size () >= 2; }, 30s));
  const size_t frames = size_t (chunk.count ()) * 48;
  auto due = std::chrono::steady_clock::now ();
  for (int i = 0; i < 100; ++i) {
    std::vector<int16_t> pcm (frames, 0);
    pcm.back () = 20000; // the last to be taken
    {
      std::lock_guard guard (marks.lock);
      marks.pushed.push_back (monotonic_now ());
    }
    sender->write (pcm.data (), frames, kMono);
    due += chunk;
    std::this_thread::sleep_until (due); // the application's own rhythm, not a wait for something
  }
  wait_until (
      [&] {
        std::lock_guard guard (marks.lock);
        return marks.seen.size () >= marks.pushed.size ();
      },
      5s);
  sender->stop ();
  EXPECT_GE (marks.seen.size (), 90u);
  if (marks.seen.empty ()) return HUGE_VAL;
  std::vector<double> delays;
  for (size_t i = 0; i < std::min (marks.seen.size (), marks.pushed.size ()); ++i)
    delays.push_back (double (marks.seen[i] - marks.pushed[i]) / GST_MSECOND);
  std::sort (delays.begin (), delays.end ());
  const double median = delays[delays.size () / 2];
  std::printf ("chunks of %d ms: %.1f ms in the middle, %.1f ms at most\n", int (chunk.count ()), median,
               delays.back ());
  return median;
}

} // namespace

TEST (Sender, SendsFromItsStartOnAtThePaceOfTheClock) {
  init_gst ();
  Packets packets;
  auto sender = Sender::create (1000ms);
  const GstClockTime before = monotonic_now ();
  sender->start (opus (), hooks_for (packets));
  ASSERT_TRUE (wait_until ([&] { return packets.size () >= 20; }, 30s));
  sender->stop ();
  const GstClockTime after = monotonic_now ();
  for (size_t i = 0; i < packets.all.size (); ++i) {
    const GstClockTime pts = GST_BUFFER_PTS (packets.all[i].first.get ());
    EXPECT_GE (pts + 10 * GST_MSECOND, before); // the coder may date back by its own delay
    EXPECT_LE (pts, after);
  }
  const size_t count_then = packets.all.size ();
  sender->write (count (0, 480).data (), 480, kMono);
  EXPECT_EQ (packets.size (), count_then);
}

/// A marked chunk at a time, from the call that brings it to the encoder's sink pad.
TEST (Sender, AddsAtMostTheChunkAndTenMilliseconds) {
  init_gst ();
  for (const auto chunk : { 10ms, 20ms }) {
    // Whoever shares the machine adds to it; what the sender itself adds is in every round.
    double best = HUGE_VAL;
    for (int round = 0; round < 8 && best > double (chunk.count ()) + 10; ++round)
      best = std::min (best, median_delay (chunk));
    EXPECT_LE (best, double (chunk.count ()) + 10);
  }
}

TEST (Receiver, GivesTheToneInTheFormatThatIsAskedForAndSilenceWhereNothingComes) {
  init_gst ();
  Packets packets;
  auto sender = Sender::create (2000ms);
  std::vector<int16_t> tone;
  for (size_t i = 0; i < 48000; ++i)
    tone.push_back (int16_t (8000 * std::sin (2 * M_PI * 440 * double (i) / 48000)));
  sender->start (opus (), hooks_for (packets));
  sender->write (tone.data (), tone.size (), kMono);
  ASSERT_TRUE (wait_until ([&] { return packets.size () >= 30; }, 30s));
  sender->stop ();

  std::vector<int16_t> heard;
  Format format{}, coded{};
  Receiver::Hooks hooks;
  hooks.sound = [&] (const int16_t *pcm, size_t frames, Format now) {
    if (now != format) heard.clear ();
    format = now;
    heard.insert (heard.end (), pcm, pcm + frames * size_t (now.channels));
  };
  hooks.coded = [&] (Format now) { coded = now; };
  hooks.wanted = [] { return true; };
  hooks.failed = [] (const Error &) { ADD_FAILURE (); };
  auto receiver = Receiver::create (hooks, { 16000, 2 });
  for (const auto &[packet, caps] : packets.all)
    receiver->on_frame ({ packet, caps });
  EXPECT_EQ (format, (Format{ 16000, 2 }));
  EXPECT_EQ (coded, (Format{ 48000, 1 }));
  ASSERT_GT (heard.size (), size_t (16000));
  size_t rises = 0; // of the left channel, over the last quarter of a second
  for (size_t i = heard.size () - 2 * 4000; i + 2 < heard.size (); i += 2)
    rises += heard[i] < 0 && heard[i + 2] >= 0;
  EXPECT_NEAR (double (rises), 110, 2);

  receiver->set_output ({ 48000, 1 });
  const GstClockTime end = GST_BUFFER_PTS (packets.all.back ().first.get ()) + 20 * GST_MSECOND;
  receiver->fill (end + 30 * GST_MSECOND, 0); // jitter
  EXPECT_EQ (format, (Format{ 16000, 2 }));
  receiver->fill (end + GST_SECOND, 0);
  EXPECT_EQ (format, kMono);
  EXPECT_NEAR (double (heard.size ()), 48000, 1000);
  EXPECT_TRUE (std::all_of (heard.end () - 4800, heard.end (), [] (int16_t s) { return s == 0; }));
  receiver->close ();
  heard.clear ();
  receiver->on_frame ({ packets.all[0].first, packets.all[0].second });
  EXPECT_TRUE (heard.empty ());
}
