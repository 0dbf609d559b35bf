#include "rtc/peer.hpp"

#include "rtc/reaper.hpp"

#include <mutex>

namespace lk::rtc {

namespace {

struct Needed {
  const char *element, *package;
};

// What webrtcbin makes by name when a connection is set up; it fails late and silently without one of them.
constexpr Needed kNeeded[] = {
  { "webrtcbin", "gstreamer1.0-plugins-bad" },   { "nicesrc", "gstreamer1.0-nice" },
  { "nicesink", "gstreamer1.0-nice" },           { "dtlssrtpenc", "gstreamer1.0-plugins-bad" },
  { "dtlssrtpdec", "gstreamer1.0-plugins-bad" }, { "dtlsdec", "gstreamer1.0-plugins-bad" },
  { "srtpenc", "gstreamer1.0-plugins-bad" },     { "sctpenc", "gstreamer1.0-plugins-bad" },
  { "sctpdec", "gstreamer1.0-plugins-bad" },     { "rtpbin", "gstreamer1.0-plugins-good" },
  { "rtpfunnel", "gstreamer1.0-plugins-good" },  { "rtprtxsend", "gstreamer1.0-plugins-good" },
  { "clocksync", "libgstreamer1.0-0" },
};

/// The leaks tracer must not report what is kept for the life of the process.
void
mark_kept (GstElement *element) {
  GST_OBJECT_FLAG_SET (element, GST_OBJECT_FLAG_MAY_BE_LEAKED);
  gst_element_foreach_pad (
      element,
      [] (GstElement *, GstPad *pad, gpointer) -> gboolean {
        GST_OBJECT_FLAG_SET (pad, GST_OBJECT_FLAG_MAY_BE_LEAKED);
        return TRUE;
      },
      nullptr);
}

} // namespace

void
warm_up_certificate () {
  static std::once_flag once;
  std::call_once (once, [] {
    run_on_reaper ([] {
      // The plugin makes the certificate with its first decoder and keeps it only as long as some decoder
      // lives.
      static GstElement *kept = gst_element_factory_make ("dtlsdec", nullptr);
      if (kept) {
        gst_object_ref_sink (kept);
        mark_kept (kept);
      }
    });
  });
}

std::string
missing_transport_elements () {
  std::string missing;
  for (const auto &[element, package] : kNeeded) {
    if (Ref<GstElementFactory>::adopt (gst_element_factory_find (element))) continue;
    if (!missing.empty ()) missing += ", ";
    missing += std::string (element) + " (" + package + ")";
  }
  return missing;
}

} // namespace lk::rtc
