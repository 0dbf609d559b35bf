#include "net/tls_relay.hpp"

#include "base/log.hpp"
#include "base/task_queue.hpp"
#include "net/proxies.hpp"
#include "net/tunnel.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#define GST_CAT_DEFAULT lk::log::net ()

namespace lk::net {
namespace {

// For what was cancelled to say so: all of it is asynchronous.
constexpr Millis kDrainLimit{ 500 };

/// What belongs to the relay's thread.
class Core : public std::enable_shared_from_this<Core> {
public:
  Core (const Access &access, Ref<GTlsDatabase> database)
      : route_{ make_client (access), std::move (database), access.tls_validation_flags } {}

  void serve (Ref<GSocketListener> listener, const Destination &destination);
  /// Ends everything and waits for it.
  void close (GMainContext *context);
  std::string
  problem () const {
    std::lock_guard hold (lock_);
    return problem_;
  }

private:
  struct Acceptance {
    std::shared_ptr<Core> core;
    Ref<GSocketListener> listener;
    Destination destination;
  };

  static Ref<GSocketClient> make_client (const Access &access);
  static void accept_next (std::unique_ptr<Acceptance> acceptance);
  static void on_accepted (GObject *, GAsyncResult *result, gpointer data) noexcept;
  void open_tunnel (Ref<GSocketConnection> local, const Destination &destination);

  const Route route_;
  const Ref<GCancellable> cancel_ = Ref<GCancellable>::adopt (g_cancellable_new ());
  int listening_ = 0;
  std::vector<std::weak_ptr<Tunnel>> tunnels_;
  mutable std::mutex lock_; // leaf
  std::string problem_;
};

Ref<GSocketClient>
Core::make_client (const Access &access) {
  auto client = Ref<GSocketClient>::adopt (g_socket_client_new ());
  auto resolver = proxy_resolver_of (access.proxy, false);
  // Null would be GIO's own choice, which may ask libproxy with its threads and scripts.
  g_socket_client_set_enable_proxy (client.get (), resolver != nullptr);
  if (resolver) g_socket_client_set_proxy_resolver (client.get (), resolver.get ());
  return client;
}

void
Core::serve (Ref<GSocketListener> listener, const Destination &destination) {
  accept_next (
      std::unique_ptr<Acceptance> (new Acceptance{ shared_from_this (), std::move (listener), destination }));
}

void
Core::accept_next (std::unique_ptr<Acceptance> acceptance) {
  auto *raw = acceptance.release ();
  ++raw->core->listening_;
  g_socket_listener_accept_async (raw->listener.get (), raw->core->cancel_.get (), on_accepted, raw);
}

void
Core::on_accepted (GObject *, GAsyncResult *result, gpointer data) noexcept {
  std::unique_ptr<Acceptance> acceptance (static_cast<Acceptance *> (data));
  auto &core = *acceptance->core;
  --core.listening_;
  GError *raw = nullptr;
  auto local = Ref<GSocketConnection>::adopt (
      g_socket_listener_accept_finish (acceptance->listener.get (), result, nullptr, &raw));
  ErrorPtr error (raw);
  if (g_cancellable_is_cancelled (core.cancel_.get ())) return;
  if (local)
    core.open_tunnel (std::move (local), acceptance->destination);
  else
    GST_WARNING ("TLS relay: accepting failed: %s", error->message);
  // A listener that fails for another reason than its end would fail again at once, for ever.
  if (!error) accept_next (std::move (acceptance));
}

void
Core::open_tunnel (Ref<GSocketConnection> local, const Destination &destination) {
  std::erase_if (tunnels_, [] (const auto &tunnel) { return tunnel.expired (); });
  if (tunnels_.size () >= static_cast<size_t> (TlsRelay::kMaxConnections)) {
    GST_WARNING ("TLS relay: more than %d connections", TlsRelay::kMaxConnections);
    return;
  }
  auto tunnel
      = std::make_shared<Tunnel> (std::move (local), [weak = weak_from_this ()] (std::string problem) {
          auto core = weak.lock ();
          if (!core) return;
          GST_WARNING ("TLS relay: %s", problem.c_str ());
          std::lock_guard hold (core->lock_);
          core->problem_ = std::move (problem);
        });
  tunnels_.push_back (tunnel);
  tunnel->open (route_, destination);
}

void
Core::close (GMainContext *context) {
  g_cancellable_cancel (cancel_.get ());
  for (const auto &weak : tunnels_)
    if (auto tunnel = weak.lock ()) tunnel->end ();
  bool late = false;
  auto limit = start_timer (context, kDrainLimit, false, [&] { late = true; });
  auto over = [this] {
    return listening_ == 0 && std::ranges::all_of (tunnels_, [] (const auto &t) { return t.expired (); });
  };
  while (!over () && !late)
    g_main_context_iteration (context, TRUE);
}

class Relay : public TlsRelay {
public:
  explicit Relay (const Access &access) : thread_ ("lk-tls") {
    Ref<GTlsDatabase> database;
    if (!access.ca_file.empty ()) {
      GError *raw = nullptr;
      database = Ref<GTlsDatabase>::adopt (g_tls_file_database_new (access.ca_file.c_str (), &raw));
      ErrorPtr error (raw);
      if (!database)
        broken_ = Error{ Errc::Settings, Retry::Never,
                         std::string ("ca-file cannot be used: ") + error->message };
    }
    core_ = std::make_shared<Core> (access, std::move (database));
  }

  ~Relay () override {
    thread_.queue ()->post ([core = core_, context = thread_.context ()] { core->close (context); });
    thread_.stop ();
  }

  Result<uint16_t>
  forward (const std::string &host, uint16_t port) override {
    if (broken_) return *broken_;
    if (auto known = ports_.find ({ host, port }); known != ports_.end ()) return known->second;
    if (ports_.size () >= kMaxServers)
      return Error{ Errc::LimitExceeded, Retry::Never, "too many TURN servers behind TLS" };
    auto listener = Ref<GSocketListener>::adopt (g_socket_listener_new ());
    auto any = Ref<GInetAddress>::adopt (g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4));
    auto wanted = Ref<GSocketAddress>::adopt (g_inet_socket_address_new (any.get (), 0));
    GSocketAddress *bound = nullptr;
    GError *raw = nullptr;
    gboolean listens = g_socket_listener_add_address (listener.get (), wanted.get (), G_SOCKET_TYPE_STREAM,
                                                      G_SOCKET_PROTOCOL_TCP, nullptr, &bound, &raw);
    ErrorPtr error (raw);
    if (!listens)
      return Error{ Errc::ConnectFailed, Retry::Never,
                    std::string ("no port for TURN over TLS: ") + error->message };
    auto address = Ref<GSocketAddress>::adopt (bound);
    auto local = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address.get ()));
    ports_[{ host, port }] = local;
    thread_.queue ()->post ([core = core_, listener, destination = Destination{ host, port }] {
      core->serve (listener, destination);
    });
    return local;
  }

  std::string
  problem () const override {
    return core_->problem ();
  }

private:
  std::optional<Error> broken_;
  std::shared_ptr<Core> core_;
  std::map<std::pair<std::string, uint16_t>, uint16_t> ports_;
  SessionThread thread_;
};

} // namespace

std::unique_ptr<TlsRelay>
make_tls_relay (const Access &access) {
  return std::make_unique<Relay> (access);
}

} // namespace lk::net
