#include "elements.hpp"

#include <gst/gst.h>

static gboolean
plugin_init (GstPlugin *plugin) {
  gboolean any = FALSE;
  any |= GST_ELEMENT_REGISTER (livekitdatasink, plugin);
  any |= GST_ELEMENT_REGISTER (livekitdatasrc, plugin);
  any |= GST_ELEMENT_REGISTER (livekitsink, plugin);
  any |= GST_ELEMENT_REGISTER (livekitsrc, plugin);
  return any;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, livekit, "LiveKit rooms as sources and sinks",
                   plugin_init, LK_PLUGIN_VERSION, "LGPL", "gst-livekit " LK_VERSION, "gst-livekit")
