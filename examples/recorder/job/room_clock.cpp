#include "room_clock.hpp"

namespace lk::record {

GstClockTime
RoomClock::now () const {
  if (!pipeline_) return 0;
  const GstClockTime now = gst_element_get_current_running_time (pipeline_.get ());
  return GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
}

int64_t
RoomClock::wall_ms (GstClockTime running) const {
  // Whoever is interrupted between reading two clocks is off by that: the quickest of three.
  GstClockTime width = GST_CLOCK_TIME_NONE;
  int64_t wall = 0;
  for (int i = 0; i < 3; i++) {
    const GstClockTime before = now ();
    const gint64 real_us = g_get_real_time ();
    const GstClockTime after = now ();
    if (after - before >= width) continue;
    width = after - before;
    wall = real_us / 1000 - GST_CLOCK_DIFF (running, before + width / 2) / GST_MSECOND;
  }
  return wall;
}

} // namespace lk::record
