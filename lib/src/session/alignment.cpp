#include "session/alignment.hpp"

namespace lk::session {
void
Alignment::add (const std::string &participant_sid, const TrackInfo &track, int clock_rate) {
  remove (track.sid);
  bool screen = track.source == TrackSource::ScreenShare || track.source == TrackSource::ScreenShareAudio;
  auto group = participant_sid + (screen ? "/screen" : "/camera");
  tracks_[track.sid] = group;
  groups_[group].add_track (track.sid, clock_rate);
}

void
Alignment::remove (const std::string &track_sid) {
  auto node = tracks_.extract (track_sid);
  if (!node) return;
  const auto &group = node.mapped ();
  groups_[group].remove_track (track_sid);
  for (const auto &[sid, other] : tracks_)
    if (other == group) return;
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
  const auto &name = it->second;
  auto &group = groups_[name];
  group.on_report (track_sid, ntp_time, rtp_time);
  for (const auto &[sid, other] : tracks_)
    if (auto point = other == name ? read (sid) : std::nullopt)
      group.on_point (sid, point->rtp_time, Nanos (point->pts));
  for (const auto &correction : group.update ())
    apply (correction.track_sid, correction.offset);
}

std::optional<Nanos>
Alignment::path (const std::string &participant_sid) const {
  for (const char *group : { "/camera", "/screen" })
    if (auto it = groups_.find (participant_sid + group); it != groups_.end () && it->second.path ())
      return it->second.path ();
  return {};
}

Nanos
Alignment::largest_offset () const {
  Nanos largest{ 0 };
  for (const auto &[name, group] : groups_)
    largest = std::max (largest, group.largest_offset ());
  return largest;
}

} // namespace lk::session
