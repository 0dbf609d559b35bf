// The JWT container: base64url, the three parts and the HMAC. What the claims mean is claims.hpp's business.
#pragma once

#include "base/secret.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lk::auth {

/// Longest token we read: twice what the largest metadata and attributes need.
inline constexpr std::size_t kMaxToken = 2 * 1024 * 1024;

/// URL-safe base64 without padding (RFC 7515 §2).
std::string base64url_encode (std::string_view bytes);
/// Nothing on padding, foreign characters, an impossible length or stray bits at the end.
std::optional<std::string> base64url_decode (std::string_view text);

/// HMAC-SHA-256, 32 bytes.
std::string hmac_sha256 (const Secret &key, std::string_view data);
/// Compares in a time that depends on the lengths only.
bool equal_in_constant_time (std::string_view a, std::string_view b);

/// A token taken apart; the views point into it.
struct Parts {
  std::string_view signed_part; ///< "header.payload", what the signature covers
  std::string header_json, payload_json;
  std::string signature;
};

/// Nothing when it is longer than kMaxToken or not three parts of base64url. Checks no signature.
std::optional<Parts> split (std::string_view token);
/// Builds and signs a token with the header {"alg":"HS256","typ":"JWT"}.
Secret join (std::string_view payload_json, const Secret &key);

} // namespace lk::auth
