// LiveKit access tokens: JWT, HS256. Pure, any thread.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lk::auth {

/// The `video` grant. Unset optionals are left out of the token, so the server's defaults hold.
struct VideoGrant {
  bool room_create = false, room_list = false, room_record = false, room_admin = false, ingress_admin = false;
  bool room_join = false;
  std::string room;
  std::optional<bool> can_publish, can_subscribe, can_publish_data, can_update_own_metadata,
      can_subscribe_metrics, can_manage_agent_session;
  std::vector<std::string> can_publish_sources; ///< camera, microphone, screen_share, screen_share_audio
  bool hidden = false, recorder = false, agent = false;
  std::string destination_room;
};

struct Claims {
  std::string issuer;   ///< API key
  std::string identity; ///< `sub`
  std::string name, metadata, kind, sha256, room_preset;
  std::string room_config_json; ///< protojson object, or empty
  std::map<std::string, std::string> attributes;
  VideoGrant video;
  bool sip_admin = false, sip_call = false, agent_admin = false;
  std::chrono::seconds not_before{ 0 }, expires{ 0 }, issued{ 0 }; ///< Unix seconds; 0 = absent
};

/// Signs the claims. Errors (Errc::Settings): empty key or secret, join without a room or an identity,
/// over-long identity, name or room (256 bytes), metadata (512 KiB) or attributes (64 KiB), text that is not
/// UTF-8, an unknown publish source or kind, a room configuration that is no JSON object, no expiry time.
Result<Secret> mint (const Claims &claims, const Secret &api_secret);
/// Reads the claims without checking the signature. Errc::InvalidToken when it is no JWT.
Result<Claims> inspect (std::string_view token);
/// Checks algorithm, signature and times (`now` in Unix seconds, the server's leeway of one minute), then as
/// inspect(). A token without an expiry time is refused. Errc::InvalidToken; Errc::Settings without a secret.
Result<Claims> verify (std::string_view token, const Secret &api_secret, std::chrono::seconds now);

/// "90", "90s", "15m", "24h", "7d", "2w" → seconds; Errc::Settings otherwise or when not positive.
Result<std::chrono::seconds> parse_ttl (std::string_view text);

} // namespace lk::auth
