// Both elements on a fake session under calls from several threads at any moment: connecting, negotiating,
// while a pad comes or goes, at the end of the stream.
#include "fakes/chaos.hpp"
#include "livekitsrc_util.hpp"

#include <thread>

namespace {

using namespace lk;
using namespace lk::test;

class AnyMoment : public Src {
protected:
  /// Tracks that come, send and go; a connection that hesitates and breaks.
  void
  act (unsigned seed, const std::atomic<bool> &over) {
    std::mt19937 random (seed);
    const auto picture = encode ("vp8", 1)[0];
    std::vector<RemotePtr> tracks;
    for (int count = 0; !over; ++count) {
      switch (random () % 6) {
      case 0:
        if (tracks.size () < 4)
          tracks.push_back (subscribe ("TR_" + std::to_string (count), random () % 2 ? "vp8" : "opus"));
        break;
      case 1:
        if (!tracks.empty ()) {
          unsubscribe (tracks.front ());
          tracks.erase (tracks.begin ());
        }
        break;
      case 2:
        session_->hold_connect = session_->hold_publish = random () % 2;
        session_->release ();
        break;
      case 3:
        if (random () % 8 == 0)
          session_->end (session::State::Failed, { Errc::SignalLost, Retry::Never, "the connection broke" });
        break;
      default:
        for (const auto &track : tracks)
          if (track->codec () == "vp8") deliver (track, picture);
      }
      // The pace of what comes, at random.
      std::this_thread::sleep_for (std::chrono::milliseconds (random () % 20));
    }
    for (const auto &track : tracks)
      unsubscribe (track);
  }
};

TEST_F (AnyMoment, CallsFromSeveralThreadsNeitherHangNorCrash) {
  GST_ELEMENT_REGISTER (livekitsink, nullptr);
  for (unsigned seed = 100; seed < 104; ++seed) {
    SetUp ();
    pipeline_ = Ref<GstElement>::sink (gst_parse_launch (
        "livekitsink name=sink audiotestsrc is-live=true ! sink. livekitsrc name=src", nullptr));
    auto src = Ref<GstElement>::adopt (gst_bin_get_by_name (GST_BIN (pipeline_.get ()), "src"));
    src_ = src.get ();
    gst::find_or_announce_pool (src_)->put ("", session_);
    std::atomic<bool> over = false;
    std::thread room ([&] { act (seed, over); });
    {
      Chaos chaos (pipeline_.get (), seed, 20s);
      if (!chaos.run (3s)) {
        std::fprintf (stderr, "seed %u hangs in %s\n", seed, chaos.stuck ().c_str ());
        std::abort ();
      }
      over = true;
      room.join ();
      gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
    }
    // As good as new.
    session_->release ();
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
    EXPECT_TRUE (wait_until ([&] { return session_->state () == session::State::Connected; }, 5s)) << seed;
    gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
    pipeline_.reset ();
  }
}

} // namespace
