// Calls to other participants: version 1 in packets, version 2 in text streams, as the other end has it.
#pragma once

#include "base/time.hpp"
#include "data/limits.hpp"
#include "data/rpc.hpp"

#include <functional>
#include <string>
#include <unordered_map>

namespace lk::data {

/// One thread. What doesn't belong to an outstanding call, or comes from another participant than the one
/// called, is ignored.
class RpcClient {
public:
  struct Call {
    std::string destination, method, payload;
    Millis timeout{ 15000 };
  };
  using Done = std::function<void (RpcResult)>;

  RpcClient (RpcOutlet &outlet, Timers &timers, Random &random, RpcLimits limits = {});
  ~RpcClient ();

  /// Sends the request. `done` comes exactly once, maybe before this returns; it may start another call.
  /// The caller has made sure that the participant is there (else RecipientNotFound) and the server knows
  /// RPC (≥ 1.8.0, else UnsupportedServer).
  void perform (Call call, Done done);

  void on_ack (const std::string &from, const RpcAck &ack);
  void on_response (const std::string &from, RpcResponse response);
  /// A whole text stream on kRpcResponseTopic.
  void on_response_stream (const std::string &from, const Attributes &attributes, std::string text);
  /// Such a stream that broke off: the call ends instead of waiting for its time-out.
  void on_response_stream_failed (const std::string &from, const Attributes &attributes);
  /// Calls to that identity end with RecipientDisconnected.
  void participant_left (const std::string &identity);
  /// Ends all calls with `code`.
  void close (RpcCode code);

  size_t
  outstanding () const {
    return calls_.size ();
  }

private:
  struct Pending {
    std::string destination;
    Done done;
    TimerPtr ack_timer, response_timer;
  };
  using Calls = std::unordered_map<std::string, Pending>;

  Result<> send_request (const std::string &id, Call call);
  Calls::iterator find (const std::string &from, const std::string &id);
  void finish (const std::string &id, RpcResult result);

  RpcOutlet &outlet_;
  Timers &timers_;
  Random &random_;
  const RpcLimits limits_;
  Calls calls_;
};

} // namespace lk::data
