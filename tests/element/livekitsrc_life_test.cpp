// livekitsrc on a fake session: ends, errors, and starting and stopping at any moment.
#include "livekitsrc_util.hpp"

#include <algorithm>
#include <filesystem>
#include <malloc.h>
#include <thread>

namespace {

using namespace lk;
using namespace lk::test;

// ---- ends ---------------------------------------------------------------------------------------

TEST_F (Src, UnsubscribedTrackEndsThenItsPadGoes) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus");
  Drain drain;
  drain.link (pad ("audio_0"));
  talk (track, 2);
  unsubscribe (track);
  ASSERT_TRUE (no_pad ("audio_0"));
  EXPECT_TRUE (drain.ended ());
  EXPECT_TRUE (wait_until ([&] { return track->receiver.consumers () == 0; }, 5s));
}

TEST_F (Src, EosEndsAllPadsEvenWhileOneIsBlocked) {
  make ();
  play ();
  auto a = subscribe ("TR_a", "opus");
  auto v = subscribe ("TR_v", "vp8");
  Drain sound, picture;
  sound.link (pad ("audio_0"));
  picture.link (pad ("video_0"));
  picture.hold ();
  std::thread streaming ([&] { deliver (v, encode ("vp8", 1)[0]); });
  ASSERT_TRUE (wait_until ([&] { return picture.holds (); }, 5s));
  EXPECT_TRUE (gst_element_send_event (src_, gst_event_new_eos ()));
  EXPECT_TRUE (wait_until ([&] { return sound.ended (); }, 5s));
  EXPECT_FALSE (picture.ended ());
  picture.release ();
  EXPECT_TRUE (wait_until ([&] { return picture.ended (); }, 5s));
  streaming.join ();
  deliver (v, encode ("vp8", 1)[0]);
  EXPECT_EQ (picture.count (), 1u) << "nothing comes after the end";
}

TEST_F (Src, EosPassesAPadThatNeverHadAFrame) {
  make ();
  play ();
  subscribe ("TR_v", "vp8");
  Drain drain ("video/x-raw");
  drain.link (pad ("video_0"));
  EXPECT_TRUE (gst_element_send_event (src_, gst_event_new_eos ()));
  EXPECT_TRUE (wait_until ([&] { return drain.ended (); }, 5s));
}

TEST_F (Src, AfterTheEndNoPadComes) {
  make ();
  play ();
  subscribe ("TR_a", "opus");
  Drain drain;
  drain.link (pad ("audio_0"));
  gst_element_send_event (src_, gst_event_new_eos ());
  subscribe ("TR_b", "opus");
  settle ();
  EXPECT_EQ (pads (), (std::vector<std::string>{ "audio_0" }));
}

TEST_F (Src, EosWithoutALinkedPadIsAnError) {
  make ();
  play ();
  subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  gst_element_send_event (src_, gst_event_new_eos ());
  EXPECT_NE (text_of (message (GST_MESSAGE_EOS)).find ("before any track"), std::string::npos);
}

TEST_F (Src, LostSessionIsAWarningAndTheEndOfEveryPad) {
  make ();
  play ();
  subscribe ("TR_a", "opus");
  Drain drain;
  drain.link (pad ("audio_0"));
  session_->end (session::State::Failed, { Errc::SignalLost, Retry::Never, "the connection broke" });
  EXPECT_TRUE (is (message (GST_MESSAGE_WARNING), GST_MESSAGE_WARNING));
  EXPECT_TRUE (wait_until ([&] { return drain.ended (); }, 5s));
}

TEST_F (Src, RefusedDataIsOneErrorAndRelinkingHelps) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  const auto frames = encode ("vp8", 2);
  Drain bad ("video/x-vp8"), good ("video/x-vp8");
  bad.flow = GST_FLOW_ERROR;
  bad.link (pad ("video_0"));
  for (int i = 0; i < 5; i++)
    deliver (track, frames[0]);
  EXPECT_EQ (bad.count (), 1u);
  EXPECT_NE (text_of (message (GST_MESSAGE_ERROR)).find ("refused"), std::string::npos);
  EXPECT_EQ (text_of (message (GST_MESSAGE_ERROR, 0s)), "(no message)");
  bad.unlink ();
  good.link (pad ("video_0"));
  deliver (track, frames[0]);
  EXPECT_EQ (good.count (), 1u);
}

TEST_F (Src, OneRefusingPadLeavesTheOthersAlone) {
  make ();
  play ();
  auto a = subscribe ("TR_a", "opus");
  auto v = subscribe ("TR_v", "vp8");
  Drain sound, picture ("video/x-vp8");
  picture.flow = GST_FLOW_ERROR;
  sound.link (pad ("audio_0"));
  picture.link (pad ("video_0"));
  deliver (v, encode ("vp8", 1)[0]);
  const auto before = sound.count ();
  talk (a, 5);
  EXPECT_GE (sound.count (), before + 5);
}

// ---- stopping at any moment ---------------------------------------------------------------------

/// Either the pipeline is stopped, or livekitsrc alone.
class StopWhileHeld : public Src, public testing::WithParamInterface<bool> {};

TEST_P (StopWhileHeld, Returns) {
  make ();
  auto *sink = gst_parse_launch ("fakesink name=f async=false sync=false", nullptr);
  gst_bin_add (GST_BIN (pipeline_.get ()), sink);
  play ();
  auto track = subscribe ("TR_v", "vp8");
  auto to = Ref<GstPad>::adopt (gst_element_get_static_pad (sink, "sink"));
  ASSERT_EQ (gst_pad_link (pad ("video_0").get (), to.get ()), GST_PAD_LINK_OK);
  const auto frames = encode ("vp8", 3);
  deliver (track, frames[0]);
  std::atomic<bool> blocked{ false }, back{ false };
  gst_element_set_state (sink, GST_STATE_PAUSED); // waits in preroll from its next frame on
  std::thread streaming ([&] {
    blocked = true;
    deliver (track, frames[1]);
    back = true;
  });
  ASSERT_TRUE (wait_until ([&] { return blocked.load (); }, 5s));
  EXPECT_FALSE (wait_until ([&] { return back.load (); }, 100ms));
  const gint64 start = g_get_monotonic_time ();
  gst_element_set_state (GetParam () ? src_ : pipeline_.get (), GST_STATE_NULL);
  EXPECT_LT (g_get_monotonic_time () - start, 2 * G_USEC_PER_SEC);
  streaming.join ();
  EXPECT_EQ (track->receiver.consumers (), 0u);
}
INSTANTIATE_TEST_SUITE_P (Src, StopWhileHeld, testing::Bool (), [] (const auto &row) {
  return std::string (row.param ? "TheElementAlone" : "ThePipeline");
});

TEST_F (Src, MayBeStoppedFromPadAdded) {
  make ();
  std::atomic<bool> done{ false };
  struct Both {
    GstElement *pipeline;
    std::atomic<bool> *done;
  } both{ pipeline_.get (), &done };
  g_signal_connect (src_, "pad-added", G_CALLBACK (+[] (GstElement *, GstPad *, Both *b) {
                      gst_element_set_state (b->pipeline, GST_STATE_NULL);
                      *b->done = true;
                    }),
                    &both);
  play ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (wait_until ([&] { return done.load (); }, 5s));
  settle ();
  EXPECT_TRUE (pads ().empty ());
  EXPECT_EQ (session_->users (), 0u);
  EXPECT_EQ (track->receiver.consumers (), 0u);
}

class StopFromSignal : public Src, public testing::WithParamInterface<const char *> {};

TEST_P (StopFromSignal, IsAllowed) {
  make ();
  std::atomic<bool> done{ false };
  struct Both {
    GstElement *pipeline;
    std::atomic<bool> *done;
  } both{ pipeline_.get (), &done };
  g_signal_connect (src_, GetParam (), G_CALLBACK (+[] (GstElement *, gpointer, Both *b) {
                      gst_element_set_state (b->pipeline, GST_STATE_NULL);
                      *b->done = true;
                    }),
                    &both);
  play ();
  auto track = subscribe ("TR_a", "opus");
  settle ();
  unsubscribe (track);
  ASSERT_TRUE (wait_until ([&] { return done.load (); }, 5s));
  settle ();
  EXPECT_TRUE (pads ().empty ());
  EXPECT_TRUE (wait_until ([&] { return track->receiver.consumers () == 0; }, 5s));
}
INSTANTIATE_TEST_SUITE_P (Src, StopFromSignal,
                          testing::Values ("track-subscribed", "track-unsubscribed", "pad-removed"),
                          [] (const auto &row) {
                            std::string name = row.param;
                            std::erase (name, '-');
                            return name;
                          });

TEST_F (Src, StartsAgainWithTheFirstNames) {
  make ();
  for (int round = 0; round < 3; round++) {
    play ();
    auto track = subscribe ("TR_a", "opus");
    Drain drain;
    drain.link (pad ("audio_0"));
    talk (track, 2);
    EXPECT_TRUE (wait_until ([&] { return drain.count () > 0; }, 5s));
    unsubscribe (track); // its end is still under way
    play (GST_STATE_NULL);
    EXPECT_TRUE (pads ().empty ());
  }
}

// ---- nothing is left behind ---------------------------------------------------------------------

struct Usage {
  size_t threads, files, heap;
};

size_t
entries (const char *directory) {
  return size_t (std::distance (std::filesystem::directory_iterator (directory),
                                std::filesystem::directory_iterator ()));
}

Usage
usage () {
  return { entries ("/proc/self/task"), entries ("/proc/self/fd"), mallinfo2 ().uordblks };
}

/// Threads of pools end a moment after their last job.
void
expect_no_more (const Usage &before, const Usage &after) {
  EXPECT_LE (after.threads, before.threads + 2);
  EXPECT_LE (after.files, before.files + 1);
  EXPECT_LE (double (after.heap), double (before.heap) * 1.05);
}

TEST_F (Src, ThreeHundredStartsLeaveNothing) {
  Usage before{};
  for (int round = 0; round < 300; round++) {
    make ();
    play ();
    auto track = subscribe ("TR_a", "opus");
    Drain drain;
    drain.link (pad ("audio_0"));
    talk (track, 1);
    play (GST_STATE_NULL);
    drain.unlink ();
    pipeline_.reset ();
    SetUp ();
    if (round == 100) before = usage ();
  }
  expect_no_more (before, usage ());
}

TEST_F (Src, HundredTracksThatComeAndGoLeaveNothing) {
  make ();
  play ();
  const auto picture = encode ("vp8", 1)[0];
  Usage before{};
  for (int round = 0; round < 100; round++) {
    auto track = subscribe ("TR_" + std::to_string (round), "vp8");
    const auto name = "video_" + std::to_string (round);
    Drain drain;
    drain.link (pad (name.c_str ()));
    deliver (track, picture);
    EXPECT_EQ (drain.count (), 1u);
    unsubscribe (track);
    ASSERT_TRUE (no_pad (name.c_str ()));
    while (message (GST_MESSAGE_ANY, 0s)) {
    }
    if (round == 30) before = usage ();
  }
  expect_no_more (before, usage ());
}

/// Objects that are alive, of those that were noted.
class Alive {
public:
  ~Alive () {
    for (auto *object : objects_)
      if (*object) g_object_remove_weak_pointer (G_OBJECT (*object), object);
    for (auto *object : objects_)
      delete object;
  }
  void
  note (gpointer object) {
    objects_.push_back (new gpointer (object));
    g_object_add_weak_pointer (G_OBJECT (object), objects_.back ());
  }
  void
  note_all_in (GstElement *bin) {
    note (bin);
    auto *elements = gst_bin_iterate_recurse (GST_BIN (bin));
    const auto each = [] (const GValue *value, gpointer self) {
      static_cast<Alive *> (self)->note (g_value_get_object (value));
    };
    gst_iterator_foreach (elements, each, this);
    gst_iterator_free (elements);
  }
  size_t
  count () const {
    return size_t (std::ranges::count_if (objects_, [] (auto *object) { return *object != nullptr; }));
  }
  std::string
  names () const {
    std::string all;
    for (auto *object : objects_)
      if (*object) all += std::string (G_OBJECT_TYPE_NAME (*object)) + " ";
    return all;
  }

private:
  std::vector<gpointer *> objects_;
};

TEST_F (Src, NoObjectOutlivesThePipeline) {
  make ();
  play ();
  auto a = subscribe ("TR_a", "opus");
  auto v = subscribe ("TR_v", "vp8");
  Alive alive;
  {
    Drain sound, picture;
    sound.link (pad ("audio_0"));
    picture.link (pad ("video_0"));
    talk (a, 3);
    deliver (v, encode ("vp8", 1)[0]);
    alive.note_all_in (src_);
    alive.note (pad ("audio_0").get ());
    alive.note (pad ("video_0").get ());
    ASSERT_GE (alive.count (), 10u);
    unsubscribe (v);
    ASSERT_TRUE (no_pad ("video_0"));
    play (GST_STATE_NULL);
  }
  pipeline_.reset ();
  EXPECT_TRUE (wait_until ([&] { return alive.count () == 0; }, 5s)) << alive.names ();
}

} // namespace
