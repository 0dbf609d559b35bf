#include "data/rpc_client.hpp"

#include "base/utf8.hpp"
#include "data/deflate.hpp"
#include "data/ids.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace lk::data {

namespace {

std::string
attribute (const Attributes &attributes, const char *name) {
  const auto at = attributes.find (name);
  return at == attributes.end () ? std::string () : at->second;
}

} // namespace

RpcClient::RpcClient (RpcOutlet &outlet, Timers &timers, Random &random, RpcLimits limits)
    : outlet_ (outlet), timers_ (timers), random_ (random), limits_ (limits) {}

RpcClient::~RpcClient () = default;

void
RpcClient::perform (Call call, Done done) {
  if (!is_utf8 (call.payload) || !is_utf8 (call.method) || !is_utf8 (call.destination))
    return done (rpc_error (RpcCode::SendFailed, "the method or payload is not UTF-8"));
  if (calls_.size () >= limits_.calls)
    return done (rpc_error (RpcCode::SendFailed, "too many calls at once"));
  if (outlet_.client_protocol (call.destination) < 1 && call.payload.size () > kRpcPacketPayload)
    return done (rpc_error (RpcCode::RequestPayloadTooLarge));

  const auto id = make_uuid (random_);
  const auto timeout = std::clamp (call.timeout, Millis (1), limits_.longest);
  // Outstanding before it is sent: nothing keeps the answer from coming at once.
  auto &pending = calls_[id];
  pending.destination = call.destination;
  pending.done = std::move (done);
  pending.ack_timer = timers_.once (limits_.ack_timeout,
                                    [this, id] { finish (id, rpc_error (RpcCode::ConnectionTimeout)); });
  pending.response_timer
      = timers_.once (timeout, [this, id] { finish (id, rpc_error (RpcCode::ResponseTimeout)); });
  call.timeout = std::max (timeout, limits_.least_told);
  if (auto sent = send_request (id, std::move (call)); !sent)
    finish (id, rpc_error (RpcCode::SendFailed, sent.error ().message));
}

Result<>
RpcClient::send_request (const std::string &id, Call call) {
  if (outlet_.client_protocol (call.destination) < 1) {
    DataPacket packet;
    packet.destinations = { std::move (call.destination) };
    packet.body = RpcRequest{
      id, std::move (call.method), std::move (call.payload), uint32_t (call.timeout.count ()), 1, {}
    };
    return outlet_.send_packet (std::move (packet));
  }
  StreamSpec spec;
  spec.text = true;
  spec.topic = kRpcRequestTopic;
  spec.destinations = { std::move (call.destination) };
  spec.attributes = { { kRpcIdAttribute, id },
                      { kRpcMethodAttribute, std::move (call.method) },
                      { kRpcTimeoutAttribute, std::to_string (call.timeout.count ()) },
                      { kRpcVersionAttribute, "2" } };
  return outlet_.send_text (std::move (spec), std::move (call.payload));
}

void
RpcClient::on_ack (const std::string &from, const RpcAck &ack) {
  if (auto call = find (from, ack.request_id); call != calls_.end ()) call->second.ack_timer.reset ();
}

void
RpcClient::on_response (const std::string &from, RpcResponse response) {
  if (find (from, response.request_id) == calls_.end ()) return;
  const auto id = response.request_id;
  if (response.error) return finish (id, std::move (*response.error));
  if (response.compressed_payload.empty ()) return finish (id, std::move (response.payload));
  auto payload = inflate (response.compressed_payload, limits_.inflated);
  if (!payload || !is_utf8 (*payload))
    return finish (id, rpc_error (RpcCode::ApplicationError, "the response is broken"));
  finish (id, std::move (*payload));
}

void
RpcClient::on_response_stream (const std::string &from, const Attributes &attributes, std::string text) {
  const auto id = attribute (attributes, kRpcIdAttribute);
  if (find (from, id) != calls_.end ()) finish (id, std::move (text));
}

void
RpcClient::on_response_stream_failed (const std::string &from, const Attributes &attributes) {
  const auto id = attribute (attributes, kRpcIdAttribute);
  if (find (from, id) != calls_.end ())
    finish (id, rpc_error (RpcCode::ApplicationError, "the response broke off"));
}

void
RpcClient::participant_left (const std::string &identity) {
  std::vector<std::string> ids;
  for (const auto &[id, call] : calls_)
    if (call.destination == identity) ids.push_back (id);
  for (const auto &id : ids)
    finish (id, rpc_error (RpcCode::RecipientDisconnected));
}

void
RpcClient::close (RpcCode code) {
  std::vector<std::string> ids;
  for (const auto &[id, call] : calls_)
    ids.push_back (id);
  for (const auto &id : ids)
    finish (id, rpc_error (code));
}

RpcClient::Calls::iterator
RpcClient::find (const std::string &from, const std::string &id) {
  const auto call = calls_.find (id);
  return call != calls_.end () && call->second.destination == from ? call : calls_.end ();
}

void
RpcClient::finish (const std::string &id, RpcResult result) {
  const auto call = calls_.find (id); // `done` of another one may have ended it
  if (call == calls_.end ()) return;
  const auto pending = std::move (call->second);
  calls_.erase (call);
  pending.done (std::move (result));
}

} // namespace lk::data
