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

/// Sends a connectivity check of our own from each UDP socket to each UDP candidate of the other end, unless
/// ICE is connected; never with relays alone. libnice waits 0.5, 1, 2, 4 s before it repeats one. To the
/// other end ours is as good, and what that checks in return connects both.
void check_ice (GstElement *webrtc, const IceCredentials &remote);

/// The selected pair sends from an address that this machine no longer has.
bool has_lost_address (GstElement *webrtc);

} // namespace lk::rtc
