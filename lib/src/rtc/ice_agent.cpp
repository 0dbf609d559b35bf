#include "rtc/ice_agent.hpp"

#include <nice/agent.h>
#include <nice/interfaces.h>

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

/// A restart gathers nothing: without an address from before there is no way out of this machine.
bool
has_an_address (NiceAgent *agent) {
  GSList *candidates = nice_agent_get_local_candidates (agent, kStream, NICE_COMPONENT_TYPE_RTP);
  GList *here = nice_interfaces_get_local_ips (TRUE);
  bool any = false, found = false;
  for (auto *at = candidates; at; at = at->next) {
    auto *candidate = static_cast<NiceCandidate *> (at->data);
    if (candidate->type != NICE_CANDIDATE_TYPE_HOST) continue;
    gchar text[NICE_ADDRESS_STRING_LEN];
    nice_address_to_string (&candidate->addr, text);
    any = true;
    found = found || g_list_find_custom (here, text, GCompareFunc (g_strcmp0));
  }
  g_slist_free_full (candidates, GDestroyNotify (nice_candidate_free));
  g_list_free_full (here, g_free);
  return found || !any;
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
  if (!has_an_address (nice) || !nice_agent_restart_stream (nice, kStream)) return std::nullopt;
  gchar *ufrag = nullptr, *pwd = nullptr;
  if (!nice_agent_get_local_credentials (nice, kStream, &ufrag, &pwd)) return std::nullopt;
  CString owned_ufrag (ufrag), owned_pwd (pwd);
  return IceCredentials{ ufrag, pwd };
}

} // namespace lk::rtc
