#include "auth/token.hpp"

#include "auth/claims.hpp"
#include "auth/jwt.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace lk::auth {

namespace {

constexpr std::size_t kMaxName = 256; // bytes: room, identity, name
constexpr std::size_t kMaxMetadata = 512 * 1024;
constexpr std::size_t kMaxAttributes = 64 * 1024; // keys and values together
constexpr std::chrono::seconds kLeeway{ 60 };

constexpr std::array kSources{ "camera", "microphone", "screen_share", "screen_share_audio", "unknown" };
constexpr std::array kKinds{ "standard", "ingress", "egress", "sip", "agent", "connector", "bridge" };

Error
settings (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

Error
invalid (const std::string &what) {
  return { Errc::InvalidToken, Retry::Never, "the token " + what };
}

template <typename List>
bool
lists (const List &list, std::string_view word) {
  return std::find (list.begin (), list.end (), word) != list.end ();
}

/// JSON members are C strings in UTF-8.
bool
is_text (const std::string &text) {
  return g_utf8_validate (text.data (), gssize (text.size ()), nullptr);
}

Result<>
check_text (const char *what, const std::string &text, std::size_t limit) {
  if (text.size () > limit)
    return settings (std::string (what) + " is longer than " + std::to_string (limit) + " bytes");
  if (!is_text (text)) return settings (std::string (what) + " is not UTF-8 text");
  return {};
}

Result<>
check_attributes (const std::map<std::string, std::string> &attributes) {
  std::size_t size = 0;
  for (const auto &[key, value] : attributes) {
    if (key.empty ()) return settings ("an attribute has no name");
    if (!is_text (key) || !is_text (value)) return settings ("an attribute is not UTF-8 text");
    size += key.size () + value.size ();
  }
  if (size > kMaxAttributes) return settings ("the attributes are longer than 65536 bytes together");
  return {};
}

Result<>
check (const Claims &claims) {
  const std::tuple<const char *, const std::string &, std::size_t> texts[] = {
    { "the API key", claims.issuer, kMaxName },
    { "the identity", claims.identity, kMaxName },
    { "the name", claims.name, kMaxName },
    { "the room", claims.video.room, kMaxName },
    { "the destination room", claims.video.destination_room, kMaxName },
    { "the metadata", claims.metadata, kMaxMetadata },
    { "the body hash", claims.sha256, kMaxName },
    { "the room preset", claims.room_preset, kMaxName },
  };
  for (const auto &[what, text, limit] : texts)
    if (auto checked = check_text (what, text, limit); !checked) return checked;
  if (auto checked = check_attributes (claims.attributes); !checked) return checked;
  if (claims.video.room_join && claims.video.room.empty ()) return settings ("joining needs a room");
  if (claims.video.room_join && claims.identity.empty ()) return settings ("joining needs an identity");
  for (const auto &source : claims.video.can_publish_sources)
    if (!lists (kSources, source))
      return settings ("unknown source '" + (is_text (source) ? source : "?")
                       + "': camera, microphone, screen_share or screen_share_audio");
  if (!claims.kind.empty () && !lists (kKinds, claims.kind))
    return settings ("unknown kind: standard, ingress, egress, sip, agent, connector or bridge");
  if (!claims.room_config_json.empty () && !is_json_object (claims.room_config_json))
    return settings ("the room configuration is not a JSON object");
  if (claims.expires.count () <= 0) return settings ("a token needs an expiry time");
  return {};
}

} // namespace

Result<Secret>
mint (const Claims &claims, const Secret &api_secret) {
  if (claims.issuer.empty ()) return settings ("an API key is needed to sign a token");
  if (api_secret.empty ()) return settings ("an API secret is needed to sign a token");
  if (auto checked = check (claims); !checked) return checked.error ();
  return join (claims_to_json (claims), api_secret);
}

Result<Claims>
inspect (std::string_view token) {
  const auto parts = split (token);
  if (!parts) return invalid ("is not a JWT: three parts of base64url, joined by dots");
  if (!is_json_object (parts->header_json)) return invalid ("has no readable header");
  return claims_from_json (parts->payload_json);
}

Result<Claims>
verify (std::string_view token, const Secret &api_secret, std::chrono::seconds now) {
  if (api_secret.empty ()) return settings ("an API secret is needed to verify a token");
  const auto parts = split (token);
  if (!parts) return invalid ("is not a JWT: three parts of base64url, joined by dots");
  const auto header = parse_json (parts->header_json, kMaxToken);
  // Only this one: "none", or a public key used as an HMAC key, is how JWT checks are tricked.
  if (json_string (json_object_of (header), "alg") != "HS256") return invalid ("is not signed with HS256");
  if (!equal_in_constant_time (hmac_sha256 (api_secret, parts->signed_part), parts->signature))
    return invalid ("has a signature that does not fit the API secret");
  auto claims = claims_from_json (parts->payload_json);
  if (!claims) return claims;
  if (claims->expires.count () <= 0) return invalid ("never expires, which the server's own tools refuse");
  if (now > claims->expires + kLeeway) return invalid ("has expired");
  if (now + kLeeway < claims->not_before) return invalid ("is not valid yet: compare the clocks");
  return claims;
}

Result<std::chrono::seconds>
parse_ttl (std::string_view text) {
  constexpr int64_t kMax = int64_t{ 100 } * 365 * 24 * 3600;
  const auto wrong
      = settings ("a time to live is a number with s, m, h, d or w (90s, 24h, 7d), at most 100 years");
  int64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size () && text[at] >= '0' && text[at] <= '9'; at++) {
    value = value * 10 + (text[at] - '0');
    if (value > kMax) return wrong;
  }
  if (at == 0 || value == 0 || text.size () > at + 1) return wrong;
  int64_t unit = 1;
  if (at < text.size ()) {
    switch (text[at]) {
    case 's':
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 24 * 3600;
      break;
    case 'w':
      unit = 7 * 24 * 3600;
      break;
    default:
      return wrong;
    }
  }
  if (value > kMax / unit) return wrong;
  return std::chrono::seconds (value * unit);
}

} // namespace lk::auth
