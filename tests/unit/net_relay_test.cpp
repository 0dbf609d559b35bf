// The way for TURN inside TLS: what goes in at the local port comes out of a TLS server, and back.
#include "fakes/raw_server.hpp"
#include "fakes/wait.hpp"
#include "net/tls_relay.hpp"
#include "net_certificate.hpp"

#include "base/ref.hpp"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

using namespace lk;
using namespace lk::net;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

/// Says everything back, inside TLS. A thread for each connection.
class Echo {
public:
  explicit Echo (const std::string &pem) {
    certificate_ = Ref<GTlsCertificate>::adopt (g_tls_certificate_new_from_pem (pem.c_str (), -1, nullptr));
    service_ = Ref<GSocketService>::adopt (g_threaded_socket_service_new (64));
    g_signal_connect (service_.get (), "run", G_CALLBACK (run), this);
    port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service_.get ()), nullptr, nullptr);
    thread_ = std::thread ([this] {
      while (!stop_)
        g_main_context_iteration (nullptr, TRUE);
    });
  }
  ~Echo () {
    g_socket_service_stop (service_.get ());
    g_socket_listener_close (G_SOCKET_LISTENER (service_.get ()));
    stop_ = true;
    g_main_context_wakeup (nullptr);
    thread_.join ();
  }

  std::atomic<int> open{ 0 }, handshakes{ 0 };
  uint16_t port = 0;

private:
  static gboolean
  run (GThreadedSocketService *, GSocketConnection *connection, GObject *, gpointer data) {
    auto &self = *static_cast<Echo *> (data);
    ++self.open;
    auto tls = Ref<GIOStream>::adopt (
        g_tls_server_connection_new (G_IO_STREAM (connection), self.certificate_.get (), nullptr));
    if (g_tls_connection_handshake (G_TLS_CONNECTION (tls.get ()), nullptr, nullptr)) {
      ++self.handshakes;
      char bytes[4096];
      gssize count;
      while ((count = g_input_stream_read (g_io_stream_get_input_stream (tls.get ()), bytes, sizeof bytes,
                                           nullptr, nullptr))
             > 0)
        g_output_stream_write_all (g_io_stream_get_output_stream (tls.get ()), bytes,
                                   static_cast<gsize> (count), nullptr, nullptr, nullptr);
    }
    --self.open;
    return TRUE;
  }

  Ref<GTlsCertificate> certificate_;
  Ref<GSocketService> service_;
  std::atomic<bool> stop_{ false };
  std::thread thread_;
};

/// A connection to a local port, as libnice makes it. Reads give up after 5 s.
class Client {
public:
  explicit Client (uint16_t port) {
    fd_ = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval limit{ 5, 0 };
    setsockopt (fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    address.sin_port = htons (port);
    connected = ::connect (fd_, reinterpret_cast<sockaddr *> (&address), sizeof address) == 0;
  }
  Client (const Client &) = delete;
  Client &operator= (const Client &) = delete;
  ~Client () { ::close (fd_); }

  void
  send (std::string_view bytes) {
    EXPECT_EQ (::send (fd_, bytes.data (), bytes.size (), MSG_NOSIGNAL),
               static_cast<ssize_t> (bytes.size ()));
  }
  std::string
  receive (size_t count) {
    std::string bytes;
    char buffer[4096];
    while (bytes.size () < count) {
      auto got = ::recv (fd_, buffer, std::min (sizeof buffer, count - bytes.size ()), 0);
      if (got <= 0) break;
      bytes.append (buffer, static_cast<size_t> (got));
    }
    return bytes;
  }
  /// The other end has closed.
  bool
  ended () {
    char byte;
    auto got = ::recv (fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

  bool connected = false;

private:
  int fd_;
};

class TlsRelayTest : public testing::Test {
protected:
  void
  TearDown () override {
    if (!ca_file.empty ()) g_unlink (ca_file.c_str ());
  }
  /// Access that trusts the echo server.
  Access
  trusted () {
    gchar *path = nullptr;
    int fd = g_file_open_tmp ("lk-ca-XXXXXX.pem", &path, nullptr);
    g_close (fd, nullptr);
    ca_file = path;
    g_free (path);
    std::ofstream (ca_file) << pem.substr (0, pem.find ("-----BEGIN PRIVATE"));
    Access access;
    access.ca_file = ca_file;
    return access;
  }

  const std::string pem = make_certificate (false);
  std::string ca_file;
};

} // namespace

TEST_F (TlsRelayTest, CarriesBothWaysUnchangedWhateverTheSize) {
  Echo echo (pem);
  auto relay = make_tls_relay (trusted ());
  auto port = relay->forward ("127.0.0.1", echo.port);
  ASSERT_TRUE (port) << port.error ().message;
  Client client (*port);
  ASSERT_TRUE (client.connected);
  client.send ("allocate");
  EXPECT_EQ (client.receive (8), "allocate");
  std::string large (200'000, '\0');
  for (size_t i = 0; i < large.size (); ++i)
    large[i] = static_cast<char> (i * 7 % 251);
  std::thread sender ([&] { client.send (large); });
  EXPECT_EQ (client.receive (large.size ()), large);
  sender.join ();
  EXPECT_EQ (relay->problem (), "");
}

TEST_F (TlsRelayTest, EveryConnectionHasOneOfItsOwnAndEndsWithIt) {
  Echo echo (pem);
  auto relay = make_tls_relay (trusted ());
  auto port = relay->forward ("127.0.0.1", echo.port);
  ASSERT_TRUE (port);
  {
    Client one (*port), two (*port);
    one.send ("one");
    two.send ("two");
    EXPECT_EQ (one.receive (3), "one");
    EXPECT_EQ (two.receive (3), "two");
    EXPECT_EQ (echo.open, 2);
  }
  EXPECT_TRUE (wait_until ([&] { return echo.open == 0; }, 5s)) << echo.open;
}

TEST_F (TlsRelayTest, TheSameServerHasTheSamePort) {
  auto relay = make_tls_relay ({});
  auto one = relay->forward ("turn.test", 443), two = relay->forward ("turn.test", 5349);
  ASSERT_TRUE (one && two);
  EXPECT_NE (*one, *two);
  EXPECT_EQ (*relay->forward ("turn.test", 443), *one);
}

TEST_F (TlsRelayTest, ACertificateThatNobodyVouchesForIsRefusedBeforeAnythingIsSent) {
  Echo echo (pem);
  auto relay = make_tls_relay ({});
  auto port = relay->forward ("127.0.0.1", echo.port);
  ASSERT_TRUE (port);
  Client client (*port);
  client.send ("secret");
  EXPECT_TRUE (client.ended ());
  EXPECT_TRUE (wait_until ([&] { return !relay->problem ().empty (); }, 5s));
  EXPECT_NE (relay->problem ().find ("127.0.0.1:" + std::to_string (echo.port)), std::string::npos);
  EXPECT_NE (relay->problem ().find ("certificate"), std::string::npos) << relay->problem ();
}

TEST_F (TlsRelayTest, FlagsSayWhatIsEnforced) {
  Echo echo (pem);
  Access access;
  access.tls_validation_flags = 0x7f & ~uint32_t (G_TLS_CERTIFICATE_UNKNOWN_CA);
  auto relay = make_tls_relay (access);
  auto port = relay->forward ("127.0.0.1", echo.port);
  ASSERT_TRUE (port);
  Client client (*port);
  client.send ("hello");
  EXPECT_EQ (client.receive (5), "hello");
}

TEST_F (TlsRelayTest, AServerThatIsNotThereEndsTheConnection) {
  auto relay = make_tls_relay ({});
  auto port = relay->forward ("127.0.0.1", static_cast<uint16_t> (refused_port ()));
  ASSERT_TRUE (port);
  Client client (*port);
  EXPECT_TRUE (client.ended ());
  EXPECT_NE (relay->problem (), "");
}

TEST_F (TlsRelayTest, GoesThroughTheProxy) {
  Echo echo (pem);
  std::string asked;
  RawServer proxy ([&] (RawPeer &peer) {
    if (!peer.read_until ("\r\n\r\n")) return;
    asked = peer.received.substr (0, peer.received.find ("\r\n"));
    peer.send ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  auto access = trusted ();
  access.proxy = "http://" + proxy.address ();
  auto relay = make_tls_relay (access);
  auto port = relay->forward ("turn.test", 443);
  ASSERT_TRUE (port);
  Client client (*port);
  EXPECT_TRUE (client.ended ());
  EXPECT_TRUE (wait_until ([&] { return proxy.connections == 1; }, 5s));
  EXPECT_TRUE (asked.starts_with ("CONNECT turn.test:443")) << asked;
}

TEST_F (TlsRelayTest, TheNumberOfConnectionsIsBounded) {
  Echo echo (pem);
  auto relay = make_tls_relay (trusted ());
  auto port = relay->forward ("127.0.0.1", echo.port);
  ASSERT_TRUE (port);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < TlsRelay::kMaxConnections; ++i) {
    clients.push_back (std::make_unique<Client> (*port));
    clients.back ()->send ("x");
    ASSERT_EQ (clients.back ()->receive (1), "x") << i;
  }
  Client further (*port);
  EXPECT_TRUE (further.ended ());
  clients[0]->send ("y");
  EXPECT_EQ (clients[0]->receive (1), "y");
}

TEST_F (TlsRelayTest, ServersAreBoundedInNumber) {
  auto relay = make_tls_relay ({});
  for (size_t i = 0; i < TlsRelay::kMaxServers; ++i)
    EXPECT_TRUE (relay->forward ("turn.test", static_cast<uint16_t> (1000 + i)));
  EXPECT_FALSE (relay->forward ("turn.test", 2000));
  EXPECT_TRUE (relay->forward ("turn.test", 1000)) << "a known one";
}

TEST_F (TlsRelayTest, ACaFileThatCannotBeReadIsAnError) {
  Access access;
  access.ca_file = "/nowhere/ca.pem";
  auto port = make_tls_relay (access)->forward ("turn.test", 443);
  ASSERT_FALSE (port);
  EXPECT_EQ (port.error ().code, Errc::Settings);
}

TEST_F (TlsRelayTest, ItsEndEndsWhatIsOpenAndWhatIsHalfOpen) {
  Echo echo (pem);
  RawServer silent ([] (RawPeer &peer) { peer.hold (); });
  auto relay = make_tls_relay (trusted ());
  auto open = relay->forward ("127.0.0.1", echo.port);
  auto half = relay->forward ("127.0.0.1", static_cast<uint16_t> (silent.port ()));
  ASSERT_TRUE (open && half);
  Client one (*open), two (*half);
  one.send ("x");
  ASSERT_EQ (one.receive (1), "x");
  ASSERT_TRUE (wait_until ([&] { return silent.connections == 1; }, 5s));
  auto start = std::chrono::steady_clock::now ();
  relay.reset ();
  EXPECT_LT (std::chrono::steady_clock::now () - start, 300ms);
  EXPECT_TRUE (one.ended ());
  EXPECT_TRUE (two.ended ());
  EXPECT_TRUE (wait_until ([&] { return echo.open == 0; }, 5s));
  EXPECT_FALSE (Client (*open).connected) << "nobody listens any more";
}
