#include "participant/outbox.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace lk::gst {

namespace {

constexpr size_t kMaxMessages = 1000, kMaxBytes = 16 * 1024 * 1024;

} // namespace

/// Shared with the thread, which nobody joins: it may be the one that stops the element.
struct Outbox::State {
  struct Entry {
    size_t bytes;
    Job job;
  };
  std::function<void (const Error &)> on_error;
  std::mutex lock; // leaf
  std::deque<Entry> entries;
  size_t bytes = 0;
  bool running = false;
  std::stop_source stop;

  /// Ends when there is nothing to do.
  static void
  run (const std::shared_ptr<State> &state, std::stop_token stop) {
    while (true) {
      Entry entry;
      {
        std::lock_guard guard (state->lock);
        if (stop.stop_requested ()) return;
        if (state->entries.empty ()) {
          state->running = false;
          return;
        }
        entry = std::move (state->entries.front ());
        state->entries.pop_front ();
        state->bytes -= entry.bytes;
      }
      const auto sent = entry.job (stop);
      if (!sent && !stop.stop_requested ()) state->on_error (sent.error ());
    }
  }
};

Outbox::Outbox (std::function<void (const Error &)> on_error) : state_ (std::make_shared<State> ()) {
  state_->on_error = std::move (on_error);
}

Outbox::~Outbox () {
  stop ();
}

bool
Outbox::add (size_t bytes, Job job) {
  std::lock_guard guard (state_->lock);
  // One that is large by itself may go when nothing waits.
  const bool full = state_->entries.size () >= kMaxMessages
                    || (!state_->entries.empty () && state_->bytes + bytes > kMaxBytes);
  if (full) return false;
  state_->entries.push_back ({ bytes, std::move (job) });
  state_->bytes += bytes;
  if (!std::exchange (state_->running, true))
    std::thread ([state = state_, stop = state_->stop.get_token ()] { State::run (state, stop); }).detach ();
  return true;
}

void
Outbox::stop () {
  std::deque<State::Entry> dropped;
  std::stop_source under_way;
  {
    std::lock_guard guard (state_->lock);
    dropped.swap (state_->entries);
    state_->bytes = 0;
    state_->running = false;
    under_way = std::exchange (state_->stop, std::stop_source ());
  }
  under_way.request_stop ();
}

} // namespace lk::gst
