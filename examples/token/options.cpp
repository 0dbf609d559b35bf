#include "options.hpp"

#include "common/command_line.hpp"

#include <glib.h>

#include <string_view>

namespace lk::token {

using cli::usage;

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

using Option = cli::Option<Options>;

const Option kFlags[] = {
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
  const auto halves = cli::key_and_value (pair);
  if (!halves) return halves.error ();
  options.claims.attributes[halves->first] = halves->second;
  return {};
}

template <auto Member>
void
set_claim (Options &options, const std::string &value) {
  options.claims.*Member = value;
}

template <auto Member>
void
set_grant (Options &options, const std::string &value) {
  options.claims.video.*Member = value;
}

const Option kValues[] = {
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
    [] (Options &o, const std::string &v) { o.api_secret = Secret (v); } },
  { "inspect", "TOKEN", "Show a token without checking it; - reads standard input",
    [] (Options &o, const std::string &v) { return set_token (o, Action::Inspect, v); } },
  { "verify", "TOKEN", "Check signature and times of a token, then show it; - reads standard input",
    [] (Options &o, const std::string &v) { return set_token (o, Action::Verify, v); } },
};

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

  cli::CommandLine line (kSummary, kDescription);
  line.add (kValues, options);
  line.add (kFlags, options);
  if (auto fine = line.parse (argv); !fine) return fine.error ();
  return options;
}

} // namespace lk::token
