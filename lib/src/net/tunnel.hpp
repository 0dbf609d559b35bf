// One connection that goes on inside TLS. Internal to net.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <gio/gio.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace lk::net {

struct Destination {
  std::string host; ///< without brackets
  uint16_t port = 0;
};

/// The way to destinations.
struct Route {
  Ref<GSocketClient> client;
  Ref<GTlsDatabase> database; ///< null: the system's
  uint32_t tls_validation_flags;
};

/// Belongs to the thread that calls open(), in whose context all of it happens. Lives as long as one of its
/// asynchronous calls is under way: until either end closes, or end().
class Tunnel : public std::enable_shared_from_this<Tunnel> {
public:
  /// `failed` hears once why no encrypted connection came about.
  Tunnel (Ref<GSocketConnection> local, std::function<void (std::string)> failed);

  void open (const Route &route, const Destination &destination);
  void end ();

private:
  /// One direction.
  struct Pump {
    GInputStream *from = nullptr;
    GOutputStream *to = nullptr;
    std::array<char, 16384> bytes;
  };
  struct Call;

  static void on_connected (GObject *client, GAsyncResult *result, gpointer data) noexcept;
  static void on_encrypted (GObject *tls, GAsyncResult *result, gpointer data) noexcept;
  static void on_read (GObject *stream, GAsyncResult *result, gpointer data) noexcept;
  static void on_written (GObject *stream, GAsyncResult *result, gpointer data) noexcept;
  void connected (Ref<GSocketConnection> connection);
  void encrypted ();
  void read (Pump &pump);
  void fail (const GError *error);

  const Ref<GSocketConnection> local_;
  std::function<void (std::string)> failed_; // null once connected, or told
  const Ref<GCancellable> cancel_ = Ref<GCancellable>::adopt (g_cancellable_new ());
  Route route_;
  Destination destination_;
  Ref<GSocketConnectable> address_; // its name is what the certificate must be for
  Ref<GIOStream> remote_;
  Pump out_, in_;
  bool late_ = false;
  TimerPtr limit_;
};

} // namespace lk::net
