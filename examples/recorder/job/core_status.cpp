// What a job tells.
#include "core.hpp"

namespace lk::record {

namespace {

// Files kept in the status of a job that runs for days.
constexpr size_t kMaxEndedFiles = 1000;

} // namespace

void
Job::Core::on_file (const FileResult &file) {
  if (file.state != FileState::Writing) {
    ended_files_.push_back (file);
    if (ended_files_.size () > kMaxEndedFiles) ended_files_.erase (ended_files_.begin ());
  }
  if (listener_.on_file) listener_.on_file (file);
}

std::vector<FileResult>
Job::Core::files () const {
  auto all = ended_files_;
  for (const auto &series : series_)
    for (auto &file : series->writing ())
      all.push_back (std::move (file));
  return all;
}

Status
Job::Core::make_status () const {
  Status status;
  status.state = state_;
  status.reason = reason_;
  status.code = code_;
  status.files = files ();
  if (!room_) return status;
  status.room = room_->name ();
  status.participants = room_->participants ();
  status.reconnects = room_->reconnects ();
  for (const auto &track : room_->tracks ())
    status.tracks.push_back (track->status);
  if (!GST_CLOCK_TIME_IS_VALID (began_)) return status;
  status.start_ms = room_->clock ().wall_ms (began_);
  const GstClockTime until = GST_CLOCK_TIME_IS_VALID (ended_) ? ended_ : room_->now ();
  status.duration_ms = int64_t ((until - std::min (until, began_)) / GST_MSECOND);
  return status;
}

/// Makes the status known, and tells it where it is another.
void
Job::Core::publish () {
  auto status = make_status ();
  bool another = false;
  {
    std::lock_guard guard (lock_);
    if (!room_) { // over: the room's part is as it was last
      status.room = status_.room;
      status.participants = status_.participants;
      status.reconnects = status_.reconnects;
      status.tracks = status_.tracks;
      status.start_ms = status_.start_ms;
      status.duration_ms = status_.duration_ms;
    }
    another = status_.state != status.state || ticks_ == 0;
    status_ = status;
  }
  if (another && listener_.on_state) listener_.on_state (status);
  if (!another && state_ == State::Active && listener_.on_progress) listener_.on_progress (status);
  changed_.notify_all ();
}

} // namespace lk::record
