// RPC between the port's callers and the wire's state machines. Session thread only.
#pragma once

#include "data/rpc_client.hpp"
#include "data/rpc_server.hpp"
#include "session/data_outlet.hpp"
#include "session/parts.hpp"
#include "session/roster.hpp"

namespace lk::session {

class DataRpc : public std::enable_shared_from_this<DataRpc>, private data::RpcOutlet {
public:
  using Done = std::function<void (RpcResult)>;

  DataRpc (const Context &context, const Roster &roster, std::shared_ptr<DataOutlet> outlet);

  void begin (Millis limit);
  /// Connected: what waited for that goes out. `server_version`: "1.13.4".
  void connected (const std::string &server_version);
  void unbind ();
  /// Ends what waits or runs; `done` of every call is called.
  void end ();

  void perform (RpcCall call, Done done);
  void serve (const std::string &method, RpcHandler handler);
  void answer (uint64_t ticket, RpcResult result);
  void participant_left (const std::string &identity);

  void on_request (const std::string &from, RpcRequest request);
  void on_ack (const std::string &from, const RpcAck &ack);
  void on_response (const std::string &from, RpcResponse response);
  /// A text stream on one of RPC's topics: begun, then whole or broken off.
  void on_stream_opened (const std::string &from, const StreamHeader &header);
  void on_stream (const std::string &from, const StreamHeader &header, std::string text);
  void on_stream_failed (const std::string &from, const StreamHeader &header);

private:
  struct Waiting {
    RpcCall call;
    Done done;
    TimerPtr timer;
  };

  Result<> send_packet (DataPacket packet) override;
  Result<> send_text (data::StreamSpec spec, std::string text) override;
  int client_protocol (const std::string &identity) const override;

  const Context context_;
  const Roster &roster_;
  const std::shared_ptr<DataOutlet> outlet_;
  data::RpcClient client_;
  data::RpcServer server_;
  Millis limit_{ 10000 };
  bool connected_ = false, ended_ = false, server_knows_rpc_ = true;
  std::map<uint64_t, Waiting> waiting_; ///< for the session to connect, in order
  uint64_t next_waiting_ = 0;
};

} // namespace lk::session
