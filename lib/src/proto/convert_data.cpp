#include "proto/convert_data.hpp"

#include "base/utf8.hpp"
#include "livekit_wire.pb.h"
#include "proto/shape.hpp"

#include <iterator>
#include <limits>
#include <utility>

namespace lk {

namespace {

LK_SHAPE (kAttribute, { 1, &kText }, { 2, &kText });
LK_SHAPE (kUser, { 1, &kText }, { 3, &kText }, { 4, &kText }, { 5, &kText }, { 6, &kText }, { 8, &kText });
LK_SHAPE (kSpeaker, { 1, &kText });
LK_SHAPE (kSpeakers, { 1, &kSpeaker });
LK_SHAPE (kDtmf, { 4, &kText });
LK_SHAPE (kSegment, { 1, &kText }, { 2, &kText }, { 6, &kText });
LK_SHAPE (kTranscription, { 2, &kText }, { 3, &kText }, { 4, &kSegment });
LK_SHAPE (kChat, { 1, &kText }, { 4, &kText });
LK_SHAPE (kRequest, { 1, &kText }, { 2, &kText }, { 3, &kText });
LK_SHAPE (kAck, { 1, &kText });
LK_SHAPE (kError, { 2, &kText }, { 3, &kText });
LK_SHAPE (kResponse, { 1, &kText }, { 2, &kText }, { 3, &kError });
LK_SHAPE (kTextHeader, { 3, &kText }, { 4, &kText });
LK_SHAPE (kByteHeader, { 1, &kText });
LK_SHAPE (kHeader, { 1, &kText }, { 3, &kText }, { 4, &kText }, { 8, &kAttribute }, { 9, &kTextHeader },
          { 10, &kByteHeader });
LK_SHAPE (kChunk, { 1, &kText });
LK_SHAPE (kTrailer, { 1, &kText }, { 2, &kText }, { 3, &kAttribute });
LK_SHAPE (kPacket, { 2, &kUser }, { 3, &kSpeakers }, { 4, &kText }, { 5, &kText }, { 6, &kDtmf },
          { 7, &kTranscription }, { 9, &kChat }, { 10, &kRequest }, { 11, &kAck }, { 12, &kResponse },
          { 13, &kHeader }, { 14, &kChunk }, { 15, &kTrailer }, { 17, &kText });

// ---- what comes in. The wire message is ours to take apart, so nothing large is copied.

template <typename T>
std::vector<std::string>
taken (T *field) {
  return { std::make_move_iterator (field->begin ()), std::make_move_iterator (field->end ()) };
}

template <typename T>
Attributes
attributes (const T &field) {
  return { field.begin (), field.end () };
}

UserMessage
read (wire::UserPacket *from) {
  UserMessage message;
  message.payload = std::move (*from->mutable_payload ());
  if (from->has_topic ()) message.topic = std::move (*from->mutable_topic ());
  if (from->has_id ()) message.id = std::move (*from->mutable_id ());
  if (from->has_start_time ()) message.start_time = from->start_time ();
  if (from->has_end_time ()) message.end_time = from->end_time ();
  return message;
}

Transcription
read (wire::Transcription *from) {
  Transcription transcription;
  transcription.identity = std::move (*from->mutable_transcribed_participant_identity ());
  transcription.track_sid = std::move (*from->mutable_track_id ());
  for (auto &segment : *from->mutable_segments ())
    transcription.segments.push_back ({ std::move (*segment.mutable_id ()),
                                        std::move (*segment.mutable_text ()),
                                        std::move (*segment.mutable_language ()), segment.start_time (),
                                        segment.end_time (), segment.final () });
  return transcription;
}

ChatMessage
read (wire::ChatMessage *from) {
  ChatMessage message;
  message.id = std::move (*from->mutable_id ());
  message.text = std::move (*from->mutable_message ());
  message.timestamp_ms = from->timestamp ();
  if (from->has_edit_timestamp ()) message.edited_ms = from->edit_timestamp ();
  message.deleted = from->deleted ();
  message.generated = from->generated ();
  return message;
}

RpcRequest
read (wire::RpcRequest *from) {
  return { std::move (*from->mutable_id ()),
           std::move (*from->mutable_method ()),
           std::move (*from->mutable_payload ()),
           from->response_timeout_ms (),
           from->version (),
           std::move (*from->mutable_compressed_payload ()) };
}

RpcResponse
read (wire::RpcResponse *from) {
  RpcResponse response;
  response.request_id = std::move (*from->mutable_request_id ());
  switch (from->value_case ()) {
  case wire::RpcResponse::kPayload:
    response.payload = std::move (*from->mutable_payload ());
    break;
  case wire::RpcResponse::kCompressedPayload:
    response.compressed_payload = std::move (*from->mutable_compressed_payload ());
    break;
  case wire::RpcResponse::kError:
    response.error = RpcError{ from->error ().code (), from->error ().message (), from->error ().data () };
    break;
  case wire::RpcResponse::VALUE_NOT_SET:
    break;
  }
  return response;
}

TextHeader
read (wire::DataStream::TextHeader *from) {
  TextHeader header;
  if (wire::DataStream::OperationType_IsValid (from->operation_type ()))
    header.operation = StreamOperation (from->operation_type ());
  header.version = from->version ();
  header.reply_to = std::move (*from->mutable_reply_to_stream_id ());
  header.attached = taken (from->mutable_attached_stream_ids ());
  header.generated = from->generated ();
  return header;
}

/// Empty when the content is compressed in a way we don't know: it would pass for the content itself.
std::optional<StreamHeader>
read (wire::DataStream::Header *from) {
  StreamHeader header;
  header.id = std::move (*from->mutable_stream_id ());
  header.topic = std::move (*from->mutable_topic ());
  header.mime_type = std::move (*from->mutable_mime_type ());
  header.timestamp_ms = from->timestamp ();
  if (from->has_total_length ()) header.total_length = from->total_length ();
  header.attributes = attributes (from->attributes ());
  if (from->has_text_header ()) header.kind = read (from->mutable_text_header ());
  if (from->has_byte_header ())
    header.kind = ByteHeader{ std::move (*from->mutable_byte_header ()->mutable_name ()) };
  if (from->has_inline_content ()) header.inline_content = std::move (*from->mutable_inline_content ());
  if (from->compression () == wire::DataStream::DEFLATE_RAW)
    header.deflated = true;
  else if (from->compression () != wire::DataStream::NONE)
    return std::nullopt;
  return header;
}

EncryptedData
read (wire::EncryptedPacket *from) {
  const auto type = from->encryption_type ();
  return { wire::Encryption::Type_IsValid (type) ? Encryption (type) : Encryption::Custom,
           std::move (*from->mutable_iv ()), std::move (*from->mutable_encrypted_value ()),
           from->key_index () };
}

DataBody
read_body (wire::DataPacket *from) {
  switch (from->value_case ()) {
  case wire::DataPacket::kUser:
    return read (from->mutable_user ());
  case wire::DataPacket::kSipDtmf:
    return SipDtmf{ from->sip_dtmf ().code (), from->sip_dtmf ().digit () };
  case wire::DataPacket::kTranscription:
    return read (from->mutable_transcription ());
  case wire::DataPacket::kChatMessage:
    return read (from->mutable_chat_message ());
  case wire::DataPacket::kRpcRequest:
    return read (from->mutable_rpc_request ());
  case wire::DataPacket::kRpcAck:
    return RpcAck{ from->rpc_ack ().request_id () };
  case wire::DataPacket::kRpcResponse:
    return read (from->mutable_rpc_response ());
  case wire::DataPacket::kStreamHeader:
    if (auto header = read (from->mutable_stream_header ())) return std::move (*header);
    return {};
  case wire::DataPacket::kStreamChunk: {
    auto *chunk = from->mutable_stream_chunk ();
    return StreamChunk{ std::move (*chunk->mutable_stream_id ()), std::move (*chunk->mutable_content ()),
                        chunk->chunk_index (), chunk->version () };
  }
  case wire::DataPacket::kStreamTrailer: {
    auto *trailer = from->mutable_stream_trailer ();
    return StreamTrailer{ std::move (*trailer->mutable_stream_id ()), std::move (*trailer->mutable_reason ()),
                          attributes (trailer->attributes ()) };
  }
  case wire::DataPacket::kEncryptedPacket:
    return read (from->mutable_encrypted_packet ());
  case wire::DataPacket::kSpeaker: // superseded by signalling
  case wire::DataPacket::VALUE_NOT_SET:
    break;
  }
  return {};
}

// ---- what goes out

void
write (const Attributes &from, google::protobuf::Map<std::string, std::string> *to) {
  for (const auto &[key, value] : from)
    (*to)[to_utf8 (key)] = to_utf8 (value);
}

struct Writer {
  wire::DataPacket *to;

  void
  operator() (std::monostate) {}
  void
  operator() (const UserMessage &from) {
    auto *user = to->mutable_user ();
    user->set_payload (from.payload);
    if (from.topic) user->set_topic (to_utf8 (*from.topic));
    if (from.id) user->set_id (to_utf8 (*from.id));
    if (from.start_time) user->set_start_time (*from.start_time);
    if (from.end_time) user->set_end_time (*from.end_time);
  }
  void
  operator() (const SipDtmf &from) {
    to->mutable_sip_dtmf ()->set_code (from.code);
    to->mutable_sip_dtmf ()->set_digit (to_utf8 (from.digit));
  }
  void
  operator() (const Transcription &from) {
    auto *transcription = to->mutable_transcription ();
    transcription->set_transcribed_participant_identity (to_utf8 (from.identity));
    transcription->set_track_id (to_utf8 (from.track_sid));
    for (const auto &segment : from.segments) {
      auto *added = transcription->add_segments ();
      added->set_id (to_utf8 (segment.id));
      added->set_text (to_utf8 (segment.text));
      added->set_language (to_utf8 (segment.language));
      added->set_start_time (segment.start_time_ms);
      added->set_end_time (segment.end_time_ms);
      added->set_final (segment.final);
    }
  }
  void
  operator() (const ChatMessage &from) {
    auto *chat = to->mutable_chat_message ();
    chat->set_id (to_utf8 (from.id));
    chat->set_message (to_utf8 (from.text));
    chat->set_timestamp (from.timestamp_ms);
    if (from.edited_ms) chat->set_edit_timestamp (*from.edited_ms);
    chat->set_deleted (from.deleted);
    chat->set_generated (from.generated);
  }
  void
  operator() (const RpcRequest &from) {
    auto *request = to->mutable_rpc_request ();
    request->set_id (to_utf8 (from.id));
    request->set_method (to_utf8 (from.method));
    request->set_payload (to_utf8 (from.payload));
    request->set_response_timeout_ms (from.response_timeout_ms);
    request->set_version (from.version);
    request->set_compressed_payload (from.compressed_payload);
  }
  void
  operator() (const RpcAck &from) {
    to->mutable_rpc_ack ()->set_request_id (to_utf8 (from.request_id));
  }
  void
  operator() (const RpcResponse &from) {
    auto *response = to->mutable_rpc_response ();
    response->set_request_id (to_utf8 (from.request_id));
    if (from.error) {
      response->mutable_error ()->set_code (from.error->code);
      response->mutable_error ()->set_message (to_utf8 (from.error->message));
      response->mutable_error ()->set_data (to_utf8 (from.error->data));
    } else if (!from.compressed_payload.empty ()) {
      response->set_compressed_payload (from.compressed_payload);
    } else {
      response->set_payload (to_utf8 (from.payload));
    }
  }
  void
  operator() (const StreamHeader &from) {
    auto *header = to->mutable_stream_header ();
    header->set_stream_id (to_utf8 (from.id));
    header->set_timestamp (from.timestamp_ms);
    header->set_topic (to_utf8 (from.topic));
    header->set_mime_type (to_utf8 (from.mime_type));
    if (from.total_length) header->set_total_length (*from.total_length);
    write (from.attributes, header->mutable_attributes ());
    if (const auto *text = std::get_if<TextHeader> (&from.kind)) {
      auto *kind = header->mutable_text_header ();
      kind->set_operation_type (wire::DataStream::OperationType (text->operation));
      kind->set_version (text->version);
      kind->set_reply_to_stream_id (to_utf8 (text->reply_to));
      for (const auto &id : text->attached)
        kind->add_attached_stream_ids (to_utf8 (id));
      kind->set_generated (text->generated);
    } else if (const auto *bytes = std::get_if<ByteHeader> (&from.kind)) {
      header->mutable_byte_header ()->set_name (to_utf8 (bytes->name));
    }
    if (from.inline_content) header->set_inline_content (*from.inline_content);
    if (from.deflated) header->set_compression (wire::DataStream::DEFLATE_RAW);
  }
  void
  operator() (const StreamChunk &from) {
    auto *chunk = to->mutable_stream_chunk ();
    chunk->set_stream_id (to_utf8 (from.stream_id));
    chunk->set_chunk_index (from.index);
    chunk->set_content (from.content);
    chunk->set_version (from.version);
  }
  void
  operator() (const StreamTrailer &from) {
    auto *trailer = to->mutable_stream_trailer ();
    trailer->set_stream_id (to_utf8 (from.stream_id));
    trailer->set_reason (to_utf8 (from.reason));
    write (from.attributes, trailer->mutable_attributes ());
  }
  void
  operator() (const EncryptedData &from) {
    auto *encrypted = to->mutable_encrypted_packet ();
    encrypted->set_encryption_type (wire::Encryption::Type (from.encryption));
    encrypted->set_iv (from.iv);
    encrypted->set_key_index (from.key_index);
    encrypted->set_encrypted_value (from.value);
  }
};

} // namespace

std::optional<DataPacket>
parse_data_packet (std::string_view bytes) {
  if (bytes.size () > size_t (std::numeric_limits<int>::max ())) return std::nullopt;
  if (!fits (bytes, kPacket, kMaxDataParts)) return std::nullopt;
  wire::DataPacket from;
  if (!from.ParseFromArray (bytes.data (), int (bytes.size ()))) return std::nullopt;
  DataPacket packet;
  packet.sender_identity = std::move (*from.mutable_participant_identity ());
  packet.sender_sid = std::move (*from.mutable_participant_sid ());
  packet.destinations = taken (from.mutable_destination_identities ());
  packet.sequence = from.sequence ();
  packet.body = read_body (&from);
  return packet;
}

std::string
serialize_data_packet (const DataPacket &packet, Reliability reliability) {
  wire::DataPacket to;
  to.set_kind (wire::DataPacket::Kind (reliability));
  to.set_participant_identity (to_utf8 (packet.sender_identity));
  to.set_participant_sid (to_utf8 (packet.sender_sid));
  for (const auto &identity : packet.destinations)
    to.add_destination_identities (to_utf8 (identity));
  to.set_sequence (packet.sequence);
  std::visit (Writer{ &to }, packet.body);
  return to.SerializeAsString ();
}

void
stamp_sequence (std::string &serialized, uint32_t sequence) {
  // Fields may come in any order, so the last place is as good as any: field 16, varint.
  serialized += { '\x80', '\x01' };
  for (; sequence >= 0x80; sequence >>= 7)
    serialized += char (0x80 | (sequence & 0x7f));
  serialized += char (sequence);
}

} // namespace lk
