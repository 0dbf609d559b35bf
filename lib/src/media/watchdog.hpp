// One thread per process that notices calls that block for too long. A jitter buffer's thread that sits in a
// paused pipeline cannot say so itself.
#pragma once

#include <functional>
#include <memory>

namespace lk::media {

class Watched {
public:
  virtual ~Watched () = default;
  /// About every 250 ms, on the watchdog's thread, no lock held.
  virtual void on_tick () = 0;
};

/// Ticks until the object is gone. The thread exists only while something is watched.
void watch (std::weak_ptr<Watched> watched);

} // namespace lk::media
