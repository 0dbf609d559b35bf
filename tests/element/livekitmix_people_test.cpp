// Who is seen and heard where in the mixes of livekitsrc, on a fake session.
#include "livekitmix_util.hpp"

using namespace lk;
using namespace lk::test;

namespace {

using session::ActiveSpeakers;

/// Packets of Opus with a tone in them.
std::vector<media::Frame>
tone_frames (int count) {
  const std::string line
      = "audiotestsrc wave=square volume=0.5 samplesperbuffer=960 num-buffers=" + std::to_string (count)
        + " ! audio/x-raw,rate=48000,channels=1 ! opusenc ! appsink name=out sync=false";
  auto pipeline = Ref<GstElement>::sink (gst_parse_launch (line.c_str (), nullptr));
  auto out = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline.get ()), "out"));
  gst_element_set_state (pipeline.get (), GST_STATE_PLAYING);
  std::vector<media::Frame> frames;
  const auto caps = opus_frame ().caps;
  while (true) {
    GstSample *next = nullptr;
    g_signal_emit_by_name (out.get (), "pull-sample", &next);
    auto sample = Ref<GstSample>::adopt (next);
    if (!sample) break;
    frames.push_back (
        { Ref<GstBuffer>::adopt (gst_buffer_copy (gst_sample_get_buffer (sample.get ()))), caps });
  }
  gst_element_set_state (pipeline.get (), GST_STATE_NULL);
  return frames;
}

/// The loudest sample of each channel since the last look. The pad may still be measured when it is gone.
class Meter {
public:
  Meter (GstPad *pad, size_t channels) : channels_ (channels), peaks_ (std::make_shared<Peaks> ()) {
    peaks_->of_channels.resize (channels);
    gst_pad_add_probe (
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [] (GstPad *, GstPadProbeInfo *info, gpointer peaks) noexcept {
          measure (**static_cast<std::shared_ptr<Peaks> *> (peaks), GST_PAD_PROBE_INFO_BUFFER (info));
          return GST_PAD_PROBE_OK;
        },
        new std::shared_ptr (peaks_),
        [] (gpointer peaks) { delete static_cast<std::shared_ptr<Peaks> *> (peaks); });
  }
  size_t
  channels () const {
    return channels_;
  }
  std::vector<int>
  look () {
    std::lock_guard guard (peaks_->lock);
    return std::exchange (peaks_->of_channels, std::vector<int> (channels_));
  }

private:
  struct Peaks {
    std::mutex lock;
    std::vector<int> of_channels;
  };
  static void
  measure (Peaks &peaks, GstBuffer *buffer) {
    GstMapInfo map;
    if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) return;
    const auto *samples = reinterpret_cast<const gint16 *> (map.data);
    std::lock_guard guard (peaks.lock);
    for (size_t i = 0; i < map.size / 2; i++) {
      auto &peak = peaks.of_channels[i % peaks.of_channels.size ()];
      peak = std::max (peak, std::abs (int (samples[i])));
    }
    gst_buffer_unmap (buffer, &map);
  }

  const size_t channels_;
  const std::shared_ptr<Peaks> peaks_;
};

class MixPeople : public Mix {
protected:
  void
  watch (GstLiveKitLayout layout = GST_LIVEKIT_LAYOUT_GRID) {
    request_pictures ();
    g_object_set (mix_.get (), "layout", layout, nullptr);
    pictures_.link (mix_);
    play ();
  }
  void
  TearDown () override {
    play (GST_STATE_NULL);
    Mix::TearDown ();
  }
  void
  speaks (const char *identity, bool active = true) {
    session_->emit_later (ActiveSpeakers{ { { identity, active ? 0.5f : 0.f, active } } });
  }
  void
  changed (const RemotePtr &track) {
    session_->emit_later (session::RemoteTrackChanged{ track });
    settle ();
  }
  /// A sound of that participant, long enough to be heard.
  void
  sound (const RemotePtr &track) {
    static const auto frames = tone_frames (25);
    const GstClockTime start = media::monotonic_now ();
    for (size_t i = 0; i < frames.size (); i++) {
      const GstClockTime due = start + i * 20 * GST_MSECOND;
      wait_until ([&] { return media::monotonic_now () >= due; }, 1s);
      deliver (track, frames[i], GST_CLOCK_DIFF (media::monotonic_now (), due));
    }
  }
  /// Until nothing has been heard for a while.
  static bool
  quiet (Meter &meter, const Drain &drain) {
    return eventually ([&] {
      meter.look ();
      const auto count = drain.count ();
      wait_until ([&] { return drain.count () > count + 15; }, 5s);
      return meter.look () == std::vector<int> (meter.channels ());
    });
  }
  Drain pictures_{ "video/x-raw,width=1280,height=720,framerate=30/1" };
};

TEST_F (MixPeople, WhoSpeaksIsShownLargeAndStaysSo) {
  watch (GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER);
  subscribe ("TR_a", "vp8", "anna");
  auto b = subscribe ("TR_b", "vp8", "ben");
  ASSERT_TRUE (pad ("video_1"));
  EXPECT_EQ (number ("video_mix::anna::width"), 1024);
  EXPECT_EQ (number ("video_mix::ben::width"), 256);
  speaks ("ben");
  EXPECT_TRUE (eventually ([&] { return number ("video_mix::ben::width") == 1024; }));
  EXPECT_EQ (number ("video_mix::anna::xpos"), 1024);
  speaks ("ben", false);
  g_object_set (mix_.get (), "focus", "anna", nullptr);
  EXPECT_EQ (number ("video_mix::anna::width"), 1024) << "chosen";
  g_object_set (mix_.get (), "focus", "somebody else", nullptr);
  EXPECT_EQ (number ("video_mix::ben::width"), 1024) << "who spoke last";
  unsubscribe (b);
  EXPECT_TRUE (eventually ([&] { return number ("video_mix::anna::width") == 1280; })) << "alone";
}

TEST_F (MixPeople, ASharedScreenIsLargeAndItsEndMakesAGrid) {
  watch (GST_LIVEKIT_LAYOUT_SCREEN_SHARE);
  subscribe ("TR_a", "vp8", "anna");
  subscribe ("TR_b", "vp8", "ben");
  ASSERT_TRUE (pad ("video_1"));
  EXPECT_EQ (number ("video_mix::ben::width"), 640);
  auto share = std::make_shared<FakeRemoteTrack> ("TR_s", "vp8");
  share->set_identity ("sharer");
  share->set_source (TrackSource::ScreenShare);
  session_->emit_later (session::RemoteTrackSubscribed{ share });
  ASSERT_TRUE (pad ("video_2"));
  EXPECT_EQ (number ("video_mix::sharer::width"), 1024);
  EXPECT_EQ (number ("video_mix::anna::width"), 256);
  unsubscribe (share);
  EXPECT_TRUE (eventually ([&] { return number ("video_mix::anna::width") == 640; }));
}

TEST_F (MixPeople, OnlyTheOneIsShownInSingle) {
  watch (GST_LIVEKIT_LAYOUT_SINGLE);
  subscribe ("TR_a", "vp8", "anna");
  subscribe ("TR_b", "vp8", "ben");
  ASSERT_TRUE (pad ("video_1"));
  EXPECT_EQ (of_input<gdouble> (0, "alpha"), 1);
  EXPECT_EQ (of_input<gdouble> (1, "alpha"), 0);
  speaks ("ben");
  EXPECT_TRUE (eventually ([&] { return of_input<gdouble> (1, "alpha") == 1; }));
  EXPECT_EQ (of_input<gdouble> (0, "alpha"), 0);
}

TEST_F (MixPeople, TheLayoutMayChangeWhilePlaying) {
  watch ();
  subscribe ("TR_a", "vp8", "anna");
  subscribe ("TR_b", "vp8", "ben");
  ASSERT_TRUE (pad ("video_1"));
  EXPECT_EQ (number ("video_mix::ben::xpos"), 640);
  g_object_set (mix_.get (), "layout", GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE, nullptr);
  EXPECT_EQ (number ("video_mix::ben::xpos"), 928);
  EXPECT_GT (of_input<guint> (1, "zorder"), of_input<guint> (0, "zorder"));
}

TEST_F (MixPeople, AMutedCameraIsBlackAndComesBackAsTransparentAsItWas) {
  watch ();
  auto track = subscribe ("TR_a", "vp8", "anna");
  ASSERT_TRUE (pad ("video_0"));
  set ("video_mix::anna::alpha", 0.5);
  EXPECT_EQ (of_input<gdouble> (0, "alpha"), 0.5);
  track->set_muted (true);
  changed (track);
  EXPECT_EQ (of_input<gdouble> (0, "alpha"), 0);
  track->set_muted (false);
  changed (track);
  EXPECT_EQ (of_input<gdouble> (0, "alpha"), 0.5);
}

TEST_F (MixPeople, MayBeSetUpBeforeTheyCome) {
  request_pictures ();
  auto sound = request ();
  set ("video_mix::anna::place", GST_LIVEKIT_PLACE_BOTTOM_LEFT);
  set ("video_mix::ben::xpos", 10);
  set ("video_mix::ben::width", 200);
  set ("video_mix::ben::height", 100);
  set ("video_mix::ben::zorder", 7);
  set ("video_mix::cleo::place", GST_LIVEKIT_PLACE_HIDDEN);
  set ("audio_mix::anna::volume", 0.25);
  set ("audio_mix::ben::mute", TRUE);
  pictures_.link (mix_);
  drain_.link (sound);
  play ();
  for (auto [sid, codec, who] : { std::tuple ("TR_a", "vp8", "anna"), std::tuple ("TR_b", "vp8", "ben"),
                                  std::tuple ("TR_c", "vp8", "cleo"), std::tuple ("TR_d", "vp8", "dora"),
                                  std::tuple ("TR_1", "opus", "anna"), std::tuple ("TR_2", "opus", "ben") })
    subscribe (sid, codec, who);
  ASSERT_TRUE (pad ("audio_1"));
  EXPECT_EQ (number ("video_mix::anna::ypos"), 508);
  EXPECT_EQ (number ("video_mix::ben::xpos"), 10);
  EXPECT_EQ (number ("video_mix::dora::width"), 1280) << "the layout is for those without a place";
  auto pictures = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (src_), "video-mix"));
  auto compositor = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pictures.get ()), "mixer"));
  auto get = [&] (const char *name, const char *property, auto value) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (compositor.get (), name));
    g_object_get (pad.get (), property, &value, nullptr);
    return value;
  };
  EXPECT_EQ (get ("sink_2", "zorder", 0u), 7u);
  EXPECT_EQ (get ("sink_3", "alpha", 1.0), 0.0);
  auto sounds = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (src_), "audio-mix"));
  auto mixer = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (sounds.get ()), "mixer"));
  auto anna = Ref<GstPad>::adopt (gst_element_get_static_pad (mixer.get (), "sink_1"));
  auto ben = Ref<GstPad>::adopt (gst_element_get_static_pad (mixer.get (), "sink_2"));
  gdouble volume = 0;
  gboolean mute = FALSE;
  g_object_get (anna.get (), "volume", &volume, nullptr);
  g_object_get (ben.get (), "mute", &mute, nullptr);
  EXPECT_DOUBLE_EQ (volume, 0.25);
  EXPECT_TRUE (mute);
}

TEST_F (MixPeople, AreSetUpInALaunchLine) {
  make ("video_mix::layout=single video_mix::anna::alpha=0.5");
  mix_ = Ref<GstPad>::adopt (gst_element_request_pad_simple (src_, "video_mix"));
  GstLiveKitLayout layout{};
  g_object_get (mix_.get (), "layout", &layout, nullptr);
  EXPECT_EQ (layout, GST_LIVEKIT_LAYOUT_SINGLE);
  gdouble alpha = 0;
  gst_child_proxy_get (GST_CHILD_PROXY (src_), "video_mix::anna::alpha", &alpha, nullptr);
  EXPECT_DOUBLE_EQ (alpha, 0.5);
}

TEST_F (MixPeople, AMixWithoutOneIsForThatOne) {
  make ();
  mix_ = request ();
  g_object_set (mix_.get (), "exclude", "anna, bot-*", nullptr);
  drain_.link (mix_);
  Meter meter (mix_.get (), 2);
  play ();
  auto anna = subscribe ("TR_a", "opus", "anna");
  subscribe ("TR_x", "opus", "bot-7");
  auto ben = subscribe ("TR_b", "opus", "ben");
  ASSERT_TRUE (pad ("audio_2"));
  EXPECT_TRUE (of_input<gboolean> (1, "mute"));
  sound (ben);
  EXPECT_TRUE (eventually ([&] { return meter.look ()[0] > 5000; }));
  ASSERT_TRUE (quiet (meter, drain_));
  sound (anna);
  auto count = drain_.count ();
  ASSERT_TRUE (eventually ([&] { return drain_.count () > count + 30; }));
  EXPECT_EQ (meter.look ()[0], 0) << "what she says herself";
  g_object_set (mix_.get (), "exclude", nullptr, nullptr);
  sound (anna);
  EXPECT_TRUE (eventually ([&] { return meter.look ()[0] > 5000; }));
}

TEST_F (MixPeople, HaveAChannelEach) {
  make ();
  mix_ = request ();
  g_object_set (mix_.get (), "channel-mode", GST_LIVEKIT_CHANNEL_MODE_PER_PARTICIPANT, "channels", 3,
                "exclude", "bot", nullptr);
  set ("audio_mix::host::channel", 2);
  Drain drain{ "audio/x-raw,format=S16LE,rate=48000,channels=3" };
  drain.link (mix_);
  Meter meter (mix_.get (), 3);
  play ();
  auto host = subscribe ("TR_h", "opus", "host");
  auto anna = subscribe ("TR_a", "opus", "anna");
  auto ben = subscribe ("TR_b", "opus", "ben");
  auto bot = subscribe ("TR_x", "opus", "bot");
  ASSERT_TRUE (pad ("audio_3"));
  EXPECT_EQ (number ("audio_mix::anna::channel"), 0);
  EXPECT_EQ (number ("audio_mix::ben::channel"), 1);
  sound (bot);
  EXPECT_TRUE (quiet (meter, drain));
  for (auto [track, channel] : { std::pair (ben, 1), std::pair (host, 2), std::pair (anna, 0) }) {
    sound (track);
    std::vector<int> most (3);
    EXPECT_TRUE (eventually ([&, channel = size_t (channel)] {
      auto seen = meter.look ();
      for (size_t i = 0; i < 3; i++)
        most[i] = std::max (most[i], seen[i]);
      return most[channel] > 5000;
    })) << channel;
    for (int other = 0; other < 3; other++)
      EXPECT_TRUE (other == channel || most[size_t (other)] == 0) << "of " << channel << " in " << other;
    ASSERT_TRUE (quiet (meter, drain));
  }
  // Who comes back is where they were.
  unsubscribe (anna);
  ASSERT_TRUE (eventually ([&] { return number ("audio_mix::anna::channel") == -1; }));
  subscribe ("TR_a2", "opus", "anna");
  EXPECT_TRUE (eventually ([&] { return number ("audio_mix::anna::channel") == 0; }));
  subscribe ("TR_c", "opus", "cleo");
  auto warning = message (GST_MESSAGE_WARNING);
  ASSERT_TRUE (warning);
  EXPECT_EQ (GST_MESSAGE_TYPE (warning.get ()), GST_MESSAGE_WARNING) << text_of (warning);
}

TEST_F (MixPeople, HaveTheirNamesInTheirPicturesOnRequest) {
  request_pictures ();
  g_object_set (mix_.get (), "show-names", TRUE, nullptr);
  pictures_.link (mix_);
  play ();
  auto track = std::make_shared<FakeRemoteTrack> ("TR_a", "vp8");
  track->set_identity ("anna");
  track->set_name (std::string (200, 'A') + "\n");
  session_->emit_later (session::RemoteTrackSubscribed{ track });
  ASSERT_TRUE (pad ("video_0"));
  auto overlay = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (src_), "text"));
  ASSERT_TRUE (overlay);
  auto shown = [&] {
    gchar *text = nullptr;
    g_object_get (overlay.get (), "text", &text, nullptr);
    return std::string (CString (text).get ());
  };
  EXPECT_EQ (shown (), std::string (40, 'A')) << "others choose their names, we what is drawn";
  track->set_name ("<b>Anna\n& B.");
  session_->emit_later (session::ParticipantChanged{ track->participant () });
  settle ();
  EXPECT_EQ (shown (), "&lt;b&gt;Anna &amp; B.") << "no markup of others";
  track->set_name ("");
  session_->emit_later (session::ParticipantChanged{ track->participant () });
  settle ();
  EXPECT_EQ (shown (), "anna");
  for (const auto &frame : encode ("vp8", 10))
    deliver (track, frame);
  auto count = pictures_.count ();
  EXPECT_TRUE (eventually ([&] { return pictures_.count () > count + 10; }));
}

TEST_F (MixPeople, AreReceivedAsLargeAsTheyAreSeen) {
  watch (GST_LIVEKIT_LAYOUT_SINGLE);
  auto a = subscribe ("TR_a", "vp8", "anna");
  a->set_size (1920, 1080);
  auto b = subscribe ("TR_b", "vp8", "ben");
  ASSERT_TRUE (pad ("video_1"));
  ASSERT_TRUE (a->demand () && b->demand ());
  EXPECT_TRUE (a->demand ()->enabled);
  EXPECT_EQ (a->demand ()->height, 720u);
  EXPECT_FALSE (b->demand ()->enabled) << "not seen";
  speaks ("ben");
  EXPECT_TRUE (eventually ([&] { return b->demand ()->enabled && b->demand ()->height == 720; }));
  EXPECT_TRUE (eventually ([&] { return !a->demand ()->enabled; }));
  // Somebody else looks at the track itself.
  Drain own;
  own.link (pad ("video_0"));
  EXPECT_EQ (*a->demand (), session::Demand{});
  own.unlink ();
  EXPECT_FALSE (a->demand ()->enabled);
  g_object_set (mix_.get (), "layout", GST_LIVEKIT_LAYOUT_GRID, nullptr);
  EXPECT_TRUE (eventually ([&] { return a->demand ()->height == 360 && b->demand ()->width == 640; }));
  g_object_set (mix_.get (), "adapt", FALSE, nullptr);
  EXPECT_TRUE (eventually ([&] { return *a->demand () == session::Demand{}; }));
  gst_element_release_request_pad (src_, mix_.get ());
  pictures_.unlink ();
  EXPECT_FALSE (a->demand ()) << "the mix wants nothing any more";
}

} // namespace
