// The properties that all elements have: what they are called, what they set, what they show.
#pragma once

#include "participant/props.hpp"
#include "session/session.hpp"

#include <gst/livekit/enums.h>

#include <functional>
#include <memory>
#include <string>

namespace lk::gst {

/// What these properties hold. The owner guards it.
struct ConnectionConfig {
  session::Settings settings;
  std::string session_name;
  GstLiveKitOnDisconnect on_disconnect = GST_LIVEKIT_ON_DISCONNECT_AUTO;
  std::string rpc_methods;
  // Snapshots that properties show.
  std::shared_ptr<session::Session> session;
  const std::function<void (GstStructure *)> *add_stats = nullptr;
};

inline constexpr char kTokenProperty[] = "token";
inline constexpr guint kDefaultConnectTimeoutMs = 10000;

std::span<const Prop<ConnectionConfig>> connection_props ();

} // namespace lk::gst
