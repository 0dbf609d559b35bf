#include "rtc/ice_agent.hpp"

#include <nice/agent.h>

namespace lk::rtc {

namespace {

// max-bundle: one stream for all sections.
constexpr guint kStream = 1;
// Instead of libnice's 20: a connection took 75 ms of waiting for its checks' turns, and takes a third of it.
constexpr guint kPacingMs = 5;

Ref<GObject>
object_property (gpointer object, const char *name) {
  Ref<GObject> value;
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (object), name))
    g_object_get (object, name, value.out (), nullptr);
  return value;
}

/// webrtcbin's NiceAgent, or null when its ICE is not libnice's.
Ref<GObject>
agent_of (GstElement *webrtc) {
  auto ice = object_property (webrtc, "ice-agent");
  auto agent = ice ? object_property (ice.get (), "agent") : nullptr;
  return agent && NICE_IS_AGENT (agent.get ()) ? agent : nullptr;
}

} // namespace

void
set_up_ice (GstElement *webrtc) {
  auto agent = agent_of (webrtc);
  if (!agent) return;
  // UPnP, on by default, is multicast into a network that nobody asked to touch, from an HTTP server of its
  // own on every address. Pacing decides how long a connection takes: four checks, one after the other.
  g_object_set (agent.get (), "upnp", FALSE, "stun-pacing-timer", kPacingMs, nullptr);
}

std::optional<IceCredentials>
restart_ice (GstElement *webrtc) {
  auto agent = agent_of (webrtc);
  if (!agent) return std::nullopt;
  auto *nice = NICE_AGENT (agent.get ());
  if (!nice_agent_restart_stream (nice, kStream)) return std::nullopt;
  gchar *ufrag = nullptr, *pwd = nullptr;
  if (!nice_agent_get_local_credentials (nice, kStream, &ufrag, &pwd)) return std::nullopt;
  CString owned_ufrag (ufrag), owned_pwd (pwd);
  return IceCredentials{ ufrag, pwd };
}

} // namespace lk::rtc
