// Disks that take their time, or never answer.
#include "job/disk.hpp"

#include "media/row.hpp"

#include "fakes/wait.hpp"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

using namespace lk;
using namespace lk::record;
using namespace std::chrono_literals;

namespace {

struct RecorderDisk : testing::Test {
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
  }
};

/// What a thread waits at until the test lets it go.
class Barrier {
public:
  ~Barrier () { open (); }
  void
  open () {
    std::lock_guard guard (lock_);
    open_ = true;
    changed_.notify_all ();
  }
  void
  pass () {
    std::unique_lock guard (lock_);
    changed_.wait (guard, [this] { return open_; });
  }

private:
  std::mutex lock_;
  std::condition_variable changed_;
  bool open_ = false;
};

Ref<GstElement>
pipeline (const char *text) {
  return Ref<GstElement>::sink (gst_parse_launch (text, nullptr));
}

GstState
state_of (const Ref<GstElement> &element) {
  GstState state = GST_STATE_NULL;
  gst_element_get_state (element.get (), &state, nullptr, 0);
  return state;
}

TEST_F (RecorderDisk, WhatIsBackInTimeWasDone) {
  bool done = false;
  EXPECT_TRUE (within (Millis (10000), [&done] { done = true; }));
  EXPECT_TRUE (done);
}

TEST_F (RecorderDisk, WhatDoesNotComeBackIsLeftAlone) {
  auto barrier = std::make_shared<Barrier> ();
  EXPECT_FALSE (within (Millis (20), [barrier] { barrier->pass (); }));
  EXPECT_EQ (held_by_disks (), 1u);
  barrier->open ();
  EXPECT_TRUE (test::wait_until ([] { return held_by_disks () == 0; }, 10s));
}

TEST_F (RecorderDisk, APipelineIsOpenedAndClosed) {
  auto played = pipeline ("fakesrc is-live=true ! fakesink async=false");
  {
    Keeper keeper (played);
    keeper.open ([] { return Result<> (); });
    EXPECT_TRUE (test::wait_until ([&] { return state_of (played) == GST_STATE_PLAYING; }, 10s));
    EXPECT_FALSE (keeper.closed ());
  }
  EXPECT_EQ (state_of (played), GST_STATE_NULL);
  EXPECT_EQ (held_by_disks (), 0u);
}

TEST_F (RecorderDisk, WhatCannotBeMadeReadyIsNotOpened) {
  auto never = pipeline ("fakesrc ! fakesink");
  Keeper keeper (never);
  keeper.open ([] { return Result<> (Error{ Errc::MediaFailed, Retry::Never, "no folder" }); });
  EXPECT_TRUE (test::wait_until ([&] { return keeper.error ().has_value (); }, 10s));
  EXPECT_EQ (keeper.error ()->message, "no folder");
  EXPECT_EQ (state_of (never), GST_STATE_NULL);
}

TEST_F (RecorderDisk, WhoeverClosesDoesNotWaitForADiskThatHoldsIt) {
  auto barrier = std::make_shared<Barrier> ();
  auto held = pipeline ("fakesrc ! fakesink");
  const gint64 began = g_get_monotonic_time ();
  {
    Keeper keeper (held);
    keeper.open ([barrier] {
      barrier->pass ();
      return Result<> ();
    });
    keeper.close ();
    EXPECT_FALSE (keeper.closed ());
  }
  EXPECT_LT (g_get_monotonic_time () - began, 20000000);
  EXPECT_EQ (held_by_disks (), 1u);
  barrier->open ();
  EXPECT_TRUE (test::wait_until ([] { return held_by_disks () == 0; }, 10s));
  EXPECT_EQ (state_of (held), GST_STATE_NULL);
}

/// identity, whose "src" is measured.
class Measured {
public:
  explicit Measured (bool seeks) : harness_ (gst_harness_new ("identity")) {
    gst_harness_set_src_caps_str (harness_.get (), "video/quicktime");
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (harness_->element, "src"));
    meter.emplace (pad.get (), std::filesystem::temp_directory_path (), seeks);
  }
  void
  write (size_t bytes) {
    gst_harness_push (harness_.get (), gst_buffer_new_allocate (nullptr, bytes, nullptr));
  }
  void
  seek (guint64 to) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_BYTES);
    segment.start = to;
    gst_harness_push_event (harness_.get (), gst_event_new_segment (&segment));
  }
  void
  end () {
    gst_harness_push_event (harness_.get (), gst_event_new_eos ());
  }
  std::optional<Meter> meter;

private:
  std::unique_ptr<GstHarness, Deleter<gst_harness_teardown>> harness_;
};

TEST_F (RecorderDisk, AWriteCountsWhenItIsDone) {
  Measured file (true);
  file.write (100);
  EXPECT_EQ (file.meter->bytes (), 0u) << "it may be waiting for the disk";
  const auto taken = file.meter->taken ();
  file.write (50);
  EXPECT_EQ (file.meter->bytes (), 100u);
  EXPECT_GT (file.meter->taken (), taken);
  file.end ();
  EXPECT_EQ (file.meter->bytes (), 150u);
}

TEST_F (RecorderDisk, WhatIsWrittenAgainAtTheBeginningMakesAFileNoLonger) {
  Measured file (true);
  file.write (1000);
  file.seek (20);
  file.write (8);
  file.end ();
  EXPECT_EQ (file.meter->bytes (), 1000u);
}

TEST_F (RecorderDisk, SegmentsThatEachBeginAtZeroAddUp) {
  Measured stream (false);
  stream.write (1000);
  stream.seek (0);
  stream.write (500);
  stream.end ();
  EXPECT_EQ (stream.meter->bytes (), 1500u);
}

TEST_F (RecorderDisk, TheRoomOnTheDiskIsKnownFromTheFirstWriteOn) {
  Measured file (true);
  file.write (1);
  ASSERT_TRUE (file.meter->free_bytes ());
  EXPECT_NEAR (double (*file.meter->free_bytes ()),
               double (std::filesystem::space (std::filesystem::temp_directory_path ()).available),
               double (1 << 30));
}

} // namespace
