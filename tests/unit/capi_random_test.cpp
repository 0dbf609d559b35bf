// Calls at random, NULL and stale handles included, from several threads: a documented code each time, and
// the process lives. LK_SEED chooses where to begin; a failure prints the seed.
#include "capi_util.hpp"

#include <random>
#include <set>
#include <thread>

using namespace lk;
using namespace lk::test;

namespace {

const std::set<int> kDocumented
    = { 0, 101, 102, 103, 104, 105, 106, 201, 202, 203, 301, 302, 303, 304, 401, 402, 403, 404 };

/// One thread's way through the functions.
class Walk {
public:
  Walk (World &world, unsigned seed) : world_ (world), random_ (seed) {}

  void
  run (int steps) {
    for (int i = 0; i < steps; ++i)
      step ();
    for (auto *client : clients_)
      lk_client_destroy (client);
  }
  std::set<int> codes;

private:
  int
  below (int limit) {
    return std::uniform_int_distribution<int> (0, limit - 1) (random_);
  }
  template <typename T>
  T
  one_of (std::initializer_list<T> all) {
    return *(all.begin () + below (int (all.size ())));
  }
  LkClientHandle *
  client () {
    if (clients_.empty () || below (12) == 0)
      return one_of<LkClientHandle *> ({ nullptr, reinterpret_cast<LkClientHandle *> (uintptr_t (0x7)),
                                         reinterpret_cast<LkClientHandle *> (this) });
    return clients_[size_t (below (int (clients_.size ())))];
  }
  LkAudioTrackHandle *
  track () {
    if (tracks_.empty () || below (8) == 0)
      return one_of<LkAudioTrackHandle *> (
          { nullptr, reinterpret_cast<LkAudioTrackHandle *> (uintptr_t (0x11)) });
    return tracks_[size_t (below (int (tracks_.size ())))];
  }
  const char *
  text () {
    return one_of<const char *> ({ nullptr, "", kUrl, kToken, "\xff\xfe", "größe", "x" });
  }
  int
  number () {
    return one_of<int> ({ 0, 1, 2, 3, 0x101, 0x102, -1, 480, 8000, 48000, 96000, 100, INT32_MAX, INT32_MIN });
  }
  void
  keep (LkResult result) {
    codes.insert (code (result));
  }
  void step ();

  World &world_;
  std::mt19937 random_;
  std::vector<LkClientHandle *> clients_; // also destroyed ones
  std::vector<LkAudioTrackHandle *> tracks_;
  std::vector<int16_t> pcm_ = std::vector<int16_t> (2 * 96000);
};

void
Walk::step () {
  static uint8_t bytes[20000];
  const auto on_data = [] (void *, const uint8_t *, size_t) {};
  const auto on_state = [] (void *, LkConnectionState, int32_t, const char *) {};
  const auto on_sound = [] (void *, const int16_t *, size_t, int32_t, int32_t) {};
  auto *us = client ();
  switch (below (27)) {
  case 0:
    if (clients_.size () < 6) clients_.push_back (world_.create ());
    break;
  case 1:
    if (below (4) == 0) lk_client_destroy (us);
    break;
  case 2:
    return keep (lk_connect (us, text (), text ()));
  case 3:
    return keep (lk_connect (us, kUrl, kToken));
  case 4:
    return keep (lk_connect_with_role_async (us, kUrl, kToken, LkRole (below (6) - 1)));
  case 5:
    return keep (lk_connect_async (us, text (), kToken));
  case 6:
    return keep (lk_disconnect (us));
  case 7:
    lk_client_is_ready (us);
    break;
  case 8:
    return keep (lk_client_set_data_callback (us, below (2) ? +on_data : nullptr, this));
  case 9:
    return keep (lk_set_connection_callback (us, below (2) ? +on_state : nullptr, this));
  case 10:
    return keep (lk_client_set_audio_callback (us, below (2) ? +on_sound : nullptr, this));
  case 11:
    return keep (lk_set_audio_publish_options (us, number (), number (), number ()));
  case 12:
    return keep (lk_set_audio_output_format (us, number (), number ()));
  case 13:
  case 14:
  case 15:
    return keep (lk_publish_audio_pcm_i16 (us, below (8) ? pcm_.data () : nullptr,
                                           one_of<size_t> ({ 0, 1, 480, 960, 96000, SIZE_MAX }), number (),
                                           number ()));
  case 16: {
    LkAudioTrackConfig config
        = { text (), below (3) ? 48000 : number (), below (3) ? 1 : number (), number () };
    LkAudioTrackHandle *made = nullptr;
    keep (lk_audio_track_create (us, below (8) ? &config : nullptr, below (8) ? &made : nullptr));
    if (made && tracks_.size () < 20) tracks_.push_back (made);
    return;
  }
  case 17:
    return keep (lk_audio_track_destroy (track ()));
  case 18:
  case 19:
    return keep (lk_audio_track_publish_pcm_i16 (track (), below (8) ? pcm_.data () : nullptr,
                                                 one_of<size_t> ({ 0, 1, 480, 96000, SIZE_MAX })));
  case 20:
    return keep (lk_send_data (us, below (8) ? bytes : nullptr,
                               one_of<size_t> ({ 0, 1, 1300, 1301, 15361, SIZE_MAX }),
                               LkReliability (below (4) - 1)));
  case 21:
    return keep (lk_send_data_ex (us, bytes, one_of<size_t> ({ 0, 1, 1300, 15360 }),
                                  LkReliability (below (2)), number (), text ()));
  case 22:
    return keep (lk_set_default_data_labels (us, text (), text ()));
  case 23:
    return keep (lk_set_reconnect_backoff (us, number (), number (), float (number ())));
  case 24:
    return keep (lk_refresh_token (us, text ()));
  case 25:
    return keep (lk_set_role (us, LkRole (below (6) - 1), number ()));
  default: {
    LkAudioStats audio;
    LkDataStats data;
    keep (lk_get_audio_stats (us, below (4) ? &audio : nullptr));
    return keep (lk_get_data_stats (us, below (4) ? &data : nullptr));
  }
  }
}

unsigned
first_seed () {
  const char *seed = std::getenv ("LK_SEED");
  return seed ? unsigned (std::strtoul (seed, nullptr, 10)) : 1;
}

} // namespace

TEST (CapiRandom, CallsInAnyOrderAnswerWithDocumentedCodes) {
  for (unsigned seed = first_seed (); seed < first_seed () + 20; ++seed) {
    SCOPED_TRACE ("seed " + std::to_string (seed));
    World world;
    Walk walk (world, seed);
    walk.run (300);
    for (int one : walk.codes)
      EXPECT_TRUE (kDocumented.contains (one)) << one;
    EXPECT_GE (walk.codes.size (), 4u);
  }
}

TEST (CapiRandom, CallsFromSeveralThreadsOnOneClientDoNotRace) {
  World world;
  auto *us = world.create ();
  const LkAudioTrackConfig config = { "shared", 48000, 1, 100 };
  LkAudioTrackHandle *track = nullptr;
  code (lk_audio_track_create (us, &config, &track));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back ([&, i] {
      std::mt19937 random (i);
      std::vector<int16_t> pcm (960);
      LkAudioStats audio;
      LkDataStats data;
      for (int step = 0; step < 200; ++step) {
        switch (random () % 12) {
        case 0:
          code (lk_connect_async (us, kUrl, kToken));
          break;
        case 1:
          code (lk_connect (us, kUrl, kToken));
          break;
        case 2:
          if (step % 3 == 0) code (lk_disconnect (us));
          break;
        case 3:
        case 4:
          code (lk_publish_audio_pcm_i16 (us, pcm.data (), 480, 1 + int (random () % 2), 48000));
          break;
        case 5:
        case 6:
          code (lk_audio_track_publish_pcm_i16 (track, pcm.data (), 960));
          break;
        case 7:
          code (lk_send_data (us, nullptr, 0, LkReliable));
          break;
        case 8:
          code (lk_set_role (us, LkRole (random () % 4), 1));
          break;
        case 9:
          code (lk_get_audio_stats (us, &audio));
          code (lk_get_data_stats (us, &data));
          break;
        case 10:
          code (lk_set_audio_output_format (us, 16000, 1 + int (random () % 2)));
          break;
        default:
          if (auto session = world.newest ()) session->port->deliver (packet ("x"));
          code (lk_client_set_data_callback (
              us, [] (void *, const uint8_t *, size_t) {}, nullptr));
        }
      }
      if (i == 0) lk_client_destroy (us);
    });
  for (auto &thread : threads)
    thread.join ();
  EXPECT_EQ (code (lk_disconnect (us)), 401);
}
