// A Network in memory: keeps what was asked and sent, and answers, breaks or stays silent as the test says.
//
//   FakeNetwork network;                       // code under test opens a WebSocket or fetches
//   network.socket ().open ();                 // the upgrade was accepted
//   network.socket ().deliver (bytes);         // the server sends
//   network.socket ().sent[0]                  // what the code under test sent
//   network.socket ().refuse (401);            // instead of open()
//   network.exchange ().answer (200, "ok");
#pragma once

#include "net/network.hpp"

#include <cassert>
#include <deque>
#include <vector>

namespace lk::test {

/// One WebSocket as the server sees it. Stays readable after the code under test has dropped it.
class FakeSocket {
public:
  net::WebSocketRequest request;
  std::vector<std::string> sent;
  bool closing = false; ///< close() was called
  bool dropped = false; ///< destroyed by its owner

  bool
  is_open () const {
    return open_;
  }
  void
  open () {
    open_ = true;
    if (listener_) listener_->on_open ();
  }
  void
  deliver (const std::string &bytes) {
    if (listener_) listener_->on_message (bytes);
  }
  /// The upgrade was answered with an HTTP status.
  void
  refuse (int status) {
    end ({ Errc::NotLiveKit, Retry::Never, "refused" }, status, 0);
  }
  void
  fail (const Error &error) {
    end (error, 0, 0);
  }
  void
  close_by_server (int code = 1000) {
    end ({ Errc::SignalLost, Retry::Resume, "closed by the server" }, 0, code);
  }
  void
  finish_closing () {
    end ({ Errc::Closed, Retry::Never, "closed" }, 0, 1000);
  }

private:
  friend class FakeNetwork;
  void
  end (const Error &error, int status, int code) {
    open_ = false;
    if (auto *listener = std::exchange (listener_, nullptr)) listener->on_closed (error, status, code);
  }
  net::WebSocket::Listener *listener_ = nullptr;
  bool open_ = false;
};

/// One HTTP request. `cancelled`: its owner destroyed it before an answer.
class FakeExchange {
public:
  net::Request request;
  bool cancelled = false;

  void
  answer (int status, const std::string &body) {
    finish (net::Response{ status, body, "text/plain" });
  }
  void
  fail (const Error &error) {
    finish (error);
  }

private:
  friend class FakeNetwork;
  void
  finish (Result<net::Response> result) {
    if (auto done = std::exchange (done_, nullptr)) done (std::move (result));
  }
  std::function<void (Result<net::Response>)> done_;
};

class FakeNetwork : public net::Network {
public:
  std::deque<std::shared_ptr<FakeSocket>> sockets;
  std::deque<std::shared_ptr<FakeExchange>> exchanges;

  /// The latest one.
  FakeSocket &
  socket () {
    assert (!sockets.empty ());
    return *sockets.back ();
  }
  FakeExchange &
  exchange () {
    assert (!exchanges.empty ());
    return *exchanges.back ();
  }

  net::ExchangePtr
  fetch (const net::Request &request, std::function<void (Result<net::Response>)> done) override {
    auto exchange = std::make_shared<FakeExchange> ();
    exchange->request = request;
    exchange->done_ = std::move (done);
    exchanges.push_back (exchange);
    return std::make_unique<ExchangeHandle> (exchange);
  }

  std::unique_ptr<net::WebSocket>
  open (const net::WebSocketRequest &request, net::WebSocket::Listener &listener) override {
    auto socket = std::make_shared<FakeSocket> ();
    socket->request = request;
    socket->listener_ = &listener;
    sockets.push_back (socket);
    return std::make_unique<SocketHandle> (socket);
  }

private:
  struct ExchangeHandle : net::Exchange {
    explicit ExchangeHandle (std::shared_ptr<FakeExchange> e) : exchange (std::move (e)) {}
    ~ExchangeHandle () override {
      if (std::exchange (exchange->done_, nullptr)) exchange->cancelled = true;
    }
    std::shared_ptr<FakeExchange> exchange;
  };
  struct SocketHandle : net::WebSocket {
    explicit SocketHandle (std::shared_ptr<FakeSocket> s) : socket (std::move (s)) {}
    ~SocketHandle () override {
      socket->listener_ = nullptr;
      socket->dropped = true;
    }
    void
    send (std::string_view bytes) override {
      if (socket->open_ && !socket->closing) socket->sent.emplace_back (bytes);
    }
    void
    close () override {
      socket->closing = true;
    }
    std::shared_ptr<FakeSocket> socket;
  };
};

} // namespace lk::test
