// Watches over a connected link: once a second PathWatch judges its packets.
#pragma once

#include "session/link.hpp"
#include "session/path_watch.hpp"
#include "session/subscriptions.hpp"

namespace lk::session {

/// Session thread. Must not outlive the link; `dead` may destroy it.
class Liveness {
public:
  Liveness (const Context &context, Link &link, const Subscriptions &subscriptions,
            std::function<void (const Error &)> dead);

private:
  void look ();

  const Context context_;
  Link &link_;
  const Subscriptions &subscriptions_;
  const std::function<void (const Error &)> dead_;
  PathWatch watch_;
  TimerPtr timer_;
};

} // namespace lk::session
