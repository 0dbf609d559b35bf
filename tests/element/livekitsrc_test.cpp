// livekitsrc on a fake session: pads, formats and timelines.
#include "livekitsrc_util.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace lk;
using namespace lk::test;

// ---- pads ---------------------------------------------------------------------------------------

TEST_F (Src, PadsAreNumberedByKindAndNamesAreNotUsedTwice) {
  make ();
  play ();
  auto a = subscribe ("TR_a", "opus");
  subscribe ("TR_b", "vp8");
  subscribe ("TR_c", "opus");
  settle ();
  EXPECT_EQ (pads (), (std::vector<std::string>{ "audio_0", "video_0", "audio_1" }));
  unsubscribe (a);
  ASSERT_TRUE (no_pad ("audio_0"));
  subscribe ("TR_d", "opus");
  settle ();
  EXPECT_EQ (pads (), (std::vector<std::string>{ "video_0", "audio_1", "audio_2" }));
}

TEST_F (Src, FiltersChooseTracksAndMayChangeWhilePlaying) {
  make ("participants=al* kinds=audio latency=321");
  play ();
  EXPECT_EQ (session_->needs ().subscribe->participants, "al*");
  EXPECT_EQ (session_->needs ().latency, Millis (321));
  subscribe ("TR_a", "opus", "alice");
  subscribe ("TR_b", "opus", "bob"); // for another element of the session
  subscribe ("TR_c", "vp8", "alice");
  settle ();
  EXPECT_EQ (pads (), (std::vector<std::string>{ "audio_0" }));
  g_object_set (src_, "participants", "b*", "latency", 50, nullptr);
  EXPECT_EQ (session_->needs ().subscribe->participants, "b*");
  EXPECT_EQ (session_->needs ().latency, Millis (50));
}

TEST_F (Src, TracksAskedForByHandPassTheFilters) {
  make ("auto-subscribe=false");
  play ();
  subscribe ("TR_a", "opus");
  gboolean done = FALSE;
  g_signal_emit_by_name (src_, "set-subscribed", "TR_b", TRUE, &done);
  EXPECT_TRUE (done);
  subscribe ("TR_b", "opus");
  settle ();
  EXPECT_EQ (session_->requests (), (std::vector<std::pair<std::string, bool>>{ { "TR_b", true } }));
  ASSERT_EQ (pads ().size (), 1u);
  gchar *sid = nullptr;
  g_object_get (pad ("audio_0").get (), "track-sid", &sid, nullptr);
  EXPECT_STREQ (sid, "TR_b");
  g_free (sid);
}

TEST_F (Src, PadsSayWhoseTrackTheyAre) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus", "alice");
  auto p = pad ("audio_0");
  ASSERT_TRUE (p);
  gchar *identity = nullptr, *name = nullptr;
  gboolean muted = TRUE;
  g_object_get (p.get (), "participant-identity", &identity, "track-name", &name, "muted", &muted, nullptr);
  EXPECT_STREQ (identity, "alice");
  EXPECT_STREQ (name, "name of TR_a");
  EXPECT_FALSE (muted);
  g_free (identity);
  g_free (name);

  std::atomic<int> notified{ 0 };
  g_signal_connect (p.get (), "notify::muted",
                    G_CALLBACK (+[] (GstPad *, GParamSpec *, std::atomic<int> *n) { ++*n; }), &notified);
  track->set_muted (true);
  session_->emit_later (session::RemoteTrackChanged{ track });
  settle ();
  EXPECT_EQ (notified, 1);
  g_object_get (p.get (), "muted", &muted, nullptr);
  EXPECT_TRUE (muted);
}

TEST_F (Src, WishesForAPictureReachTheTrack) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  auto p = pad ("video_0");
  ASSERT_TRUE (p);
  gst_child_proxy_set (GST_CHILD_PROXY (src_), "video_0::quality", 0, nullptr);
  g_object_set (p.get (), "width", 640, "height", 360, "enabled", FALSE, nullptr);
  auto demands = track->demands ();
  ASSERT_EQ (demands.size (), 4u);
  EXPECT_EQ (demands[0].quality, VideoQuality::Low);
  EXPECT_TRUE (demands[0].enabled);
  EXPECT_EQ (demands[3].width, 640u);
  EXPECT_EQ (demands[3].height, 360u);
  EXPECT_FALSE (demands[3].enabled);
}

TEST_F (Src, ChildrenAreThePads) {
  make ();
  std::atomic<int> added{ 0 };
  g_signal_connect (src_, "child-added",
                    G_CALLBACK (+[] (GstChildProxy *, GObject *child, gchar *, std::atomic<int> *n) {
                      if (GST_IS_PAD (child)) ++*n;
                    }),
                    &added);
  play ();
  subscribe ("TR_a", "opus");
  settle ();
  EXPECT_EQ (added, 1);
  ASSERT_EQ (gst_child_proxy_get_children_count (GST_CHILD_PROXY (src_)), 1u);
  auto *child = gst_child_proxy_get_child_by_index (GST_CHILD_PROXY (src_), 0);
  EXPECT_TRUE (GST_IS_PAD (child));
  g_object_unref (child);
}

TEST_F (Src, StreamsOfOneElementAreOneGroupWithNamesAndTags) {
  make ();
  play ();
  auto a = subscribe ("TR_a", "opus");
  auto v = subscribe ("TR_v", "vp8");
  Drain sound, picture;
  sound.link (pad ("audio_0"));
  picture.link (pad ("video_0"));
  talk (a, 3);
  for (const auto &frame : encode ("vp8", 2))
    deliver (v, frame);
  std::vector<guint> groups;
  std::vector<std::string> ids;
  for (auto *drain : { &sound, &picture }) {
    auto starts = drain->events (GST_EVENT_STREAM_START);
    ASSERT_EQ (starts.size (), 1u);
    const gchar *id = nullptr;
    guint group = 0;
    gst_event_parse_stream_start (starts[0].get (), &id);
    ASSERT_TRUE (gst_event_parse_group_id (starts[0].get (), &group));
    groups.push_back (group);
    ids.push_back (id);
    bool named = false; // decoders add tags of their own
    for (const auto &event : drain->events (GST_EVENT_TAG)) {
      GstTagList *list = nullptr;
      gst_event_parse_tag (event.get (), &list);
      const gchar *artist = nullptr;
      named |= gst_tag_list_peek_string_index (list, GST_TAG_ARTIST, 0, &artist)
               && g_str_equal (artist, "Them");
    }
    EXPECT_TRUE (named);
  }
  EXPECT_EQ (groups[0], groups[1]);
  EXPECT_NE (ids[0], ids[1]);
}

// ---- formats ------------------------------------------------------------------------------------

struct OutputRow {
  const char *what, *properties, *codec, *downstream, *gives;
};
class Output : public Src, public testing::WithParamInterface<OutputRow> {};

TEST_P (Output, IsWhatDownstreamTakes) {
  const auto &row = GetParam ();
  make (row.properties);
  play ();
  const bool audio = std::string_view (row.codec) == "opus";
  auto track = subscribe ("TR_x", row.codec);
  Drain drain (row.downstream);
  drain.link (pad (audio ? "audio_0" : "video_0"));
  if (audio)
    talk (track, 3);
  else
    for (const auto &frame : encode (row.codec, 4))
      deliver (track, frame);
  ASSERT_GE (drain.count (), 2u) << text_of (message (GST_MESSAGE_ERROR, 0s));
  EXPECT_TRUE (drain.got ().back ().caps.starts_with (row.gives)) << drain.got ().back ().caps;
}

INSTANTIATE_TEST_SUITE_P (
    Src, Output,
    testing::Values (OutputRow{ "anyIsRaw", "", "vp8", "ANY", "video/x-raw" },
                     OutputRow{ "anySoundIsRaw", "", "opus", "ANY", "audio/x-raw" },
                     OutputRow{ "rawOnly", "", "opus", "audio/x-raw, format=F32LE, rate=16000",
                                "audio/x-raw, rate=(int)16000" },
                     OutputRow{ "encodedOnly", "", "vp8", "video/x-vp8", "video/x-vp8" },
                     OutputRow{ "encodedSoundOnly", "", "opus", "audio/x-opus", "audio/x-opus" },
                     OutputRow{ "h264InTheFormatOfAMuxer", "", "h264",
                                "video/x-h264, stream-format=avc, alignment=au", "video/x-h264" },
                     OutputRow{ "vp9", "", "vp9", "video/x-vp9", "video/x-vp9" },
                     OutputRow{ "encodedByWish", "output=encoded", "vp8", "ANY", "video/x-vp8" },
                     OutputRow{ "h264IsDecoded", "", "h264", "video/x-raw", "video/x-raw" },
                     OutputRow{ "vp9IsDecoded", "", "vp9", "video/x-raw", "video/x-raw" }),
    [] (const auto &row) { return std::string (row.param.what); });

TEST_F (Src, RelinkingDecidesAgainAndAsksForAKeyFrame) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  const auto frames = encode ("vp8", 6);
  Drain raw ("video/x-raw"), encoded ("video/x-vp8");
  raw.link (pad ("video_0"));
  for (int i = 0; i < 3; i++)
    deliver (track, frames[size_t (i)]);
  ASSERT_EQ (raw.count (), 3u);
  raw.unlink ();
  const int asked = track->receiver.keyframe_requests;
  encoded.link (pad ("video_0"));
  deliver (track, frames[3]); // no base for a decoder that begins here
  EXPECT_GT (track->receiver.keyframe_requests, asked);
  EXPECT_EQ (encoded.count (), 0u);
  deliver (track, frames[0]);
  deliver (track, frames[1]);
  ASSERT_EQ (encoded.count (), 2u);
  EXPECT_TRUE (encoded.got ()[0].caps.starts_with ("video/x-vp8"));
  EXPECT_FALSE (encoded.got ()[0].delta);
}

TEST_F (Src, AnotherPictureSizeIsACapsEvent) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  Drain drain ("video/x-raw");
  drain.link (pad ("video_0"));
  for (int width : { 320, 640 })
    for (const auto &frame : encode ("vp8", 2, width, width * 3 / 4))
      deliver (track, frame);
  auto got = drain.got ();
  ASSERT_EQ (got.size (), 4u);
  EXPECT_NE (got[1].caps.find ("width=(int)320"), std::string::npos);
  EXPECT_NE (got[2].caps.find ("width=(int)640"), std::string::npos);
}

TEST_F (Src, DownstreamsWishForAKeyFrameReachesTheSender) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  Drain drain;
  drain.link (pad ("video_0"));
  deliver (track, encode ("vp8", 1)[0]);
  const int asked = track->receiver.keyframe_requests;
  gst_pad_push_event (drain.pad (), gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
                                                          gst_structure_new_empty ("GstForceKeyUnit")));
  EXPECT_EQ (track->receiver.keyframe_requests, asked + 1);
}

TEST_F (Src, UnknownCodecIsOneWarning) {
  make ();
  play ();
  subscribe ("TR_x", "theora");
  EXPECT_TRUE (is (message (GST_MESSAGE_WARNING), GST_MESSAGE_WARNING));
  EXPECT_TRUE (pads ().empty ());
}

// ---- timelines ----------------------------------------------------------------------------------

/// Every buffer begins where the one before ended.
void
expect_seamless (const std::vector<Drain::Got> &got) {
  for (size_t i = 1; i < got.size (); i++) {
    EXPECT_EQ (got[i].pts, got[i - 1].pts + got[i - 1].duration) << "buffer " << i;
    EXPECT_FALSE (got[i].discont) << "buffer " << i;
  }
}

TEST_F (Src, SoundThatNeverComesIsSilenceAsLongAsTheTime) {
  session_->latency_ms = 100;
  make ();
  play ();
  subscribe ("TR_a", "opus");
  Drain drain ("audio/x-raw");
  const GstClockTime start = running_time ();
  drain.link (pad ("audio_0"));
  ASSERT_TRUE (wait_until ([&] { return running_time () > start + GST_SECOND; }, 3s));
  ASSERT_TRUE (wait_until ([&] { return drain.count () > 0; }, 2s));
  auto got = drain.got ();
  const GstClockTime now = running_time (), end = got.back ().pts + got.back ().duration;
  EXPECT_TRUE (std::ranges::all_of (got, [] (const auto &g) { return g.gap; }));
  expect_seamless (got);
  EXPECT_NEAR (double (got[0].pts), double (start), 50e6);
  // Silence comes as late as sound would, and is filled in every 50 ms.
  EXPECT_NEAR (double (end), double (now) - 100e6, 150e6);
}

TEST_F (Src, PausesInSpeechAreFilledToTheSample) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus");
  Drain drain ("audio/x-raw, rate=48000");
  drain.link (pad ("audio_0"));
  talk (track, 10);
  const auto spoken = drain.count ();
  ASSERT_TRUE (wait_until ([&] { return drain.count () > spoken + 10; }, 5s)); // muted
  talk (track, 10);
  auto got = drain.got ();
  expect_seamless (got);
  EXPECT_TRUE (std::ranges::any_of (got, [] (const auto &g) { return g.gap; }));
  EXPECT_FALSE (got.back ().gap);
  EXPECT_NEAR (double (got.back ().pts + got.back ().duration), double (running_time ()), 60e6);
}

TEST_F (Src, EncodedSoundHasGapEventsInPauses) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus");
  Drain drain ("audio/x-opus");
  drain.link (pad ("audio_0"));
  talk (track, 3);
  EXPECT_TRUE (wait_until ([&] { return drain.events (GST_EVENT_GAP).size () >= 3; }, 5s));
  EXPECT_EQ (drain.count (), 3u);
}

TEST_F (Src, PictureHasNoGapBeforeItsFirstFrameAndManyAfterwards) {
  make ();
  play ();
  auto silent = subscribe ("TR_a", "opus");
  auto track = subscribe ("TR_v", "vp8");
  Drain sound, picture;
  sound.link (pad ("audio_0"));
  picture.link (pad ("video_0"));
  ASSERT_TRUE (wait_until ([&] { return sound.count () >= 10; }, 5s)); // gaps are being looked for
  EXPECT_TRUE (picture.events (GST_EVENT_GAP).empty ());
  deliver (track, encode ("vp8", 1)[0]);
  ASSERT_EQ (picture.count (), 1u);
  ASSERT_TRUE (wait_until ([&] { return picture.events (GST_EVENT_GAP).size () >= 6; }, 5s));
  GstClockTime end = 0;
  for (const auto &event : picture.events (GST_EVENT_GAP)) {
    GstClockTime from, duration;
    gst_event_parse_gap (event.get (), &from, &duration);
    EXPECT_TRUE (end == 0 || from == end);
    EXPECT_LE (duration, 300 * GST_MSECOND);
    end = from + duration;
  }
}

class Gaps : public Src, public testing::WithParamInterface<const char *> {};

TEST_P (Gaps, DoNotDisturbTheDecoder) {
  make ();
  play ();
  auto track = subscribe ("TR_v", GetParam ());
  const auto frames = encode (GetParam (), 8);
  Drain drain ("video/x-raw");
  drain.link (pad ("video_0"));
  for (const auto &frame : frames) {
    deliver (track, frame);
    const auto gaps = drain.events (GST_EVENT_GAP).size ();
    ASSERT_TRUE (wait_until ([&] { return drain.events (GST_EVENT_GAP).size () > gaps; }, 5s));
  }
  EXPECT_EQ (drain.count (), frames.size ());
}
INSTANTIATE_TEST_SUITE_P (Src, Gaps, testing::Values ("vp8", "vp9", "h264"),
                          [] (const auto &row) { return std::string (row.param); });

TEST_F (Src, LatencyIsTheSessionsAndChangesAreAnnounced) {
  session_->latency_ms = 200;
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  Drain drain ("video/x-vp8");
  drain.link (pad ("video_0"));
  auto latency = [&] {
    auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
    if (!gst_pad_peer_query (drain.pad (), query.get ())) return GST_CLOCK_TIME_NONE;
    gst_query_parse_latency (query.get (), &live, &min, &max);
    EXPECT_TRUE (live);
    EXPECT_EQ (max, GST_CLOCK_TIME_NONE);
    return min;
  };
  EXPECT_EQ (latency (), 200 * GST_MSECOND) << "before the first frame";
  deliver (track, encode ("vp8", 1)[0]);
  EXPECT_EQ (latency (), 200 * GST_MSECOND);
  while (message (GST_MESSAGE_LATENCY, 0s)) {
  }
  session_->latency_ms = 500;
  session_->emit_later (session::LatencyChanged{ Millis (500) });
  EXPECT_TRUE (message (GST_MESSAGE_LATENCY));
  EXPECT_EQ (latency (), 500 * GST_MSECOND);
}

TEST_F (Src, TimesFollowThePipelineAfterAPause) {
  make ();
  play ();
  auto track = subscribe ("TR_v", "vp8");
  const auto frames = encode ("vp8", 3);
  Drain drain ("video/x-vp8");
  drain.link (pad ("video_0"));
  deliver (track, frames[0]);
  ASSERT_EQ (drain.count (), 1u);
  play (GST_STATE_PAUSED);
  const int asked = track->receiver.keyframe_requests;
  for (int i = 0; i < 1000; i++)
    deliver (track, frames[1]);
  EXPECT_EQ (drain.count (), 1u) << "nothing is kept for later";
  play ();
  deliver (track, frames[2]);
  EXPECT_EQ (drain.count (), 1u) << "its base is gone";
  EXPECT_GT (track->receiver.keyframe_requests, asked);
  deliver (track, frames[0]);
  ASSERT_EQ (drain.count (), 2u);
  EXPECT_NEAR (double (drain.got ()[1].pts), double (running_time ()), 50e6);
}

} // namespace
