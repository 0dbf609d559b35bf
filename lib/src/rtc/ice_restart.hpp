// What webrtcbin cannot do: an ICE restart. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "rtc/sdp.hpp"

namespace lk::rtc {

/// Restarts ICE of the bundled transport in libnice and returns the new local credentials, which must replace
/// those that webrtcbin writes into the next local description. Nothing when the agent cannot be reached.
/// Session thread; libnice locks for itself.
std::optional<IceCredentials> restart_ice (GstElement *webrtc);

} // namespace lk::rtc
