// The border between webrtcbin and what is attached to it. Internal to rtc.
#pragma once

#include "base/ref.hpp"

namespace lk::rtc {

/// An element "sink" → "src" that answers OK to every buffer, whatever became of it: a flow error that
/// travels back into webrtcbin stops nicesrc and with it all tracks, one that travels back into a source ends
/// that source with an error. For the same reason it keeps EOS, flushes and seeks to itself. Floating
/// reference.
GstElement *flow_guard_new (const char *name);
/// While closed (not the initial state) buffers are dropped here. Any thread.
void flow_guard_set_open (GstElement *guard, bool open);

struct FlowGuardStats {
  uint64_t dropped = 0; ///< while closed
  uint64_t refused = 0; ///< pushed on, but answered with a flow error
};
FlowGuardStats flow_guard_stats (GstElement *guard);

} // namespace lk::rtc
