#include "media/lip_sync.hpp"

#include <algorithm>
#include <limits>

namespace lk::media {

namespace {

using namespace std::chrono_literals;

constexpr Nanos kTolerance = 10ms;
constexpr Nanos kMaxOffset = 2s;
constexpr Nanos k1900To1970 = 2'208'988'800s;

Nanos
from_ntp (uint64_t ntp) {
  constexpr uint64_t kSecond = 1'000'000'000;
  return Nanos (static_cast<int64_t> ((ntp >> 32) * kSecond + (((ntp & 0xffffffff) * kSecond) >> 32)));
}

} // namespace

void
LipSync::add_track (const std::string &track_sid, int clock_rate) {
  Track track;
  track.clock_rate = clock_rate;
  tracks_[track_sid] = track;
}

void
LipSync::remove_track (const std::string &track_sid) {
  tracks_.erase (track_sid);
}

void
LipSync::on_report (const std::string &track_sid, uint64_t ntp_time, uint32_t rtp_time) {
  auto it = tracks_.find (track_sid);
  if (it == tracks_.end ()) return;
  it->second.has_report = true;
  it->second.ntp_time = ntp_time;
  it->second.report_rtp = rtp_time;
}

void
LipSync::on_point (const std::string &track_sid, uint32_t rtp_time, Nanos pts) {
  auto it = tracks_.find (track_sid);
  if (it == tracks_.end ()) return;
  it->second.has_point = true;
  it->second.point_rtp = rtp_time;
  it->second.point_pts = pts;
}

std::vector<LipSync::Correction>
LipSync::update () {
  // The path of a track: when its frames come out here, minus when the sender's clock says they were made.
  // Only differences between tracks mean anything. What is the same for all is the network and the distance
  // of the clocks.
  struct Path {
    std::map<std::string, Track>::iterator track;
    Nanos length;
  };
  std::vector<Path> paths;
  for (auto it = tracks_.begin (); it != tracks_.end (); ++it) {
    const Track &t = it->second;
    if (!t.has_report || !t.has_point || t.clock_rate <= 0) continue;
    // RTP time wraps: the shorter way round is the right one.
    int64_t ticks = static_cast<int32_t> (t.point_rtp - t.report_rtp);
    paths.push_back (
        { it, t.point_pts - from_ntp (t.ntp_time) - Nanos (ticks * 1'000'000'000 / t.clock_rate) });
  }
  if (paths.empty ()) return {};

  auto [shortest, longest] = std::ranges::minmax (paths, {}, &Path::length);
  // No network delays one track of a participant that much: a report is wrong.
  if (longest.length - shortest.length > kMaxOffset) return {};

  auto effective = [] (const Path &path) { return path.length + path.track->second.offset; };
  auto [first, last] = std::ranges::minmax (paths, {}, effective);
  Nanos common = std::ranges::min (paths, {}, [] (const Path &path) {
                   return path.track->second.offset;
                 }).track->second.offset;
  path_ = effective (last) + k1900To1970;
  if (effective (last) - effective (first) <= kTolerance && common <= kTolerance) return {};

  std::vector<Correction> corrections;
  for (const Path &path : paths) {
    Nanos offset = longest.length - path.length;
    if (offset == path.track->second.offset) continue;
    path.track->second.offset = offset;
    corrections.push_back ({ path.track->first, offset });
  }
  path_ = longest.length + k1900To1970;
  return corrections;
}

Nanos
LipSync::largest_offset () const {
  Nanos largest{ 0 };
  for (const auto &[sid, track] : tracks_)
    largest = std::max (largest, track.offset);
  return largest;
}

} // namespace lk::media
