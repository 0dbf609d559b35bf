// The pad audio_mix of livekitsrc on a fake session.
#include "livekitsrc_util.hpp"
#include "mix_layout.hpp"

using namespace lk;
using namespace lk::test;

namespace {

class Mix : public Src {
protected:
  Ref<GstPad>
  request () {
    return Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "audio_mix"));
  }
  /// A sink with the mix in it, playing.
  void
  listen (const std::string &properties = "") {
    make (properties);
    mix_ = request ();
    ASSERT_TRUE (mix_);
    drain_.link (mix_);
    play ();
  }
  static void
  expect_continuous (const std::vector<Drain::Got> &got) {
    ASSERT_FALSE (got.empty ());
    EXPECT_LT (got[0].pts, 100 * GST_MSECOND);
    for (size_t i = 1; i < got.size (); i++)
      EXPECT_NEAR (double (got[i].pts), double (got[i - 1].pts + got[i - 1].duration), 1e6) << "buffer " << i;
  }

  Drain drain_{ "audio/x-raw,format=S16LE,rate=48000,channels=2" };
  Ref<GstPad> mix_;
};

bool
operator== (const gst::Tile &a, const gst::Tile &b) {
  return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

TEST (Grid, IsAsSquareAsWidePicturesLike) {
  EXPECT_TRUE (gst::grid (0, 1280, 720).empty ());
  EXPECT_TRUE (gst::grid (1, 1280, 720)[0] == (gst::Tile{ 0, 0, 1280, 720 }));
  auto two = gst::grid (2, 1280, 720);
  EXPECT_TRUE (two[0] == (gst::Tile{ 0, 0, 640, 720 }) && two[1] == (gst::Tile{ 640, 0, 640, 720 }));
  auto three = gst::grid (3, 1280, 720);
  EXPECT_TRUE (three[1] == (gst::Tile{ 640, 0, 640, 360 }));
  EXPECT_TRUE (three[2] == (gst::Tile{ 320, 360, 640, 360 })) << "the last row is centred";
  // A tall frame has them below each other.
  EXPECT_TRUE (gst::grid (2, 720, 1280)[1] == (gst::Tile{ 0, 640, 720, 640 }));
}

TEST (Grid, TilesStayInsideAndApartWhateverTheNumbers) {
  for (int width : { 2, 33, 176, 1280, 4096 })
    for (int height : { 2, 17, 144, 720, 2160 })
      for (size_t count = 1; count <= 60; count++) {
        auto tiles = gst::grid (count, width, height);
        ASSERT_EQ (tiles.size (), count);
        if (size_t (width) < 2 * count || size_t (height) < 2 * count) continue; // no room for even tiles
        for (size_t i = 0; i < count; i++) {
          const auto &t = tiles[i];
          ASSERT_TRUE (t.x >= 0 && t.y >= 0 && t.x + t.width <= width && t.y + t.height <= height)
              << count << " in " << width << "x" << height;
          for (size_t j = 0; j < i; j++) {
            const auto &o = tiles[j];
            ASSERT_TRUE (t.x >= o.x + o.width || o.x >= t.x + t.width || t.y >= o.y + o.height
                         || o.y >= t.y + t.height);
          }
        }
      }
}

TEST_F (Mix, IsSilenceBeforeAnybodyCame) {
  listen ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 25; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, GoesOnWhoeverComesAndGoes) {
  listen ();
  auto first = subscribe ("TR_a", "opus", "first");
  ASSERT_TRUE (pad ("audio_0"));
  talk (first, 20);
  auto second = subscribe ("TR_b", "opus", "second");
  ASSERT_TRUE (pad ("audio_1"));
  talk (second, 20);
  unsubscribe (first);
  ASSERT_TRUE (no_pad ("audio_0"));
  unsubscribe (second);
  ASSERT_TRUE (no_pad ("audio_1"));
  auto count = drain_.count ();
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= count + 25; }, 5s));
  expect_continuous (drain_.got ());
}

TEST_F (Mix, IsThereOnceAndAgainAfterItsRelease) {
  make ();
  auto pad = request ();
  ASSERT_TRUE (pad);
  EXPECT_EQ (GST_PAD_NAME (pad.get ()), std::string ("audio_mix"));
  auto *any = gst_element_get_pad_template (src_, "audio_mix");
  EXPECT_FALSE (Ref<GstPad>::adopt (gst_element_request_pad (src_, any, nullptr, nullptr)));
  gst_element_release_request_pad (src_, pad.get ());
  EXPECT_TRUE (pads ().empty ());
  EXPECT_TRUE (request ());
}

TEST_F (Mix, AskedForWhilePlayingBeginsThereAndTakesWhoIsThere) {
  make ();
  play ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  ASSERT_TRUE (wait_until ([&] { return running_time () > 300 * GST_MSECOND; }, 5s));
  auto requested = running_time ();
  mix_ = request ();
  ASSERT_TRUE (mix_);
  drain_.link (mix_);
  ASSERT_TRUE (wait_until ([&] { return drain_.count () >= 10; }, 5s));
  EXPECT_GE (drain_.got ()[0].pts + 100 * GST_MSECOND, requested);
  EXPECT_LE (drain_.got ()[0].pts, running_time ());
  guint heard = gst_child_proxy_get_children_count (GST_CHILD_PROXY (mix_.get ()));
  EXPECT_EQ (heard, 1u);
  gst_element_release_request_pad (src_, mix_.get ());
  drain_.unlink ();
}

TEST_F (Mix, ParticipantsHaveAVolume) {
  listen ();
  subscribe ("TR_a", "opus", "them");
  ASSERT_TRUE (pad ("audio_0"));
  gst_child_proxy_set (GST_CHILD_PROXY (src_), "audio_mix::them::volume", 0.25, nullptr);
  gdouble volume = 0;
  gst_child_proxy_get (GST_CHILD_PROXY (src_), "audio_mix::them::volume", &volume, nullptr);
  EXPECT_DOUBLE_EQ (volume, 0.25);
  auto nobody
      = Ref<GObject>::adopt (gst_child_proxy_get_child_by_name (GST_CHILD_PROXY (mix_.get ()), "nobody"));
  EXPECT_FALSE (nobody);
}

TEST_F (Mix, PicturesAreNotTakenUnlessAskedFor) {
  listen ();
  subscribe ("TR_v", "vp8");
  subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  EXPECT_EQ (pads (), (std::vector<std::string>{ "audio_mix", "audio_0" }));
  g_object_set (src_, "kinds", "audio,video", nullptr);
  subscribe ("TR_w", "vp8");
  EXPECT_TRUE (pad ("video_0"));
}

TEST_F (Mix, PicturesHaveTheSizeAndRateThatDownstreamNames) {
  make ();
  mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
  Drain drain{ "video/x-raw,width=320,height=180,framerate=10/1" };
  drain.link (mix_);
  play ();
  ASSERT_TRUE (wait_until ([&] { return drain.count () >= 5; }, 10s));
  auto got = drain.got ();
  EXPECT_NE (got[0].caps.find ("width=(int)320, height=(int)180"), std::string::npos) << got[0].caps;
  EXPECT_EQ (got[1].pts - got[0].pts, 100 * GST_MSECOND);
  play (GST_STATE_NULL);
}

TEST_F (Mix, PicturesStandInTheOrderOfArrivalAndShareTheFrame) {
  make ();
  mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
  Drain drain{ "video/x-raw" };
  drain.link (mix_);
  play ();
  auto a = subscribe ("TR_a", "vp8", "a");
  auto b = subscribe ("TR_b", "vp8", "b");
  ASSERT_TRUE (pad ("video_1"));
  auto get = [&] (const char *property) {
    gint value = -1;
    gst_child_proxy_get (GST_CHILD_PROXY (src_), property, &value, nullptr);
    return value;
  };
  EXPECT_EQ (get ("video_mix::a::xpos"), 0);
  EXPECT_EQ (get ("video_mix::b::xpos"), 640);
  EXPECT_EQ (get ("video_mix::b::width"), 640);
  unsubscribe (a);
  EXPECT_TRUE (wait_until ([&] { return get ("video_mix::b::width") == 1280; }, 5s));
  play (GST_STATE_NULL);
}

TEST_F (Mix, EndsWithTheElement) {
  listen ();
  auto track = subscribe ("TR_a", "opus");
  ASSERT_TRUE (pad ("audio_0"));
  talk (track, 10);
  ASSERT_FALSE (drain_.ended ());
  gst_element_send_event (src_, gst_event_new_eos ());
  EXPECT_TRUE (wait_until ([&] { return drain_.ended (); }, 5s));
}

TEST_F (Mix, StartsAgainAtZeroEachTime) {
  make ();
  mix_ = request ();
  for (int round = 0; round < 10; round++) {
    Drain drain{ "audio/x-raw" };
    drain.link (mix_);
    play ();
    auto track = subscribe ("TR_" + std::to_string (round), "opus");
    ASSERT_TRUE (pad ("audio_0")) << round;
    ASSERT_TRUE (wait_until ([&] { return drain.count () >= 5; }, 5s)) << round;
    play (GST_STATE_NULL);
    expect_continuous (drain.got ());
  }
}

} // namespace
