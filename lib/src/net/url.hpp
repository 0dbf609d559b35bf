// Server URLs as users write them (ws, wss, http, https, with or without a path).
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lk::net {

struct Url {
  bool tls = false;
  std::string host; ///< without brackets for IPv6
  int port = 0;     ///< always set: 80/443 by default
  std::string path; ///< "" or "/prefix" without a trailing slash

  /// "ws://host:port/prefix" / "http://…": brackets for IPv6, default ports left out.
  std::string websocket () const;
  std::string http () const;
};

/// Accepts ws, wss, http, https. User info, query and fragment are refused. Errc::InvalidUrl says what is
/// expected.
Result<Url> parse_url (std::string_view text);

using Query = std::vector<std::pair<std::string, std::string>>;
/// "?a=b&c=d" percent-encoded; "" when empty.
std::string encode_query (const Query &query);

} // namespace lk::net
