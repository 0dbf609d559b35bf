// The vectors are what the official protobuf classes wrote: tests/fuzz/data_samples.py.
#include "proto/convert_data.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

using namespace lk;

namespace {

std::string
sample (const std::string &name) {
  std::ifstream file (std::string (LK_TEST_DATA) + "/../fuzz/corpus/packet/" + name, std::ios::binary);
  EXPECT_TRUE (file.good ()) << name;
  return { std::istreambuf_iterator<char> (file), {} };
}

DataPacket
parsed (const std::string &name) {
  auto packet = parse_data_packet (sample (name));
  EXPECT_TRUE (packet) << name;
  return packet.value_or (DataPacket{});
}

template <typename T>
T
body_of (const std::string &name) {
  auto packet = parsed (name);
  EXPECT_TRUE (std::holds_alternative<T> (packet.body)) << name << " is kind " << packet.body.index ();
  return std::holds_alternative<T> (packet.body) ? std::get<T> (std::move (packet.body)) : T{};
}

/// A repeated field, as many times as asked for.
std::string
repeated (const std::string &element, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; i++)
    all += element;
  return all;
}

} // namespace

TEST (DataPacket, EverythingAroundTheBodyIsRead) {
  const auto packet = parsed ("user");
  EXPECT_EQ (packet.sender_identity, "alice");
  EXPECT_EQ (packet.sender_sid, "PA_alice");
  EXPECT_EQ (packet.destinations, (std::vector<std::string>{ "bob", "carol" }));
  EXPECT_EQ (packet.sequence, 300u);
}

TEST (DataPacket, UserMessagesKeepWhatIsUnsetApartFromEmpty) {
  auto user = body_of<UserMessage> ("user");
  EXPECT_EQ (user.payload, std::string ("payload \0\xff", 10));
  EXPECT_EQ (user.topic, "mocap");
  EXPECT_EQ (user.id, "m-1");
  EXPECT_EQ (user.start_time, 7u);
  EXPECT_EQ (user.end_time, UINT64_MAX);
  EXPECT_EQ (body_of<UserMessage> ("user-empty-topic").topic, "");
  user = body_of<UserMessage> ("user-least");
  EXPECT_EQ (user.payload, std::string ("\0\xff", 2));
  EXPECT_FALSE (user.topic || user.id || user.start_time || user.end_time);
}

TEST (DataPacket, TextsOfPeopleAreRead) {
  const auto transcription = body_of<Transcription> ("transcription");
  EXPECT_EQ (transcription.identity, "bob");
  EXPECT_EQ (transcription.track_sid, "TR_1");
  ASSERT_EQ (transcription.segments.size (), 2u);
  const auto &segment = transcription.segments[0];
  EXPECT_EQ (segment.id, "s1");
  EXPECT_EQ (segment.text, "hej d\xc3\xa5");
  EXPECT_EQ (segment.language, "sv");
  EXPECT_EQ (segment.start_time_ms, 10u);
  EXPECT_EQ (segment.end_time_ms, 20u);
  EXPECT_TRUE (segment.final);
  EXPECT_FALSE (transcription.segments[1].final);

  auto chat = body_of<ChatMessage> ("chat");
  EXPECT_EQ (chat.id, "c-1");
  EXPECT_EQ (chat.text, "hello \xf0\x9f\x91\x8b");
  EXPECT_EQ (chat.timestamp_ms, 1'700'000'000'123);
  EXPECT_FALSE (chat.edited_ms || chat.deleted || chat.generated);
  chat = body_of<ChatMessage> ("chat-edit");
  EXPECT_EQ (chat.edited_ms, 6);
  EXPECT_TRUE (chat.deleted && chat.generated);
  const auto dtmf = body_of<SipDtmf> ("dtmf");
  EXPECT_EQ (dtmf.code, 11u);
  EXPECT_EQ (dtmf.digit, "#");
}

TEST (DataPacket, RpcIsRead) {
  const auto request = body_of<RpcRequest> ("rpc-request");
  EXPECT_EQ (request.id, "r-1");
  EXPECT_EQ (request.method, "add");
  EXPECT_EQ (request.payload, "{}");
  EXPECT_EQ (request.response_timeout_ms, 8000u);
  EXPECT_EQ (request.version, 1u);
  EXPECT_FALSE (body_of<RpcRequest> ("rpc-request-deflated").compressed_payload.empty ());
  EXPECT_EQ (body_of<RpcAck> ("rpc-ack").request_id, "r-1");
  auto response = body_of<RpcResponse> ("rpc-response");
  EXPECT_EQ (response.request_id, "r-1");
  EXPECT_EQ (response.payload, "42");
  EXPECT_FALSE (response.error);
  response = body_of<RpcResponse> ("rpc-error");
  ASSERT_TRUE (response.error);
  EXPECT_EQ (response.error->code, 1500u);
  EXPECT_EQ (response.error->message, "m");
  EXPECT_EQ (response.error->data, "d");
  EXPECT_FALSE (body_of<RpcResponse> ("rpc-response-deflated").compressed_payload.empty ());
}

TEST (DataPacket, StreamsAreRead) {
  auto header = body_of<StreamHeader> ("text-header");
  EXPECT_EQ (header.id, "st-1");
  EXPECT_EQ (header.topic, "lk.chat");
  EXPECT_EQ (header.mime_type, "text/plain");
  EXPECT_EQ (header.timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ (header.total_length, 5u);
  EXPECT_EQ (header.attributes, (Attributes{ { "k", "v" } }));
  EXPECT_FALSE (header.inline_content || header.deflated);
  ASSERT_TRUE (std::holds_alternative<TextHeader> (header.kind));
  const auto &text = std::get<TextHeader> (header.kind);
  EXPECT_EQ (text.operation, StreamOperation::Update);
  EXPECT_EQ (text.version, 3);
  EXPECT_EQ (text.reply_to, "st-0");
  EXPECT_EQ (text.attached, (std::vector<std::string>{ "f-1", "f-2" }));
  EXPECT_TRUE (text.generated);
  header = body_of<StreamHeader> ("byte-header");
  ASSERT_TRUE (std::holds_alternative<ByteHeader> (header.kind));
  EXPECT_EQ (std::get<ByteHeader> (header.kind).name, "a.bin");
  EXPECT_EQ (body_of<StreamHeader> ("inline").inline_content, "hello");
  EXPECT_TRUE (body_of<StreamHeader> ("inline-deflated").deflated);
  const auto chunk = body_of<StreamChunk> ("chunk");
  EXPECT_EQ (chunk.stream_id, "st-1");
  EXPECT_EQ (chunk.index, uint64_t (1) << 63);
  EXPECT_EQ (chunk.content, std::string ("\0\xff", 2));
  EXPECT_EQ (chunk.version, 1);
  const auto trailer = body_of<StreamTrailer> ("trailer");
  EXPECT_EQ (trailer.reason, "gone");
  EXPECT_EQ (trailer.attributes, (Attributes{ { "end", "1" } }));
  const auto encrypted = body_of<EncryptedData> ("encrypted");
  EXPECT_EQ (encrypted.encryption, Encryption::Gcm);
  EXPECT_EQ (encrypted.iv, "iiiiiiiiiiii");
  EXPECT_EQ (encrypted.key_index, 3u);
  EXPECT_EQ (encrypted.value, std::string ("\0\xff", 2));
}

TEST (DataPacket, KindsWeDontKnowHaveNoBodyButASender) {
  for (const auto *name : { "metrics", "speaker", "unknown-compression" }) {
    const auto packet = parsed (name);
    EXPECT_TRUE (std::holds_alternative<std::monostate> (packet.body)) << name;
    EXPECT_EQ (packet.sender_identity, "alice") << name;
  }
}

TEST (DataPacket, WhatWeWriteIsByteForByteWhatTheOfficialClassesWrite) {
  for (const auto *name :
       { "user", "user-empty-topic", "dtmf", "transcription", "chat", "chat-edit", "rpc-request",
         "rpc-request-deflated", "rpc-ack", "rpc-response", "rpc-error", "rpc-response-deflated",
         "text-header", "byte-header", "inline", "inline-deflated", "chunk", "trailer", "encrypted" })
    EXPECT_EQ (serialize_data_packet (parsed (name), Reliability::Reliable), sample (name)) << name;
  EXPECT_EQ (serialize_data_packet (parsed ("user-least"), Reliability::Lossy), sample ("user-least"));
}

TEST (DataPacket, AStampedSequenceReadsLikeAWrittenOne) {
  for (const uint32_t sequence : { 1u, 127u, 128u, 300u, 65'536u, UINT32_MAX }) {
    auto packet = parsed ("user");
    packet.sequence = 0;
    auto bytes = serialize_data_packet (packet, Reliability::Reliable);
    stamp_sequence (bytes, sequence);
    const auto again = parse_data_packet (bytes);
    ASSERT_TRUE (again);
    EXPECT_EQ (again->sequence, sequence);
    EXPECT_EQ (std::get<UserMessage> (again->body).topic, "mocap");
  }
}

TEST (DataPacket, BadPacketsAreRefusedWithoutAWordOnStderr) {
  testing::internal::CaptureStderr ();
  for (const auto *name : { "bad-utf8", "bad-utf8-identity", "bad-utf8-attribute", "cut", "group" })
    EXPECT_FALSE (parse_data_packet (sample (name))) << name;
  const auto chat = sample ("chat");
  for (size_t size = 1; size < chat.size (); size++)
    (void)parse_data_packet (chat.substr (0, size));
  EXPECT_EQ (testing::internal::GetCapturedStderr (), "");
}

TEST (DataPacket, ThousandsOfEmptyPartsAreRefused) {
  const std::string destination ("\x2a\0", 2);
  EXPECT_TRUE (parse_data_packet (repeated (destination, kMaxDataParts)));
  EXPECT_FALSE (parse_data_packet (repeated (destination, kMaxDataParts + 1)));
  const auto segments = repeated (std::string ("\x22\0", 2), 10'000);
  const auto size = segments.size ();
  const std::string transcription{ '\x3a', char (0x80 | (size & 0x7f)), char (0x80 | (size >> 7 & 0x7f)),
                                   char (size >> 14) };
  EXPECT_FALSE (parse_data_packet (transcription + segments));
}

TEST (DataPacket, WrongBytesInOurTextsDontSpoilThePacket) {
  DataPacket packet;
  packet.body = UserMessage{ "p", "to\xffpic", {}, {}, {} };
  const auto again = parse_data_packet (serialize_data_packet (packet, Reliability::Reliable));
  ASSERT_TRUE (again);
  EXPECT_EQ (std::get<UserMessage> (again->body).topic, "to\xef\xbf\xbdpic");
}

TEST (DataPacket, TextsMayContainNul) {
  DataPacket packet;
  packet.body = ChatMessage{ "id", std::string ("a\0b", 3) };
  const auto again = parse_data_packet (serialize_data_packet (packet, Reliability::Reliable));
  ASSERT_TRUE (again);
  EXPECT_EQ (std::get<ChatMessage> (again->body).text, std::string ("a\0b", 3));
}
