#include "session/local_track.hpp"

#include "session/publications.hpp"

#include <utility>

namespace lk::session {
namespace {

constexpr Nanos kStatsAge = std::chrono::seconds (1);

} // namespace

LocalTrackImpl::LocalTrackImpl (PublishSpec spec, std::string cid, std::shared_ptr<media::FrameSender> frames,
                                Port port)
    : spec_ (std::move (spec)), cid_ (std::move (cid)), frames_ (std::move (frames)),
      port_ (std::move (port)), muted_ (spec_.muted), width_ (spec_.width), height_ (spec_.height) {
  if (muted_) frames_->set_muted (true);
}

std::string
LocalTrackImpl::sid () const {
  std::lock_guard lock (lock_);
  return sid_;
}

bool
LocalTrackImpl::published () const {
  std::lock_guard lock (lock_);
  return published_;
}

bool
LocalTrackImpl::muted () const {
  std::lock_guard lock (lock_);
  return muted_;
}

void
LocalTrackImpl::set_muted (bool muted) {
  if (!apply_muted (muted)) return;
  post (&Publications::sync);
}

bool
LocalTrackImpl::apply_muted (bool muted) {
  {
    std::lock_guard lock (lock_);
    if (muted_ == muted) return false;
    muted_ = muted;
  }
  pass_muted_on ();
  return true;
}

bool
LocalTrackImpl::wanted () const {
  std::lock_guard lock (lock_);
  return wanted_;
}

void
LocalTrackImpl::set_wanted (bool wanted) {
  {
    std::lock_guard lock (lock_);
    if (std::exchange (wanted_, wanted) == wanted) return;
  }
  pass_muted_on ();
}

void
LocalTrackImpl::pass_muted_on () {
  // No lock during the call, because unmuting calls back for a key frame. Two threads at once: the last look
  // decides.
  auto silent = [this] {
    std::lock_guard lock (lock_);
    return muted_ || !wanted_;
  };
  bool now;
  do {
    now = silent ();
    frames_->set_muted (now);
  } while (now != silent ());
}

void
LocalTrackImpl::set_size (uint32_t width, uint32_t height) {
  {
    std::lock_guard lock (lock_);
    if (width_ == width && height_ == height) return;
    width_ = width;
    height_ = height;
  }
  post (&Publications::sync);
}

std::pair<uint32_t, uint32_t>
LocalTrackImpl::size () const {
  std::lock_guard lock (lock_);
  return { width_, height_ };
}

void
LocalTrackImpl::unpublish () {
  post (&Publications::remove);
}

LocalTrack::Stats
LocalTrackImpl::stats () const {
  Stats stats;
  bool ask = false;
  {
    std::lock_guard lock (lock_);
    stats.rtp = rtp_;
    auto now = port_.clock->now ();
    ask = published_ && (asked_ < Nanos (0) || now - asked_ >= kStatsAge);
    if (ask) asked_ = now;
  }
  stats.frames = frames_->stats ();
  if (ask) post (&Publications::ask_stats);
  return stats;
}

void
LocalTrackImpl::set_progress (const std::string &sid, bool published) {
  std::lock_guard lock (lock_);
  sid_ = sid;
  published_ = published;
}

void
LocalTrackImpl::set_rtp_stats (const rtc::SenderStats &stats) {
  std::lock_guard lock (lock_);
  rtp_ = stats;
}

void
LocalTrackImpl::post (void (Publications::*call) (const std::shared_ptr<LocalTrackImpl> &)) const {
  auto self = std::const_pointer_cast<LocalTrackImpl> (shared_from_this ());
  port_.queue->post ([publications = port_.publications, self = std::move (self), call] {
    if (auto p = publications.lock ()) ((*p).*call) (self);
  });
}

} // namespace lk::session
