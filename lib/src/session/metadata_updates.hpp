// What we ask the server to change about ourselves: each request is answered once, by the server, by a
// time-out, or by the end of the link. Session thread only.
#pragma once

#include "session/link.hpp"

#include <functional>
#include <map>

namespace lk::session {

class MetadataUpdates {
public:
  using Done = std::function<void (Result<>)>;

  explicit MetadataUpdates (Timers &timers) : timers_ (timers) {}

  void send (Link &link, UpdateMetadata update, Done done);
  /// False when it is about something else.
  bool on_response (const RequestResponse &response);
  /// The link is gone.
  void fail_all (const Error &error);
  /// Nobody is told.
  void
  clear () {
    requests_.clear ();
  }

private:
  struct Request {
    Done done;
    TimerPtr limit;
  };
  void finish (uint32_t request_id, const Result<> &result);

  Timers &timers_;
  std::map<uint32_t, Request> requests_;
  uint32_t next_id_ = 1;
};

} // namespace lk::session
