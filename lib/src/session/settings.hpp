// What the elements of one session ask for together. Pure.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "net/network.hpp"
#include "proto/model.hpp"
#include "session/reconnect_policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lk::session {

/// Connection settings of one element: unset = no opinion. Merged over all elements of a session.
struct Settings {
  std::optional<std::string> url, api_key, room, identity, participant_name, metadata;
  std::optional<Secret> token, api_secret;
  std::optional<std::string> token_file;
  std::optional<Secret> token_url; ///< its query may carry a key
  std::optional<Attributes> attributes;
  std::optional<bool> hidden, recorder;
  std::optional<Millis> connect_timeout;
  std::optional<bool> relay_only;
  std::optional<std::string> stun_server;
  std::optional<std::vector<std::string>> turn_servers;
  std::optional<std::string> proxy, ca_file;
  std::optional<uint32_t> tls_validation_flags;
  std::optional<ReconnectMode> reconnect;
  std::optional<Millis> reconnect_initial, reconnect_max, reconnect_timeout;
  std::optional<double> reconnect_multiplier;
};

/// Adds `from` (of the element called `from_owner`). Two different values for one setting: Errc::Settings
/// that names the property and both elements and says: give one of them session=… `owners` remembers who set
/// what and belongs to `into`.
using SettingOwners = std::vector<std::pair<std::string, std::string>>;
Result<> merge (Settings &into, SettingOwners &owners, const Settings &from, const std::string &from_owner);

/// Fills what is unset from LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET. `env` reads one
/// variable ("" = unset).
void apply_environment (Settings &settings, const std::function<std::string (const char *)> &env);

/// What is unset gets its default.
ReconnectPolicy reconnect_policy (const Settings &settings);

/// Everything needed to connect, checked: what a missing or contradicting setting means is said in the error.
struct Identity {
  std::string url, room, identity, name;
  Secret token; ///< given, or minted from key and secret
  bool minted = false;
};
/// A given token that disagrees with room or identity, hidden/recorder with a given token, no URL, no room,
/// empty room name, neither token nor key and secret … → Errc::Settings / InvalidToken / InvalidUrl. Mints
/// with a life of 6 hours. `unique` gives a default identity.
Result<Identity> resolve (const Settings &settings, const std::function<std::string ()> &unique,
                          std::chrono::seconds now);

/// Which remote tracks an element wants. Globs as in base/glob.hpp; all must match. Participants match by
/// identity, tracks by name or sid.
struct TrackFilter {
  std::string participants, tracks, sources, kinds;
  bool automatic = true; ///< auto-subscribe: false = only tracks subscribed by request
  bool everything () const;
  bool matches (const ParticipantInfo &participant, const TrackInfo &track) const;
};

/// What an element will do with the session.
struct Needs {
  bool publish = false;
  std::optional<TrackFilter> subscribe;
  Millis latency{ 0 }; ///< the largest of all subscribers holds; 0 = no opinion
  bool data = false;   ///< will send data: the publishing peer connection is made at once
  /// How long a subscriber keeps a track that has not come back after a reconnect; the longest of all holds.
  Millis reappear{ 15'000 };
};

} // namespace lk::session
