// Which proxy leads where, from a property or from the environment.
#pragma once

#include "base/ref.hpp"

#include <gio/gio.h>

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

/// With `tunnel`, an HTTP proxy is asked for a tunnel also where libsoup would send it requests.
Ref<GProxyResolver> make_proxy_resolver (const Proxies &proxies, bool tunnel);
/// For the `proxy` property, or what the environment says where that is empty. Null: no proxies at all.
Ref<GProxyResolver> proxy_resolver_of (const std::string &proxy, bool tunnel);

} // namespace lk::net
