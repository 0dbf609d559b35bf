#include "data/rpc_server.hpp"

#include "base/utf8.hpp"
#include "data/deflate.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace lk::data {

namespace {

constexpr size_t kSeen = 1024;
constexpr size_t kMaxId = 256; // a UUID has 36
constexpr Millis kDefaultTimeout{ 15'000 };

std::string
attribute (const Attributes &attributes, const char *name) {
  const auto at = attributes.find (name);
  return at == attributes.end () ? std::string () : at->second;
}

std::string
key_of (const std::string &caller, const std::string &id) {
  return caller + '\0' + id;
}

/// Empty for what is not a decimal number.
std::optional<uint32_t>
number (const std::string &text) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars (text.data (), text.data () + text.size (), value);
  if (problem != std::errc () || end != text.data () + text.size ()) return std::nullopt;
  return value;
}

} // namespace

RpcServer::RpcServer (RpcOutlet &outlet, Timers &timers, RpcLimits limits)
    : outlet_ (outlet), timers_ (timers), limits_ (limits), seen_ (kSeen), opened_ (kSeen) {}

RpcServer::~RpcServer () = default;

void
RpcServer::serve (const std::string &method, Handler handler) {
  if (handler)
    handlers_[method] = std::move (handler);
  else
    handlers_.erase (method);
}

void
RpcServer::on_request (const std::string &caller, RpcRequest request) {
  if (!admit (caller, request.id)) return;
  if (request.version != 1) return respond (caller, request.id, rpc_error (RpcCode::UnsupportedVersion));
  if (request.payload.size () > kRpcPacketPayload)
    return respond (caller, request.id, rpc_error (RpcCode::RequestPayloadTooLarge));
  if (!request.compressed_payload.empty ()) {
    auto payload = inflate (request.compressed_payload, limits_.inflated);
    if (!payload || !is_utf8 (*payload))
      return respond (caller, request.id,
                      rpc_error (RpcCode::ApplicationError, "the compressed payload is broken"));
    request.payload = std::move (*payload);
  }
  start (caller, std::move (request), false);
}

void
RpcServer::on_request_stream_opened (const std::string &caller, const Attributes &attributes) {
  const auto id = attribute (attributes, kRpcIdAttribute);
  if (admit (caller, id)) opened_.add (key_of (caller, id));
}

void
RpcServer::on_request_stream (const std::string &caller, const Attributes &attributes, std::string text) {
  RpcRequest request;
  request.id = attribute (attributes, kRpcIdAttribute);
  if (!opened_.take (key_of (caller, request.id)) && !admit (caller, request.id)) return;
  if (attribute (attributes, kRpcVersionAttribute) != "2")
    return respond (caller, request.id, rpc_error (RpcCode::UnsupportedVersion));
  request.method = attribute (attributes, kRpcMethodAttribute);
  request.response_timeout_ms = number (attribute (attributes, kRpcTimeoutAttribute)).value_or (0);
  request.payload = std::move (text);
  start (caller, std::move (request), true);
}

void
RpcServer::on_request_stream_failed (const std::string &caller, const Attributes &attributes) {
  const auto id = attribute (attributes, kRpcIdAttribute);
  if (opened_.take (key_of (caller, id)))
    respond (caller, id, rpc_error (RpcCode::ApplicationError, "the request broke off"));
}

/// Acknowledges a request. False for a repeated one, and for one that cannot be answered.
bool
RpcServer::admit (const std::string &caller, const std::string &id) {
  if (caller.empty () || id.empty () || id.size () > kMaxId) return false;
  DataPacket ack;
  ack.destinations = { caller };
  ack.body = RpcAck{ id };
  (void)outlet_.send_packet (std::move (ack)); // unheard, the caller's own time-out tells
  return seen_.add (key_of (caller, id));
}

void
RpcServer::start (const std::string &caller, RpcRequest request, bool by_stream) {
  const auto known = handlers_.find (request.method);
  if (known == handlers_.end ()) return respond (caller, request.id, rpc_error (RpcCode::UnsupportedMethod));
  auto &count = per_caller_[caller];
  if (running_.size () >= limits_.invocations || count >= limits_.invocations_per_caller) {
    if (count == 0) per_caller_.erase (caller);
    return respond (caller, request.id,
                    rpc_error (RpcCode::ApplicationError, "too many calls are being served"));
  }
  count++;
  const auto ticket = ++next_ticket_;
  const Millis timeout = std::min (
      request.response_timeout_ms ? Millis (request.response_timeout_ms) : kDefaultTimeout, limits_.longest);
  running_[ticket]
      = { request.id, caller, by_stream,
          timers_.once (timeout, [this, ticket] { answer (ticket, rpc_error (RpcCode::ResponseTimeout)); }) };
  const auto handler = known->second; // may be replaced from inside
  handler ({ ticket, std::move (request.id), caller, std::move (request.method), std::move (request.payload),
             timeout });
}

void
RpcServer::answer (uint64_t ticket, RpcResult result) {
  const auto at = running_.find (ticket);
  if (at == running_.end ()) return;
  const auto caller = at->second.caller, id = at->second.id;
  const bool by_stream = at->second.by_stream;
  forget (at);
  respond (caller, id, std::move (result), by_stream);
}

void
RpcServer::respond (const std::string &caller, const std::string &id, RpcResult result, bool by_stream) {
  if (auto *payload = std::get_if<std::string> (&result)) {
    const bool fits = payload->size () <= kRpcPacketPayload;
    if (!fits && outlet_.client_protocol (caller) >= 1) by_stream = true;
    if (!is_utf8 (*payload)) {
      result = rpc_error (RpcCode::ApplicationError, "the result is not UTF-8");
    } else if (!by_stream && !fits) {
      result = rpc_error (RpcCode::ResponsePayloadTooLarge);
    } else if (by_stream) {
      StreamSpec spec;
      spec.text = true;
      spec.topic = kRpcResponseTopic;
      spec.destinations = { caller };
      spec.attributes = { { kRpcIdAttribute, id } };
      (void)outlet_.send_text (std::move (spec), std::move (*payload));
      return;
    }
  }
  RpcResponse response;
  response.request_id = id;
  if (auto *error = std::get_if<RpcError> (&result)) {
    error->message = to_utf8 (error->message);
    error->message.resize (utf8_head (error->message, kRpcErrorMessage));
    error->data = to_utf8 (error->data);
    error->data.resize (utf8_head (error->data, kRpcPacketPayload));
    response.error = std::move (*error);
  } else {
    response.payload = std::move (std::get<std::string> (result));
  }
  DataPacket packet;
  packet.destinations = { caller };
  packet.body = std::move (response);
  (void)outlet_.send_packet (std::move (packet));
}

void
RpcServer::participant_left (const std::string &identity) {
  for (auto at = running_.begin (); at != running_.end ();) {
    const auto next = std::next (at);
    if (at->second.caller == identity) forget (at);
    at = next;
  }
}

void
RpcServer::close () {
  running_.clear ();
  per_caller_.clear ();
}

void
RpcServer::forget (std::map<uint64_t, Running>::iterator at) {
  const auto count = per_caller_.find (at->second.caller);
  if (--count->second == 0) per_caller_.erase (count);
  running_.erase (at);
}

} // namespace lk::data
