// When callbacks of the C API may run, and from where its functions may be called.
#include "capi_util.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include <malloc.h>

using namespace lk;
using namespace lk::test;

namespace {

/// Blocks inside a callback until it is let go.
class Trap {
public:
  void
  enter () {
    std::unique_lock guard (lock_);
    ++entered_;
    changed_.notify_all ();
    changed_.wait (guard, [this] { return open_; });
    ++left_;
  }
  bool
  wait_entered () {
    std::unique_lock guard (lock_);
    return changed_.wait_for (guard, 10s, [this] { return entered_ > 0; });
  }
  void
  release () {
    std::lock_guard guard (lock_);
    open_ = true;
    changed_.notify_all ();
  }
  int
  left () {
    std::lock_guard guard (lock_);
    return left_;
  }
  int
  entered () {
    std::lock_guard guard (lock_);
    return entered_;
  }

private:
  std::mutex lock_;
  std::condition_variable changed_;
  int entered_ = 0, left_ = 0;
  bool open_ = false;
};

void
on_data (void *trap, const uint8_t *, size_t) {
  static_cast<Trap *> (trap)->enter ();
}

/// Runs a function inside a data callback.
struct Inside {
  std::function<void ()> run;
  std::atomic<int> calls{ 0 };
  std::atomic<bool> done{ false };
  static void
  on_data (void *user, const uint8_t *, size_t) {
    auto &self = *static_cast<Inside *> (user);
    if (self.calls++ == 0) self.run ();
    self.done = true;
  }
};

size_t
threads () {
  size_t count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator ("/proc/self/task"))
    ++count;
  return count;
}

thread_local size_t allocations = 0;

} // namespace

// Not inlined, or the compiler takes the pairs of the standard library for mismatched ones.
[[gnu::noinline]] void *
operator new (size_t size) {
  ++allocations;
  if (void *memory = std::malloc (size)) return memory;
  throw std::bad_alloc ();
}
[[gnu::noinline]] void
operator delete (void *memory) noexcept {
  std::free (memory);
}
[[gnu::noinline]] void
operator delete (void *memory, size_t) noexcept {
  std::free (memory);
}

TEST (CapiQuiet, DisconnectAndDestroyWaitForTheCallbackThatRunsAndNoneFollows) {
  for (const bool destroys : { false, true }) {
    World world;
    Scoped us (world);
    Trap trap;
    lk_client_set_data_callback (us, on_data, &trap);
    lk_connect (us, kUrl, kToken);
    auto port = world.session ()->port;
    for (int i = 0; i < 50; ++i)
      port->deliver (packet ("x"));
    ASSERT_TRUE (trap.wait_entered ());
    std::atomic<bool> returned{ false };
    std::atomic<int> left_then{ 0 };
    std::thread ending ([&] {
      if (destroys)
        lk_client_destroy (us);
      else
        code (lk_disconnect (us));
      left_then = trap.left ();
      returned = true;
    });
    ASSERT_TRUE (wait_until ([&] { return world.session ()->users () == 0; }, 10s));
    EXPECT_FALSE (returned);
    trap.release ();
    ending.join ();
    const int entered = trap.entered ();
    EXPECT_EQ (left_then, entered);
    port->deliver (packet ("late"));
    std::promise<void> passed;
    port->on_thread ([&] { passed.set_value (); });
    passed.get_future ().wait ();
    EXPECT_EQ (trap.entered (), entered);
  }
}

TEST (CapiQuiet, InsideACallbackTheyReturnAtOnceAndItIsTheLast) {
  for (const bool destroys : { false, true }) {
    World world;
    Scoped us (world);
    Inside inside;
    std::atomic<bool> was_there{ false };
    inside.run = [&] {
      if (destroys)
        lk_client_destroy (us);
      else
        code (lk_disconnect (us));
      was_there = world.session ()->users () == 1; // nobody waited for the session to end
    };
    lk_client_set_data_callback (us, Inside::on_data, &inside);
    lk_connect (us, kUrl, kToken);
    auto port = world.session ()->port;
    for (int i = 0; i < 50; ++i)
      port->deliver (packet ("x"));
    ASSERT_TRUE (wait_until ([&] { return world.session ()->users () == 0; }, 10s));
    EXPECT_TRUE (was_there);
    port->deliver (packet ("late"));
    std::promise<void> passed;
    port->on_thread ([&] { passed.set_value (); });
    passed.get_future ().wait ();
    EXPECT_EQ (inside.calls, 1);
    EXPECT_EQ (code (lk_disconnect (us)), destroys ? 401 : 0);
  }
}

TEST (CapiQuiet, AClientDestroyedInACallbackIsFreedAfterIt) {
  World world;
  auto *us = world.create ();
  std::weak_ptr<capi::Client> client = capi::clients ().find (us);
  Inside inside;
  std::atomic<bool> lived{ false };
  inside.run = [&] {
    lk_client_destroy (us);
    lived = !client.expired ();
  };
  lk_client_set_data_callback (us, Inside::on_data, &inside);
  lk_connect (us, kUrl, kToken);
  world.session ()->port->deliver (packet ("x"));
  EXPECT_TRUE (wait_until ([&] { return client.expired (); }, 10s));
  EXPECT_TRUE (lived);
}

TEST (CapiQuiet, NoCallInsideACallbackDeadlocks) {
  World world;
  Scoped us (world);
  Inside inside;
  inside.run = [&] {
    int16_t pcm[480] = {};
    LkAudioStats audio;
    LkDataStats data;
    const LkAudioTrackConfig config = { "inside", 48000, 1, 0 };
    LkAudioTrackHandle *track = nullptr;
    code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000));
    code (lk_audio_track_create (us, &config, &track));
    code (lk_audio_track_publish_pcm_i16 (track, pcm, 480));
    code (lk_audio_track_destroy (track));
    code (lk_send_data (us, nullptr, 0, LkReliable));
    code (lk_set_audio_publish_options (us, 24000, 0, 0));
    code (lk_set_audio_output_format (us, 16000, 1));
    code (lk_set_default_data_labels (us, "a", "b"));
    code (lk_refresh_token (us, kToken));
    code (lk_set_role (us, LkRoleSubscriber, 1));
    code (lk_set_role (us, LkRoleBoth, 1));
    code (lk_get_audio_stats (us, &audio));
    code (lk_get_data_stats (us, &data));
    code (lk_set_log_level (us, LkLogError));
    lk_client_is_ready (us);
    code (lk_connect (us, kUrl, kToken));
    code (lk_disconnect (us));
    code (lk_disconnect (us));
    EXPECT_EQ (code (lk_connect (us, kUrl, kToken)), 0); // waits for the new session, here
    code (lk_client_set_data_callback_ex (us, nullptr, nullptr));
  };
  lk_client_set_data_callback (us, Inside::on_data, &inside);
  lk_connect (us, kUrl, kToken);
  world.session ()->port->deliver (packet ("x"));
  ASSERT_TRUE (wait_until ([&] { return inside.done.load (); }, 60s));
  EXPECT_EQ (lk_client_is_ready (us), 1);
  world.session (1)->port->deliver (packet ("y"));
  EXPECT_TRUE (wait_until ([&] { return inside.calls >= 2; }, 10s));
}

TEST (CapiQuiet, ABlockedCallbackLetsNothingGrowWithoutBound) {
  World world;
  Scoped us (world);
  Trap trap;
  lk_client_set_data_callback (us, on_data, &trap);
  lk_connect (us, kUrl, kToken);
  auto port = world.session ()->port;
  port->deliver (packet ("x"));
  ASSERT_TRUE (trap.wait_entered ());
  for (int i = 0; i < 20'000; ++i)
    port->deliver (packet (std::string (100, 'x')));
  std::promise<void> passed;
  port->on_thread ([&] { passed.set_value (); });
  passed.get_future ().wait ();
  trap.release ();
  lk_disconnect (us);
  EXPECT_LE (trap.entered (), 8200);
}

TEST (CapiLife, AThousandClientsLeaveNothingBehind) {
  const auto round = [] {
    World world;
    auto *us = world.create ();
    const LkAudioTrackConfig config = { "track", 48000, 1, 100 };
    LkAudioTrackHandle *track = nullptr;
    code (lk_audio_track_create (us, &config, &track));
    code (lk_connect (us, kUrl, kToken));
    code (lk_send_data (us, nullptr, 0, LkReliable));
    lk_client_destroy (us);
  };
  for (int i = 0; i < 50; ++i)
    round ();
  const size_t threads_before = threads (), memory_before = mallinfo2 ().uordblks;
  for (int i = 0; i < 1000; ++i)
    round ();
  EXPECT_TRUE (wait_until ([&] { return threads () <= threads_before; }, 10s)) << threads ();
  // Checkers with an allocator of their own say nothing here; they look for leaks themselves.
  EXPECT_LE (mallinfo2 ().uordblks, memory_before + 512 * 1024);
}

TEST (CapiRealTime, PublishingNeitherAllocatesNorWaits) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  const LkAudioTrackConfig config = { "track", 48000, 1, 5000 };
  LkAudioTrackHandle *track = nullptr;
  code (lk_audio_track_create (us, &config, &track));
  std::vector<int16_t> pcm (2 * 1920);
  code (lk_publish_audio_pcm_i16 (us, pcm.data (), 480, 2, 48000));
  code (lk_audio_track_publish_pcm_i16 (track, pcm.data (), 480));
  std::vector<double> times;
  times.reserve (2000);
  const size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    for (const bool own : { false, true }) {
      const size_t frames = size_t (i % 3 == 0 ? 480 : i % 3 == 1 ? 960 : 37);
      const auto begin = std::chrono::steady_clock::now ();
      if (own)
        lk_audio_track_publish_pcm_i16 (track, pcm.data (), frames);
      else
        lk_publish_audio_pcm_i16 (us, pcm.data (), frames, 2, 48000);
      times.push_back (
          std::chrono::duration<double, std::milli> (std::chrono::steady_clock::now () - begin).count ());
    }
  }
  EXPECT_EQ (allocations, before);
  std::sort (times.begin (), times.end ());
  std::printf ("publishing: %.4f ms in the middle, %.3f ms at most\n", times[times.size () / 2],
               times.back ());
  // The scheduler may take the processor away in the middle of a call, so not the very last ones.
  EXPECT_LT (times[times.size () * 99 / 100], 1.0);
}

TEST (CapiRealTime, PublishingDoesNotWaitForAThreadThatDisconnects) {
  World world;
  Scoped us (world);
  lk_connect (us, kUrl, kToken);
  int16_t pcm[480] = {};
  code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000));
  Trap trap;
  lk_client_set_data_callback (us, on_data, &trap);
  world.session ()->port->deliver (packet ("x"));
  ASSERT_TRUE (trap.wait_entered ());
  std::thread ending ([&] { code (lk_disconnect (us)); }); // waits for the callback
  std::atomic<bool> done{ false };
  std::thread publishing ([&] {
    for (int i = 0; i < 1000; ++i)
      code (lk_publish_audio_pcm_i16 (us, pcm, 480, 1, 48000));
    done = true;
  });
  EXPECT_TRUE (wait_until ([&] { return done.load (); }, 10s));
  trap.release ();
  publishing.join ();
  ending.join ();
}
