#include "data/rpc.hpp"

namespace lk::data {

const char *
message_of (RpcCode code) {
  switch (code) {
  case RpcCode::UnsupportedMethod:
    return "Method not supported at destination";
  case RpcCode::RecipientNotFound:
    return "Recipient not found";
  case RpcCode::RequestPayloadTooLarge:
    return "Request payload too large";
  case RpcCode::UnsupportedServer:
    return "RPC not supported by server";
  case RpcCode::UnsupportedVersion:
    return "Unsupported RPC version";
  case RpcCode::ApplicationError:
    return "Application error in method handler";
  case RpcCode::ConnectionTimeout:
    return "Connection timeout";
  case RpcCode::ResponseTimeout:
    return "Response timeout";
  case RpcCode::RecipientDisconnected:
    return "Recipient disconnected";
  case RpcCode::ResponsePayloadTooLarge:
    return "Response payload too large";
  case RpcCode::SendFailed:
    return "Failed to send";
  }
  return "Application error in method handler";
}

RpcError
rpc_error (RpcCode code, std::string data) {
  return { uint32_t (code), message_of (code), std::move (data) };
}

bool
is_rpc_topic (std::string_view topic) {
  return topic == kRpcRequestTopic || topic == kRpcResponseTopic;
}

} // namespace lk::data
