// What webrtcbin leaves to be asked of its libnice agent. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "rtc/sdp.hpp"

namespace lk::rtc {

/// Before the first gathering: no UPnP, and connectivity checks 5 ms apart, the least that RFC 8445 allows.
void set_up_ice (GstElement *webrtc);

/// Restarts ICE of the bundled transport in libnice and returns the new local credentials, which must replace
/// those that webrtcbin writes into the next local description. Nothing when the agent cannot be reached, or
/// when this machine has other addresses now. Session thread; libnice locks for itself.
std::optional<IceCredentials> restart_ice (GstElement *webrtc);

} // namespace lk::rtc
