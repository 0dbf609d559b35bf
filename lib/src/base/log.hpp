// Debug categories, one per room, all declared in log.cpp. Use the GST_*_OBJECT macros where there is an
// object, GST_CAT_* with these otherwise. Never log a token, key, TURN credential or a whole JoinResponse.
#pragma once

#include <gst/gst.h>

namespace lk::log {

GstDebugCategory *signal ();  ///< "lksignal": signalling connection
GstDebugCategory *net ();     ///< "lknet": HTTP and WebSocket
GstDebugCategory *rtc ();     ///< "lkrtc": peer connections
GstDebugCategory *media ();   ///< "lkmedia": frame bridges, codecs
GstDebugCategory *session (); ///< "lksession": participants, rosters, publications

} // namespace lk::log
