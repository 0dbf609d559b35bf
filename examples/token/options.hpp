// What the command line of livekit-token says.
#pragma once

#include "auth/token.hpp"

#include <optional>
#include <string>

namespace lk::token {

enum class Action { Mint, Inspect, Verify, ShowVersion };

struct Options {
  Action action = Action::Mint;
  std::string token;   ///< for Inspect and Verify; "-" reads standard input
  auth::Claims claims; ///< for Mint; the issuer for Verify too. Times are not filled in
  std::chrono::seconds ttl = std::chrono::hours (24);
  std::optional<bool> join; ///< unset: when room and identity are given
  Secret api_secret;
  bool json = false;
};

/// Reads the arguments and the environment. Prints the help and exits when asked to. Errc::Settings
/// otherwise.
Result<Options> parse (char **argv);

} // namespace lk::token
