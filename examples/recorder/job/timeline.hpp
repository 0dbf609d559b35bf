// Where the frames of one track stand in a file, and where something has to stand in for them: muxers wait
// for a track that gives nothing, and players shorten what has holes. Pure arithmetic on running times.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace lk::record {

class Timeline {
public:
  struct Place {
    bool keep = false;
    bool late = false;    ///< not kept because its time was filled already
    GstClockTime pts = 0; ///< where it goes
  };
  struct Fill {
    GstClockTime from = 0;
    uint64_t count = 0;    ///< frames of silence, or black pictures
    GstClockTime step = 0; ///< from one to the next
  };

  /// `frame`: length of a frame of silence, 0 for video.
  Timeline (bool video, GstClockTime origin, GstClockTime frame)
      : video_ (video), origin_ (origin), frame_ (frame), covered_ (origin) {}

  /// Nothing from here on.
  void
  end_at (GstClockTime end) {
    end_ = end;
  }
  GstClockTime
  origin () const {
    return origin_;
  }
  /// Up to where the file has something.
  GstClockTime
  covered () const {
    return covered_;
  }
  bool
  begun () const {
    return begun_;
  }

  /// What is missing before a frame of this time; to be done first.
  Fill before (GstClockTime pts) const;
  /// What is missing up to `until`, which no frame will come before any more. Pictures: where none came for
  /// so long that the other tracks cannot wait, earlier if its camera is `muted`.
  Fill up_to (GstClockTime until, bool muted) const;
  void fill (const Fill &fill);

  Place place (GstClockTime pts, GstClockTime duration);

private:
  Fill silence (GstClockTime until) const;

  bool video_;
  GstClockTime origin_, frame_, covered_;
  GstClockTime end_ = GST_CLOCK_TIME_NONE;
  bool begun_ = false; ///< something was kept or filled
};

} // namespace lk::record
