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
  /// What is known of a track when a report comes.
  struct Reading {
    std::optional<media::RtpPoint> point;
    uint64_t frames = 0; ///< received so far
  };
  using Read = std::function<Reading (const std::string &track_sid)>;
  using Apply = std::function<void (const std::string &track_sid, Nanos offset)>;

  void add (const std::string &participant_sid, const TrackInfo &track, int clock_rate);
  void remove (const std::string &track_sid);
  void clear ();
  /// A sender report of one track: reads the newest frame of each track of its group and applies what
  /// changes.
  void on_report (const std::string &track_sid, uint64_t ntp_time, uint32_t rtp_time, const Read &read,
                  const Apply &apply);
  Nanos largest_offset () const;

private:
  struct Track {
    std::string group;
    Nanos offset{ 0 };
    uint64_t settled_at = 0; ///< frames received when the jitter buffer has reached the offset
  };
  std::map<std::string, Track> tracks_; // by track sid
  std::map<std::string, media::LipSync> groups_;
};

} // namespace lk::session
