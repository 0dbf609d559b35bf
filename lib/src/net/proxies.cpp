#include "net/proxies.hpp"

#include <glib.h>

#include <string_view>

namespace lk::net {
namespace {

/// The value under either spelling, with a scheme; empty when there is none.
std::string
proxy_of (const ReadVariable &read, std::string name) {
  const char *value = read (name.c_str ());
  if (!value || !*value) {
    for (auto &letter : name)
      letter = g_ascii_toupper (letter);
    // In a CGI program this is the header "Proxy:" of whoever asks.
    if (name == "HTTP_PROXY" && read ("REQUEST_METHOD")) return "";
    value = read (name.c_str ());
  }
  if (!value || !*value) return "";
  std::string proxy = value;
  if (proxy.find ("://") == proxy.npos) return "http://" + proxy;
  // GIO lets every SOCKS 5 proxy resolve the name, which is what the "h" asks for.
  constexpr std::string_view kRemoteNames = "socks5h://";
  if (proxy.starts_with (kRemoteNames)) proxy.replace (0, kRemoteNames.size (), "socks5://");
  return proxy;
}

std::vector<std::string>
words_of (std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty ()) {
    auto end = list.find_first_of (", \t");
    if (end != 0) words.emplace_back (list.substr (0, end));
    list.remove_prefix (end == list.npos ? list.size () : end + 1);
  }
  return words;
}

} // namespace

Proxies
proxies_from_environment (const ReadVariable &read) {
  Proxies proxies;
  const auto other = proxy_of (read, "all_proxy");
  proxies.http = proxy_of (read, "http_proxy");
  if (proxies.http.empty ()) proxies.http = other;
  proxies.https = proxy_of (read, "https_proxy");
  if (proxies.https.empty ()) proxies.https = other;
  const char *ignored = read ("no_proxy");
  if (!ignored) ignored = read ("NO_PROXY");
  for (auto &word : words_of (ignored ? ignored : "")) {
    if (word == "*") return {};
    proxies.ignored.push_back (std::move (word));
  }
  return proxies;
}

} // namespace lk::net
