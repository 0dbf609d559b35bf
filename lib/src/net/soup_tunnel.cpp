// Through proxies. ws:// through an HTTP proxy is special: libsoup asks the proxy for "GET ws://…", which
// proxies refuse; RFC 6455 §4.1 wants a CONNECT tunnel. GIO can make one, but not for the proxy protocol
// "http", which libsoup handles itself: so the same proxy gets a second name here, behind which GIO's own
// HTTP proxy client does the work. To a resolver ws is http, so WebSockets have a resolver of their own.
#include "net/soup_impl.hpp"

namespace lk::net {
namespace {

constexpr const char kProtocol[] = "lk-tunnel";

GProxy *
http_proxy () {
  return g_proxy_get_default_for_protocol ("http");
}

GIOStream *
tunnel_connect (GProxy *, GIOStream *stream, GProxyAddress *address, GCancellable *cancellable,
                GError **error) noexcept {
  auto http = Ref<GProxy>::adopt (http_proxy ());
  return g_proxy_connect (http.get (), stream, address, cancellable, error);
}

void
tunnel_connect_async (GProxy *, GIOStream *stream, GProxyAddress *address, GCancellable *cancellable,
                      GAsyncReadyCallback done, gpointer data) noexcept {
  auto http = Ref<GProxy>::adopt (http_proxy ());
  g_proxy_connect_async (http.get (), stream, address, cancellable, done, data);
}

GIOStream *
tunnel_connect_finish (GProxy *, GAsyncResult *result, GError **error) noexcept {
  auto http = Ref<GProxy>::adopt (http_proxy ());
  return g_proxy_connect_finish (http.get (), result, error);
}

gboolean
tunnel_supports_hostname (GProxy *) noexcept {
  return TRUE; // the proxy resolves names
}

void
tunnel_interface_init (gpointer interface, gpointer) noexcept {
  auto *proxy = static_cast<GProxyInterface *> (interface);
  proxy->connect = tunnel_connect;
  proxy->connect_async = tunnel_connect_async;
  proxy->connect_finish = tunnel_connect_finish;
  proxy->supports_hostname = tunnel_supports_hostname;
}

void
register_once () {
  static const GType type = [] {
    const GInterfaceInfo info{ tunnel_interface_init, nullptr, nullptr };
    GType made = g_type_register_static_simple (G_TYPE_OBJECT, g_intern_static_string ("LkTunnelProxy"),
                                                sizeof (GObjectClass), nullptr, sizeof (GObject), nullptr,
                                                GTypeFlags (0));
    g_type_add_interface_static (made, G_TYPE_PROXY, &info);
    // The extension point exists once GIO has looked for a proxy protocol.
    Ref<GProxy>::adopt (http_proxy ());
    g_io_extension_point_implement (G_PROXY_EXTENSION_POINT_NAME, made, kProtocol, 0);
    return made;
  }();
  static_cast<void> (type);
}

} // namespace

Ref<GProxyResolver>
make_proxy_resolver (const Proxies &proxies, bool tunnel) {
  std::vector<char *> ignored;
  for (const auto &host : proxies.ignored)
    ignored.push_back (const_cast<char *> (host.c_str ()));
  ignored.push_back (nullptr);
  auto resolver = Ref<GProxyResolver>::adopt (g_simple_proxy_resolver_new (nullptr, ignored.data ()));
  auto *simple = G_SIMPLE_PROXY_RESOLVER (resolver.get ());
  auto http = proxies.http;
  constexpr std::string_view kHttp = "http://";
  if (tunnel && g_ascii_strncasecmp (http.c_str (), kHttp.data (), kHttp.size ()) == 0) {
    register_once ();
    http = std::string (kProtocol) + "://" + http.substr (kHttp.size ());
  }
  if (!http.empty ()) g_simple_proxy_resolver_set_uri_proxy (simple, "http", http.c_str ());
  if (!proxies.https.empty ())
    g_simple_proxy_resolver_set_uri_proxy (simple, "https", proxies.https.c_str ());
  return resolver;
}

Ref<GProxyResolver>
proxy_resolver_of (const std::string &proxy, bool tunnel) {
  // Never GIO's own choice: where libproxy is installed it asks that, with its threads, scripts and
  // exceptions.
  auto proxies = proxy.empty () ? proxies_from_environment (g_getenv) : Proxies{ proxy, proxy, {} };
  if (proxies.http.empty () && proxies.https.empty ()) return nullptr;
  return make_proxy_resolver (proxies, tunnel);
}

} // namespace lk::net
