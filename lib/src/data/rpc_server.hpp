// Calls from other participants, and from the server itself (whose identity is then the request's id).
#pragma once

#include "base/time.hpp"
#include "data/ids.hpp"
#include "data/limits.hpp"
#include "data/rpc.hpp"

#include <functional>
#include <map>
#include <string>
#include <unordered_map>

namespace lk::data {

/// A call that waits for RpcServer::answer().
struct RpcInvocation {
  uint64_t ticket = 0;
  std::string id, caller, method, payload;
  Millis timeout{ 0 };
};

/// One thread. Every request is acknowledged at once; a repeated one is acknowledged again and not run again.
class RpcServer {
public:
  using Handler = std::function<void (RpcInvocation)>;

  RpcServer (RpcOutlet &outlet, Timers &timers, RpcLimits limits = {});
  ~RpcServer ();

  /// Replaces the handler of a method; an empty one ends it. Handlers may answer at once or later.
  void serve (const std::string &method, Handler handler);
  void on_request (const std::string &caller, RpcRequest request);
  /// A text stream on kRpcRequestTopic has begun: acknowledged now, as its end may be far away.
  void on_request_stream_opened (const std::string &caller, const Attributes &attributes);
  /// The whole stream; acknowledged now if its beginning was not.
  void on_request_stream (const std::string &caller, const Attributes &attributes, std::string text);
  /// It broke off: the caller is told.
  void on_request_stream_failed (const std::string &caller, const Attributes &attributes);
  /// Answers a call, once: later answers, and those to calls that timed out or whose caller left, are
  /// ignored. Errors are cut to what a packet may carry; a result that is not UTF-8 is an ApplicationError.
  void answer (uint64_t ticket, RpcResult result);
  /// Forgets the calls of that identity; their answers go nowhere.
  void participant_left (const std::string &identity);
  /// Forgets all calls.
  void close ();

  size_t
  outstanding () const {
    return running_.size ();
  }

private:
  struct Running {
    std::string id, caller;
    bool by_stream = false; // the answer goes the way the request came
    TimerPtr timer;
  };

  void start (const std::string &caller, RpcRequest request, bool by_stream);
  bool admit (const std::string &caller, const std::string &id);
  void respond (const std::string &caller, const std::string &id, RpcResult result, bool by_stream = false);
  void forget (std::map<uint64_t, Running>::iterator at);

  RpcOutlet &outlet_;
  Timers &timers_;
  const RpcLimits limits_;
  std::unordered_map<std::string, Handler> handlers_;
  std::map<uint64_t, Running> running_; // by ticket
  std::unordered_map<std::string, size_t> per_caller_;
  RecentIds seen_, opened_; // caller and id
  uint64_t next_ticket_ = 0;
};

} // namespace lk::data
