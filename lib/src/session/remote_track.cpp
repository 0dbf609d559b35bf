#include "session/remote_track.hpp"

#include "session/subscriptions.hpp"

#include <algorithm>
#include <glib.h>

namespace lk::session {
namespace {

constexpr Nanos kStatsAge = std::chrono::seconds (1);

} // namespace

Demand
both (const Demand &a, const Demand &b) {
  if (!a.enabled) return b;
  if (!b.enabled) return a;
  Demand all;
  const bool sizes = a.width && a.height && b.width && b.height;
  const bool qualities = !a.width && !a.height && !b.width && !b.height;
  if (sizes) {
    all.width = std::max (a.width, b.width);
    all.height = std::max (a.height, b.height);
  }
  if (qualities) all.quality = std::max (a.quality, b.quality);
  if (a.fps && b.fps) all.fps = std::max (a.fps, b.fps);
  return all;
}

std::shared_ptr<RemoteTrackImpl>
RemoteTrackImpl::create (Parts &parts, ParticipantPtr participant, const TrackInfo &info, Port port) {
  std::shared_ptr<RemoteTrackImpl> track (new RemoteTrackImpl (port));
  track->participant_ = std::move (participant);
  track->info_ = info;
  // Both hooks are called by streaming threads, which must not touch the transport's objects: they may be the
  // last to hold one.
  media::FrameReceiver::Hooks hooks;
  std::weak_ptr<RemoteTrackImpl> weak = track;
  hooks.request_keyframe = [port, weak] {
    port.queue->post ([subscriptions = port.subscriptions, weak] {
      auto s = subscriptions.lock ();
      auto self = weak.lock ();
      if (s && self) s->request_keyframe (self->sid ());
    });
  };
  hooks.set_dropping = [port, weak] (bool dropping) {
    port.queue->post ([subscriptions = port.subscriptions, weak, dropping] {
      auto s = subscriptions.lock ();
      auto self = weak.lock ();
      if (s && self) s->set_dropping (self->sid (), dropping);
    });
  };
  track->frames_ = parts.make_frame_receiver (std::move (hooks));
  return track;
}

std::string
RemoteTrackImpl::sid () const {
  std::lock_guard lock (lock_);
  return info_.sid;
}

TrackInfo
RemoteTrackImpl::info () const {
  std::lock_guard lock (lock_);
  return info_;
}

ParticipantInfo
RemoteTrackImpl::participant () const {
  std::lock_guard lock (lock_);
  return *participant_;
}

std::string
RemoteTrackImpl::codec () const {
  std::lock_guard lock (lock_);
  auto slash = info_.mime_type.find ('/');
  auto name = slash == std::string::npos ? info_.mime_type : info_.mime_type.substr (slash + 1);
  std::transform (name.begin (), name.end (), name.begin (), [] (char c) { return g_ascii_tolower (c); });
  // The publisher's redundancy (RFC 2198) ends at the server: our answers offer no RED, so it sends us the
  // Opus inside.
  return name == "red" ? "opus" : name;
}

bool
RemoteTrackImpl::paused () const {
  std::lock_guard lock (lock_);
  return paused_;
}

void
RemoteTrackImpl::set_demand (const void *owner, const std::optional<Demand> &demand) {
  {
    std::lock_guard lock (lock_);
    if (demand)
      demands_.insert_or_assign (owner, *demand);
    else
      demands_.erase (owner);
  }
  post (&Subscriptions::demand_changed);
}

Demand
RemoteTrackImpl::demand () const {
  std::lock_guard lock (lock_);
  std::optional<Demand> all;
  for (const auto &[owner, demand] : demands_)
    all = all ? both (*all, demand) : demand;
  return all.value_or (Demand{});
}

RemoteTrack::Stats
RemoteTrackImpl::stats () const {
  Stats stats;
  bool ask = false;
  {
    std::lock_guard lock (lock_);
    stats.rtp = rtp_;
    stats.ts_offset = ts_offset_;
    auto now = port_.clock->now ();
    ask = asked_ < Nanos (0) || now - asked_ >= kStatsAge;
    if (ask) asked_ = now;
  }
  stats.frames = frames_->stats ();
  if (ask) post (&Subscriptions::ask_stats);
  return stats;
}

void
RemoteTrackImpl::set_info (ParticipantPtr participant, const TrackInfo &info) {
  std::lock_guard lock (lock_);
  participant_ = std::move (participant);
  info_ = info;
}

void
RemoteTrackImpl::set_participant (ParticipantPtr participant) {
  std::lock_guard lock (lock_);
  participant_ = std::move (participant);
}

bool
RemoteTrackImpl::set_paused (bool paused) {
  std::lock_guard lock (lock_);
  return std::exchange (paused_, paused) != paused;
}

void
RemoteTrackImpl::set_rtp_stats (const rtc::ReceiverStats &stats) {
  std::lock_guard lock (lock_);
  rtp_ = stats;
}

void
RemoteTrackImpl::set_ts_offset (Nanos offset) {
  frames_->set_delay (offset);
  std::lock_guard lock (lock_);
  ts_offset_ = offset;
}

void
RemoteTrackImpl::post (void (Subscriptions::*call) (const std::string &)) const {
  port_.queue->post ([subscriptions = port_.subscriptions, weak = weak_from_this (), call] {
    auto s = subscriptions.lock ();
    auto self = weak.lock ();
    if (s && self) ((*s).*call) (self->sid ());
  });
}

} // namespace lk::session
