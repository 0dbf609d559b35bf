#include "participant/connection_props.hpp"

#include "participant/structures.hpp"

#include <gio/gio.h>

namespace lk::gst {

namespace {

using Config = ConnectionConfig;
using Row = Prop<Config>;

using session::Settings;

// What an element leaves unset, another of its participant may set.

template <std::optional<std::string> Settings::*Field>
Row
setting_text (const char *name, const char *nick, const char *blurb) {
  return { name, [=] (const char *n) { return g_param_spec_string (n, nick, blurb, nullptr, kReady); },
           [] (Config &c, const GValue *v) {
             const gchar *text = g_value_get_string (v);
             c.settings.*Field = text ? std::optional<std::string> (text) : std::nullopt;
           },
           [] (const Config &c, GValue *v) {
             g_value_set_string (v, c.settings.*Field ? (c.settings.*Field)->c_str () : nullptr);
           } };
}

template <std::optional<Secret> Settings::*Field>
Row
setting_secret (const char *name, const char *nick, const char *blurb, GParamFlags flags) {
  return { name, [=] (const char *n) { return g_param_spec_string (n, nick, blurb, nullptr, flags); },
           [] (Config &c, const GValue *v) {
             const gchar *text = g_value_get_string (v);
             c.settings.*Field = text ? std::optional<Secret> (Secret (text)) : std::nullopt;
           },
           nullptr };
}

template <std::optional<bool> Settings::*Field>
Row
setting_switch (const char *name, const char *nick, const char *blurb) {
  return { name, [=] (const char *n) { return g_param_spec_boolean (n, nick, blurb, FALSE, kReady); },
           [] (Config &c, const GValue *v) { c.settings.*Field = g_value_get_boolean (v) != FALSE; },
           [] (const Config &c, GValue *v) {
             g_value_set_boolean (v, (c.settings.*Field).value_or (false));
           } };
}

template <std::optional<Millis> Settings::*Field, Millis session::ReconnectPolicy::*InForce>
Row
setting_wait (const char *name, const char *nick, const char *blurb, guint least) {
  return { name,
           [=] (const char *n) {
             return g_param_spec_uint (n, nick, blurb, least, 86'400'000,
                                       guint ((session::ReconnectPolicy ().*InForce).count ()), kReady);
           },
           [] (Config &c, const GValue *v) { c.settings.*Field = Millis (g_value_get_uint (v)); },
           [] (const Config &c, GValue *v) {
             g_value_set_uint (v, guint ((session::reconnect_policy (c.settings).*InForce).count ()));
           } };
}

} // namespace

std::span<const Row>
connection_props () {
  static const Row rows[] = {
    setting_text<&Settings::url> (
        "url", "URL",
        "Address of the server: ws://, wss://, http:// or https:// (default: environment LIVEKIT_URL)"),
    setting_secret<&Settings::token> (
        kTokenProperty, "Token",
        "Access token (default: environment LIVEKIT_TOKEN); or give api-key, api-secret and room. "
        "Set while playing it is for the next connect",
        kSecretPlaying),
    setting_text<&Settings::token_file> (
        "token-file", "Token file",
        "File with the access token, read again before each connect (default: none)"),
    setting_secret<&Settings::token_url> (
        "token-url", "Token URL",
        "LiveKit token endpoint, http:// or https://: asked for a token, by POST, when there is "
        "none that has not run out (default: none)",
        kSecret),
    setting_text<&Settings::api_key> ("api-key", "API key",
                                      "Key to make the token with (default: environment LIVEKIT_API_KEY)"),
    setting_secret<&Settings::api_secret> (
        "api-secret", "API secret", "Secret to make the token with (default: environment LIVEKIT_API_SECRET)",
        kSecret),
    setting_text<&Settings::room> ("room", "Room", "Room to join; with a token it must be the token's"),
    setting_text<&Settings::identity> (
        "identity", "Identity",
        "Identity of the participant (default: a unique one); with a token it must be the token's"),
    setting_text<&Settings::participant_name> (
        "participant-name", "Participant name",
        "Name that others see, instead of the identity (default: none)"),
    setting_text<&Settings::metadata> ("metadata", "Metadata",
                                       "Text of the application's own for others to see (default: none)"),
    Row{ "attributes",
         [] (const char *n) {
           return g_param_spec_boxed (
               n, "Attributes", "Strings of the application's own for others to see, by name (default: none)",
               GST_TYPE_STRUCTURE, kReady);
         },
         [] (Config &c, const GValue *v) {
           const auto *s = static_cast<const GstStructure *> (g_value_get_boxed (v));
           c.settings.attributes = s ? std::optional<Attributes> (attributes_of (s)) : std::nullopt;
         },
         [] (const Config &c, GValue *v) {
           if (c.settings.attributes)
             g_value_take_boxed (v, to_structure (*c.settings.attributes).release ());
         } },
    setting_switch<&Settings::hidden> (
        "hidden", "Hidden", "Join without being seen by others (only with api-key and api-secret)"),
    setting_switch<&Settings::recorder> ("recorder", "Recorder",
                                         "Join as a recorder (only with api-key and api-secret)"),
    text_prop<&Config::session_name> ("session", "Session",
                                      "Elements with the same session are one participant: within a "
                                      "pipeline by any name, across pipelines by a non-empty one",
                                      kReady),
    Row{ "connect-timeout",
         [] (const char *n) {
           return g_param_spec_uint (n, "Connect timeout",
                                     "How long joining may take until media can flow, in ms", 100, 600000,
                                     kDefaultConnectTimeoutMs, kReady);
         },
         [] (Config &c, const GValue *v) { c.settings.connect_timeout = Millis (g_value_get_uint (v)); },
         [] (const Config &c, GValue *v) {
           g_value_set_uint (
               v, guint (c.settings.connect_timeout.value_or (Millis (kDefaultConnectTimeoutMs)).count ()));
         } },
    Row{ "reconnect",
         [] (const char *n) {
           return g_param_spec_enum (n, "Reconnect", "When to seek a connection again",
                                     GST_TYPE_LIVEKIT_RECONNECT, GST_LIVEKIT_RECONNECT_AUTO, kReady);
         },
         [] (Config &c, const GValue *v) {
           c.settings.reconnect = session::ReconnectMode (g_value_get_enum (v));
         },
         [] (const Config &c, GValue *v) {
           g_value_set_enum (v, gint (session::reconnect_policy (c.settings).mode));
         } },
    setting_wait<&Settings::reconnect_initial, &session::ReconnectPolicy::initial> (
        "reconnect-initial", "Reconnect initial",
        "Longest wait before the second attempt, in ms; the first is made at once", 1),
    setting_wait<&Settings::reconnect_max, &session::ReconnectPolicy::max> (
        "reconnect-max", "Reconnect maximum",
        "Longest wait between attempts, in ms; 400 during the first 10 s", 1),
    setting_wait<&Settings::reconnect_timeout, &session::ReconnectPolicy::timeout> (
        "reconnect-timeout", "Reconnect timeout",
        "How long a lost connection is sought before it counts as ended, in ms (0: for ever)", 0),
    Row{ "reconnect-multiplier",
         [] (const char *n) {
           return g_param_spec_double (n, "Reconnect multiplier", "By how much the wait grows each time", 1,
                                       10, session::ReconnectPolicy ().multiplier, kReady);
         },
         [] (Config &c, const GValue *v) { c.settings.reconnect_multiplier = g_value_get_double (v); },
         [] (const Config &c, GValue *v) {
           g_value_set_double (v, session::reconnect_policy (c.settings).multiplier);
         } },
    enum_prop<&Config::on_disconnect> ("on-disconnect", "On disconnect", "What to do when the session ends",
                                       GST_TYPE_LIVEKIT_ON_DISCONNECT, kPlaying),
    Row{ "ice-transport-policy",
         [] (const char *n) {
           return g_param_spec_enum (n, "ICE transport policy", "Which network paths media may take",
                                     GST_TYPE_LIVEKIT_TRANSPORT_POLICY, GST_LIVEKIT_TRANSPORT_POLICY_ALL,
                                     kReady);
         },
         [] (Config &c, const GValue *v) {
           c.settings.relay_only = g_value_get_enum (v) == GST_LIVEKIT_TRANSPORT_POLICY_RELAY;
         },
         [] (const Config &c, GValue *v) {
           g_value_set_enum (v, c.settings.relay_only.value_or (false) ? GST_LIVEKIT_TRANSPORT_POLICY_RELAY
                                                                       : GST_LIVEKIT_TRANSPORT_POLICY_ALL);
         } },
    setting_text<&Settings::stun_server> (
        "stun-server", "STUN server",
        "stun://host:port, instead of the server's own (default: what the join response names)"),
    Row{ "turn-servers",
         [] (const char *n) {
           return gst_param_spec_array (
               n, "TURN servers",
               "turn://user:password@host:port?transport=udp (or tcp) or turns://…, the user percent-encoded "
               "as in "
               "any URL, instead of the server's own (default: what the join response names)",
               g_param_spec_string ("turn-server", "TURN server", "turn://user:password@host:port", nullptr,
                                    kReady),
               kSecret);
         },
         [] (Config &c, const GValue *v) {
           std::vector<std::string> servers;
           for (guint i = 0; i < gst_value_array_get_size (v); i++)
             servers.push_back (string_of (gst_value_array_get_value (v, i)));
           c.settings.turn_servers = std::move (servers);
         },
         nullptr },
    setting_text<&Settings::proxy> (
        "proxy", "Proxy",
        "Proxy for signalling and for TURN inside TLS, http://host:port or socks5://host:port "
        "(default: the environment, http_proxy, https_proxy, all_proxy, no_proxy)"),
    setting_text<&Settings::ca_file> ("ca-file", "CA file",
                                      "PEM file with the certificates to trust (default: the system's)"),
    Row{ "tls-validation-flags",
         [] (const char *n) {
           return g_param_spec_flags (n, "TLS validation flags",
                                      "Which faults of the server's certificate to refuse (default: all)",
                                      G_TYPE_TLS_CERTIFICATE_FLAGS, G_TLS_CERTIFICATE_VALIDATE_ALL, kReady);
         },
         [] (Config &c, const GValue *v) { c.settings.tls_validation_flags = g_value_get_flags (v); },
         [] (const Config &c, GValue *v) {
           g_value_set_flags (v, c.settings.tls_validation_flags.value_or (G_TLS_CERTIFICATE_VALIDATE_ALL));
         } },
    text_prop<&Config::rpc_methods> ("rpc-methods", "RPC methods",
                                     "Methods that others may call, comma-separated: signal rpc-invoked "
                                     "(default: none)",
                                     kReady),
    Row{ "connection-state",
         [] (const char *n) {
           return g_param_spec_enum (n, "Connection state", "Where the session stands",
                                     GST_TYPE_LIVEKIT_CONNECTION_STATE,
                                     GST_LIVEKIT_CONNECTION_STATE_DISCONNECTED, kRead);
         },
         nullptr,
         [] (const Config &c, GValue *v) {
           g_value_set_enum (v, c.session ? gint (c.session->state ())
                                          : GST_LIVEKIT_CONNECTION_STATE_DISCONNECTED);
         } },
    Row{ "room-info",
         [] (const char *n) {
           return g_param_spec_boxed (
               n, "Room info",
               "The room: sid, name, metadata, number of participants; nothing before it is joined",
               GST_TYPE_STRUCTURE, kRead);
         },
         nullptr,
         [] (const Config &c, GValue *v) {
           if (c.session) g_value_take_boxed (v, to_structure (c.session->room ()).release ());
         } },
    Row{ "stats",
         [] (const char *n) {
           return g_param_spec_boxed (
               n, "Statistics", "Signalling, connection and data figures of the session; nothing below READY",
               GST_TYPE_STRUCTURE, kRead);
         },
         nullptr,
         [] (const Config &c, GValue *v) {
           if (!c.session) return;
           auto stats = to_structure (c.session->stats ());
           set_field (stats.get (), "data", to_structure (c.session->data ()->stats ()));
           if (*c.add_stats) (*c.add_stats) (stats.get ());
           g_value_take_boxed (v, stats.release ());
         } },
  };
  return rows;
}

} // namespace lk::gst
