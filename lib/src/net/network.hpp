// HTTP and WebSocket as the session needs them; soup_network.cpp implements them over libsoup 3, tests/fakes
// in memory. Everything happens on the thread that calls, whose thread-default GMainContext delivers the
// callbacks.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lk::net {

/// Trust and routing, the same for every request of a session.
struct Access {
  std::string proxy;                    ///< "http://host:port"; empty = what the environment says
  std::string ca_file;                  ///< PEM; empty = system CAs
  uint32_t tls_validation_flags = 0x7f; ///< GTlsCertificateFlags to enforce (G_TLS_CERTIFICATE_VALIDATE_ALL)
};

struct Request {
  std::string url;
  std::string method = "GET";
  Secret bearer; ///< sent as "Authorization: Bearer …" unless empty
  std::string content_type, body;
  Millis timeout{ 10000 };
  size_t max_body_bytes = 1 << 20;
};

struct Response {
  int status = 0;
  std::string body, content_type;
};

/// An exchange under way; destroying it cancels it and no callback follows.
class Exchange {
public:
  virtual ~Exchange () = default;
};
using ExchangePtr = std::unique_ptr<Exchange>;

struct WebSocketRequest {
  std::string url; ///< ws:// or wss://
  Secret bearer;
  Millis timeout{ 10000 };             ///< until open
  size_t max_message_bytes = 8u << 20; ///< a larger incoming message ends the connection with Errc::Protocol
  bool insist = false;                 ///< where nobody is reached, try on until the time is over
};

class WebSocket {
public:
  struct Listener {
    virtual ~Listener () = default;
    virtual void on_open () = 0;
    /// One whole binary message; the view is valid during the call. Text messages are delivered too.
    virtual void on_message (std::string_view bytes) = 0;
    /// The last call, once: never opened (http_status: what the server answered to the upgrade, 0 = no
    /// answer) or closed afterwards (close_code 0 = broken without a close frame). `error` says what
    /// happened.
    virtual void on_closed (const Error &error, int http_status, int close_code) = 0;
  };

  /// Destroying it drops the connection and no callback follows; legal from inside a callback.
  virtual ~WebSocket () = default;
  virtual void send (std::string_view binary) = 0;
  /// Starts the closing handshake (code 1000). Bounded: after 250 ms the connection is dropped.
  virtual void close () = 0;
};

class Network {
public:
  virtual ~Network () = default;
  /// Redirects are not followed: a 3xx is a response like any other (a token must not travel to another
  /// host). Errors: ResolveFailed, ConnectFailed, TlsFailed, Timeout, LimitExceeded (body too large),
  /// NotLiveKit (no HTTP).
  virtual ExchangePtr fetch (const Request &request, std::function<void (Result<Response>)> done) = 0;
  virtual std::unique_ptr<WebSocket> open (const WebSocketRequest &request, WebSocket::Listener &listener)
      = 0;
};

std::unique_ptr<Network> make_soup_network (const Access &access);

} // namespace lk::net
