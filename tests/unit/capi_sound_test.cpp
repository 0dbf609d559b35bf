// What is heard of remote tracks through the C API. The test is the thread of the jitter buffer.
#include "capi_util.hpp"

#include "media/pcm/sender.hpp"

#include <cmath>
#include <set>

using namespace lk;
using namespace lk::test;

namespace {

struct Packets {
  std::vector<media::Frame> frames;
};

/// A second of a tone as Opus.
const Packets &
tone () {
  static const Packets packets = [] {
    gst_init (nullptr, nullptr);
    Packets made;
    std::mutex lock;
    auto sender = media::pcm::Sender::create (2000ms);
    std::vector<int16_t> pcm;
    for (size_t i = 0; i < 96000; ++i)
      pcm.push_back (int16_t (8000 * std::sin (2 * M_PI * 440 * double (i) / 48000)));
    media::EncodeSpec spec;
    spec.codec = "opus";
    media::pcm::Sender::Hooks hooks;
    hooks.begin = [] {};
    hooks.failed = [] (const Error &) {};
    hooks.packet = [&] (Ref<GstBuffer> packet, const Ref<GstCaps> &caps) {
      std::lock_guard guard (lock);
      made.frames.push_back ({ std::move (packet), caps });
    };
    sender->start (spec, std::move (hooks));
    sender->write (pcm.data (), pcm.size (), { 48000, 1 });
    wait_until (
        [&] {
          std::lock_guard guard (lock);
          return made.frames.size () >= 50;
        },
        60s);
    sender->stop ();
    return made;
  }();
  return packets;
}

struct Heard {
  std::string participant, track;
  int channels, rate;
  size_t frames;
  bool loud;
};

void
note (Noted<Heard> &to, const int16_t *pcm, size_t frames, int channels, int rate, const char *who,
      const char *what) {
  const size_t samples = frames * size_t (channels);
  to.add ({ who, what, channels, rate, frames,
            std::any_of (pcm, pcm + samples, [] (int16_t s) { return std::abs (int (s)) > 1000; }) });
}

void
on_audio (void *user, const int16_t *pcm, size_t frames, int32_t channels, int32_t rate) {
  note (*static_cast<Noted<Heard> *> (user), pcm, frames, channels, rate, "", "");
}

void
on_audio_ex (void *user, const int16_t *pcm, size_t frames, int32_t channels, int32_t rate, const char *who,
             const char *what) {
  note (*static_cast<Noted<Heard> *> (user), pcm, frames, channels, rate, who, what);
}

void
on_format (void *user, int32_t rate, int32_t channels) {
  static_cast<Noted<std::pair<int, int>> *> (user)->add ({ rate, channels });
}

/// A connected client with a subscribed track.
struct Stage {
  World world;
  Scoped us{ world };
  std::shared_ptr<FakeRemoteTrack> track = std::make_shared<FakeRemoteTrack> ("TR_a", "opus");

  void
  start () {
    tone ();
    code (lk_connect (us, kUrl, kToken));
    subscribe (track);
  }
  void
  subscribe (const std::shared_ptr<FakeRemoteTrack> &one) {
    world.newest ()->emit_later (session::RemoteTrackSubscribed{ one });
    ASSERT_TRUE (wait_until ([&] { return one->receiver.consumers () == 1; }, 10s));
  }
  /// With the times that packets have now.
  static void
  play (FakeRemoteTrack &one, size_t from, size_t count) {
    const auto &frames = tone ().frames;
    const GstClockTime now = media_now ();
    for (size_t i = from; i < std::min (from + count, frames.size ()); ++i) {
      auto packet = Ref<GstBuffer>::adopt (gst_buffer_copy (frames[i].buffer.get ()));
      GST_BUFFER_PTS (packet.get ()) = now + (i - from) * 20 * GST_MSECOND;
      one.receiver.deliver ({ packet, frames[i].caps });
    }
  }
  static GstClockTime
  media_now () {
    return GstClockTime (system_clock ().now ().count ());
  }
};

} // namespace

TEST (CapiSound, IsHeardWithNamesInTheFormatThatWasAskedFor) {
  Stage stage;
  Noted<Heard> heard;
  Noted<std::pair<int, int>> formats;
  lk_client_set_audio_callback_ex (stage.us, on_audio_ex, &heard);
  lk_set_audio_format_change_callback (stage.us, on_format, &formats);
  EXPECT_EQ (code (lk_set_audio_output_format (stage.us, 16000, 2)), 0);
  stage.start ();
  Stage::play (*stage.track, 0, 10);
  ASSERT_TRUE (wait_until ([&] { return heard.size () >= 9; }, 10s));
  const auto all = heard.all ();
  EXPECT_EQ (all.back ().participant, "Them");
  EXPECT_EQ (all.back ().track, "name of TR_a");
  EXPECT_EQ (all.back ().channels, 2);
  EXPECT_EQ (all.back ().rate, 16000);
  EXPECT_TRUE (std::any_of (all.begin (), all.end (), [] (const Heard &h) { return h.loud; }));
  EXPECT_EQ (formats.all (), (std::vector<std::pair<int, int>>{ { 48000, 1 } }));
  EXPECT_EQ (code (lk_set_audio_output_format (stage.us, 48000, 1)), 0);
  Stage::play (*stage.track, 10, 10);
  EXPECT_TRUE (wait_until ([&] { return heard.all ().back ().rate == 48000; }, 10s));
  for (int bad : { 0, 7999, 96001 })
    EXPECT_EQ (code (lk_set_audio_output_format (stage.us, bad, 1)), 301);
}

TEST (CapiSound, PlainAndExtendedCallbackReplaceEachOther) {
  Stage stage;
  Noted<Heard> plain, extended;
  lk_client_set_audio_callback (stage.us, on_audio, &plain);
  lk_client_set_audio_callback_ex (stage.us, on_audio_ex, &extended);
  stage.start ();
  Stage::play (*stage.track, 0, 5);
  ASSERT_TRUE (wait_until ([&] { return extended.size () >= 3; }, 10s));
  EXPECT_EQ (plain.size (), 0u);
  lk_client_set_audio_callback (stage.us, on_audio, &plain);
  Stage::play (*stage.track, 5, 5);
  EXPECT_TRUE (wait_until ([&] { return plain.size () >= 3; }, 10s));
}

TEST (CapiSound, WhereNothingComesThereIsSilence) {
  Stage stage;
  Noted<Heard> heard;
  lk_client_set_audio_callback_ex (stage.us, on_audio_ex, &heard);
  stage.start ();
  Stage::play (*stage.track, 0, 10);
  ASSERT_TRUE (wait_until ([&] { return heard.size () >= 9; }, 10s));
  const size_t before = heard.size ();
  ASSERT_TRUE (wait_until ([&] { return heard.size () >= before + 10; }, 10s));
  EXPECT_FALSE (heard.all ().back ().loud);
}

TEST (CapiSound, MixedItIsOneStreamOfAll) {
  Stage stage;
  Noted<Heard> heard;
  lk_client_set_audio_callback_ex (stage.us, on_audio_ex, &heard);
  EXPECT_EQ (code (lk_set_audio_output_format (stage.us, 48000, 1 | LK_OUTPUT_MIXED)), 0);
  stage.start ();
  auto other = std::make_shared<FakeRemoteTrack> ("TR_b", "opus");
  stage.subscribe (other);
  Stage::play (*stage.track, 0, 20);
  Stage::play (*other, 0, 20);
  ASSERT_TRUE (wait_until (
      [&] {
        const auto all = heard.all ();
        return std::any_of (all.begin (), all.end (), [] (const Heard &h) { return h.loud; });
      },
      10s));
  for (const auto &one : heard.all ()) {
    EXPECT_EQ (one.participant, "");
    EXPECT_EQ (one.track, "mix");
    EXPECT_EQ (one.frames, 480u);
  }
}

TEST (CapiSound, AfterItsTrackIsGoneOrTheClientHasLeftNothingIsHeard) {
  Stage stage;
  Noted<Heard> heard;
  lk_client_set_audio_callback_ex (stage.us, on_audio_ex, &heard);
  stage.start ();
  auto other = std::make_shared<FakeRemoteTrack> ("TR_b", "opus");
  stage.subscribe (other);
  stage.world.newest ()->emit_later (session::RemoteTrackUnsubscribed{ other });
  ASSERT_TRUE (wait_until ([&] { return other->receiver.consumers () == 0; }, 10s));
  Stage::play (*stage.track, 0, 5);
  ASSERT_TRUE (wait_until ([&] { return heard.size () >= 3; }, 10s));
  EXPECT_EQ (code (lk_disconnect (stage.us)), 0);
  EXPECT_EQ (stage.track->receiver.consumers (), 0u);
  const size_t then = heard.size ();
  Stage::play (*stage.track, 5, 5);
  EXPECT_EQ (heard.size (), then);
}

TEST (CapiSound, VideoIsLeftAlone) {
  Stage stage;
  stage.start ();
  auto video = std::make_shared<FakeRemoteTrack> ("TR_v", "vp8"),
       sound = std::make_shared<FakeRemoteTrack> ("TR_s", "opus");
  stage.world.newest ()->emit_later (session::RemoteTrackSubscribed{ video });
  stage.subscribe (sound);
  EXPECT_EQ (video->receiver.consumers (), 0u);
}

TEST (CapiSound, ACallbackThatBlocksCostsSoundNotMemory) {
  Stage stage;
  struct Gate {
    std::mutex lock;
    std::atomic<int> calls{ 0 };
  } gate;
  lk_client_set_audio_callback (
      stage.us,
      [] (void *user, const int16_t *, size_t, int32_t, int32_t) {
        auto &g = *static_cast<Gate *> (user);
        ++g.calls;
        std::lock_guard guard (g.lock);
      },
      &gate);
  stage.start ();
  {
    std::lock_guard guard (gate.lock);
    for (int i = 0; i < 10; ++i)
      Stage::play (*stage.track, 0, 50);
    ASSERT_TRUE (wait_until ([&] { return gate.calls == 1; }, 10s));
  }
  lk_client_set_audio_callback (stage.us, nullptr, nullptr);
  EXPECT_EQ (code (lk_disconnect (stage.us)), 0);
  EXPECT_LE (gate.calls, 60);
}
