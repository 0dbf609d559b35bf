// A TCP server on a loopback port whose script talks bytes, for what no HTTP library would send.
#pragma once

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace lk::test {

/// One accepted connection; every call is bounded and ends early when the server stops.
class RawPeer {
public:
  RawPeer (int fd, const std::atomic<bool> &stop) : fd_ (fd), stop_ (stop) {}

  /// Reads up to and including `end`; false when the other end closed first.
  bool
  read_until (std::string_view end) {
    while (received.find (end) == received.npos) {
      if (!wait (POLLIN)) return false;
      char buffer[4096];
      auto count = ::recv (fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      received.append (buffer, static_cast<size_t> (count));
    }
    return true;
  }
  bool
  send (std::string_view bytes) {
    while (!bytes.empty ()) {
      if (!wait (POLLOUT)) return false;
      auto count = ::send (fd_, bytes.data (), bytes.size (), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) continue;
      if (count <= 0) return false;
      bytes.remove_prefix (static_cast<size_t> (count));
    }
    return true;
  }
  /// Accepts a WebSocket upgrade (RFC 6455 §4.2.2) with an answer that is right but for what the test adds.
  bool
  upgrade () {
    if (!read_until ("\r\n\r\n")) return false;
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    auto at = received.find (kName);
    if (at == received.npos) return false;
    auto key = received.substr (at + kName.size (), 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    guint8 digest[20];
    gsize size = sizeof digest;
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA1);
    g_checksum_update (sum, reinterpret_cast<const guchar *> (key.data ()),
                       static_cast<gssize> (key.size ()));
    g_checksum_get_digest (sum, digest, &size);
    g_checksum_free (sum);
    gchar *accept = g_base64_encode (digest, size);
    std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: "
                         + std::string (accept) + "\r\n\r\n";
    g_free (accept);
    received.clear ();
    return send (answer);
  }
  /// Silent until the other end closes or the server stops.
  void
  hold () {
    char buffer[4096];
    while (wait (POLLIN) && ::recv (fd_, buffer, sizeof buffer, 0) > 0) {
    }
  }

  int
  fd () const {
    return fd_;
  }

  std::string received;

private:
  bool
  wait (short what) {
    pollfd item{ fd_, what, 0 };
    while (!stop_) {
      int ready = ::poll (&item, 1, 20);
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
    return false;
  }
  int fd_;
  const std::atomic<bool> &stop_;
};

class RawServer {
public:
  using Script = std::function<void (RawPeer &)>;

  /// Every connection, one after the other, gets `script` on the server's thread and is closed after it.
  explicit RawServer (Script script) {
    fd_ = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    g_assert (::bind (fd_, reinterpret_cast<sockaddr *> (&address), size) == 0);
    g_assert (::listen (fd_, 8) == 0);
    g_assert (::getsockname (fd_, reinterpret_cast<sockaddr *> (&address), &size) == 0);
    port_ = ntohs (address.sin_port);
    thread_ = std::thread ([this, script = std::move (script)] {
      pollfd item{ fd_, POLLIN, 0 };
      while (!stop_) {
        if (::poll (&item, 1, 20) <= 0) continue;
        int peer = ::accept4 (fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) continue;
        ++connections;
        RawPeer raw (peer, stop_);
        script (raw);
        ::close (peer);
      }
    });
  }
  ~RawServer () {
    stop_ = true;
    thread_.join ();
    ::close (fd_);
  }
  RawServer (const RawServer &) = delete;
  RawServer &operator= (const RawServer &) = delete;

  int
  port () const {
    return port_;
  }
  std::string
  address () const {
    return "127.0.0.1:" + std::to_string (port_);
  }

  std::atomic<int> connections = 0;

private:
  int fd_, port_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// A loopback port on which nothing listens (it did a moment ago, so the kernel will not hand it out again
/// soon).
inline int
refused_port () {
  RawServer server ([] (RawPeer &) {});
  return server.port ();
}

} // namespace lk::test
