#include "rtc/path_probe.hpp"

#include <algorithm>
#include <array>

namespace lk::rtc {

namespace {

// RFC 8489 §5.
constexpr size_t kHeader = 20, kTransaction = 8;
constexpr uint8_t kSuccess[] = { 0x01, 0x01 };
constexpr size_t kMostAsked = 32;
constexpr int kMostAtOnce = 64;

} // namespace

GSocket *
PathProbe::socket (GSocketFamily family) {
  auto &socket = sockets_[family];
  if (!socket) {
    socket
        = Ref<GSocket>::adopt (g_socket_new (family, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr));
    if (socket) g_socket_set_blocking (socket.get (), FALSE);
  }
  return socket.get ();
}

void
PathProbe::send (const std::string &check, GSocketAddress *to, Nanos now) {
  auto *from = socket (g_socket_address_get_family (to));
  if (!from || check.size () < kHeader) return;
  if (g_socket_send_to (from, to, check.data (), check.size (), nullptr, nullptr) < 0) return;
  auto transaction = check.substr (kTransaction, kHeader - kTransaction);
  if (!asked_.empty () && asked_.back ().first == transaction) return;
  asked_.emplace_back (std::move (transaction), now);
  if (asked_.size () > kMostAsked) asked_.pop_front ();
}

std::optional<Nanos>
PathProbe::receive (Nanos now) {
  std::optional<Nanos> round_trip;
  std::array<char, 1500> packet;
  for (const auto &[family, socket] : sockets_) {
    for (int i = 0; socket && i < kMostAtOnce; ++i) {
      auto size = g_socket_receive (socket.get (), packet.data (), packet.size (), nullptr, nullptr);
      if (size < 0) break;
      if (size_t (size) < kHeader
          || !std::equal (std::begin (kSuccess), std::end (kSuccess), packet.begin (),
                          [] (uint8_t a, char b) { return a == uint8_t (b); }))
        continue;
      const std::string transaction (packet.data () + kTransaction, kHeader - kTransaction);
      auto asked = std::ranges::find (asked_, transaction, &std::pair<std::string, Nanos>::first);
      if (asked != asked_.end ()) round_trip = now - asked->second;
    }
  }
  return round_trip;
}

} // namespace lk::rtc
