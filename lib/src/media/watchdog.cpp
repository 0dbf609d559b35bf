#include "media/watchdog.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace lk::media {

namespace {

constexpr auto kTick = std::chrono::milliseconds (250);

struct Watchdog {
  std::mutex lock; // leaf
  std::vector<std::weak_ptr<Watched>> watched;
  bool running = false;

  void
  run () {
    while (true) {
      std::this_thread::sleep_for (kTick);
      std::vector<std::shared_ptr<Watched>> alive;
      {
        std::lock_guard hold (lock);
        std::erase_if (watched, [] (const auto &weak) { return weak.expired (); });
        if (watched.empty ()) {
          running = false;
          return;
        }
        for (const auto &weak : watched)
          if (auto strong = weak.lock ()) alive.push_back (std::move (strong));
      }
      for (const auto &one : alive)
        one->on_tick ();
    }
  }
};

// Never destroyed: the thread may outlive main().
Watchdog &
watchdog () {
  static auto *one = new Watchdog;
  return *one;
}

} // namespace

void
watch (std::weak_ptr<Watched> watched) {
  Watchdog &dog = watchdog ();
  std::lock_guard hold (dog.lock);
  dog.watched.push_back (std::move (watched));
  if (dog.running) return;
  dog.running = true;
  std::thread ([&dog] { dog.run (); }).detach ();
}

} // namespace lk::media
