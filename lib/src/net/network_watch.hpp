// Notices that this machine's network has changed: an address or a route has come or gone.
#pragma once

#include <functional>
#include <memory>

namespace lk::net {

/// Its end stops it.
class NetworkWatch {
public:
  virtual ~NetworkWatch () = default;
};

/// `changed` is called on the thread-default main context of the caller, several times for one event. Null
/// where the system does not tell.
std::unique_ptr<NetworkWatch> watch_network (std::function<void ()> changed);

} // namespace lk::net
