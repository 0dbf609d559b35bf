#include "rtc/ice_restart.hpp"

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

} // namespace

std::optional<IceCredentials>
restart_ice (GstElement *webrtc) {
  auto ice = object_property (webrtc, "ice-agent");
  auto agent = ice ? object_property (ice.get (), "agent") : nullptr;
  if (!agent || !NICE_IS_AGENT (agent.get ())) return std::nullopt;
  auto *nice = NICE_AGENT (agent.get ());
  if (!nice_agent_restart_stream (nice, kStream)) return std::nullopt;
  gchar *ufrag = nullptr, *pwd = nullptr;
  if (!nice_agent_get_local_credentials (nice, kStream, &ufrag, &pwd)) return std::nullopt;
  CString owned_ufrag (ufrag), owned_pwd (pwd);
  return IceCredentials{ ufrag, pwd };
}

} // namespace lk::rtc
