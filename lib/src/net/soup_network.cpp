#include "net/soup_impl.hpp"

#include <optional>

namespace lk::net {
namespace {

class SoupNetwork : public Network {
public:
  explicit SoupNetwork (const Access &access) : access_ (access) {}

  ExchangePtr
  fetch (const Request &request, std::function<void (Result<Response>)> done) override {
    return start_exchange (session (requests_, Purpose::Requests), request, access_.tls_validation_flags,
                           std::move (done));
  }
  std::unique_ptr<WebSocket>
  open (const WebSocketRequest &request, WebSocket::Listener &listener) override {
    return start_websocket (session (websockets_, Purpose::WebSockets), request, access_.tls_validation_flags,
                            listener);
  }

private:
  using Session = std::optional<Result<Ref<SoupSession>>>;

  /// Made at the first use, because a SoupSession remembers the thread-default context it was made under.
  const Result<Ref<SoupSession>> &
  session (Session &session, Purpose purpose) {
    if (!session) session = make_session (access_, purpose);
    return *session;
  }

  Access access_;
  Session requests_, websockets_;
};

} // namespace

std::unique_ptr<Network>
make_soup_network (const Access &access) {
  return std::make_unique<SoupNetwork> (access);
}

} // namespace lk::net
