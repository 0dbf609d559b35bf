#include "received/continuity.hpp"

#include "participant/pool.hpp"

#include <algorithm>
#include <chrono>

namespace lk::gst {

namespace {

constexpr std::chrono::milliseconds kPeriod{ 50 };

} // namespace

void
Continuity::start (std::function<GstClockTime ()> now) {
  std::lock_guard guard (lock_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread ([this, now = std::move (now)] { watch (now); });
}

void
Continuity::stop () {
  {
    std::lock_guard guard (lock_);
    running_ = false;
  }
  wake_.notify_all ();
  if (thread_.joinable ()) thread_.join ();
}

void
Continuity::add (std::shared_ptr<FrameSrc> src) {
  std::lock_guard guard (lock_);
  if (std::find (sources_.begin (), sources_.end (), src) == sources_.end ())
    sources_.push_back (std::move (src));
}

void
Continuity::remove (const std::shared_ptr<FrameSrc> &src) {
  std::lock_guard guard (lock_);
  std::erase (sources_, src);
}

void
Continuity::watch (const std::function<GstClockTime ()> &now) {
  std::unique_lock guard (lock_);
  while (running_) {
    wake_.wait_for (guard, kPeriod, [this] { return !running_; });
    if (!running_) break;
    const auto sources = sources_;
    guard.unlock ();
    const GstClockTime time = now ();
    for (const auto &src : sources) {
      if (time == GST_CLOCK_TIME_NONE || !src->gap_due (time) || !src->claim_gap_job ()) continue;
      run_in_pool ([src, time] {
        src->fill_gap (time);
        src->release_gap_job ();
      });
    }
    guard.lock ();
  }
}

} // namespace lk::gst
