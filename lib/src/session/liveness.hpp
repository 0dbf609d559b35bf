// Watches over a connected link: once a second PathWatch judges its packets, and each change of the network
// is looked into.
#pragma once

#include "session/link.hpp"
#include "session/path_watch.hpp"
#include "session/subscriptions.hpp"

namespace lk::session {

/// Session thread. Must not outlive the link. Gives up the link when its path is dead, which may be its own
/// end.
class Liveness {
public:
  Liveness (const Context &context, Link &link, const Subscriptions &subscriptions);

private:
  void look ();
  void network_changed ();

  const Context context_;
  Link &link_;
  const Subscriptions &subscriptions_;
  PathWatch watch_;
  TimerPtr timer_, settling_;
  std::unique_ptr<net::NetworkWatch> network_;
};

} // namespace lk::session
