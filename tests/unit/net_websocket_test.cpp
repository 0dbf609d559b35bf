// WebSockets over libsoup against servers in this process, on loopback ports.
#include "fakes/raw_server.hpp"
#include "fakes/wait.hpp"
#include "net/network.hpp"
#include "net/soup_impl.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <unistd.h>

using namespace lk;
using namespace lk::net;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

/// A SoupServer on the default main context that accepts WebSockets at /ws and answers `status` elsewhere.
class WebSocketServer {
public:
  std::function<void (SoupWebsocketConnection *)> on_open;
  std::function<void (SoupWebsocketConnection *, int type, std::string_view)> on_message;
  std::string authorization;
  guint status = 404;
  int requests = 0;
  int closed_code = -1; ///< what the client's close frame said
  Ref<SoupWebsocketConnection> connection;

  WebSocketServer () {
    soup_server_add_handler (
        server_.get (), nullptr,
        [] (SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer data) {
          auto *self = static_cast<WebSocketServer *> (data);
          ++self->requests;
          if (self->status == 302)
            soup_server_message_set_redirect (message, 302, "/ws");
          else
            soup_server_message_set_status (message, self->status, nullptr);
        },
        this, nullptr);
    soup_server_add_websocket_handler (
        server_.get (), "/ws", nullptr, nullptr,
        [] (SoupServer *, SoupServerMessage *message, const char *, SoupWebsocketConnection *connection,
            gpointer data) { static_cast<WebSocketServer *> (data)->accept (message, connection); },
        this, nullptr);
    EXPECT_TRUE (soup_server_listen_local (server_.get (), 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr));
  }
  ~WebSocketServer () {
    if (connection) g_signal_handlers_disconnect_by_data (connection.get (), this);
    soup_server_disconnect (server_.get ());
  }

  std::string
  url (const std::string &path) const {
    GSList *uris = soup_server_get_uris (server_.get ());
    std::string port = std::to_string (g_uri_get_port (static_cast<GUri *> (uris->data)));
    g_slist_free_full (uris, reinterpret_cast<GDestroyNotify> (g_uri_unref));
    return "ws://127.0.0.1:" + port + path;
  }

private:
  void
  accept (SoupServerMessage *message, SoupWebsocketConnection *opened) {
    const char *header
        = soup_message_headers_get_one (soup_server_message_get_request_headers (message), "Authorization");
    authorization = header ? header : "";
    connection = Ref<SoupWebsocketConnection>::retain (opened);
    soup_websocket_connection_set_max_incoming_payload_size (opened, 64u << 20);
    g_signal_connect (opened, "message",
                      G_CALLBACK (+[] (SoupWebsocketConnection *c, int type, GBytes *bytes, gpointer data) {
                        gsize size = 0;
                        auto *text = static_cast<const char *> (g_bytes_get_data (bytes, &size));
                        auto *self = static_cast<WebSocketServer *> (data);
                        if (self->on_message) self->on_message (c, type, { text, size });
                      }),
                      this);
    g_signal_connect (opened, "closed", G_CALLBACK (+[] (SoupWebsocketConnection *c, gpointer data) {
                        static_cast<WebSocketServer *> (data)->closed_code
                            = soup_websocket_connection_get_close_code (c);
                      }),
                      this);
    if (on_open) on_open (opened);
  }
  Ref<SoupServer> server_ = Ref<SoupServer>::adopt (SOUP_SERVER (soup_server_new (nullptr, nullptr)));
};

struct Client : WebSocket::Listener {
  std::unique_ptr<WebSocket> socket;
  int opened = 0, closed = 0, status = -1, code = -1;
  std::vector<std::string> messages;
  Error error;
  std::function<void ()> open_hook, message_hook, closed_hook;

  void
  on_open () override {
    ++opened;
    if (open_hook) open_hook ();
  }
  void
  on_message (std::string_view bytes) override {
    messages.emplace_back (bytes);
    if (message_hook) message_hook ();
  }
  void
  on_closed (const Error &e, int http_status, int close_code) override {
    ++closed;
    error = e;
    status = http_status;
    code = close_code;
    if (closed_hook) closed_hook ();
  }
};

class Ws : public testing::Test {
protected:
  std::unique_ptr<Network> network = make_soup_network ({});
  Client client;

  void
  open (const std::string &url, Millis timeout = 10s, size_t max = 8u << 20) {
    WebSocketRequest request;
    request.url = url;
    request.timeout = timeout;
    request.max_message_bytes = max;
    client.socket = network->open (request, client);
    EXPECT_EQ (client.opened + client.closed, 0) << "a callback came before open() returned";
  }
  testing::AssertionResult
  soon (std::function<bool ()> pred) {
    if (wait_until (pred, 20s, nullptr)) return testing::AssertionSuccess ();
    return testing::AssertionFailure () << "not within 20 s; last error: " << client.error.message;
  }
  void
  pass (Millis time) {
    bool over = false;
    auto timer = call_after (time, [&] { over = true; });
    ASSERT_TRUE (soon ([&] { return over; }));
  }
};

size_t
resident_bytes () {
  std::ifstream statm ("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t> (sysconf (_SC_PAGESIZE));
}

} // namespace

TEST_F (Ws, EchoesBinaryMessagesInOrder) {
  WebSocketServer server;
  server.on_message = [] (SoupWebsocketConnection *c, int type, std::string_view text) {
    EXPECT_EQ (type, SOUP_WEBSOCKET_DATA_BINARY);
    soup_websocket_connection_send_binary (c, text.data (), text.size ());
  };
  client.open_hook = [this] {
    client.socket->send ("one");
    client.socket->send (std::string_view ("t\0wo", 4));
    client.socket->send ("");
    client.socket->send ("three");
  };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.messages.size () == 4; }));
  EXPECT_EQ (client.messages, (std::vector<std::string>{ "one", std::string ("t\0wo", 4), "", "three" }));
  EXPECT_EQ (client.opened, 1);
}

TEST_F (Ws, SendsTheBearerAndDeliversText) {
  WebSocketServer server;
  server.on_open = [] (SoupWebsocketConnection *c) { soup_websocket_connection_send_text (c, "hello"); };
  WebSocketRequest request;
  request.url = server.url ("/ws");
  request.bearer = Secret ("abc");
  client.socket = network->open (request, client);
  ASSERT_TRUE (soon ([&] { return client.messages.size () == 1; }));
  EXPECT_EQ (client.messages[0], "hello");
  EXPECT_EQ (server.authorization, "Bearer abc");
}

TEST_F (Ws, AMessageFarOverLibsoupsDefaultLimitArrives) {
  WebSocketServer server;
  std::string big (8u << 20, 'x'); // libsoup's own limit is 128 KiB
  server.on_open = [&] (SoupWebsocketConnection *c) {
    soup_websocket_connection_send_binary (c, big.data (), big.size ());
  };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.messages.size () == 1 || client.closed; }));
  ASSERT_EQ (client.messages.size (), 1u);
  EXPECT_EQ (client.messages[0].size (), big.size ());
}

TEST_F (Ws, AMessageOverTheLimitEndsTheConnection) {
  WebSocketServer server;
  std::string big ((8u << 20) + 1, 'x');
  server.on_open = [&] (SoupWebsocketConnection *c) {
    soup_websocket_connection_send_binary (c, big.data (), big.size ());
    soup_websocket_connection_send_text (c, "after");
  };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::Protocol);
  pass (50ms);
  EXPECT_EQ (client.closed, 1);
  EXPECT_TRUE (client.messages.empty ());
}

TEST_F (Ws, AMessageThatNeverEndsTakesNoMemory) {
  RawServer server ([] (RawPeer &peer) {
    if (!peer.upgrade ()) return;
    std::string frame ("\x02\x7f\0\0\0\0\0\x01\0\0", 10); // a first frame of 64 KiB, more to come
    frame += std::string (65536, 'x');
    while (peer.send (frame))
      frame[0] = '\0'; // continuations, never the last
  });
  auto before = resident_bytes ();
  open ("ws://" + server.address ());
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::Protocol);
  EXPECT_LT (resident_bytes (), before + (64u << 20));
}

TEST_F (Ws, AMessageOfManyFramesIsPutTogether) {
  RawServer server ([] (RawPeer &peer) {
    if (!peer.upgrade ()) return;
    for (int i = 0; i < 3;
         ++i) { // each below the limit of 10, their sum above: the count starts anew with each message
      peer.send (std::string ("\x02\x03"
                              "abc",
                              5));
      peer.send (std::string ("\x89\x01p", 3)); // a ping in between does not count
      peer.send (std::string ("\x80\x03"
                              "def",
                              5));
    }
    peer.hold ();
  });
  open ("ws://" + server.address (), 10s, 10);
  ASSERT_TRUE (soon ([&] { return client.messages.size () == 3 || client.closed; }));
  EXPECT_EQ (client.messages, (std::vector<std::string>{ "abcdef", "abcdef", "abcdef" }))
      << client.error.message;
}

TEST_F (Ws, ARefusedUpgradeTellsTheStatus) {
  WebSocketServer server;
  for (guint status : { 200u, 302u, 400u, 401u, 404u, 500u, 503u }) {
    server.status = status;
    client = {};
    open (server.url ("/no"));
    ASSERT_TRUE (soon ([&] { return client.closed; })) << status;
    EXPECT_EQ (client.status, int (status));
    EXPECT_EQ (client.opened, 0);
    EXPECT_EQ (client.error.code, Errc::NotLiveKit) << status;
  }
  EXPECT_EQ (server.requests, 7); // the redirect was not followed
  EXPECT_FALSE (server.connection);
}

TEST_F (Ws, TheServersCloseCodeIsTold) {
  for (int code : { 1000, 1001, 4000 }) {
    WebSocketServer server;
    server.on_open = [&] (SoupWebsocketConnection *c) {
      soup_websocket_connection_send_text (c, "bye");
      soup_websocket_connection_close (c, gushort (code), nullptr);
    };
    client = {};
    open (server.url ("/ws"));
    ASSERT_TRUE (soon ([&] { return client.closed; })) << code;
    EXPECT_EQ (client.code, code);
    EXPECT_EQ (client.status, 0);
    EXPECT_EQ (client.error.code, Errc::SignalLost);
    EXPECT_EQ (client.error.retry, Retry::Resume);
    EXPECT_EQ (client.messages.size (), 1u);
  }
}

TEST_F (Ws, ABrokenConnectionHasNoCloseCode) {
  RawServer server ([] (RawPeer &peer) { peer.upgrade (); });
  open ("ws://" + server.address ());
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.opened, 1);
  EXPECT_EQ (client.code, 0);
  EXPECT_EQ (client.status, 0);
  EXPECT_EQ (client.error.code, Errc::SignalLost);
}

TEST_F (Ws, FramesAgainstTheRulesEndTheConnection) {
  const std::string rows[] = {
    std::string ("\x82\x83", 2) + "mmmmabc",                      // a server must not mask
    std::string ("\xf2\x01x", 3),                                 // reserved bits without an extension
    std::string ("\x80\x01x", 3),                                 // a continuation of nothing
    std::string ("\x83\x01x", 3),                                 // no such opcode
    std::string ("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), // 2⁶⁴ bytes to come
  };
  for (const auto &bytes : rows) {
    RawServer server ([&] (RawPeer &peer) {
      if (peer.upgrade () && peer.send (bytes)) peer.hold ();
    });
    client = {};
    open ("ws://" + server.address ());
    ASSERT_TRUE (soon ([&] { return client.closed; })) << testing::PrintToString (bytes);
    EXPECT_EQ (client.error.code, Errc::Protocol) << testing::PrintToString (bytes);
    EXPECT_TRUE (client.messages.empty ());
    client.socket.reset ();
  }
}

/// A listener that drops every SYN, as long as its queue is full: the kernel sends one again after 1, 3 and 7
/// s.
class DeafListener {
public:
  DeafListener () {
    socklen_t size = sizeof address_;
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    EXPECT_EQ (::bind (fd_, reinterpret_cast<sockaddr *> (&address_), size), 0);
    EXPECT_EQ (::listen (fd_, 0), 0);
    ::getsockname (fd_, reinterpret_cast<sockaddr *> (&address_), &size);
    EXPECT_EQ (::connect (filler_, reinterpret_cast<sockaddr *> (&address_), size), 0);
  }
  ~DeafListener () {
    for (int fd : { fd_, filler_, accepted_ })
      if (fd >= 0) ::close (fd);
  }
  std::string
  url () const {
    return "ws://127.0.0.1:" + std::to_string (ntohs (address_.sin_port)) + "/";
  }
  void
  hear () {
    accepted_ = ::accept (fd_, nullptr, nullptr);
  }
  /// What those that got through said, joined.
  std::string
  heard () {
    for (pollfd ready{ fd_, POLLIN, 0 }; ::poll (&ready, 1, 0) > 0;)
      peers_.push_back (std::make_unique<RawPeer> (::accept (fd_, nullptr, nullptr), stop_));
    std::string all;
    for (auto &peer : peers_) {
      char buffer[4096];
      auto count = ::recv (peer->fd (), buffer, sizeof buffer, MSG_DONTWAIT);
      if (count > 0) peer->received.append (buffer, size_t (count));
      all += peer->received;
    }
    return all;
  }

private:
  int fd_ = ::socket (AF_INET, SOCK_STREAM, 0), filler_ = ::socket (AF_INET, SOCK_STREAM, 0), accepted_ = -1;
  sockaddr_in address_{};
  const std::atomic<bool> stop_{ false };
  std::vector<std::unique_ptr<RawPeer>> peers_;
};

TEST_F (Ws, WhenTheNetworkIsBackTheKernelsNextRepetitionIsNotWaitedFor) {
  DeafListener listener;
  open (listener.url ());
  pass (1200ms); // the second SYN of the first connection is lost, too; the third comes at 3 s
  listener.hear ();
  auto since = std::chrono::steady_clock::now ();
  ASSERT_TRUE (soon ([&] { return listener.heard ().find ("\r\n\r\n") != std::string::npos; }));
  EXPECT_LT (std::chrono::steady_clock::now () - since, 1300ms);
  pass (600ms);
  auto said = listener.heard ();
  EXPECT_EQ (said.find ("GET "), said.rfind ("GET ")) << "one of them speaks, the others never do";
}

TEST_F (Ws, WhereNobodyIsReachedOnlyWhoInsistsTriesOn) {
  for (bool insist : { false, true }) {
    WebSocketRequest request;
    request.url = "ws://no-such-host.invalid/";
    request.timeout = 700ms;
    request.insist = insist;
    client = {};
    auto since = std::chrono::steady_clock::now ();
    client.socket = network->open (request, client);
    ASSERT_TRUE (soon ([&] { return client.closed; }));
    if (insist) {
      EXPECT_GE (std::chrono::steady_clock::now () - since, 700ms);
    } else {
      EXPECT_EQ (client.error.code, Errc::ResolveFailed);
    }
  }
}

TEST_F (Ws, AServerThatNeverAnswersTimesOut) {
  RawServer server ([] (RawPeer &peer) { peer.hold (); });
  open ("ws://" + server.address (), 100ms);
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::Timeout);
  EXPECT_EQ (client.status, 0);
}

TEST_F (Ws, ARefusalWithoutAnEndStillTellsTheStatus) {
  RawServer server ([] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n");
    peer.hold ();
  });
  open ("ws://" + server.address (), 1s);
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.status, 403);
}

TEST_F (Ws, WhatIsNoHttpIsNoLiveKit) {
  RawServer server ([] (RawPeer &peer) {
    peer.send ("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    peer.hold ();
  });
  open ("ws://" + server.address ());
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::NotLiveKit);
}

TEST_F (Ws, AWrongHandshakeIsNoLiveKit) {
  RawServer server ([] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
    peer.hold ();
  });
  open ("ws://" + server.address ());
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::NotLiveKit);
  EXPECT_EQ (client.opened, 0);
}

TEST_F (Ws, ARefusedPortFails) {
  open ("ws://127.0.0.1:" + std::to_string (refused_port ()));
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::ConnectFailed);
  EXPECT_EQ (client.status, 0);
}

/// Makes a tunnel and plays the server behind it.
struct TunnelProxy {
  std::string asked;
  RawServer server{ [this] (RawPeer &peer) {
    if (!peer.read_until ("\r\n\r\n")) return;
    asked = std::exchange (peer.received, "");
    peer.send ("HTTP/1.1 200 Connection established\r\n\r\n");
    if (peer.upgrade ()) peer.hold ();
  } };
};

TEST_F (Ws, GoesThroughAnHttpProxyByConnect) {
  TunnelProxy proxy;
  network = make_soup_network ({ "http://" + proxy.server.address (), "", 0x7f });
  open ("ws://server.invalid:7880/rtc"); // a name that only the proxy could know
  ASSERT_TRUE (soon ([&] { return client.opened || client.closed; }));
  EXPECT_EQ (client.opened, 1) << client.error.message;
  EXPECT_EQ (proxy.asked.find ("CONNECT server.invalid:7880 "), 0u) << proxy.asked;
}

TEST_F (Ws, GoesThroughTheProxyOfTheEnvironmentByConnect) {
  TunnelProxy proxy;
  g_setenv ("http_proxy", ("http://" + proxy.server.address ()).c_str (), TRUE);
  network = make_soup_network ({});
  open ("ws://server.invalid:7880/rtc");
  g_unsetenv ("http_proxy");
  ASSERT_TRUE (soon ([&] { return client.opened || client.closed; }));
  EXPECT_EQ (client.opened, 1) << client.error.message;
  EXPECT_EQ (proxy.asked.find ("CONNECT server.invalid:7880 "), 0u) << proxy.asked;
}

TEST_F (Ws, AProxyThatRefusesIsNamedInTheError) {
  RawServer proxy ([&] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  network = make_soup_network ({ "http://" + proxy.address (), "", 0x7f });
  open ("ws://server.invalid:7880/rtc");
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::ConnectFailed);
  EXPECT_NE (client.error.message.find ("proxy"), std::string::npos) << client.error.message;
}

TEST_F (Ws, ABadUrlIsReportedLater) {
  open ("nonsense");
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::InvalidUrl);
}

TEST_F (Ws, CloseSendsWhatIsQueuedThenShakesHands) {
  WebSocketServer server;
  std::string last;
  server.on_message = [&] (SoupWebsocketConnection *, int, std::string_view text) { last = text; };
  client.open_hook = [this] {
    client.socket->send (std::string (1 << 20, 'x'));
    client.socket->send ("leave");
    client.socket->close ();
    client.socket->send ("too late");
  };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.closed && server.closed_code >= 0; }));
  EXPECT_EQ (last, "leave");
  EXPECT_EQ (server.closed_code, 1000);
  EXPECT_EQ (client.code, 1000);
  EXPECT_EQ (client.error.code, Errc::Closed);
}

TEST_F (Ws, CloseIsBoundedWhenTheServerDoesNotReact) {
  RawServer server ([] (RawPeer &peer) {
    if (peer.upgrade ()) peer.hold ();
  });
  client.open_hook = [this] { client.socket->close (); };
  open ("ws://" + server.address ());
  ASSERT_TRUE (soon ([&] { return client.opened; }));
  auto start = std::chrono::steady_clock::now ();
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_LT (std::chrono::steady_clock::now () - start, 3s); // libsoup alone waits 5 s
  EXPECT_EQ (client.error.code, Errc::Closed);
}

TEST_F (Ws, AConnectionThatProvesBrokenWhileItIsClosedTellsSoAfterwards) {
  std::atomic<bool> opened = false, reset = false;
  RawServer server ([&] (RawPeer &peer) {
    if (!peer.upgrade () || !wait_until ([&] { return opened.load (); }, 20s)) return;
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    reset = ::connect (peer.fd (), &nowhere, sizeof nowhere) == 0; // Linux sends an RST
  });
  open ("ws://" + server.address ());
  client.closed_hook = [this] { client.socket.reset (); };
  ASSERT_TRUE (soon ([&] { return client.opened; }));
  opened = true;
  ASSERT_TRUE (wait_until ([&] { return reset.load (); }, 20s)); // while nothing of ours runs
  client.socket->close ();
  EXPECT_EQ (client.closed, 0) << "the owner was told from within its call";
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.error.code, Errc::Closed);
}

TEST_F (Ws, CloseBeforeOpenEndsWithOneCallback) {
  RawServer server ([] (RawPeer &peer) { peer.hold (); });
  open ("ws://" + server.address ());
  client.socket->close ();
  client.socket->close ();
  EXPECT_EQ (client.closed, 0);
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  pass (50ms);
  EXPECT_EQ (client.closed, 1);
  EXPECT_EQ (client.error.code, Errc::Closed);
}

TEST_F (Ws, AfterDestructionNothingIsCalled) {
  WebSocketServer server;
  server.on_open = [] (SoupWebsocketConnection *c) { soup_websocket_connection_send_text (c, "hello"); };
  open (server.url ("/ws"));
  client.socket.reset (); // while connecting
  pass (50ms);
  EXPECT_EQ (client.opened + client.closed, 0);

  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.messages.size () == 1; }));
  client.socket.reset (); // while open
  int closed = client.closed;
  ASSERT_TRUE (soon ([&] { return server.closed_code >= 0; })); // the server sees it go
  EXPECT_EQ (client.closed, closed);
}

TEST_F (Ws, MayBeDestroyedInsideEveryCallback) {
  WebSocketServer server;
  server.on_open = [] (SoupWebsocketConnection *c) {
    for (int i = 0; i < 10; ++i)
      soup_websocket_connection_send_text (c, "hello");
    soup_websocket_connection_close (c, 1000, nullptr);
  };
  client.open_hook = [this] { client.socket.reset (); };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.opened; }));
  pass (20ms);
  EXPECT_TRUE (client.messages.empty ());

  client = {};
  client.message_hook = [this] { client.socket.reset (); };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return !client.messages.empty (); }));
  pass (20ms);
  EXPECT_EQ (client.messages.size (), 1u);
  EXPECT_EQ (client.closed, 0);

  client = {};
  client.closed_hook = [this] {
    client.socket.reset ();
    network.reset ();
  };
  open (server.url ("/ws"));
  ASSERT_TRUE (soon ([&] { return client.closed; }));
  EXPECT_EQ (client.messages.size (), 10u);
}

TEST (WsThread, LeavesNoDescriptorBehind) {
  auto descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd)
      count += fcntl (fd, F_GETFD) >= 0;
    return count;
  };
  RawServer server ([] (RawPeer &peer) {
    if (peer.upgrade ()) peer.hold ();
  });
  int before = 0;
  for (int round = 0; round < 20; ++round) {
    SessionThread thread ("lk:test");
    std::atomic<bool> opened = false;
    Client client;
    std::unique_ptr<Network> network;
    client.open_hook = [&] { opened = true; };
    thread.queue ()->post ([&] {
      network = make_soup_network ({});
      WebSocketRequest request;
      request.url = "ws://" + server.address ();
      client.socket = network->open (request, client);
    });
    ASSERT_TRUE (wait_until ([&] { return opened.load (); }, 20s));
    thread.queue ()->post ([&] {
      client.socket.reset ();
      network.reset ();
    });
    thread.stop ();
    if (round == 4) before = descriptors ();
  }
  EXPECT_LE (descriptors (), before + 1); // the server's side of the last one may still be closing
}
