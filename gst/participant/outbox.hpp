// Sends for action signals: they may be emitted on any thread, the session's included, so what could block
// runs on a thread of its own, in order.
#pragma once

#include "base/result.hpp"

#include <functional>
#include <memory>
#include <stop_token>

namespace lk::gst {

class Outbox {
public:
  using Job = std::function<Result<> (std::stop_token)>;

  /// @param on_error  on the outbox's thread
  explicit Outbox (std::function<void (const Error &)> on_error);
  ~Outbox ();

  /// False when too much waits already: 1000 messages or 16 MB.
  bool add (size_t bytes, Job job);
  /// Drops what waits and wakes what is under way. Any thread.
  void stop ();

private:
  struct State;
  std::shared_ptr<State> state_;
};

} // namespace lk::gst
