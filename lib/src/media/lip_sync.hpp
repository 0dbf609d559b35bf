// Aligns the tracks of one participant by sender reports: pure arithmetic. The earlier track is delayed,
// never the later one hurried.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lk::media {

class LipSync {
public:
  struct Correction {
    std::string track_sid;
    Nanos offset{ 0 }; ///< absolute delay for that track, ≥ 0
  };

  void add_track (const std::string &track_sid, int clock_rate);
  void remove_track (const std::string &track_sid);
  /// The sender's report for a track: NTP (32.32 since 1900) at an RTP time.
  void on_report (const std::string &track_sid, uint64_t ntp_time, uint32_t rtp_time);
  /// A frame's RTP time and its PTS without the offset.
  void on_point (const std::string &track_sid, uint32_t rtp_time, Nanos pts);
  /// New offsets where the misalignment of tracks with both a report and a point is over 10 ms. The largest
  /// offset is bounded (2 s).
  std::vector<Correction> update ();
  Nanos largest_offset () const;
  /// As update() found it: when frames come out, delayed as it says, minus when they were made by the
  /// sender's clock (since 1970). Unknown before the first track has both a report and a point.
  std::optional<Nanos>
  path () const {
    return path_;
  }

private:
  struct Track {
    int clock_rate = 0;
    bool has_report = false, has_point = false;
    uint64_t ntp_time = 0;
    uint32_t report_rtp = 0, point_rtp = 0;
    Nanos point_pts{ 0 }, offset{ 0 };
  };
  std::map<std::string, Track> tracks_;
  std::optional<Nanos> path_;
};

} // namespace lk::media
