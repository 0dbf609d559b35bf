#include "rtc/ice_agent.hpp"

#include <nice/agent.h>
#include <nice/interfaces.h>
#include <stun/usages/ice.h>

#include <array>

namespace lk::rtc {

namespace {

// max-bundle: one stream for all sections.
constexpr guint kStream = 1;
// Instead of libnice's 20: a connection took 75 ms of waiting for its checks' turns, and takes a third of it.
constexpr guint kPacingMs = 5;
// At a time: a server names a handful of candidates, a machine has a handful of addresses.
constexpr int kMaxChecks = 32;

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

/// The addresses of this machine.
class Here {
public:
  ~Here () { g_list_free_full (addresses_, g_free); }
  bool
  has (const NiceAddress &address) const {
    gchar text[NICE_ADDRESS_STRING_LEN];
    nice_address_to_string (&address, text);
    return g_list_find_custom (addresses_, text, GCompareFunc (g_strcmp0)) != nullptr;
  }

private:
  GList *const addresses_ = nice_interfaces_get_local_ips (TRUE);
};

/// A restart gathers nothing: without an address from before there is no way out of this machine.
bool
has_an_address (NiceAgent *agent) {
  GSList *candidates = nice_agent_get_local_candidates (agent, kStream, NICE_COMPONENT_TYPE_RTP);
  const Here here;
  bool any = false, found = false;
  for (auto *at = candidates; at; at = at->next) {
    auto *candidate = static_cast<NiceCandidate *> (at->data);
    if (candidate->type != NICE_CANDIDATE_TYPE_HOST) continue;
    any = true;
    found = found || here.has (candidate->addr);
  }
  g_slist_free_full (candidates, GDestroyNotify (nice_candidate_free));
  return found || !any;
}

Ref<GSocketAddress>
socket_address (const NiceAddress &address) {
  sockaddr_storage native{};
  nice_address_copy_to_sockaddr (&address, reinterpret_cast<sockaddr *> (&native));
  return Ref<GSocketAddress>::adopt (g_socket_address_new_from_native (&native, sizeof native));
}

/// RFC 8445 §7.2.2. Role and priority are what libnice says in its own; the tie is broken by those.
std::string
connectivity_check (const std::string &username, const std::string &password, bool controlling) {
  StunAgent agent;
  stun_agent_init (
      &agent, nullptr, STUN_COMPATIBILITY_RFC5389,
      StunAgentUsageFlags (STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT));
  constexpr uint32_t kPriority = (110u << 24) | (0xffffu << 8) | 255;
  StunMessage message;
  std::array<uint8_t, 1024> buffer;
  auto size = stun_usage_ice_conncheck_create (
      &agent, &message, buffer.data (), buffer.size (), reinterpret_cast<const uint8_t *> (username.data ()),
      username.size (), reinterpret_cast<const uint8_t *> (password.data ()), password.size (), false,
      controlling, kPriority, 0, nullptr, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
  return std::string (buffer.begin (), buffer.begin () + ptrdiff_t (size));
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

bool
check_ice (GstElement *webrtc, const IceCredentials &remote, PathProbe &probe) {
  auto agent = agent_of (webrtc);
  if (!agent) return false;
  auto *nice = NICE_AGENT (agent.get ());
  gboolean controlling = FALSE, relays_only = FALSE;
  g_object_get (nice, "controlling-mode", &controlling, "force-relay", &relays_only, nullptr);
  auto state = nice_agent_get_component_state (nice, kStream, NICE_COMPONENT_TYPE_RTP);
  if (relays_only || state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
    return false;
  gchar *ufrag = nullptr, *pwd = nullptr;
  if (!nice_agent_get_local_credentials (nice, kStream, &ufrag, &pwd)) return false;
  CString owned_ufrag (ufrag), owned_pwd (pwd);
  auto check = connectivity_check (remote.ufrag + ":" + ufrag, remote.pwd, controlling);

  auto *sockets = nice_agent_get_sockets (nice, kStream, NICE_COMPONENT_TYPE_RTP);
  GSList *candidates = nice_agent_get_remote_candidates (nice, kStream, NICE_COMPONENT_TYPE_RTP);
  int left = kMaxChecks;
  for (auto *at = candidates; at && sockets; at = at->next) {
    auto *candidate = static_cast<NiceCandidate *> (at->data);
    if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP) continue;
    auto to = socket_address (candidate->addr);
    if (left > 0) probe.send (check, to.get (), system_clock ().now ());
    for (guint i = 0; i < sockets->len && left > 0; ++i) {
      auto *socket = static_cast<GSocket *> (g_ptr_array_index (sockets, i));
      if (g_socket_get_socket_type (socket) != G_SOCKET_TYPE_DATAGRAM
          || g_socket_get_family (socket) != g_socket_address_get_family (to.get ()))
        continue;
      --left;
      // As on a network: what cannot be sent is lost.
      g_socket_send_to (socket, to.get (), check.data (), check.size (), nullptr, nullptr);
    }
  }
  g_slist_free_full (candidates, GDestroyNotify (nice_candidate_free));
  if (sockets) g_ptr_array_unref (sockets);
  return true;
}

bool
has_lost_address (GstElement *webrtc) {
  auto agent = agent_of (webrtc);
  NiceCandidate *local = nullptr, *remote = nullptr;
  if (!agent
      || !nice_agent_get_selected_pair (NICE_AGENT (agent.get ()), kStream, NICE_COMPONENT_TYPE_RTP, &local,
                                        &remote))
    return false;
  return !Here ().has (local->base_addr);
}

} // namespace lk::rtc
