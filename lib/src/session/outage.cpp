#include "session/outage.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// An attempt that hung for so long has been a wait itself.
constexpr Millis kHung{ 1000 };

} // namespace

Outage::Outage (const Context &context, const ReconnectPolicy &policy, std::function<void ()> attempt)
    : context_ (context), policy_ (policy), attempt_ (std::move (attempt)),
      since_ (context.env.clock->now ()), backoff_ (policy),
      network_ (context.env.parts->watch_network ([this] {
        if (!next_) return; // an attempt is under way
        GST_INFO ("%s: the network has changed", context_.name.c_str ());
        attempt_now ();
      })) {}

void
Outage::count_attempt () {
  backoff_.next (Millis (0), *context_.env.random);
}

void
Outage::limit (std::function<void ()> expired) {
  if (policy_.timeout > Millis (0)) limit_ = context_.timers->once (policy_.timeout, std::move (expired));
}

void
Outage::attempt_later () {
  auto now = context_.env.clock->now ();
  auto delay = backoff_.next (std::chrono::duration_cast<Millis> (now - since_), *context_.env.random);
  if (begun_ && now - *begun_ >= kHung) delay = Millis (0);
  GST_INFO ("%s: attempt %d in %d ms", context_.name.c_str (), backoff_.attempts (),
            static_cast<int> (delay.count ()));
  attempt_after (delay);
}

void
Outage::attempt_now () {
  attempt_after (Millis (0));
}

void
Outage::attempt_after (Millis delay) {
  next_ = context_.timers->once (delay, [this] {
    next_.reset ();
    begun_ = context_.env.clock->now ();
    auto attempt = attempt_; // which may be the end of this outage
    attempt ();
  });
}

} // namespace lk::session
