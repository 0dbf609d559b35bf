#include "net/soup_impl.hpp"

#include <optional>

namespace lk::net {
namespace {

class SoupNetwork : public Network {
public:
  explicit SoupNetwork (const Access &access) : access_ (access) {}

  ExchangePtr
  fetch (const Request &request, std::function<void (Result<Response>)> done) override {
    return start_exchange (session (), request, access_.tls_validation_flags, std::move (done));
  }
  std::unique_ptr<WebSocket>
  open (const WebSocketRequest &request, WebSocket::Listener &listener) override {
    return start_websocket (session (), request, access_.tls_validation_flags, listener);
  }

private:
  /// Made at the first use, because a SoupSession remembers the thread-default context it was made under.
  const Result<Ref<SoupSession>> &
  session () {
    if (!session_) session_ = make_session (access_);
    return *session_;
  }

  Access access_;
  std::optional<Result<Ref<SoupSession>>> session_;
};

} // namespace

std::unique_ptr<Network>
make_soup_network (const Access &access) {
  return std::make_unique<SoupNetwork> (access);
}

} // namespace lk::net
