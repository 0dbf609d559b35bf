// Pure arithmetic of time: clock fitting, the time map, lip-sync.
#include "fakes/wait.hpp"
#include "media/clock_fit.hpp"
#include "media/frame_delay.hpp"
#include "media/lip_sync.hpp"
#include "media/time_map.hpp"
#include "media_util.hpp"

#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace lk;
using namespace lk::media;
using namespace std::chrono_literals;

namespace {

constexpr GstClockTime kSecond = GST_SECOND;

GstClockTimeDiff
distance (GstClockTime a, GstClockTime b) {
  return std::abs (GST_CLOCK_DIFF (a, b));
}

} // namespace

TEST (MediaClockFit, KnowsNothingBeforeTheFirstReading) {
  ClockFit fit;
  EXPECT_EQ (fit.to_clock (kSecond), GST_CLOCK_TIME_NONE);
  EXPECT_EQ (fit.to_monotonic (kSecond), GST_CLOCK_TIME_NONE);
}

TEST (MediaClockFit, FollowsADriftingClockThroughNoise) {
  lk::test::init_gst ();
  ClockFit fit;
  // 200 ppm fast, read with ±0.4 ms of noise.
  auto clock_at = [] (GstClockTime mono) {
    return 5 * kSecond + (mono - 1000 * kSecond) + (mono - 1000 * kSecond) / 5000;
  };
  GstClockTime mono = 1000 * kSecond;
  for (int i = 0; i < 200; ++i, mono += 100 * GST_MSECOND) {
    GstClockTimeDiff noise = (i * 7919 % 9 - 4) * 100 * GstClockTimeDiff (GST_USECOND);
    fit.add ({ mono, static_cast<GstClockTime> (GstClockTimeDiff (clock_at (mono)) + noise) });
  }
  GstClockTime ahead = mono + kSecond;
  EXPECT_LT (distance (fit.to_clock (ahead), clock_at (ahead)), GstClockTimeDiff (GST_MSECOND));
  EXPECT_LT (distance (fit.to_monotonic (clock_at (ahead)), ahead), GstClockTimeDiff (GST_MSECOND));
  GstClockTime back = mono - 3 * kSecond;
  EXPECT_LT (distance (fit.to_clock (back), clock_at (back)), GstClockTimeDiff (GST_MSECOND));
}

TEST (MediaClockFit, AJumpOfTheClockStartsANewLine) {
  lk::test::init_gst ();
  ClockFit fit;
  GstClockTime mono = 100 * kSecond;
  for (int i = 0; i < 20; ++i, mono += 100 * GST_MSECOND)
    fit.add ({ mono, 0 }); // a device clock that has not started yet
  for (int i = 0; i < 3; ++i, mono += 100 * GST_MSECOND)
    fit.add ({ mono, 7 * kSecond + static_cast<GstClockTime> (i) * 100 * GST_MSECOND });
  EXPECT_LT (distance (fit.to_clock (mono), 7 * kSecond + 300 * GST_MSECOND), GstClockTimeDiff (GST_MSECOND));
}

TEST (MediaClockFit, TimesBeforeTheClocksZeroAreNone) {
  ClockFit fit;
  fit.add ({ 100 * kSecond, 3 * kSecond });
  EXPECT_EQ (fit.to_clock (96 * kSecond), GST_CLOCK_TIME_NONE);
  EXPECT_EQ (fit.to_clock (98 * kSecond), kSecond);
}

TEST (MediaTimeMap, WithoutAClockNothingMaps) {
  TimeMap map;
  EXPECT_EQ (map.to_running (monotonic_now ()), GST_CLOCK_TIME_NONE);
  EXPECT_EQ (map.to_monotonic (kSecond), GST_CLOCK_TIME_NONE);
  map.observe ();
}

TEST (MediaTimeMap, OnTheSystemClockTheMappingIsExact) {
  lk::test::init_gst ();
  TimeMap map;
  auto clock = Ref<GstClock>::adopt (gst_system_clock_obtain ());
  GstClockTime base = gst_clock_get_time (clock.get ());
  EXPECT_LT (distance (base, monotonic_now ()), GstClockTimeDiff (GST_SECOND));
  map.set_clock (clock.get (), base);
  EXPECT_EQ (map.to_running (base + 5 * kSecond), 5 * kSecond);
  EXPECT_EQ (map.to_monotonic (5 * kSecond), base + 5 * kSecond);
  EXPECT_EQ (map.to_running (base - 1), GST_CLOCK_TIME_NONE) << "before the base time";
  EXPECT_EQ (map.to_running (GST_CLOCK_TIME_NONE), GST_CLOCK_TIME_NONE);
  EXPECT_EQ (map.to_monotonic (GST_CLOCK_TIME_NONE), GST_CLOCK_TIME_NONE);
  map.clear ();
  EXPECT_EQ (map.to_running (base + 5 * kSecond), GST_CLOCK_TIME_NONE);
}

TEST (MediaTimeMap, AForeignClockIsReadWhenItIsSet) {
  lk::test::init_gst ();
  TimeMap map;
  auto clock = Ref<GstClock>::adopt (gst_test_clock_new_with_start_time (500 * kSecond));
  GstClockTime before = monotonic_now ();
  map.set_clock (clock.get (), 490 * kSecond);
  GstClockTime after = monotonic_now ();
  GstClockTime running = map.to_running (after);
  EXPECT_GE (running, 10 * kSecond);
  EXPECT_LE (running, 10 * kSecond + (after - before));
  EXPECT_LT (distance (map.to_monotonic (running), after), 3);
}

TEST (MediaTimeMap, AForeignClockIsFollowedWhereItGoes) {
  lk::test::init_gst ();
  TimeMap map;
  auto clock = Ref<GstClock>::adopt (gst_test_clock_new_with_start_time (500 * kSecond));
  map.set_clock (clock.get (), 0);
  // Ten seconds later by its own count: observe() sees that once its interval of 100 ms is over.
  gst_test_clock_set_time (GST_TEST_CLOCK (clock.get ()), 510 * kSecond);
  EXPECT_TRUE (lk::test::wait_until (
      [&] {
        map.observe ();
        GstClockTime running = map.to_running (monotonic_now ());
        return running > 509 * kSecond && running < 512 * kSecond;
      },
      2s));
}

namespace {

constexpr uint64_t
ntp (double seconds) {
  return static_cast<uint64_t> (seconds * 4294967296.0);
}

/// The offset that update() gives for a track, or none.
std::optional<Nanos>
offset_of (const std::vector<LipSync::Correction> &corrections, const std::string &sid) {
  auto it = std::ranges::find (corrections, sid, &LipSync::Correction::track_sid);
  if (it == corrections.end ()) return std::nullopt;
  return it->offset;
}

bool
near (std::optional<Nanos> value, Nanos expected) {
  return value && std::chrono::abs (*value - expected) < 1ms;
}

// A sender's clock in NTP seconds, large as in life: 2026 is 3.98e9.
constexpr double kWall = 3.98e9;

} // namespace

TEST (LipSync, TheEarlierTrackIsDelayed) {
  LipSync sync;
  sync.add_track ("audio", 48000);
  sync.add_track ("video", 90000);
  sync.on_report ("audio", ntp (kWall), 1000);
  sync.on_report ("video", ntp (kWall + 1), 5000);
  EXPECT_TRUE (sync.update ().empty ()) << "no point yet";
  // Both frames were made at kWall + 2; the video frame came 300 ms later.
  sync.on_point ("audio", 1000 + 96000, 50s);
  EXPECT_TRUE (sync.update ().empty ()) << "one track alone";
  sync.on_point ("video", 5000 + 90000, 50s + 300ms);
  auto corrections = sync.update ();
  EXPECT_TRUE (near (offset_of (corrections, "audio"), 300ms));
  EXPECT_FALSE (offset_of (corrections, "video"));
  EXPECT_TRUE (near (sync.largest_offset (), 300ms));
  EXPECT_TRUE (sync.update ().empty ()) << "once is enough";
}

TEST (LipSync, ThePathIsThatOfTheLatestTrackSinceTheYear1970) {
  LipSync sync;
  sync.add_track ("audio", 48000);
  sync.on_report ("audio", ntp (kWall), 1000);
  (void)sync.update ();
  EXPECT_FALSE (sync.path ()) << "no frame yet";
  sync.on_point ("audio", 1000, 50s);
  (void)sync.update ();
  constexpr double kUnix = kWall - 2'208'988'800;
  EXPECT_TRUE (
      near (sync.path (), 50s - std::chrono::duration_cast<Nanos> (std::chrono::duration<double> (kUnix))))
      << "one track alone";
  sync.add_track ("video", 90000);
  sync.on_report ("video", ntp (kWall), 5000);
  sync.on_point ("video", 5000, 50s + 300ms);
  (void)sync.update ();
  auto late = 50s + 300ms - std::chrono::duration_cast<Nanos> (std::chrono::duration<double> (kUnix));
  EXPECT_TRUE (near (sync.path (), late));
  (void)sync.update ();
  EXPECT_TRUE (near (sync.path (), late)) << "with nothing left to correct";
}

TEST (LipSync, FramesBeforeTheReportAndWrappedRtpTimesCount) {
  struct Row {
    const char *what;
    uint32_t report_rtp, point_rtp;
    double made; ///< seconds after the report
  };
  const Row rows[] = {
    { "after", 10'000, 10'000 + 90'000, 1 },
    { "before the report", 200'000, 200'000 - 90'000, -1 },
    { "wrapped between report and frame", 0xffffff00, 90'000 - 0x100, 1 },
    { "report wrapped after the frame", 100, 100u - 90'000u, -1 },
  };
  for (const auto &row : rows) {
    LipSync sync;
    sync.add_track ("audio", 48000);
    sync.add_track ("video", 90000);
    sync.on_report ("video", ntp (kWall), row.report_rtp);
    sync.on_point ("video", row.point_rtp, 100s);
    // The audio frame was made at the same instant and came 100 ms later.
    sync.on_report ("audio", ntp (kWall + row.made), 77);
    sync.on_point ("audio", 77, 100s + 100ms);
    EXPECT_TRUE (near (offset_of (sync.update (), "video"), 100ms)) << row.what;
  }
}

TEST (LipSync, SmallDifferencesAreLeftAlone) {
  LipSync sync;
  for (const char *sid : { "a", "b" }) {
    sync.add_track (sid, 90000);
    sync.on_report (sid, ntp (kWall), 0);
  }
  sync.on_point ("a", 0, 10s);
  sync.on_point ("b", 0, 10s + 9ms);
  EXPECT_TRUE (sync.update ().empty ());
  sync.on_point ("b", 0, 10s + 12ms);
  EXPECT_TRUE (near (offset_of (sync.update (), "a"), 12ms));
}

TEST (LipSync, ThreeTracksMeetAtTheLatest) {
  LipSync sync;
  const std::pair<const char *, Nanos> arrivals[]
      = { { "mic", 0ms }, { "camera", 250ms }, { "second camera", 40ms } };
  for (auto [sid, late] : arrivals) {
    sync.add_track (sid, 90000);
    sync.on_report (sid, ntp (kWall), 0);
    sync.on_point (sid, 0, 10s + late);
  }
  auto corrections = sync.update ();
  EXPECT_TRUE (near (offset_of (corrections, "mic"), 250ms));
  EXPECT_TRUE (near (offset_of (corrections, "second camera"), 210ms));
  EXPECT_FALSE (offset_of (corrections, "camera"));

  // The slow one goes: nobody waits for it any longer.
  sync.remove_track ("camera");
  corrections = sync.update ();
  EXPECT_TRUE (near (offset_of (corrections, "mic"), 40ms));
  EXPECT_TRUE (near (offset_of (corrections, "second camera"), 0ms));
  sync.remove_track ("mic");
  EXPECT_TRUE (sync.update ().empty ());
  EXPECT_EQ (sync.largest_offset (), 0ms);
}

TEST (LipSync, APathThatGetsFasterGivesTheDelayBack) {
  LipSync sync;
  for (const char *sid : { "a", "b" }) {
    sync.add_track (sid, 90000);
    sync.on_report (sid, ntp (kWall), 0);
  }
  sync.on_point ("a", 0, 10s);
  sync.on_point ("b", 0, 10s + 500ms);
  EXPECT_TRUE (near (offset_of (sync.update (), "a"), 500ms));
  sync.on_point ("b", 90000, 11s + 100ms);
  sync.on_point ("a", 90000, 11s);
  EXPECT_TRUE (near (offset_of (sync.update (), "a"), 100ms));
}

TEST (LipSync, NonsenseReportsChangeNothing) {
  LipSync sync;
  sync.on_report ("unknown", ntp (kWall), 0);
  sync.on_point ("unknown", 0, 1s);
  sync.add_track ("a", 90000);
  sync.add_track ("b", 90000);
  sync.add_track ("no rate", 0);
  for (const char *sid : { "a", "b", "no rate" })
    sync.on_point (sid, 0, 10s);
  sync.on_report ("a", ntp (kWall), 0);
  sync.on_report ("no rate", ntp (kWall - 1), 0);
  sync.on_report ("b", 0, 0x7fffffff); // clock never set
  EXPECT_TRUE (sync.update ().empty ());
  sync.on_report ("b", ~uint64_t (0), 0x80000000);
  EXPECT_TRUE (sync.update ().empty ());
  EXPECT_EQ (sync.largest_offset (), 0ms);
  sync.on_report ("b", ntp (kWall - 2.5), 0);
  EXPECT_TRUE (sync.update ().empty ()) << "no network is that slow for one track alone";
  sync.on_report ("b", ntp (kWall - 1.5), 0);
  EXPECT_TRUE (near (offset_of (sync.update (), "a"), 1500ms));
}

// ---- delaying frames

namespace {

/// Frames every `interval`, moved; nothing where one was dropped.
std::vector<std::optional<FrameDelay::Moved>>
move_all (FrameDelay &delay, GstClockTime &pts, GstClockTime interval, int count) {
  std::vector<std::optional<FrameDelay::Moved>> out;
  for (int i = 0; i < count; ++i, pts += interval)
    out.push_back (delay.move (pts, interval));
  return out;
}

} // namespace

TEST (FrameDelay, ASoundMovesAtOnceAndSaysSo) {
  FrameDelay delay;
  delay.reset (MediaKind::Audio);
  GstClockTime pts = GST_SECOND;
  EXPECT_FALSE (move_all (delay, pts, 20 * GST_MSECOND, 5)[4]->jumped);
  delay.set_target (300ms);
  auto moved = move_all (delay, pts, 20 * GST_MSECOND, 2);
  EXPECT_EQ (moved[0]->pts, 1400 * GST_MSECOND);
  EXPECT_TRUE (moved[0]->jumped);
  EXPECT_EQ (moved[1]->pts, 1420 * GST_MSECOND);
  EXPECT_FALSE (moved[1]->jumped);
}

TEST (FrameDelay, ASoundThatMovesBackIsNotHeardTwice) {
  FrameDelay delay;
  delay.set_target (300ms);
  delay.reset (MediaKind::Audio);
  GstClockTime pts = GST_SECOND;
  EXPECT_EQ (move_all (delay, pts, 20 * GST_MSECOND, 1)[0]->pts, 1300 * GST_MSECOND);
  delay.set_target (0ms);
  auto moved = move_all (delay, pts, 20 * GST_MSECOND, 20);
  for (int i = 0; i < 15; ++i)
    EXPECT_FALSE (moved[i]) << i;
  ASSERT_TRUE (moved[15]);
  EXPECT_EQ (moved[15]->pts, 1320 * GST_MSECOND);
  EXPECT_TRUE (moved[15]->jumped);
  EXPECT_FALSE (moved[16]->jumped);
}

TEST (FrameDelay, PicturesApproachTheirPlaceWithinThreeSecondsAtAnyRate) {
  for (int fps : { 5, 15, 30, 60 })
    for (bool back : { false, true }) {
      FrameDelay delay;
      delay.set_target (back ? 300ms : 0ms);
      delay.reset (MediaKind::Video);
      GstClockTime pts = GST_SECOND;
      auto last = move_all (delay, pts, GST_SECOND / fps, 1)[0]->pts;
      delay.set_target (back ? 0ms : 300ms);
      for (auto &moved : move_all (delay, pts, GST_SECOND / fps, 3 * fps)) {
        EXPECT_GT (moved->pts, last) << fps;
        EXPECT_LE (moved->pts - last, GST_SECOND / fps * 9 / 8 + 1) << fps;
        EXPECT_FALSE (moved->jumped);
        last = moved->pts;
      }
      EXPECT_EQ (last, pts - GST_SECOND / fps + (back ? 0 : 300 * GST_MSECOND)) << fps;
    }
}

TEST (FrameDelay, PicturesThatAreFarFromTheirPlaceJumpForwardButNeverBack) {
  FrameDelay delay;
  delay.reset (MediaKind::Video);
  GstClockTime pts = GST_SECOND;
  move_all (delay, pts, GST_SECOND / 25, 1);
  delay.set_target (2s);
  EXPECT_EQ (move_all (delay, pts, GST_SECOND / 25, 1)[0]->pts, 3040 * GST_MSECOND);
  delay.set_target (0s);
  auto last = move_all (delay, pts, GST_SECOND / 25, 1)[0]->pts;
  for (auto &moved : move_all (delay, pts, GST_SECOND / 25, 500)) {
    EXPECT_GT (moved->pts, last);
    last = moved->pts;
  }
  EXPECT_EQ (last, pts - GST_SECOND / 25);
}
