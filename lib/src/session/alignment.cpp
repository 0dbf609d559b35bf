#include "session/alignment.hpp"

namespace lk::session {
namespace {

// As rtc::Subscriber::set_ts_offset slews: 2 ms a packet, and a frame is one packet or more.
constexpr Nanos kSlewPerFrame = Millis (2);

} // namespace

void
Alignment::add (const std::string &participant_sid, const TrackInfo &track, int clock_rate) {
  remove (track.sid);
  bool screen = track.source == TrackSource::ScreenShare || track.source == TrackSource::ScreenShareAudio;
  auto group = participant_sid + (screen ? "/screen" : "/camera");
  tracks_[track.sid] = Track{ group, Nanos (0), 0 };
  groups_[group].add_track (track.sid, clock_rate);
}

void
Alignment::remove (const std::string &track_sid) {
  auto node = tracks_.extract (track_sid);
  if (!node) return;
  const auto &group = node.mapped ().group;
  groups_[group].remove_track (track_sid);
  for (const auto &[sid, track] : tracks_)
    if (track.group == group) return;
  groups_.erase (group);
}

void
Alignment::clear () {
  tracks_.clear ();
  groups_.clear ();
}

void
Alignment::on_report (const std::string &track_sid, uint64_t ntp_time, uint32_t rtp_time, const Read &read,
                      const Apply &apply) {
  auto it = tracks_.find (track_sid);
  if (it == tracks_.end ()) return;
  const auto &name = it->second.group;
  auto &group = groups_[name];
  group.on_report (track_sid, ntp_time, rtp_time);
  std::map<std::string, uint64_t> frames;
  for (const auto &[sid, track] : tracks_) {
    if (track.group != name) continue;
    auto reading = read (sid);
    frames[sid] = reading.frames;
    // While an offset is still being approached nobody knows how much of it is in a frame's PTS.
    if (reading.point && reading.frames >= track.settled_at)
      group.on_point (sid, reading.point->rtp_time, Nanos (reading.point->pts) - track.offset);
  }
  for (const auto &correction : group.update ()) {
    auto &track = tracks_[correction.track_sid];
    auto way = std::chrono::abs (correction.offset - track.offset);
    track.offset = correction.offset;
    track.settled_at = frames[correction.track_sid] + static_cast<uint64_t> (way / kSlewPerFrame) + 1;
    apply (correction.track_sid, correction.offset);
  }
}

Nanos
Alignment::largest_offset () const {
  Nanos largest{ 0 };
  for (const auto &[name, group] : groups_)
    largest = std::max (largest, group.largest_offset ());
  return largest;
}

} // namespace lk::session
