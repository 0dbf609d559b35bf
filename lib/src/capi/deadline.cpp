#include "capi/deadline.hpp"

#include <vector>

namespace lk::capi {

Deadlines::~Deadlines () {
  {
    std::lock_guard guard (lock_);
    stopping_ = true;
  }
  wake_.notify_all ();
  if (thread_.joinable ()) thread_.join ();
}

Deadlines::Entry::Entry (Deadlines &owner, Millis limit) : owner_ (owner) {
  bool first = false;
  {
    std::lock_guard guard (owner_.lock_);
    first = owner_.rows_.empty ();
    row_ = owner_.rows_.insert (owner_.rows_.end (), { std::chrono::steady_clock::now () + limit, {} });
    if (!owner_.thread_.joinable ()) owner_.thread_ = std::thread ([&owner = owner_] { owner.watch (); });
  }
  if (first) owner_.wake_.notify_one ();
}

Deadlines::Entry::~Entry () {
  std::lock_guard guard (owner_.lock_);
  owner_.rows_.erase (row_);
}

void
Deadlines::stop_all () {
  std::vector<std::stop_source> sources;
  {
    std::lock_guard guard (lock_);
    for (const auto &row : rows_)
      sources.push_back (row.source);
  }
  for (auto &source : sources)
    source.request_stop ();
}

void
Deadlines::watch () {
  std::unique_lock guard (lock_);
  while (!stopping_) {
    auto late = rows_.begin ();
    while (late != rows_.end () && late->source.stop_requested ())
      ++late;
    if (late == rows_.end ()) {
      wake_.wait (guard);
    } else if (late->due > std::chrono::steady_clock::now ()) {
      const auto due = late->due;
      wake_.wait_until (guard, due);
    } else {
      auto source = late->source;
      guard.unlock ();
      source.request_stop ();
      guard.lock ();
    }
  }
}

} // namespace lk::capi
