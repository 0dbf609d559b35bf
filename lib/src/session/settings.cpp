#include "session/settings.hpp"

#include "auth/token.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <functional>

namespace lk::session {
namespace {

Error
settings_error (std::string message) {
  return Error{ Errc::Settings, Retry::Never, std::move (message) };
}

/// Calls `visit (property name, member pointer)` for every setting, so that nothing can be forgotten in one
/// place only.
template <typename Visit>
void
for_each_setting (Visit visit) {
  visit ("url", &Settings::url);
  visit ("token", &Settings::token);
  visit ("token-file", &Settings::token_file);
  visit ("token-url", &Settings::token_url);
  visit ("api-key", &Settings::api_key);
  visit ("api-secret", &Settings::api_secret);
  visit ("room", &Settings::room);
  visit ("identity", &Settings::identity);
  visit ("participant-name", &Settings::participant_name);
  visit ("metadata", &Settings::metadata);
  visit ("attributes", &Settings::attributes);
  visit ("hidden", &Settings::hidden);
  visit ("recorder", &Settings::recorder);
  visit ("connect-timeout", &Settings::connect_timeout);
  visit ("ice-transport-policy", &Settings::relay_only);
  visit ("stun-server", &Settings::stun_server);
  visit ("turn-servers", &Settings::turn_servers);
  visit ("proxy", &Settings::proxy);
  visit ("ca-file", &Settings::ca_file);
  visit ("tls-validation-flags", &Settings::tls_validation_flags);
  visit ("reconnect", &Settings::reconnect);
  visit ("reconnect-initial", &Settings::reconnect_initial);
  visit ("reconnect-max", &Settings::reconnect_max);
  visit ("reconnect-timeout", &Settings::reconnect_timeout);
  visit ("reconnect-multiplier", &Settings::reconnect_multiplier);
}

std::string
owner_of (const SettingOwners &owners, const std::string &property) {
  auto it = std::find_if (owners.begin (), owners.end (),
                          [&] (const auto &row) { return row.first == property; });
  return it == owners.end () ? "another element" : it->second;
}

Result<Identity>
resolve_given (const Settings &s, Identity identity) {
  auto claims = auth::inspect (s.token->reveal ());
  if (!claims) return claims.error ();
  if (claims->video.room.empty ())
    return Error{ Errc::InvalidToken, Retry::Never, "the token names no room: make one for a room" };
  if (s.room && *s.room != claims->video.room)
    return settings_error ("room \"" + *s.room + "\" differs from the token's room \"" + claims->video.room
                           + "\": leave room unset or use another token");
  if (s.identity && *s.identity != claims->identity)
    return settings_error ("identity \"" + *s.identity + "\" differs from the token's identity \""
                           + claims->identity + "\": leave identity unset or use another token");
  if (s.hidden && *s.hidden != claims->video.hidden)
    return settings_error ("hidden is decided by the token: leave it unset or use another token");
  if (s.recorder && *s.recorder != claims->video.recorder)
    return settings_error ("recorder is decided by the token: leave it unset or use another token");
  identity.room = claims->video.room;
  identity.identity = claims->identity;
  identity.name = claims->name;
  identity.token = *s.token;
  return identity;
}

Result<Identity>
resolve_minted (const Settings &s, Identity identity, const std::function<std::string ()> &unique,
                std::chrono::seconds now) {
  bool key = s.api_key && !s.api_key->empty (), secret = s.api_secret && !s.api_secret->empty ();
  if (!key && !secret)
    return settings_error (
        "neither token nor api-key and api-secret are set: set one of them, or LIVEKIT_TOKEN, or "
        "LIVEKIT_API_KEY and LIVEKIT_API_SECRET; or token-file or token-url, or answer request-token");
  if (!key || !secret)
    return settings_error (std::string (key ? "api-secret" : "api-key")
                           + " is missing: both are needed to make a token");
  if (!s.room) return settings_error ("room is not set: name the room to join");
  if (s.room->empty ()) return settings_error ("room is empty: name the room to join");
  if (s.identity && s.identity->empty ())
    return settings_error ("identity is empty: leave it unset for a unique one");

  auth::Claims claims;
  claims.issuer = *s.api_key;
  claims.identity = s.identity ? *s.identity : unique ();
  claims.name = s.participant_name.value_or ("");
  claims.metadata = s.metadata.value_or ("");
  claims.attributes = s.attributes.value_or (Attributes ());
  claims.video.room_join = true;
  claims.video.room = *s.room;
  claims.video.hidden = s.hidden.value_or (false);
  claims.video.recorder = s.recorder.value_or (false);
  // Who holds the secret may do so anyway; without it update-metadata would be refused.
  claims.video.can_update_own_metadata = true;
  // No not_before: a clock that runs ahead of the server's must not keep us out.
  claims.issued = now;
  claims.expires = now + std::chrono::hours (6);
  auto token = auth::mint (claims, *s.api_secret);
  if (!token) return token.error ();

  identity.room = *s.room;
  identity.identity = claims.identity;
  identity.name = claims.name;
  identity.token = *token;
  identity.minted = true;
  return identity;
}

} // namespace

Result<>
merge (Settings &into, SettingOwners &owners, const Settings &from, const std::string &from_owner) {
  std::string clash;
  for_each_setting ([&] (const char *property, auto member) {
    const auto &theirs = from.*member, &ours = into.*member;
    if (clash.empty () && theirs && ours && *theirs != *ours) clash = property;
  });
  if (!clash.empty ())
    return settings_error (from_owner + " and " + owner_of (owners, clash) + " share a session but differ in "
                           + clash + ": give one of them session=… of its own, or the same " + clash);
  for_each_setting ([&] (const char *property, auto member) {
    if (!(from.*member) || into.*member) return;
    into.*member = from.*member;
    owners.emplace_back (property, from_owner);
  });
  return {};
}

ReconnectPolicy
reconnect_policy (const Settings &settings) {
  ReconnectPolicy policy;
  policy.mode = settings.reconnect.value_or (policy.mode);
  policy.initial = settings.reconnect_initial.value_or (policy.initial);
  policy.max = settings.reconnect_max.value_or (policy.max);
  policy.multiplier = settings.reconnect_multiplier.value_or (policy.multiplier);
  policy.timeout = settings.reconnect_timeout.value_or (policy.timeout);
  return policy;
}

void
apply_environment (Settings &settings, const std::function<std::string (const char *)> &env) {
  auto fill = [&] (auto &setting, const char *name) {
    if (setting) return;
    using Value = typename std::remove_reference_t<decltype (setting)>::value_type;
    if (auto value = env (name); !value.empty ()) setting = Value (std::move (value));
  };
  fill (settings.url, "LIVEKIT_URL");
  // What was set by hand decides the way: a token from the environment must not override a given secret, nor
  // the reverse.
  if (settings.token_file || settings.token_url) return;
  bool by_secret = settings.api_key || settings.api_secret;
  if (!by_secret) fill (settings.token, "LIVEKIT_TOKEN");
  if (!settings.token) {
    fill (settings.api_key, "LIVEKIT_API_KEY");
    fill (settings.api_secret, "LIVEKIT_API_SECRET");
  }
}

Result<Identity>
resolve (const Settings &settings, const std::function<std::string ()> &unique, std::chrono::seconds now) {
  if (!settings.url || settings.url->empty ())
    return settings_error ("url is not set: set it, or LIVEKIT_URL, to the server, like ws://localhost:7880");
  auto url = net::parse_url (*settings.url);
  if (!url) return url.error ();
  Identity identity;
  identity.url = *settings.url;
  if (settings.token && !settings.token->empty ()) return resolve_given (settings, std::move (identity));
  return resolve_minted (settings, std::move (identity), unique, now);
}

} // namespace lk::session
