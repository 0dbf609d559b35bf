// HTTP over libsoup against servers in this process, on loopback ports.
#include "fakes/raw_server.hpp"
#include "fakes/wait.hpp"
#include "net/network.hpp"
#include "net/soup_impl.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>

using namespace lk;
using namespace lk::net;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

/// A SoupServer on the default main context, which the tests run.
class HttpServer {
public:
  struct Seen {
    std::string method, path, authorization, body, content_type;
  };
  using Handler = std::function<void (SoupServerMessage *)>;

  explicit HttpServer (Handler handler) : handler_ (std::move (handler)) {
    soup_server_add_handler (
        server_.get (), nullptr,
        [] (SoupServer *, SoupServerMessage *message, const char *path, GHashTable *, gpointer data) {
          auto *self = static_cast<HttpServer *> (data);
          auto *headers = soup_server_message_get_request_headers (message);
          auto text = [] (const char *t) { return std::string (t ? t : ""); };
          auto *body = soup_server_message_get_request_body (message);
          self->seen.push_back (
              { soup_server_message_get_method (message), path,
                text (soup_message_headers_get_one (headers, "Authorization")),
                std::string (body->data ? body->data : "", static_cast<size_t> (body->length)),
                text (soup_message_headers_get_content_type (headers, nullptr)) });
          self->handler_ (message);
        },
        this, nullptr);
    EXPECT_TRUE (soup_server_listen_local (server_.get (), 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr));
  }
  ~HttpServer () { soup_server_disconnect (server_.get ()); }

  std::string
  url (const std::string &path) const {
    GSList *uris = soup_server_get_uris (server_.get ());
    std::string port = std::to_string (g_uri_get_port (static_cast<GUri *> (uris->data)));
    g_slist_free_full (uris, reinterpret_cast<GDestroyNotify> (g_uri_unref));
    return "http://127.0.0.1:" + port + path;
  }

  std::vector<Seen> seen;

private:
  Handler handler_;
  Ref<SoupServer> server_ = Ref<SoupServer>::adopt (SOUP_SERVER (soup_server_new (nullptr, nullptr)));
};

void
answer (SoupServerMessage *message, guint status, const std::string &body) {
  soup_server_message_set_status (message, status, nullptr);
  soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_COPY, body.data (), body.size ());
}

class Http : public testing::Test {
protected:
  std::unique_ptr<Network> network = make_soup_network ({});

  Result<Response>
  get (Request request) {
    std::optional<Result<Response>> result;
    auto exchange = network->fetch (request, [&] (Result<Response> r) { result = std::move (r); });
    EXPECT_FALSE (result) << "the callback came before fetch() returned";
    if (!wait_until ([&] { return result.has_value (); }, 20s, nullptr))
      return Error{ Errc::Internal, Retry::Never, "no callback" };
    return *result;
  }
  Request
  request (const std::string &url) {
    Request r;
    r.url = url;
    return r;
  }
};

} // namespace

TEST_F (Http, BringsStatusBodyAndType) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, "hello"); });
  auto result = get (request (server.url ("/x")));
  ASSERT_TRUE (result) << result.error ().message;
  EXPECT_EQ (result->status, 200);
  EXPECT_EQ (result->body, "hello");
  EXPECT_EQ (result->content_type, "text/plain");
  ASSERT_EQ (server.seen.size (), 1u);
  EXPECT_EQ (server.seen[0].method, "GET");
  EXPECT_EQ (server.seen[0].authorization, "");
}

TEST_F (Http, SendsMethodBodyAndBearer) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, ""); });
  auto r = request (server.url ("/post"));
  r.method = "POST";
  r.body = "{}";
  r.content_type = "application/json";
  r.bearer = Secret ("abc");
  ASSERT_TRUE (get (r));
  ASSERT_EQ (server.seen.size (), 1u);
  EXPECT_EQ (server.seen[0].method, "POST");
  EXPECT_EQ (server.seen[0].body, "{}");
  EXPECT_EQ (server.seen[0].content_type, "application/json");
  EXPECT_EQ (server.seen[0].authorization, "Bearer abc");
}

TEST_F (Http, AnErrorStatusIsAResponse) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 404, "nothing here"); });
  auto result = get (request (server.url ("/")));
  ASSERT_TRUE (result);
  EXPECT_EQ (result->status, 404);
  EXPECT_EQ (result->body, "nothing here");
}

TEST_F (Http, FollowsNoRedirect) {
  HttpServer server ([] (SoupServerMessage *m) { soup_server_message_set_redirect (m, 302, "/elsewhere"); });
  auto r = request (server.url ("/"));
  r.bearer = Secret ("abc");
  auto result = get (r);
  ASSERT_TRUE (result);
  EXPECT_EQ (result->status, 302);
  EXPECT_EQ (server.seen.size (), 1u); // the token went to one place only
}

TEST_F (Http, AServerThatAsksForAPasswordGetsNone) {
  HttpServer server ([] (SoupServerMessage *m) {
    soup_message_headers_replace (soup_server_message_get_response_headers (m), "WWW-Authenticate",
                                  "Basic realm=\"x\"");
    answer (m, 401, "no");
  });
  auto result = get (request (server.url ("/")));
  ASSERT_TRUE (result);
  EXPECT_EQ (result->status, 401);
  EXPECT_EQ (server.seen.size (), 1u);
}

TEST_F (Http, ABodyOverTheLimitIsAnError) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, std::string (100'000, 'x')); });
  auto r = request (server.url ("/"));
  r.max_body_bytes = 100'000;
  auto result = get (r);
  ASSERT_TRUE (result);
  EXPECT_EQ (result->body.size (), 100'000u);
  r.max_body_bytes = 99'999;
  result = get (r);
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::LimitExceeded);
}

TEST_F (Http, AnEndlessBodyIsCutOffAtTheLimit) {
  RawServer server ([] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send (std::string (65536, 'x'))) {
    }
  });
  auto result = get (request ("http://" + server.address ()));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::LimitExceeded);
}

TEST_F (Http, EndlessHeadersAreAnError) {
  RawServer server ([] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 200 OK\r\n");
    while (peer.send ("X: " + std::string (1000, 'x') + "\r\n")) {
    }
  });
  EXPECT_FALSE (get (request ("http://" + server.address ())));
}

TEST_F (Http, AServerThatNeverAnswersTimesOut) {
  RawServer server ([] (RawPeer &peer) { peer.hold (); });
  auto r = request ("http://" + server.address ());
  r.timeout = 100ms;
  auto result = get (r);
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Timeout);
  EXPECT_NE (result.error ().message.find (server.address ()), std::string::npos);
}

TEST_F (Http, ADrippingServerTimesOutAsAWhole) {
  RawServer server ([] (RawPeer &peer) {
    peer.read_until ("\r\n\r\n");
    peer.send ("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send ("."))
      g_usleep (5000); // the pace of a server that drips
  });
  auto r = request ("http://" + server.address ());
  r.timeout = 300ms;
  auto result = get (r);
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Timeout);
}

TEST_F (Http, WhatIsNoHttpIsNoLiveKit) {
  RawServer server ([] (RawPeer &peer) {
    peer.send ("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    peer.hold ();
  });
  auto result = get (request ("http://" + server.address ()));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::NotLiveKit);
}

TEST_F (Http, AConnectionClosedWithoutAnAnswerFails) {
  RawServer server ([] (RawPeer &peer) { peer.read_until ("\r\n\r\n"); });
  auto result = get (request ("http://" + server.address ()));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::ConnectFailed);
}

TEST_F (Http, ARefusedPortFails) {
  auto result = get (request ("http://127.0.0.1:" + std::to_string (refused_port ())));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::ConnectFailed);
  EXPECT_NE (result.error ().message.find ("nothing listens at 127.0.0.1:"), std::string::npos);
}

TEST_F (Http, ABadUrlIsReportedLater) {
  auto result = get (request ("not a url"));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::InvalidUrl);
}

TEST_F (Http, AMissingCaFileIsASettingsError) {
  network = make_soup_network ({ "", "/nonexistent/ca.pem", 0x7f });
  auto result = get (request ("http://127.0.0.1:1"));
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Settings);
  EXPECT_NE (result.error ().message.find ("ca-file"), std::string::npos);
}

/// Answers one plain request, which is what a proxy gets for http://.
struct RequestProxy {
  std::string asked;
  RawServer server{ [this] (RawPeer &peer) {
    if (!peer.read_until ("\r\n\r\n")) return;
    asked = peer.received;
    peer.send ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    peer.hold ();
  } };
};

TEST_F (Http, GoesThroughAProxy) {
  RequestProxy proxy;
  network = make_soup_network ({ "http://" + proxy.server.address (), "", 0x7f });
  auto result = get (this->request ("http://server.invalid/path")); // a name that only the proxy could know
  ASSERT_TRUE (result) << result.error ().message;
  EXPECT_EQ (result->body, "hello");
  EXPECT_EQ (proxy.asked.find ("GET http://server.invalid/path "), 0u) << proxy.asked;
}

/// A variable of the environment for the time of a test.
class Variable {
public:
  Variable (const char *name, const std::string &value) : name_ (name) {
    g_setenv (name, value.c_str (), TRUE);
  }
  ~Variable () { g_unsetenv (name_); }
  Variable (const Variable &) = delete;
  Variable &operator= (const Variable &) = delete;

private:
  const char *name_;
};

TEST_F (Http, GoesThroughTheProxyOfTheEnvironment) {
  RequestProxy proxy;
  Variable variable ("http_proxy", proxy.server.address ());
  auto result = get (request ("http://server.invalid/path"));
  ASSERT_TRUE (result) << result.error ().message;
  EXPECT_EQ (proxy.asked.find ("GET http://server.invalid/path "), 0u) << proxy.asked;
}

TEST_F (Http, TheEnvironmentSaysWhichHostsNeedNoProxy) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, "direct"); });
  Variable proxy ("http_proxy", "http://127.0.0.1:" + std::to_string (refused_port ()));
  Variable direct ("no_proxy", "example.com,127.0.0.0/8");
  auto result = get (request (server.url ("/")));
  ASSERT_TRUE (result) << result.error ().message;
  EXPECT_EQ (result->body, "direct");
}

using HttpDeathTest = Http;

TEST_F (HttpDeathTest, WithoutProxiesNoProxyLibraryIsLoaded) {
  // In a process of its own: what one test loads stays loaded.
  testing::GTEST_FLAG (death_test_style) = "threadsafe";
  auto fetch = [this] {
    HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, "x"); });
    const bool fetched = bool (get (request (server.url ("/"))));
    std::ifstream file ("/proc/self/maps");
    const std::string maps (std::istreambuf_iterator<char> (file), {});
    exit (fetched && maps.find ("libsoup") != maps.npos && maps.find ("libproxy") == maps.npos ? 0 : 1);
  };
  EXPECT_EXIT (fetch (), testing::ExitedWithCode (0), "");
}

struct ProxyRow {
  const char *what;
  std::map<std::string, const char *> environment;
  Proxies expected;
};

TEST (NetProxies, AreReadAsOthersReadThem) {
  const ProxyRow rows[] = {
    { "nothing", {}, {} },
    { "each has its own",
      { { "http_proxy", "http://a:1" }, { "https_proxy", "http://b:2" } },
      { "http://a:1", "http://b:2", {} } },
    { "one for all", { { "all_proxy", "socks5://a:1" } }, { "socks5://a:1", "socks5://a:1", {} } },
    { "its own before the one for all",
      { { "ALL_PROXY", "socks5h://a:1" }, { "https_proxy", "b:2" } },
      { "socks5://a:1", "http://b:2", {} } },
    { "capitals", { { "HTTP_PROXY", "a:1" }, { "HTTPS_PROXY", "b:2" } }, { "http://a:1", "http://b:2", {} } },
    { "small letters first", { { "http_proxy", "a:1" }, { "HTTP_PROXY", "b:2" } }, { "http://a:1", "", {} } },
    { "a CGI program's visitor does not choose",
      { { "HTTP_PROXY", "evil:1" }, { "REQUEST_METHOD", "GET" } },
      {} },
    { "empty is unset", { { "http_proxy", "" }, { "HTTP_PROXY", "a:1" } }, { "http://a:1", "", {} } },
    { "exceptions",
      { { "http_proxy", "a:1" }, { "no_proxy", "localhost, .example.com,10.0.0.0/8," } },
      { "http://a:1", "", { "localhost", ".example.com", "10.0.0.0/8" } } },
    { "nobody", { { "all_proxy", "a:1" }, { "NO_PROXY", "*" } }, {} },
  };
  for (const auto &row : rows) {
    auto proxies = proxies_from_environment ([&] (const char *name) {
      auto it = row.environment.find (name);
      return it == row.environment.end () ? nullptr : it->second;
    });
    EXPECT_EQ (proxies.http, row.expected.http) << row.what;
    EXPECT_EQ (proxies.https, row.expected.https) << row.what;
    EXPECT_EQ (proxies.ignored, row.expected.ignored) << row.what;
  }
}

TEST_F (Http, DestroyingTheExchangeCancelsIt) {
  std::atomic<bool> gone = false;
  RawServer silent ([&] (RawPeer &peer) {
    peer.hold ();
    gone = true;
  });
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, "x"); });
  bool called = false;
  auto exchange
      = network->fetch (request ("http://" + silent.address ()), [&] (Result<Response>) { called = true; });
  // The polling timer keeps the loop turning: the server runs on a thread of its own.
  auto tick = start_timer (nullptr, 5ms, true, [] {});
  ASSERT_TRUE (wait_until ([&] { return silent.connections == 1; }, 10s, nullptr));
  exchange.reset ();
  ASSERT_TRUE (
      wait_until ([&] { return gone.load (); }, 9s, nullptr)); // the server saw it go, before any time-out
  EXPECT_FALSE (called);
  EXPECT_TRUE (get (request (server.url ("/")))); // the network is still good
}

TEST_F (Http, TheExchangeMayBeDestroyedInItsCallback) {
  HttpServer server ([] (SoupServerMessage *m) { answer (m, 200, "x"); });
  ExchangePtr exchange;
  int calls = 0;
  exchange = network->fetch (request (server.url ("/")), [&] (Result<Response>) {
    ++calls;
    exchange.reset ();
    network.reset ();
  });
  EXPECT_TRUE (wait_until ([&] { return calls == 1; }, 10s, nullptr));
  EXPECT_FALSE (exchange);
}

TEST (NetErrors, TellTheUserWhatToDo) {
  struct Row {
    GQuark domain;
    int code;
    Errc expected;
    Retry retry;
  };
  const Row rows[] = {
    { G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, Errc::ResolveFailed, Retry::Resume },
    { G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE, Errc::ResolveFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, Errc::ResolveFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, Errc::ConnectFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE, Errc::ConnectFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE, Errc::ConnectFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_TIMED_OUT, Errc::Timeout, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, Errc::ConnectFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_PROXY_NEED_AUTH, Errc::ConnectFailed, Retry::Resume },
    { G_IO_ERROR, G_IO_ERROR_FAILED, Errc::ConnectFailed, Retry::Resume },
    { G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, Errc::TlsFailed, Retry::Never },
    { SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_PARSING, Errc::NotLiveKit, Retry::Never },
  };
  for (const auto &row : rows) {
    ErrorPtr error (g_error_new_literal (row.domain, row.code, "detail"));
    auto explained = explain (error.get (), "host:1");
    EXPECT_EQ (explained.code, row.expected) << g_quark_to_string (row.domain) << " " << row.code;
    EXPECT_EQ (explained.retry, row.retry) << g_quark_to_string (row.domain) << " " << row.code;
    EXPECT_NE (explained.message.find ("host:1"), std::string::npos);
  }
}
