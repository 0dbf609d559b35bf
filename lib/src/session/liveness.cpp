#include "session/liveness.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// For a sign of life on the signalling connection after the media fell silent.
constexpr Millis kProbeTimeout{ 3000 };

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
      timer_ (context.timers->every (PathWatch::kPeriod, [this] { look (); })) {}

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
