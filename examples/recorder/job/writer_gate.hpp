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
    if (std::exchange (had_caps, true)) return GST_PAD_PROBE_DROP;
    complete (info);
    return GST_PAD_PROBE_OK;
  }

  /// mp4mux 1.22 crashes on VP9 of 4:2:0 without the place of its colours, which vp9parse does not tell.
  static void
  complete (GstPadProbeInfo *info) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps (gst_pad_probe_info_get_event (info), &caps);
    const GstStructure *s = gst_caps_get_structure (caps, 0);
    if (!gst_structure_has_name (s, "video/x-vp9") || gst_structure_has_field (s, "chroma-site")) return;
    auto told = Ref<GstCaps>::adopt (gst_caps_copy (caps));
    gst_caps_set_simple (told.get (), "chroma-site", G_TYPE_STRING, "mpeg2", nullptr);
    gst_event_unref (gst_pad_probe_info_get_event (info));
    GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_caps (told.get ());
  }
};

} // namespace lk::record
