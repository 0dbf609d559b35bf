#include "base/log.hpp"
#include "net/soup_impl.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace lk::net {
namespace {

constexpr Millis kCloseLimit{ 250 };
// A SYN that is lost is sent again by the kernel after 1, 3 and 7 s. Another connection beside it gets
// through sooner, whether one packet was lost or the network was away.
constexpr Millis kBeside{ 250 };
// Until the name is known each one keeps a thread of GIO's resolver, which has 20, for as long as DNS is
// away.
constexpr Millis kBesideUnnamed{ 1000 };
constexpr size_t kMaxTries = 12;

/// One of several connections that are being made; the first that stands is used, the others never say a
/// word.
struct Try {
  Ref<SoupMessage> message;
  Ref<GCancellable> cancellable = Ref<GCancellable>::adopt (g_cancellable_new ());
  gint64 since = g_get_monotonic_time ();
  bool named = false; // the name is resolved
};

/// Nobody was reached who could have an opinion.
bool
unreached (const GError *error) {
  if (error->domain == G_RESOLVER_ERROR) return true;
  if (error->domain != G_IO_ERROR) return false;
  switch (error->code) {
  case G_IO_ERROR_HOST_UNREACHABLE:
  case G_IO_ERROR_NETWORK_UNREACHABLE:
  case G_IO_ERROR_HOST_NOT_FOUND:
  case G_IO_ERROR_TIMED_OUT:
    return true;
  default:
    return false;
  }
}

/// Lives until libsoup's last callback; the WebSocket in the caller's hands only refers to it.
struct Link : std::enable_shared_from_this<Link> {
  enum class Phase { Opening, Open, Closing };

  WebSocket::Listener *listener = nullptr; // null once on_closed was called or the owner has gone
  Ref<SoupSession> session;
  WebSocketRequest request;
  uint32_t tls_flags = 0;
  std::vector<std::shared_ptr<Try>> tries;
  bool connected = false;          // the only one left has a TCP connection
  std::optional<Error> last_error; // of those that reached nobody
  Ref<SoupWebsocketConnection> connection;
  Ref<SoupWebsocketConnection> replaced; // owns the stream of `connection`, see limit_message_size()
  TimerPtr limit;                        // until open, and again while closing
  TimerPtr beside;
  std::string where;
  Phase phase = Phase::Opening;
  bool closed_by_us = false;
  bool in_call = false; // libsoup is at work for the owner, and may tell of the end before it returns

  struct Pending {
    std::shared_ptr<Link> link;
    std::shared_ptr<Try> one;
  };

  bool
  start () {
    auto one = std::make_shared<Try> ();
    one->message = make_message ("GET", request.url, request.bearer, tls_flags);
    if (!one->message) return false;
    where = where_of (one->message.get ());
    tries.push_back (one);
    g_signal_connect (one->message.get (), "network-event", G_CALLBACK (on_network_event), this);
    soup_session_websocket_connect_async (session.get (), one->message.get (), nullptr, nullptr,
                                          G_PRIORITY_DEFAULT, one->cancellable.get (), on_connected,
                                          new Pending{ shared_from_this (), one });
    beside = call_after (kBeside, [this] { start_another (); });
    return true;
  }

  void
  start_another () {
    auto timer = std::move (beside);
    auto age = Millis (tries.empty () ? 0 : (g_get_monotonic_time () - tries.back ()->since) / 1000);
    if (!tries.empty () && !tries.back ()->named && age < kBesideUnnamed) {
      beside = call_after (kBeside, [this] { start_another (); });
      return;
    }
    if (tries.size () >= kMaxTries) give_up (tries.front ());
    GST_CAT_DEBUG (log::net (), "%s: no connection yet, trying another", where.c_str ());
    start ();
  }

  /// Its callback comes later, and finds nothing.
  void
  give_up (std::shared_ptr<Try> one) {
    std::erase (tries, one);
    g_signal_handlers_disconnect_by_data (one->message.get (), this);
    g_cancellable_cancel (one->cancellable.get ());
  }

  void
  give_up_all () {
    beside.reset ();
    while (!tries.empty ())
      give_up (tries.back ());
  }

  /// The one on_closed, after which the owner may be gone.
  void
  finish (Error error, int http_status, int close_code) {
    auto *last = std::exchange (listener, nullptr);
    drop ();
    if (!last) return;
    GST_CAT_DEBUG (log::net (), "%s: %s (HTTP %d, close code %d)", where.c_str (), error.message.c_str (),
                   http_status, close_code);
    last->on_closed (error, http_status, close_code);
  }

  void
  drop () {
    listener = nullptr;
    limit.reset ();
    give_up_all ();
    if (connection) {
      g_signal_handlers_disconnect_by_data (connection.get (), this);
      connection.reset ();
    }
    replaced.reset ();
  }

  void
  finish_later (Error error) {
    limit = call_after (Millis (0), [this, error = std::move (error)] {
      auto keep = shared_from_this ();
      finish (error, 0, 0);
    });
  }

  void
  close () {
    if (!listener || closed_by_us) return;
    closed_by_us = true;
    if (phase == Phase::Opening) {
      finish_later (closed_error ());
      give_up_all ();
    } else {
      const bool was_open = phase == Phase::Open;
      start_closing ();
      if (!was_open) return;
      in_call = true;
      soup_websocket_connection_close (connection.get (), SOUP_WEBSOCKET_CLOSE_NORMAL, nullptr);
      in_call = false;
    }
  }

  void
  start_closing () {
    phase = Phase::Closing;
    // libsoup would wait 5 s for the other end.
    limit = call_after (kCloseLimit, [this] {
      auto keep = shared_from_this ();
      finish (closed_error (), 0, close_code ());
    });
  }

  int
  close_code () const {
    int code = connection ? soup_websocket_connection_get_close_code (connection.get ()) : 0;
    return code == SOUP_WEBSOCKET_CLOSE_ABNORMAL ? 0 : code;
  }

  Error
  closed_error () const {
    if (closed_by_us) return { Errc::Closed, Retry::Never, "closed" };
    if (int code = close_code ())
      return { Errc::SignalLost, Retry::Resume,
               where + " closed the connection with code " + std::to_string (code) };
    return { Errc::SignalLost, Retry::Resume, "the connection to " + where + " broke" };
  }

  void
  opened (Ref<SoupWebsocketConnection> opened_connection) {
    replaced = opened_connection;
    connection = limit_message_size (opened_connection, request.max_message_bytes);
    phase = Phase::Open;
    limit.reset ();
    g_signal_connect (connection.get (), "message", G_CALLBACK (on_message), this);
    g_signal_connect (connection.get (), "error", G_CALLBACK (on_error), this);
    g_signal_connect (connection.get (), "closing", G_CALLBACK (on_closing), this);
    g_signal_connect (connection.get (), "closed", G_CALLBACK (on_closed), this);
    listener->on_open ();
  }

  Error
  refused (const GError *error, int status) const {
    if (error->domain != SOUP_WEBSOCKET_ERROR) return explain (error, where);
    if (status == 0 || status == SOUP_STATUS_SWITCHING_PROTOCOLS)
      return { Errc::NotLiveKit, Retry::Never,
               where + " does not speak WebSocket: it is not a LiveKit server" };
    return { Errc::NotLiveKit, Retry::Never,
             where + " answered the WebSocket upgrade with HTTP " + std::to_string (status) };
  }

  void
  out_of_time () {
    // A status without an end of its body is an answer all the same.
    int status = tries.empty () ? 0 : int (soup_message_get_status (tries.back ()->message.get ()));
    finish (last_error && !connected ? *last_error : timed_out (where, request.timeout), status, 0);
  }

  static void
  on_network_event (SoupMessage *message, GSocketClientEvent event, GIOStream *, gpointer data) noexcept {
    auto keep = static_cast<Link *> (data)->shared_from_this ();
    auto &tries = keep->tries;
    auto at = std::find_if (tries.begin (), tries.end (),
                            [&] (const auto &one) { return one->message.get () == message; });
    if (at == tries.end ()) return;
    auto one = *at;
    if (event != G_SOCKET_CLIENT_RESOLVING) one->named = true;
    if (event != G_SOCKET_CLIENT_CONNECTED || keep->connected) return;
    keep->connected = true;
    keep->beside.reset ();
    for (const auto &other : std::vector (tries))
      if (other != one) keep->give_up (other);
  }

  static void
  on_connected (GObject *source, GAsyncResult *result, gpointer data) noexcept {
    std::unique_ptr<Pending> pending (static_cast<Pending *> (data));
    Link &self = *pending->link;
    GError *raw = nullptr;
    auto connection = Ref<SoupWebsocketConnection>::adopt (
        soup_session_websocket_connect_finish (SOUP_SESSION (source), result, &raw));
    ErrorPtr error (raw);
    auto one = pending->one;
    if (std::find (self.tries.begin (), self.tries.end (), one) == self.tries.end ()) return;
    int status = int (soup_message_get_status (one->message.get ()));
    if (!error) {
      g_signal_handlers_disconnect_by_data (one->message.get (), &self);
      std::erase (self.tries, one);
      self.give_up_all ();
      return self.opened (std::move (connection));
    }
    auto refusal = self.refused (error.get (), status);
    if (!self.request.insist || self.connected || !unreached (error.get ()))
      return self.finish (refusal, status, 0);
    self.give_up (one);
    self.last_error = std::move (refusal);
  }

  static void
  on_message (SoupWebsocketConnection *, int, GBytes *bytes, gpointer data) noexcept {
    auto keep = static_cast<Link *> (data)->shared_from_this ();
    gsize size = 0;
    auto *text = static_cast<const char *> (g_bytes_get_data (bytes, &size));
    if (keep->listener) keep->listener->on_message (std::string_view (text, size));
  }

  static void
  on_error (SoupWebsocketConnection *, GError *error, gpointer data) noexcept {
    auto keep = static_cast<Link *> (data)->shared_from_this ();
    // The owner may let go of us when it is told, and does not expect that from its own call.
    if (keep->in_call) return keep->finish_later (keep->closed_error ());
    if (error->domain == SOUP_WEBSOCKET_ERROR)
      keep->finish (
          { Errc::Protocol, Retry::Resume, keep->where + " broke the WebSocket rules: " + error->message }, 0,
          0);
    else
      keep->finish ({ Errc::SignalLost, Retry::Resume,
                      "the connection to " + keep->where + " broke: " + error->message },
                    0, 0);
  }

  static void
  on_closing (SoupWebsocketConnection *, gpointer data) noexcept {
    auto *self = static_cast<Link *> (data);
    if (self->phase == Phase::Open) self->start_closing ();
  }

  static void
  on_closed (SoupWebsocketConnection *, gpointer data) noexcept {
    auto keep = static_cast<Link *> (data)->shared_from_this ();
    if (keep->in_call) return keep->finish_later (keep->closed_error ());
    keep->finish (keep->closed_error (), 0, keep->close_code ());
  }
};

class SoupWebSocket : public WebSocket {
public:
  explicit SoupWebSocket (std::shared_ptr<Link> link) : link_ (std::move (link)) {}
  ~SoupWebSocket () override { link_->drop (); }

  void
  send (std::string_view binary) override {
    if (!link_->connection || link_->phase != Link::Phase::Open) {
      GST_CAT_DEBUG (log::net (), "%s: not open, %zu bytes dropped", link_->where.c_str (), binary.size ());
      return;
    }
    link_->in_call = true;
    soup_websocket_connection_send_binary (link_->connection.get (), binary.data (), binary.size ());
    link_->in_call = false;
  }
  void
  close () override {
    link_->close ();
  }

private:
  std::shared_ptr<Link> link_;
};

} // namespace

std::unique_ptr<WebSocket>
start_websocket (const Result<Ref<SoupSession>> &session, const WebSocketRequest &request, uint32_t tls_flags,
                 WebSocket::Listener &listener) {
  auto link = std::make_shared<Link> ();
  link->listener = &listener;
  link->request = request;
  link->tls_flags = tls_flags;
  auto socket = std::make_unique<SoupWebSocket> (link);
  if (!session) {
    link->finish_later (session.error ());
    return socket;
  }
  link->session = *session;
  if (!link->start ()) {
    link->finish_later ({ Errc::InvalidUrl, Retry::Never, "the WebSocket URL is not valid" });
    return socket;
  }
  GST_CAT_DEBUG (log::net (), "opening a WebSocket to %s", link->where.c_str ());
  link->limit = call_after (request.timeout, [self = link.get ()] {
    auto keep = self->shared_from_this ();
    self->out_of_time ();
  });
  return socket;
}

} // namespace lk::net
