// Delays the frames of one stream by an offset that lip-sync changes now and then, so that neither time runs
// back nor a change is worse than it must be. Pure.
#pragma once

#include "base/time.hpp"
#include "media/codecs.hpp"

#include <gst/gst.h>

#include <optional>

namespace lk::media {

class FrameDelay {
public:
  struct Moved {
    GstClockTime pts;
    bool jumped; ///< the sound goes on elsewhere: a decoder's output has to be placed anew
  };

  void reset (MediaKind kind);
  void set_target (Nanos target);
  /// Where a frame belongs, given in the order of the stream. Nothing for a sound that lies before what was
  /// given out already.
  std::optional<Moved> move (GstClockTime pts, GstClockTime duration);
  /// For what lies between frames.
  GstClockTime
  moved (GstClockTime pts) const {
    return pts + GstClockTime (applied_.count ());
  }

private:
  std::optional<Moved> move_sound (GstClockTime pts, GstClockTime duration);
  Moved move_picture (GstClockTime pts);

  MediaKind kind_ = MediaKind::Audio;
  Nanos target_{ 0 }, applied_{ 0 };
  GstClockTime last_in_ = GST_CLOCK_TIME_NONE, covered_ = GST_CLOCK_TIME_NONE;
  bool overlapping_ = false; ///< moved back: what comes next was given out already
};

} // namespace lk::media
