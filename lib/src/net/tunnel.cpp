#include "net/tunnel.hpp"

#include "base/task_queue.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace lk::net {
namespace {

// Until encrypted. An ICE agent has given up on an answer before.
constexpr Millis kOpenLimit{ 8000 };

/// Each packet of media is a message of its own, and must not wait for the next.
void
send_at_once (GSocketConnection *connection) {
  g_socket_set_option (g_socket_connection_get_socket (connection), IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
}

std::string
authority (const Destination &destination) {
  auto host
      = destination.host.find (':') == std::string::npos ? destination.host : "[" + destination.host + "]";
  return host + ":" + std::to_string (destination.port);
}

gboolean
on_certificate (GTlsConnection *, GTlsCertificate *, GTlsCertificateFlags problems,
                gpointer enforced) noexcept {
  return (static_cast<guint> (problems) & GPOINTER_TO_UINT (enforced)) == 0;
}

} // namespace

/// An asynchronous call of GIO under way.
struct Tunnel::Call {
  std::shared_ptr<Tunnel> tunnel;
  Pump *pump = nullptr;
};

Tunnel::Tunnel (Ref<GSocketConnection> local, std::function<void (std::string)> failed)
    : local_ (std::move (local)), failed_ (std::move (failed)) {}

void
Tunnel::open (const Route &route, const Destination &destination) {
  route_ = route;
  destination_ = destination;
  GError *raw = nullptr;
  // As a URI, so that a proxy resolver sees an HTTPS destination.
  address_ = Ref<GSocketConnectable>::adopt (
      g_network_address_parse_uri (("https://" + authority (destination)).c_str (), destination.port, &raw));
  ErrorPtr error (raw);
  if (!address_) return fail (error.get ());
  limit_ = start_timer (g_main_context_get_thread_default (), kOpenLimit, false, [this] {
    late_ = true;
    g_cancellable_cancel (cancel_.get ());
  });
  send_at_once (local_.get ());
  g_socket_client_connect_async (route_.client.get (), address_.get (), cancel_.get (), on_connected,
                                 new Call{ shared_from_this () });
}

void
Tunnel::end () {
  failed_ = nullptr;
  limit_.reset ();
  g_cancellable_cancel (cancel_.get ());
}

void
Tunnel::fail (const GError *error) {
  limit_.reset ();
  if (auto failed = std::exchange (failed_, nullptr))
    failed ("TLS with " + authority (destination_) + " failed: "
            + (late_ ? "no answer within " + std::to_string (kOpenLimit.count () / 1000) + " s"
                     : std::string (error->message)));
}

void
Tunnel::on_connected (GObject *client, GAsyncResult *result, gpointer data) noexcept {
  std::unique_ptr<Call> call (static_cast<Call *> (data));
  GError *raw = nullptr;
  auto connection = Ref<GSocketConnection>::adopt (
      g_socket_client_connect_finish (G_SOCKET_CLIENT (client), result, &raw));
  ErrorPtr error (raw);
  if (!connection) return call->tunnel->fail (error.get ());
  call->tunnel->connected (std::move (connection));
}

void
Tunnel::connected (Ref<GSocketConnection> connection) {
  send_at_once (connection.get ());
  GError *raw = nullptr;
  remote_ = Ref<GIOStream>::adopt (
      g_tls_client_connection_new (G_IO_STREAM (connection.get ()), address_.get (), &raw));
  ErrorPtr error (raw);
  if (!remote_) return fail (error.get ());
  auto *tls = G_TLS_CONNECTION (remote_.get ());
  if (route_.database) g_tls_connection_set_database (tls, route_.database.get ());
  // A TURN connection ends with its TCP connection; its messages carry their own length.
  g_tls_connection_set_require_close_notify (tls, FALSE);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (on_certificate),
                    GUINT_TO_POINTER (route_.tls_validation_flags));
  g_tls_connection_handshake_async (tls, G_PRIORITY_DEFAULT, cancel_.get (), on_encrypted,
                                    new Call{ shared_from_this () });
}

void
Tunnel::on_encrypted (GObject *tls, GAsyncResult *result, gpointer data) noexcept {
  std::unique_ptr<Call> call (static_cast<Call *> (data));
  GError *raw = nullptr;
  gboolean done = g_tls_connection_handshake_finish (G_TLS_CONNECTION (tls), result, &raw);
  ErrorPtr error (raw);
  if (!done) return call->tunnel->fail (error.get ());
  call->tunnel->encrypted ();
}

void
Tunnel::encrypted () {
  limit_.reset ();
  failed_ = nullptr;
  auto *local = G_IO_STREAM (local_.get ());
  out_.from = g_io_stream_get_input_stream (local);
  out_.to = g_io_stream_get_output_stream (remote_.get ());
  in_.from = g_io_stream_get_input_stream (remote_.get ());
  in_.to = g_io_stream_get_output_stream (local);
  read (out_);
  read (in_);
}

/// Nothing is read before the last is written: what one side cannot take stays with the other.
void
Tunnel::read (Pump &pump) {
  g_input_stream_read_async (pump.from, pump.bytes.data (), pump.bytes.size (), G_PRIORITY_DEFAULT,
                             cancel_.get (), on_read, new Call{ shared_from_this (), &pump });
}

void
Tunnel::on_read (GObject *stream, GAsyncResult *result, gpointer data) noexcept {
  std::unique_ptr<Call> call (static_cast<Call *> (data));
  auto count = g_input_stream_read_finish (G_INPUT_STREAM (stream), result, nullptr);
  if (count <= 0) return call->tunnel->end ();
  auto &pump = *call->pump;
  auto *cancel = call->tunnel->cancel_.get ();
  g_output_stream_write_all_async (pump.to, pump.bytes.data (), static_cast<gsize> (count),
                                   G_PRIORITY_DEFAULT, cancel, on_written, call.release ());
}

void
Tunnel::on_written (GObject *stream, GAsyncResult *result, gpointer data) noexcept {
  std::unique_ptr<Call> call (static_cast<Call *> (data));
  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (stream), result, nullptr, nullptr))
    return call->tunnel->end ();
  call->tunnel->read (*call->pump);
}

} // namespace lk::net
