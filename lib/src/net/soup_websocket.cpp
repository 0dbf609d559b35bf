#include "base/log.hpp"
#include "net/soup_impl.hpp"

namespace lk::net {
namespace {

constexpr Millis kCloseLimit{ 250 };

/// Lives until libsoup's last callback; the WebSocket in the caller's hands only refers to it.
struct Link : std::enable_shared_from_this<Link> {
  enum class Phase { Opening, Open, Closing };

  WebSocket::Listener *listener = nullptr; // null once on_closed was called or the owner has gone
  Ref<SoupSession> session;
  Ref<SoupMessage> message;
  Ref<SoupWebsocketConnection> connection;
  Ref<SoupWebsocketConnection> replaced; // owns the stream of `connection`, see limit_message_size()
  Ref<GCancellable> cancellable = Ref<GCancellable>::adopt (g_cancellable_new ());
  TimerPtr limit; // until open, and again while closing
  std::string where;
  size_t max_message = 0;
  Phase phase = Phase::Opening;
  bool closed_by_us = false;

  using Keep = std::shared_ptr<Link>;

  void
  start () {
    soup_session_websocket_connect_async (session.get (), message.get (), nullptr, nullptr,
                                          G_PRIORITY_DEFAULT, cancellable.get (), on_connected,
                                          new Keep (shared_from_this ()));
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
    g_cancellable_cancel (cancellable.get ());
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
      g_cancellable_cancel (cancellable.get ());
    } else {
      if (phase == Phase::Open)
        soup_websocket_connection_close (connection.get (), SOUP_WEBSOCKET_CLOSE_NORMAL, nullptr);
      start_closing ();
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
    connection = limit_message_size (opened_connection, max_message);
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

  int
  status () const {
    return static_cast<int> (soup_message_get_status (message.get ()));
  }

  static void
  on_connected (GObject *source, GAsyncResult *result, gpointer data) noexcept {
    std::unique_ptr<Keep> keep (static_cast<Keep *> (data));
    Link &self = **keep;
    GError *raw = nullptr;
    auto connection = Ref<SoupWebsocketConnection>::adopt (
        soup_session_websocket_connect_finish (SOUP_SESSION (source), result, &raw));
    ErrorPtr error (raw);
    if (!self.listener || self.closed_by_us) return;
    if (error) return self.finish (self.refused (error.get (), self.status ()), self.status (), 0);
    self.opened (std::move (connection));
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
    soup_websocket_connection_send_binary (link_->connection.get (), binary.data (), binary.size ());
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
  link->max_message = request.max_message_bytes;
  auto socket = std::make_unique<SoupWebSocket> (link);
  if (!session) {
    link->finish_later (session.error ());
    return socket;
  }
  link->session = *session;
  link->message = make_message ("GET", request.url, request.bearer, tls_flags);
  if (!link->message) {
    link->finish_later ({ Errc::InvalidUrl, Retry::Never, "the WebSocket URL is not valid" });
    return socket;
  }
  link->where = where_of (link->message.get ());
  GST_CAT_DEBUG (log::net (), "opening a WebSocket to %s", link->where.c_str ());
  link->limit = call_after (request.timeout, [self = link.get (), limit = request.timeout] {
    auto keep = self->shared_from_this ();
    // A status without an end of its body is an answer all the same.
    self->finish (timed_out (self->where, limit), self->status (), 0);
  });
  link->start ();
  return socket;
}

} // namespace lk::net
