// What both ends of an RPC share: codes, topics, attributes, and the way out.
#pragma once

#include "base/result.hpp"
#include "data/stream_encoder.hpp"
#include "proto/data_model.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace lk::data {

enum class RpcCode : uint32_t {
  UnsupportedMethod = 1400,
  RecipientNotFound = 1401,
  RequestPayloadTooLarge = 1402,
  UnsupportedServer = 1403,
  UnsupportedVersion = 1404,
  ApplicationError = 1500,
  ConnectionTimeout = 1501,
  ResponseTimeout = 1502,
  RecipientDisconnected = 1503,
  ResponsePayloadTooLarge = 1504,
  SendFailed = 1505,
};
/// The sentence that the SDKs send with a code.
const char *message_of (RpcCode code);
RpcError rpc_error (RpcCode code, std::string data = {});

inline constexpr std::string_view kRpcRequestTopic = "lk.rpc_request", kRpcResponseTopic = "lk.rpc_response";
inline constexpr const char *kRpcIdAttribute = "lk.rpc_request_id";
inline constexpr const char *kRpcMethodAttribute = "lk.rpc_request_method";
inline constexpr const char *kRpcTimeoutAttribute = "lk.rpc_request_response_timeout_ms";
inline constexpr const char *kRpcVersionAttribute = "lk.rpc_request_version";
/// True for the topics whose streams belong to RPC, never to a listener.
bool is_rpc_topic (std::string_view topic);

using RpcResult = std::variant<std::string, RpcError>;

/// Where calls and answers go. Must not call back into the RPC object.
class RpcOutlet {
public:
  virtual ~RpcOutlet () = default;
  /// Queues a reliable packet; never blocks.
  virtual Result<> send_packet (DataPacket packet) = 0;
  /// Queues a whole text stream; never blocks. `spec` lacks id and timestamp.
  virtual Result<> send_text (StreamSpec spec, std::string text) = 0;
  /// ParticipantInfo.client_protocol of a participant; 0 when it is unknown, as the server itself may call.
  virtual int client_protocol (const std::string &identity) const = 0;
};

} // namespace lk::data
