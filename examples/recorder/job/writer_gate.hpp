// Stands between a track's queue and the muxer.
#pragma once

#include "writer.hpp"

namespace lk::record {

struct Writer::Gate {
  bool had_caps = false;
  std::atomic<bool> closed{ false };
  std::atomic<uint64_t> refused{ 0 };
  std::atomic<GstClockTime> passed{ 0 }; ///< end of what went through

  GstPadProbeReturn
  on_item (GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
      if (closed) {
        refused++;
        return GST_PAD_PROBE_DROP;
      }
      const GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
      if (GST_BUFFER_PTS_IS_VALID (buffer))
        passed = GST_BUFFER_PTS (buffer)
                 + (GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) : 0);
      return GST_PAD_PROBE_OK;
    }
    // Muxers fix the format of a track in the header. What changes later is in the stream itself.
    if (GST_EVENT_TYPE (gst_pad_probe_info_get_event (info)) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    return std::exchange (had_caps, true) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  }
};

} // namespace lk::record
