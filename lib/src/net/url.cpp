#include "net/url.hpp"

#include "base/ref.hpp"

#include <algorithm>

namespace lk::net {
namespace {

constexpr size_t kMaxLength = 2048;

using UriPtr = std::unique_ptr<GUri, Deleter<g_uri_unref>>;

Error
refuse (const std::string &why) {
  return Error{ Errc::InvalidUrl, Retry::Never,
                "the server URL " + why
                    + "; expected ws://host[:port] or wss://host[:port] (http and https mean the same)" };
}

std::string_view
trim (std::string_view text) {
  auto blank = [] (char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty () && blank (text.front ()))
    text.remove_prefix (1);
  while (!text.empty () && blank (text.back ()))
    text.remove_suffix (1);
  return text;
}

bool
secure_scheme (std::string_view scheme) {
  return scheme == "wss" || scheme == "https";
}

std::string
render (const Url &url, std::string scheme) {
  std::string text = std::move (scheme) + "://";
  if (url.host.find (':') == std::string::npos) {
    text += url.host;
  } else {
    text += '[';
    for (char c : url.host)
      text += c == '%' ? std::string ("%25") : std::string (1, c); // RFC 6874: zone of a link-local
    text += ']';
  }
  if (url.port != (url.tls ? 443 : 80)) text += ":" + std::to_string (url.port);
  return text + url.path;
}

} // namespace

std::string
Url::websocket () const {
  return render (*this, tls ? "wss" : "ws");
}

std::string
Url::http () const {
  return render (*this, tls ? "https" : "http");
}

Result<Url>
parse_url (std::string_view text) {
  text = trim (text);
  if (text.empty ()) return refuse ("is empty");
  if (text.size () > kMaxLength) return refuse ("is too long");
  if (std::any_of (text.begin (), text.end (), [] (unsigned char c) { return c <= ' ' || c == 0x7f; }))
    return refuse ("contains a blank or a control character");
  if (text.find ("://") == text.npos) return refuse ("has no scheme");

  // The text itself stays out of messages: it may hold a password that somebody put there.
  ErrorPtr problem;
  GError *raw = nullptr;
  UriPtr uri (g_uri_parse (std::string (text).c_str (),
                           GUriFlags (G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_PATH), &raw));
  problem.reset (raw);
  if (!uri) return refuse ("cannot be parsed");

  std::string_view scheme = g_uri_get_scheme (uri.get ());
  if (scheme != "ws" && scheme != "wss" && scheme != "http" && scheme != "https")
    return refuse ("has the scheme \"" + std::string (scheme) + "\"");
  if (g_uri_get_userinfo (uri.get ()))
    return refuse ("contains a user name; use the token or api-key properties instead");
  if (g_uri_get_query (uri.get ())) return refuse ("contains a query (\"?…\")");
  if (g_uri_get_fragment (uri.get ())) return refuse ("contains a fragment (\"#…\")");

  Url url;
  url.tls = secure_scheme (scheme);
  const char *host = g_uri_get_host (uri.get ());
  if (!host || !*host) return refuse ("names no host");
  if (g_hostname_is_non_ascii (host)) {
    CString ascii (g_hostname_to_ascii (host));
    if (!ascii) return refuse ("has an invalid host name");
    url.host = ascii.get ();
  } else {
    url.host = host;
  }
  int port = g_uri_get_port (uri.get ());
  if (port == 0) return refuse ("has port 0");
  url.port = port > 0 ? port : url.tls ? 443 : 80;
  url.path = g_uri_get_path (uri.get ());
  while (!url.path.empty () && url.path.back () == '/')
    url.path.pop_back ();
  return url;
}

std::string
encode_query (const Query &query) {
  std::string text;
  for (const auto &[name, value] : query) {
    CString left (g_uri_escape_string (name.c_str (), nullptr, FALSE));
    CString right (g_uri_escape_string (value.c_str (), nullptr, FALSE));
    text += text.empty () ? "?" : "&";
    text += left.get ();
    text += '=';
    text += right.get ();
  }
  return text;
}

} // namespace lk::net
