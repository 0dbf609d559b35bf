#include "session/data_rpc.hpp"

#include "data/ids.hpp"
#include "data/stream_encoder.hpp"
#include "proto/convert_data.hpp"
#include "session/data_reach.hpp"

#include <cstdio>

namespace lk::session {
namespace {

constexpr size_t kMaxWaiting = 1000;
constexpr Millis kConnectTimeout{ 10000 };

/// RPC came with server 1.8.0. A version that cannot be read is taken for a new one.
bool
knows_rpc (const std::string &version) {
  int major = 0, minor = 0;
  if (std::sscanf (version.c_str (), "%d.%d", &major, &minor) != 2) return true;
  return major > 1 || (major == 1 && minor >= 8);
}

class Invocation : public RpcInvocation {
public:
  Invocation (data::RpcInvocation call, std::shared_ptr<TaskQueue> queue, std::weak_ptr<DataRpc> rpc)
      : call_ (std::move (call)), queue_ (std::move (queue)), rpc_ (std::move (rpc)) {}
  ~Invocation () override { answer (data::rpc_error (data::RpcCode::ApplicationError)); }

  const std::string &
  id () const override {
    return call_.id;
  }
  const std::string &
  caller () const override {
    return call_.caller;
  }
  const std::string &
  method () const override {
    return call_.method;
  }
  const std::string &
  payload () const override {
    return call_.payload;
  }
  Millis
  timeout () const override {
    return call_.timeout;
  }
  void
  answer (RpcResult result) override {
    if (answered_.exchange (true)) return;
    queue_->post ([rpc = rpc_, ticket = call_.ticket, result = std::move (result)] () mutable {
      if (auto self = rpc.lock ()) self->answer (ticket, std::move (result));
    });
  }

private:
  const data::RpcInvocation call_;
  const std::shared_ptr<TaskQueue> queue_;
  const std::weak_ptr<DataRpc> rpc_;
  std::atomic<bool> answered_ = false;
};

} // namespace

DataRpc::DataRpc (const Context &context, const Roster &roster, std::shared_ptr<DataOutlet> outlet)
    : context_ (context), roster_ (roster), outlet_ (std::move (outlet)),
      client_ (*this, *context.timers, *context.env.random), server_ (*this, *context.timers),
      limit_ (kConnectTimeout) {}

void
DataRpc::begin (Millis limit) {
  limit_ = limit;
  ended_ = false;
}

void
DataRpc::connected (const std::string &server_version) {
  server_knows_rpc_ = knows_rpc (server_version);
  connected_ = true;
  for (auto &[number, waiting] : std::exchange (waiting_, {}))
    perform (std::move (waiting.call), std::move (waiting.done));
}

void
DataRpc::unbind () {
  connected_ = false;
  client_.close (data::RpcCode::SendFailed);
  server_.close ();
}

void
DataRpc::end () {
  unbind ();
  ended_ = true;
  for (auto &[number, waiting] : std::exchange (waiting_, {}))
    waiting.done (data::rpc_error (data::RpcCode::SendFailed));
}

void
DataRpc::perform (RpcCall call, Done done) {
  if (ended_ || (!connected_ && waiting_.size () >= kMaxWaiting))
    return done (data::rpc_error (data::RpcCode::SendFailed));
  if (!connected_) {
    auto number = ++next_waiting_;
    auto timer = context_.timers->once (limit_, [this, number] {
      auto node = waiting_.extract (number);
      if (node) node.mapped ().done (data::rpc_error (data::RpcCode::SendFailed));
    });
    waiting_[number] = { std::move (call), std::move (done), std::move (timer) };
    return;
  }
  if (!server_knows_rpc_) return done (data::rpc_error (data::RpcCode::UnsupportedServer));
  if (!roster_.participants ().count (call.destination))
    return done (data::rpc_error (data::RpcCode::RecipientNotFound));
  client_.perform (
      { std::move (call.destination), std::move (call.method), std::move (call.payload), call.timeout },
      std::move (done));
}

void
DataRpc::serve (const std::string &method, RpcHandler handler) {
  if (!handler) return server_.serve (method, {});
  server_.serve (method, [this, handler = std::move (handler)] (data::RpcInvocation call) {
    handler (std::make_shared<Invocation> (std::move (call), context_.queue, weak_from_this ()));
  });
}

void
DataRpc::answer (uint64_t ticket, RpcResult result) {
  server_.answer (ticket, std::move (result));
}

void
DataRpc::participant_left (const std::string &identity) {
  client_.participant_left (identity);
  server_.participant_left (identity);
}

// ---- from the wire

void
DataRpc::on_request (const std::string &from, RpcRequest request) {
  server_.on_request (from, std::move (request));
}

void
DataRpc::on_ack (const std::string &from, const RpcAck &ack) {
  client_.on_ack (from, ack);
}

void
DataRpc::on_response (const std::string &from, RpcResponse response) {
  client_.on_response (from, std::move (response));
}

void
DataRpc::on_stream_opened (const std::string &from, const StreamHeader &header) {
  if (header.topic == data::kRpcRequestTopic) server_.on_request_stream_opened (from, header.attributes);
}

void
DataRpc::on_stream (const std::string &from, const StreamHeader &header, std::string text) {
  if (header.topic == data::kRpcRequestTopic)
    server_.on_request_stream (from, header.attributes, std::move (text));
  else
    client_.on_response_stream (from, header.attributes, std::move (text));
}

void
DataRpc::on_stream_failed (const std::string &from, const StreamHeader &header) {
  if (header.topic == data::kRpcRequestTopic)
    server_.on_request_stream_failed (from, header.attributes);
  else
    client_.on_response_stream_failed (from, header.attributes);
}

// ---- to the wire

Result<>
DataRpc::send_packet (DataPacket packet) {
  // Calls end with the connection that they went over.
  return outlet_->post (serialize_data_packet (packet, Reliability::Reliable), {});
}

Result<>
DataRpc::send_text (data::StreamSpec spec, std::string text) {
  spec.id = data::make_uuid (*context_.env.random);
  spec.timestamp_ms = context_.env.clock->wall ().count ();
  auto reach = reach_of (roster_.participants (), spec.destinations);
  return data::send_stream (std::move (spec), text, reach,
                            [this] (DataPacket packet) { return send_packet (std::move (packet)); });
}

int
DataRpc::client_protocol (const std::string &identity) const {
  auto it = roster_.participants ().find (identity);
  return it == roster_.participants ().end () ? 0 : it->second->client_protocol;
}

} // namespace lk::session
