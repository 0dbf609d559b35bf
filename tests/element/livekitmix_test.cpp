// The pad audio_mix of livekitsrc on a fake session.
#include "livekitsrc_util.hpp"

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
