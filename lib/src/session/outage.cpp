#include "session/outage.hpp"

#include "base/log.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {

Outage::Outage (const Context &context, const ReconnectPolicy &policy, std::function<void ()> attempt)
    : context_ (context), policy_ (policy), attempt_ (std::move (attempt)),
      since_ (context.env.clock->now ()), backoff_ (policy) {}

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
  auto age = std::chrono::duration_cast<Millis> (context_.env.clock->now () - since_);
  auto delay = backoff_.next (age, *context_.env.random);
  GST_INFO ("%s: attempt %d in %d ms", context_.name.c_str (), backoff_.attempts (),
            static_cast<int> (delay.count ()));
  next_ = context_.timers->once (delay, [this] {
    next_.reset ();
    auto attempt = attempt_; // which may be the end of this outage
    attempt ();
  });
}

} // namespace lk::session
