#include "base/log.hpp"
#include "net/soup_impl.hpp"

namespace lk::net {
namespace {

constexpr guint kIdleSeconds = 30;
// Of one session: a WebSocket is sought by up to a dozen at a time.
constexpr guint kMaxConnections = 16;
constexpr const char kUserAgent[] = "gst-livekit/" LK_VERSION;

gboolean
accept_certificate (SoupMessage *message, GTlsCertificate *, GTlsCertificateFlags problems,
                    gpointer enforced) noexcept {
  auto fatal = static_cast<guint> (problems) & GPOINTER_TO_UINT (enforced);
  GST_CAT_INFO (log::net (), "certificate of %s has problems 0x%x, %s", where_of (message).c_str (),
                static_cast<guint> (problems), fatal ? "refused" : "accepted as tls-validation-flags say");
  return fatal == 0;
}

Error
io_error (const GError *error, const std::string &where) {
  switch (error->code) {
  case G_IO_ERROR_HOST_NOT_FOUND:
    return { Errc::ResolveFailed, Retry::Resume,
             "the host name of " + where + " does not resolve; check the URL" };
  case G_IO_ERROR_CONNECTION_REFUSED:
    return { Errc::ConnectFailed, Retry::Resume,
             "nothing listens at " + where + "; check the port, and that the server is running" };
  case G_IO_ERROR_TIMED_OUT:
    return { Errc::Timeout, Retry::Resume, where + " does not answer; check the URL and firewalls" };
  case G_IO_ERROR_HOST_UNREACHABLE:
  case G_IO_ERROR_NETWORK_UNREACHABLE:
    return { Errc::ConnectFailed, Retry::Resume, where + " cannot be reached: " + error->message };
  case G_IO_ERROR_PROXY_FAILED:
  case G_IO_ERROR_PROXY_AUTH_FAILED:
  case G_IO_ERROR_PROXY_NEED_AUTH:
  case G_IO_ERROR_PROXY_NOT_ALLOWED:
    return { Errc::ConnectFailed, Retry::Resume,
             "the proxy does not connect to " + where + ": " + error->message + "; check the proxy setting" };
  case G_IO_ERROR_PARTIAL_INPUT:
  case G_IO_ERROR_CONNECTION_CLOSED:
    return { Errc::ConnectFailed, Retry::Resume, where + " closed the connection without an answer" };
  default:
    return { Errc::ConnectFailed, Retry::Resume, "connecting to " + where + " failed: " + error->message };
  }
}

} // namespace

TimerPtr
call_after (Millis delay, std::function<void ()> fn) {
  return start_timer (g_main_context_get_thread_default (), delay, false, std::move (fn));
}

std::string
where_of (SoupMessage *message) {
  GUri *uri = soup_message_get_uri (message);
  std::string host = g_uri_get_host (uri) ? g_uri_get_host (uri) : "";
  if (host.find (':') != host.npos) host = "[" + host + "]";
  int port = g_uri_get_port (uri);
  std::string_view scheme = g_uri_get_scheme (uri);
  if (port <= 0) port = scheme == "https" || scheme == "wss" ? 443 : 80;
  return host + ":" + std::to_string (port);
}

Error
explain (const GError *error, const std::string &where) {
  if (error->domain == G_RESOLVER_ERROR)
    return { Errc::ResolveFailed, Retry::Resume,
             "the host name of " + where + " does not resolve; check the URL" };
  if (error->domain == G_TLS_ERROR)
    return { Errc::TlsFailed, Retry::Never,
             "TLS with " + where + " failed: " + error->message
                 + "; check that the server speaks TLS there, ca-file and tls-validation-flags" };
  if (error->domain == SOUP_SESSION_ERROR)
    return { Errc::NotLiveKit, Retry::Never,
             "what answers at " + where + " does not speak HTTP: it is not a LiveKit server" };
  if (error->domain == G_IO_ERROR) return io_error (error, where);
  return { Errc::ConnectFailed, Retry::Resume, "connecting to " + where + " failed: " + error->message };
}

Error
timed_out (const std::string &where, Millis limit) {
  return { Errc::Timeout, Retry::Resume,
           where + " did not answer within " + std::to_string (limit.count ())
               + " ms; check the URL and firewalls" };
}

Ref<SoupMessage>
make_message (const char *method, const std::string &url, const Secret &bearer, uint32_t tls_flags) {
  auto message = Ref<SoupMessage>::adopt (soup_message_new (method, url.c_str ()));
  if (!message) return nullptr;
  // A token must not travel to another host.
  soup_message_add_flags (message.get (), SOUP_MESSAGE_NO_REDIRECT);
  if (!bearer.empty ())
    soup_message_headers_replace (soup_message_get_request_headers (message.get ()), "Authorization",
                                  ("Bearer " + bearer.reveal ()).c_str ());
  g_signal_connect (message.get (), "accept-certificate", G_CALLBACK (accept_certificate),
                    GUINT_TO_POINTER (tls_flags));
  return message;
}

Result<Ref<SoupSession>>
make_session (const Access &access, Purpose purpose) {
  // No I/O time-out of libsoup's: every request has a limit on the whole, and an open WebSocket may be
  // silent.
  auto session = Ref<SoupSession>::adopt (soup_session_new_with_options (
      "timeout", 0u, "idle-timeout", kIdleSeconds, "user-agent", kUserAgent, "max-conns", kMaxConnections,
      "max-conns-per-host", kMaxConnections, nullptr));
  auto resolver = proxy_resolver_of (access.proxy, purpose == Purpose::WebSockets);
  // Null means no proxies at all. With any resolver GIO loads its own beside it, and does not use it.
  soup_session_set_proxy_resolver (session.get (), resolver.get ());
  if (!access.ca_file.empty ()) {
    GError *raw = nullptr;
    auto database = Ref<GTlsDatabase>::adopt (g_tls_file_database_new (access.ca_file.c_str (), &raw));
    ErrorPtr error (raw);
    if (!database)
      return Error{ Errc::Settings, Retry::Never, std::string ("ca-file cannot be used: ") + error->message };
    soup_session_set_tls_database (session.get (), database.get ());
  }
  return session;
}

} // namespace lk::net
