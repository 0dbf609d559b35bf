// Keeps the timelines of a livekitsrc going: looks at every track 20 times a second and has the silent ones
// filled. The filling may block downstream, so it runs on pool threads that exist only while they are needed.
#pragma once

#include "received/framesrc.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace lk::gst {

class Continuity {
public:
  Continuity () = default;
  ~Continuity () { stop (); }

  /// `now`: the running time, NONE while there is none. Idempotent.
  void start (std::function<GstClockTime ()> now);
  /// Returns when the watching thread has ended; filling under way ends by itself.
  void stop ();
  void add (std::shared_ptr<FrameSrc> src);
  void remove (const std::shared_ptr<FrameSrc> &src);

private:
  void watch (const std::function<GstClockTime ()> &now);

  std::mutex lock_; // leaf
  std::condition_variable wake_;
  std::vector<std::shared_ptr<FrameSrc>> sources_;
  std::thread thread_;
  bool running_ = false;
};

} // namespace lk::gst
