// What travels in data channels, as plain values. Nothing above data/ sees protobuf; convert_data.hpp
// translates.
#pragma once

#include "proto/model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lk {

enum class Reliability { Reliable = 0, Lossy = 1 };

/// Bytes for everybody or for the packet's destinations, under a topic.
struct UserMessage {
  std::string payload;
  std::optional<std::string> topic, id;
  std::optional<uint64_t> start_time, end_time; ///< the SDKs leave the unit to the application
};

struct SipDtmf {
  uint32_t code = 0;
  std::string digit;
};

struct TranscriptionSegment {
  std::string id, text, language;
  uint64_t start_time_ms = 0, end_time_ms = 0;
  bool final = false;
};
struct Transcription {
  std::string identity, track_sid; ///< of whom and what is transcribed
  std::vector<TranscriptionSegment> segments;
  int64_t timestamp_ms = 0; ///< by the sender's clock; 0 = unknown
};

struct ChatMessage {
  std::string id, text;
  int64_t timestamp_ms = 0;
  std::optional<int64_t> edited_ms;
  bool deleted = false, generated = false;
};

struct RpcRequest {
  std::string id, method, payload;
  uint32_t response_timeout_ms = 0, version = 1;
  std::string compressed_payload; ///< raw DEFLATE; instead of payload
};
struct RpcAck {
  std::string request_id;
};
struct RpcError {
  uint32_t code = 0;
  std::string message, data;
};
struct RpcResponse {
  std::string request_id;
  std::string payload, compressed_payload; ///< at most one of the three
  std::optional<RpcError> error;
};

enum class StreamOperation { Create = 0, Update = 1, Delete = 2, Reaction = 3 };

struct TextHeader {
  StreamOperation operation = StreamOperation::Create;
  int32_t version = 0;
  std::string reply_to;
  std::vector<std::string> attached;
  bool generated = false;
};
struct ByteHeader {
  std::string name;
};
struct StreamHeader {
  std::string id, topic, mime_type;
  int64_t timestamp_ms = 0;
  std::optional<uint64_t> total_length; ///< before compression
  Attributes attributes;
  std::variant<std::monostate, TextHeader, ByteHeader> kind;
  std::optional<std::string> inline_content;
  bool deflated = false; ///< raw DEFLATE over inline_content, or over all chunks together
};
struct StreamChunk {
  std::string stream_id, content;
  uint64_t index = 0;
  int32_t version = 0;
};
struct StreamTrailer {
  std::string stream_id, reason; ///< "" = complete
  Attributes attributes;
};

/// Opened by the frame cryptor; nobody else looks inside.
struct EncryptedData {
  Encryption encryption = Encryption::None;
  std::string iv, value;
  uint32_t key_index = 0;
};

using DataBody = std::variant<std::monostate, UserMessage, SipDtmf, Transcription, ChatMessage, RpcRequest,
                              RpcAck, RpcResponse, StreamHeader, StreamChunk, StreamTrailer, EncryptedData>;

/// One SCTP message.
struct DataPacket {
  std::string sender_identity, sender_sid; ///< filled in by the server; empty identity: hidden
  std::vector<std::string> destinations;   ///< identities; empty = everybody else
  uint32_t sequence = 0;                   ///< reliable only, from 1; 0 = unsequenced
  DataBody body;
};

} // namespace lk
