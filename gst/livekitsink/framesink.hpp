// The end of each pad's chain inside livekitsink: takes encoded access units at the right time and hands them
// to the published track. A GstBaseSink, but no feature of the plugin.
#pragma once

#include "base/ref.hpp"
#include "livekitsink/pace.hpp"
#include "session/tracks.hpp"

#include <memory>

namespace lk::gst {

/// @param patience  how long non-live input waits for its track to be published before frames are dropped.
Ref<GstElement> make_frame_sink (std::shared_ptr<Pace> pace, GstClockTime patience);

// Any thread. -------------------------------------------------------------------------------------
/// Where frames go from now on; null: nowhere.
void frame_sink_set_track (GstElement *sink, session::LocalTrackPtr track);
/// Live input is sent as it comes, and what comes outside PLAYING is dropped; other input is paced by the
/// clock.
void frame_sink_set_live (GstElement *sink, bool live);
/// Asks whatever encodes, ours or the user's.
void frame_sink_request_keyframe (GstElement *sink);
/// Whether the track is published may have changed.
void frame_sink_wake (GstElement *sink);

} // namespace lk::gst
