// What webrtcbin leaves to be asked of its libnice agent. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "rtc/sdp.hpp"

namespace lk::rtc {

/// Before the first gathering. libnice searches for UPnP routers by default: multicast into a network that
/// nobody asked to touch, from an HTTP server of its own on every address.
void disable_upnp (GstElement *webrtc);

/// Restarts ICE of the bundled transport in libnice and returns the new local credentials, which must replace
/// those that webrtcbin writes into the next local description. Nothing when the agent cannot be reached.
/// Session thread; libnice locks for itself.
std::optional<IceCredentials> restart_ice (GstElement *webrtc);

} // namespace lk::rtc
