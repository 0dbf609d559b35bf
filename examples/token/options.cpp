#include "options.hpp"

#include "base/ref.hpp"

#include <cstring>
#include <string_view>
#include <vector>

namespace lk::token {

namespace {

constexpr char kSummary[] = "Makes access tokens for LiveKit rooms, and shows or checks them.\n\n"
                            "  livekit-token --room demo --identity alice\n"
                            "  livekit-token --room demo --identity viewer --no-publish --ttl 15m --json\n"
                            "  livekit-token --room demo --admin\n"
                            "  livekit-token --inspect \"$LIVEKIT_TOKEN\"";

constexpr char kDescription[]
    = "A token that names a room and an identity may join that room. What is not named is left to the "
      "server:\n"
      "a participant may then publish media and data and subscribe, but not change its own metadata.\n\n"
      "Environment:\n"
      "  LIVEKIT_API_KEY, LIVEKIT_API_SECRET  stand in for --api-key and --api-secret; better, because "
      "other\n"
      "                                       users of the machine can read command lines\n\n"
      "Exit codes:\n"
      "  0  done\n"
      "  1  the token is no token, is not valid now, or is not signed with this key\n"
      "  2  wrong usage, or a setting that no token can have";

Error
usage (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

/// Options without an argument: what each sets.
struct Flag {
  const char *name;
  const char *help;
  void (*set) (Options &);
};

constexpr Flag kFlags[] = {
  { "join", "May join the room (default when --room and --identity are given)",
    [] (Options &o) { o.join = true; } },
  { "no-join", "May not join the room", [] (Options &o) { o.join = false; } },
  { "publish", "May publish media", [] (Options &o) { o.claims.video.can_publish = true; } },
  { "no-publish", "May not publish media", [] (Options &o) { o.claims.video.can_publish = false; } },
  { "subscribe", "May receive media", [] (Options &o) { o.claims.video.can_subscribe = true; } },
  { "no-subscribe", "May not receive media", [] (Options &o) { o.claims.video.can_subscribe = false; } },
  { "publish-data", "May send data (default as for media)",
    [] (Options &o) { o.claims.video.can_publish_data = true; } },
  { "no-publish-data", "May not send data", [] (Options &o) { o.claims.video.can_publish_data = false; } },
  { "can-update-own-metadata", "May change its own name, metadata and attributes",
    [] (Options &o) { o.claims.video.can_update_own_metadata = true; } },
  { "can-subscribe-metrics", "May receive metrics",
    [] (Options &o) { o.claims.video.can_subscribe_metrics = true; } },
  { "can-manage-agent-session", "May manage an agent's session",
    [] (Options &o) { o.claims.video.can_manage_agent_session = true; } },
  { "hidden", "Not shown to the others", [] (Options &o) { o.claims.video.hidden = true; } },
  { "recorder", "Takes part as a recorder", [] (Options &o) { o.claims.video.recorder = true; } },
  { "agent", "May register as an agent worker", [] (Options &o) { o.claims.video.agent = true; } },
  { "admin", "May moderate the room (roomAdmin)", [] (Options &o) { o.claims.video.room_admin = true; } },
  { "create", "May create and delete rooms", [] (Options &o) { o.claims.video.room_create = true; } },
  { "list", "May list rooms", [] (Options &o) { o.claims.video.room_list = true; } },
  { "record", "May start recordings (egress)", [] (Options &o) { o.claims.video.room_record = true; } },
  { "ingress-admin", "May manage ingresses", [] (Options &o) { o.claims.video.ingress_admin = true; } },
  { "sip-admin", "May manage SIP trunks", [] (Options &o) { o.claims.sip_admin = true; } },
  { "sip-call", "May place SIP calls", [] (Options &o) { o.claims.sip_call = true; } },
  { "agent-admin", "May manage agents", [] (Options &o) { o.claims.agent_admin = true; } },
  { "json", "Print JSON", [] (Options &o) { o.json = true; } },
  { "version", "Print the version and exit", [] (Options &o) { o.action = Action::ShowVersion; } },
};

/// Options with an argument.
struct Value {
  const char *name, *placeholder, *help;
  Result<> (*set) (Options &, const std::string &);
};

Result<>
set_token (Options &options, Action action, const std::string &token) {
  if (!options.token.empty ()) return usage ("give one of --inspect and --verify, once");
  options.action = action;
  options.token = token;
  return {};
}

Result<>
set_sources (Options &options, std::string_view list) {
  auto &sources = options.claims.video.can_publish_sources;
  while (true) {
    const auto comma = list.find (',');
    std::string source (list.substr (0, comma));
    // The elements spell them with dashes, the token does not.
    for (char &c : source)
      if (c == '-') c = '_';
    sources.push_back (std::move (source));
    if (comma == list.npos) return {};
    list.remove_prefix (comma + 1);
  }
}

Result<>
set_attribute (Options &options, const std::string &pair) {
  const auto equals = pair.find ('=');
  if (equals == pair.npos || equals == 0) return usage ("an attribute is written KEY=VALUE");
  options.claims.attributes[pair.substr (0, equals)] = pair.substr (equals + 1);
  return {};
}

template <auto Member>
Result<>
set_claim (Options &options, const std::string &value) {
  options.claims.*Member = value;
  return {};
}

template <auto Member>
Result<>
set_grant (Options &options, const std::string &value) {
  options.claims.video.*Member = value;
  return {};
}

const Value kValues[] = {
  { "room", "NAME", "The room", set_grant<&auth::VideoGrant::room> },
  { "identity", "ID", "Who joins; unique in the room", set_claim<&auth::Claims::identity> },
  { "name", "NAME", "Name that the others see", set_claim<&auth::Claims::name> },
  { "ttl", "TIME", "How long the token is valid: 90s, 15m, 24h, 7d, 2w (default 24h)",
    [] (Options &o, const std::string &v) -> Result<> {
      const auto ttl = auth::parse_ttl (v);
      if (!ttl) return ttl.error ();
      o.ttl = *ttl;
      return {};
    } },
  { "sources", "LIST", "May publish only these: camera,microphone,screen_share,screen_share_audio",
    [] (Options &o, const std::string &v) { return set_sources (o, v); } },
  { "metadata", "TEXT", "Metadata of the participant", set_claim<&auth::Claims::metadata> },
  { "attribute", "KEY=VALUE", "Attribute of the participant; may be repeated", set_attribute },
  { "kind", "KIND", "standard, ingress, egress, sip, agent, connector or bridge",
    set_claim<&auth::Claims::kind> },
  { "destination-room", "NAME", "Room that participants may be moved or forwarded to",
    set_grant<&auth::VideoGrant::destination_room> },
  { "room-preset", "NAME", "Server-side preset for a room that is made by this join",
    set_claim<&auth::Claims::room_preset> },
  { "room-config", "JSON", "Configuration for a room that is made by this join",
    set_claim<&auth::Claims::room_config_json> },
  { "api-key", "KEY", "API key (LIVEKIT_API_KEY)", set_claim<&auth::Claims::issuer> },
  { "api-secret", "SECRET", "API secret (LIVEKIT_API_SECRET)",
    [] (Options &o, const std::string &v) -> Result<> {
      o.api_secret = Secret (v);
      return {};
    } },
  { "inspect", "TOKEN", "Show a token without checking it; - reads standard input",
    [] (Options &o, const std::string &v) { return set_token (o, Action::Inspect, v); } },
  { "verify", "TOKEN", "Check signature and times of a token, then show it; - reads standard input",
    [] (Options &o, const std::string &v) { return set_token (o, Action::Verify, v); } },
};

/// GOption's callback for every option: finds it by name.
gboolean
take (const char *option, const char *value, gpointer data, GError **error) noexcept {
  auto &options = *static_cast<Options *> (data);
  const char *name = option + std::strspn (option, "-");
  for (const auto &flag : kFlags) {
    if (std::strcmp (flag.name, name) != 0) continue;
    flag.set (options);
    return TRUE;
  }
  for (const auto &known : kValues) {
    if (std::strcmp (known.name, name) != 0) continue;
    const auto set = known.set (options, value);
    if (set) return TRUE;
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: %s", name,
                 set.error ().message.c_str ());
    return FALSE;
  }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "unknown option --%s", name);
  return FALSE;
}

std::vector<GOptionEntry>
entries () {
  std::vector<GOptionEntry> all;
  // FILENAME keeps the bytes as they are; the conversion from the locale refuses UTF-8 under LC_ALL=C.
  for (const auto &value : kValues)
    all.push_back ({ value.name, 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), value.help, value.placeholder });
  for (const auto &flag : kFlags)
    all.push_back ({ flag.name, 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), flag.help, nullptr });
  all.push_back ({});
  return all;
}

std::string
environment (const char *name) {
  const char *value = g_getenv (name);
  return value ? value : "";
}

} // namespace

Result<Options>
parse (char **argv) {
  Options options;
  options.claims.issuer = environment ("LIVEKIT_API_KEY");
  options.api_secret = Secret (environment ("LIVEKIT_API_SECRET"));

  using ContextPtr = std::unique_ptr<GOptionContext, Deleter<g_option_context_free>>;
  const ContextPtr context (g_option_context_new (nullptr));
  g_option_context_set_summary (context.get (), kSummary);
  g_option_context_set_description (context.get (), kDescription);
  GOptionGroup *group = g_option_group_new ("main", "", "", &options, nullptr);
  g_option_group_add_entries (group, entries ().data ());
  g_option_context_set_main_group (context.get (), group);

  char **rest = g_strdupv (argv);
  GError *raw = nullptr;
  const bool parsed = g_option_context_parse_strv (context.get (), &rest, &raw);
  const ErrorPtr error (raw);
  const bool surplus = parsed && g_strv_length (rest) > 1;
  const std::string first = surplus ? rest[1] : "";
  g_strfreev (rest);
  if (!parsed) return usage (error->message);
  if (surplus) return usage ("'" + first + "' belongs to no option");
  return options;
}

} // namespace lk::token
