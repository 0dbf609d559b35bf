#include "session/liveness.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// For a sign of life on the signalling connection after the media fell silent.
constexpr Millis kProbeTimeout{ 3000 };
// The same with a change of the network as a reason for doubt. A resume for nothing is noticed by nobody.
constexpr Millis kDoubtTimeout{ 1500 };
// One event comes as several: an address, its routes.
constexpr Millis kSettleTime{ 100 };

Error
dead_path () {
  return {
    Errc::TransportLost, Retry::Resume,
    "no media for 10 s although the server answers: check that UDP or TCP to its media ports is open"
  };
}

} // namespace

Liveness::Liveness (const Context &context, Link &link, const Subscriptions &subscriptions)
    : context_ (context), link_ (link), subscriptions_ (subscriptions),
      timer_ (context.timers->every (PathWatch::kPeriod, [this] { look (); })),
      network_ (context.env.parts->watch_network ([this] {
        if (!settling_) settling_ = context_.timers->once (kSettleTime, [this] { network_changed (); });
      })) {}

void
Liveness::network_changed () {
  auto timer = std::move (settling_);
  if (auto side = link_.stranded ())
    return link_.give_up (*side, { Errc::TransportLost, Retry::Resume,
                                   "this machine has lost the address that the connection uses" });
  // Another interface's affair, most likely; or a route.
  GST_INFO ("%s: the network has changed, asking the server for a sign of life", context_.name.c_str ());
  link_.probe (kDoubtTimeout);
}

void
Liveness::look () {
  auto [publisher, subscriber] = link_.activity ();
  PathSample sample;
  sample.now = context_.env.clock->now ();
  sample.expecting = subscriptions_.receiving ();
  sample.received = subscriber.rtp_in + subscriber.rtcp_in;
  sample.sent = publisher.rtp_out;
  sample.reports = publisher.rtcp_in;
  switch (watch_.look (sample)) {
  case PathWatch::Verdict::Fine:
    break;
  case PathWatch::Verdict::Probe:
    GST_INFO ("%s: no media for 5 s, asking the server for a sign of life", context_.name.c_str ());
    link_.probe (kProbeTimeout);
    break;
  case PathWatch::Verdict::ReceivingDead:
    return link_.give_up (Link::Cause::Subscriber, dead_path ());
  case PathWatch::Verdict::SendingDead:
    return link_.give_up (Link::Cause::Publisher, dead_path ());
  }
}

} // namespace lk::session
