// TLS: system trust, ca-file and tls-validation-flags, with a certificate made here.
#include "fakes/wait.hpp"
#include "net/network.hpp"
#include "net/soup_impl.hpp"
#include "net_certificate.hpp"

#include <glib/gstdio.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

using namespace lk;
using namespace lk::net;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

struct Opened : WebSocket::Listener {
  bool opened = false;
  std::optional<Error> error;
  void
  on_open () override {
    opened = true;
  }
  void
  on_message (std::string_view) override {}
  void
  on_closed (const Error &e, int, int) override {
    error = e;
  }
};

class Tls : public testing::Test {
protected:
  void
  serve (bool expired = false) {
    pem = make_certificate (expired);
    auto certificate
        = Ref<GTlsCertificate>::adopt (g_tls_certificate_new_from_pem (pem.c_str (), -1, nullptr));
    ASSERT_TRUE (certificate);
    server = Ref<SoupServer>::adopt (SOUP_SERVER (soup_server_new (nullptr, nullptr)));
    soup_server_set_tls_certificate (server.get (), certificate.get ());
    soup_server_add_handler (
        server.get (), nullptr,
        [] (SoupServer *, SoupServerMessage *m, const char *, GHashTable *, gpointer data) {
          ++*static_cast<int *> (data);
          soup_server_message_set_status (m, 200, nullptr);
        },
        &requests, nullptr);
    soup_server_add_websocket_handler (
        server.get (), "/ws", nullptr, nullptr,
        [] (SoupServer *, SoupServerMessage *, const char *, SoupWebsocketConnection *, gpointer) {}, nullptr,
        nullptr);
    auto options = SoupServerListenOptions (SOUP_SERVER_LISTEN_HTTPS | SOUP_SERVER_LISTEN_IPV4_ONLY);
    ASSERT_TRUE (soup_server_listen_local (server.get (), 0, options, nullptr));
    GSList *uris = soup_server_get_uris (server.get ());
    host = "127.0.0.1:" + std::to_string (g_uri_get_port (static_cast<GUri *> (uris->data)));
    g_slist_free_full (uris, reinterpret_cast<GDestroyNotify> (g_uri_unref));
  }
  void
  TearDown () override {
    // Never disconnected: libsoup 3.6 frees a connection while its handshake is under way, and then uses it.
    static auto *kept = new std::vector<Ref<SoupServer>>;
    kept->push_back (std::move (server));
    if (!ca_file.empty ()) g_unlink (ca_file.c_str ());
  }
  std::string
  write_ca () {
    gchar *path = nullptr;
    int fd = g_file_open_tmp ("lk-ca-XXXXXX.pem", &path, nullptr);
    g_close (fd, nullptr);
    ca_file = path;
    g_free (path);
    g_file_set_contents (ca_file.c_str (), pem.substr (0, pem.find ("-----BEGIN PRIVATE")).c_str (), -1,
                         nullptr);
    return ca_file;
  }
  Result<Response>
  get (const Access &access) {
    auto network = make_soup_network (access);
    std::optional<Result<Response>> result;
    Request request;
    request.url = "https://" + host + "/";
    request.bearer = Secret ("abc");
    auto exchange = network->fetch (request, [&] (Result<Response> r) { result = std::move (r); });
    if (!wait_until ([&] { return result.has_value (); }, 20s, nullptr))
      return Error{ Errc::Internal, Retry::Never, "no callback" };
    return *result;
  }

  Ref<SoupServer> server;
  std::string pem, host, ca_file;
  int requests = 0;
};

} // namespace

TEST_F (Tls, AnUnknownCertificateIsRefusedBeforeTheTokenIsSent) {
  serve ();
  auto result = get ({});
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::TlsFailed);
  EXPECT_EQ (result.error ().retry, Retry::Never);
  EXPECT_EQ (requests, 0);
}

TEST_F (Tls, ACaFileMakesItKnown) {
  serve ();
  auto result = get ({ "", write_ca (), 0x7f });
  ASSERT_TRUE (result) << result.error ().message;
  EXPECT_EQ (requests, 1);
}

TEST_F (Tls, AnExpiredCertificateIsRefusedEvenIfKnown) {
  serve (true);
  EXPECT_FALSE (get ({ "", write_ca (), 0x7f }));
  EXPECT_TRUE (get ({ "", ca_file, 0x7f & ~uint32_t (G_TLS_CERTIFICATE_EXPIRED) }));
}

TEST_F (Tls, FlagsSayWhatIsEnforced) {
  serve ();
  EXPECT_FALSE (get ({ "", "", G_TLS_CERTIFICATE_UNKNOWN_CA }));
  EXPECT_TRUE (get ({ "", "", 0x7f & ~uint32_t (G_TLS_CERTIFICATE_UNKNOWN_CA) }));
  EXPECT_TRUE (get ({ "", "", 0 }));
}

TEST_F (Tls, HoldsForWebSocketsToo) {
  serve ();
  for (uint32_t flags : { 0x7fu, 0u }) {
    auto network = make_soup_network ({ "", "", flags });
    Opened listener;
    WebSocketRequest request;
    request.url = "wss://" + host + "/ws";
    auto socket = network->open (request, listener);
    ASSERT_TRUE (wait_until ([&] { return listener.opened || listener.error; }, 20s, nullptr));
    EXPECT_EQ (listener.opened, flags == 0);
    EXPECT_EQ (listener.error && listener.error->code == Errc::TlsFailed, flags != 0);
  }
}

TEST_F (Tls, PlainTextToATlsPortIsAnError) {
  serve ();
  auto network = make_soup_network ({});
  Opened listener;
  WebSocketRequest request;
  request.url = "ws://" + host + "/ws";
  request.timeout = 5s;
  auto socket = network->open (request, listener);
  ASSERT_TRUE (wait_until ([&] { return listener.error.has_value (); }, 20s, nullptr));
  EXPECT_FALSE (listener.opened);
}
