#include "rtc/ice_agent.hpp"

#include <nice/agent.h>

namespace lk::rtc {

namespace {

// max-bundle: one stream for all sections.
constexpr guint kStream = 1;

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
disable_upnp (GstElement *webrtc) {
  if (auto agent = agent_of (webrtc)) g_object_set (agent.get (), "upnp", FALSE, nullptr);
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
