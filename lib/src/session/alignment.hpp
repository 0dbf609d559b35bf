// Lip-sync of all participants: feeds media::LipSync with sender reports and frames, one group per
// participant and capture (camera with microphone, screen with its sound), and says which delays to apply.
// Pure.
#pragma once

#include "media/frame_receiver.hpp"
#include "media/lip_sync.hpp"
#include "proto/model.hpp"

#include <functional>
#include <map>
#include <string>

namespace lk::session {

class Alignment {
public:
  using Read = std::function<std::optional<media::RtpPoint> (const std::string &track_sid)>;
  using Apply = std::function<void (const std::string &track_sid, Nanos offset)>;

  void add (const std::string &participant_sid, const TrackInfo &track, int clock_rate);
  void remove (const std::string &track_sid);
  void clear ();
  /// A sender report of one track: reads the newest frame of each track of its group and applies what
  /// changes.
  void on_report (const std::string &track_sid, uint64_t ntp_time, uint32_t rtp_time, const Read &read,
                  const Apply &apply);
  Nanos largest_offset () const;
  /// Of a participant's camera and microphone, else of its screen: see media::LipSync::path().
  std::optional<Nanos> path (const std::string &participant_sid) const;

private:
  std::map<std::string, std::string> tracks_; // track sid → group
  std::map<std::string, media::LipSync> groups_;
};

} // namespace lk::session
