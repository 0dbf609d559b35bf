// Which proxy leads where, from a property or from the environment.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace lk::net {

struct Proxies {
  std::string http, https;          ///< for ws:// and http://, for wss:// and https://; empty = direct
  std::vector<std::string> ignored; ///< hosts, domains and address ranges that are reached directly
};

/// Reads a variable, nullptr when it is not set.
using ReadVariable = std::function<const char *(const char *)>;

/// http_proxy, https_proxy, all_proxy and no_proxy, in small letters or in capitals, as curl and others know
/// them. A proxy without a scheme is an HTTP proxy.
Proxies proxies_from_environment (const ReadVariable &read);

} // namespace lk::net
