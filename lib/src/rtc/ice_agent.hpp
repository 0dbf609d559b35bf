// What webrtcbin leaves to be asked of its libnice agent. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "rtc/path_probe.hpp"
#include "rtc/sdp.hpp"

namespace lk::rtc {

/// Before the first gathering: no UPnP, and connectivity checks 5 ms apart, the least that RFC 8445 allows.
void set_up_ice (GstElement *webrtc);

/// Restarts ICE of the bundled transport in libnice and returns the new local credentials, which must replace
/// those that webrtcbin writes into the next local description. Nothing when the agent cannot be reached, or
/// when this machine has other addresses now. Session thread; libnice locks for itself.
std::optional<IceCredentials> restart_ice (GstElement *webrtc);

/// Sends a connectivity check of our own from each UDP socket, and from `probe`, to each UDP candidate of the
/// other end. To that ours is as good as libnice's, and what it checks in return connects both. False, and
/// none, where ICE is connected or only relays are allowed.
bool check_ice (GstElement *webrtc, const IceCredentials &remote, PathProbe &probe);

/// The selected pair sends from an address that this machine no longer has.
bool has_lost_address (GstElement *webrtc);

} // namespace lk::rtc
