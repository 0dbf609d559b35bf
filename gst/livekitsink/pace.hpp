// When the pads of one livekitsink send: the clock of the user's pipeline against the transport's time, and
// how far non-live streams are shifted because they could not start, or were sought, while that clock ran.
#pragma once

#include "media/time_map.hpp"

#include <mutex>

namespace lk::gst {

/// Shared by all pads of an element, so that their streams stay aligned. Any thread.
class Pace {
public:
  /// READY→PAUSED: nothing was sent yet.
  void start ();
  /// To PLAYING, with the base time of this stretch.
  void play (GstClock *clock, GstClockTime base_time);
  /// A flushing seek: running times start anew, the clock does not.
  void flushed ();

  /// The running time at which a non-live frame stamped `running` is due. The first frame after a start or a
  /// flush decides: what is late then is shifted, for all pads, and what follows is sent at its own pace.
  GstClockTime due (GstClockTime running);
  /// Running time → PTS of the transport; NONE without a clock.
  GstClockTime to_monotonic (GstClockTimeDiff running);

private:
  media::TimeMap map_;
  std::mutex lock_;       // leaf
  bool undecided_ = true; // by the next frame
  bool doubtful_ = false; // to be checked by the next frame
  GstClockTime shift_ = 0;
};

} // namespace lk::gst
