#include "net/network_watch.hpp"

#include "base/log.hpp"
#include "base/ref.hpp"

#include <gio/gio.h>

namespace lk::net {
namespace {

/// The process-wide monitor speaks in the main context of whoever asked for it first, which may have ended
/// with its thread or never be run: this one is ours. Only the kernel's own word is asked for.
GType
monitor_type () {
  if (!g_io_extension_point_lookup (G_NETWORK_MONITOR_EXTENSION_POINT_NAME))
    g_tls_backend_get_default (); // GIO registers its extensions with the first use of any
  auto *point = g_io_extension_point_lookup (G_NETWORK_MONITOR_EXTENSION_POINT_NAME);
  auto *kernel = point ? g_io_extension_point_get_extension_by_name (point, "netlink") : nullptr;
  return kernel ? g_io_extension_get_type (kernel) : G_TYPE_INVALID;
}

class Monitor : public NetworkWatch {
public:
  Monitor (Ref<GObject> monitor, std::function<void ()> changed)
      : monitor_ (std::move (monitor)), changed_ (std::move (changed)) {
    handler_ = g_signal_connect (monitor_.get (), "network-changed", G_CALLBACK (on_changed), this);
  }
  ~Monitor () override { g_signal_handler_disconnect (monitor_.get (), handler_); }

private:
  static void
  on_changed (GNetworkMonitor *, gboolean, gpointer data) noexcept {
    auto changed = static_cast<Monitor *> (data)->changed_; // which may be the end of this watch
    changed ();
  }

  const Ref<GObject> monitor_;
  const std::function<void ()> changed_;
  gulong handler_ = 0;
};

} // namespace

std::unique_ptr<NetworkWatch>
watch_network (std::function<void ()> changed) {
  auto type = monitor_type ();
  if (type == G_TYPE_INVALID) return nullptr;
  GError *raw = nullptr;
  auto monitor = Ref<GObject>::adopt (static_cast<GObject *> (g_initable_new (type, nullptr, &raw, nullptr)));
  ErrorPtr error (raw);
  if (!monitor) {
    GST_CAT_INFO (log::net (), "changes of the network are not seen: %s", error ? error->message : "?");
    return nullptr;
  }
  return std::make_unique<Monitor> (std::move (monitor), std::move (changed));
}

} // namespace lk::net
