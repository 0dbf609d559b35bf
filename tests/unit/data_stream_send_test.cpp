#include "data/deflate.hpp"
#include "data/limits.hpp"
#include "data_stream_util.hpp"

using namespace lk;
using namespace lk::data;
using namespace lk::test;

namespace {

constexpr StreamReach kV1{}, kV2{ true, false }, kDeflate{ true, true };

bool
ends_on_character (const std::string &text) {
  return g_utf8_validate (text.data (), gssize (text.size ()), nullptr);
}

std::string
joined (const std::vector<DataPacket> &packets) {
  std::string all;
  for (const auto &chunk : chunks_in (packets))
    all += chunk.content;
  return all;
}

const StreamTrailer &
trailer_in (const std::vector<DataPacket> &packets) {
  return std::get<StreamTrailer> (packets.back ().body);
}

} // namespace

TEST (StreamEncoder, AHeaderCarriesWhatTheSpecSays) {
  auto spec = text_spec ("id-1");
  spec.timestamp_ms = 5;
  spec.attributes = { { "k", "v" } };
  spec.destinations = { "bob" };
  spec.operation = StreamOperation::Update;
  spec.version = 2;
  spec.reply_to = "r";
  spec.attached = { "f" };
  spec.generated = true;
  spec.sender_identity = "somebody";
  const auto packets = packets_of (spec, "hello");
  ASSERT_EQ (packets.size (), 3u);
  for (const auto &packet : packets) {
    EXPECT_EQ (packet.destinations, spec.destinations);
    EXPECT_EQ (packet.sender_identity, "somebody");
  }
  const auto &header = header_in (packets);
  EXPECT_EQ (header.id, "id-1");
  EXPECT_EQ (header.topic, "t");
  EXPECT_EQ (header.mime_type, "text/plain");
  EXPECT_EQ (header.timestamp_ms, 5);
  EXPECT_EQ (header.total_length, 5u);
  EXPECT_EQ (header.attributes, spec.attributes);
  const auto &text = std::get<TextHeader> (header.kind);
  EXPECT_EQ (text.operation, StreamOperation::Update);
  EXPECT_EQ (text.version, 2);
  EXPECT_EQ (text.reply_to, "r");
  EXPECT_EQ (text.attached, spec.attached);
  EXPECT_TRUE (text.generated);
  EXPECT_EQ (chunks_in (packets)[0].stream_id, "id-1");
  EXPECT_EQ (trailer_in (packets).stream_id, "id-1");
  EXPECT_EQ (trailer_in (packets).reason, "");
}

TEST (StreamEncoder, ByteStreamsHaveTheDefaultsOfTheSdks) {
  auto packets = packets_of (byte_spec (), "x");
  EXPECT_EQ (header_in (packets).mime_type, "application/octet-stream");
  EXPECT_EQ (std::get<ByteHeader> (header_in (packets).kind).name, "unknown");
  auto spec = byte_spec ();
  spec.name = "a.png";
  spec.mime_type = "image/png";
  packets = packets_of (spec, "x");
  EXPECT_EQ (header_in (packets).mime_type, "image/png");
  EXPECT_EQ (std::get<ByteHeader> (header_in (packets).kind).name, "a.png");
}

TEST (StreamEncoder, ChunksAreFullAndNumberedFromZero) {
  for (const size_t size : { size_t (0), size_t (1), kStreamChunk - 1, kStreamChunk, kStreamChunk + 1,
                             3 * kStreamChunk, 3 * kStreamChunk + 7 }) {
    std::mt19937 random (1);
    const auto content = some_bytes (random, size);
    const auto packets = packets_of (byte_spec (), content);
    const auto chunks = chunks_in (packets);
    ASSERT_EQ (chunks.size (), (size + kStreamChunk - 1) / kStreamChunk) << size;
    for (size_t i = 0; i < chunks.size (); i++) {
      EXPECT_EQ (chunks[i].index, i);
      EXPECT_TRUE (i + 1 == chunks.size () || chunks[i].content.size () == kStreamChunk);
    }
    EXPECT_EQ (joined (packets), content);
    EXPECT_EQ (header_in (packets).total_length, size);
    EXPECT_EQ (packets.size (), chunks.size () + 2);
  }
}

TEST (StreamEncoder, TextIsNeverCutWithinACharacter) {
  for (const auto *character : { "\xc3\xa9", "\xe4\xb8\x96", "\xf0\x9f\x8e\x88" })
    for (size_t shift = 0; shift < 4; shift++) {
      std::string content (shift, 'a');
      while (content.size () < 2 * kStreamChunk)
        content += character;
      const auto packets = packets_of (text_spec (), content);
      for (const auto &chunk : chunks_in (packets)) {
        EXPECT_TRUE (ends_on_character (chunk.content));
        EXPECT_LE (chunk.content.size (), kStreamChunk);
      }
      EXPECT_EQ (joined (packets), content);
    }
}

TEST (StreamEncoder, WritesGoOutAtOnceAndABegunCharacterWaitsForItsRest) {
  std::vector<DataPacket> packets;
  StreamEncoder encoder (text_spec (), into (packets));
  ASSERT_TRUE (encoder.open ());
  EXPECT_FALSE (header_in (packets).total_length);
  ASSERT_TRUE (encoder.write ("ab\xf0\x9f"));
  ASSERT_EQ (chunks_in (packets).size (), 1u);
  EXPECT_EQ (chunks_in (packets)[0].content, "ab");
  ASSERT_TRUE (encoder.write ("\x8e"));
  EXPECT_EQ (chunks_in (packets).size (), 1u);
  ASSERT_TRUE (encoder.write ("\x88"));
  ASSERT_EQ (chunks_in (packets).size (), 2u);
  EXPECT_EQ (chunks_in (packets)[1].content, "\xf0\x9f\x8e\x88");
  EXPECT_EQ (encoder.written (), 6u);
  ASSERT_TRUE (encoder.close ({ { "a", "b" } }));
  EXPECT_EQ (trailer_in (packets).attributes, (Attributes{ { "a", "b" } }));
  EXPECT_FALSE (encoder.write ("x"));
  EXPECT_FALSE (encoder.close ());
}

TEST (StreamEncoder, HoweverTextIsCutTheReceiverGetsIt) {
  std::mt19937 random (2);
  for (int round = 0; round < 50; round++) {
    const auto content = some_text (random, random () % 50'000);
    std::vector<DataPacket> packets;
    StreamEncoder encoder (text_spec (), into (packets));
    ASSERT_TRUE (encoder.open ());
    for (size_t at = 0; at < content.size ();) {
      const auto size = std::min<size_t> (content.size () - at, random () % 20'000);
      ASSERT_TRUE (encoder.write (std::string_view (content).substr (at, size)));
      at += size;
    }
    ASSERT_TRUE (encoder.close ());
    for (const auto &chunk : chunks_in (packets))
      ASSERT_TRUE (ends_on_character (chunk.content));
    EXPECT_EQ (joined (packets), content);
  }
}

TEST (StreamEncoder, TextThatIsNoTextIsRefusedAndTheReceiversAreTold) {
  for (const auto *bytes : { "a\xff", "\xc3(", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80" }) {
    std::vector<DataPacket> packets;
    StreamEncoder encoder (text_spec (), into (packets));
    ASSERT_TRUE (encoder.open ());
    const auto written = encoder.write (bytes);
    const auto closed = written ? encoder.close () : written;
    EXPECT_FALSE (closed) << bytes;
    EXPECT_EQ (closed.error ().code, Errc::Settings);
    EXPECT_NE (trailer_in (packets).reason, "");
    EXPECT_TRUE (chunks_in (packets).empty ());
  }
  std::vector<DataPacket> packets;
  EXPECT_FALSE (send_stream (text_spec (), "\xff", kV1, into (packets)));
  auto spec = text_spec ();
  spec.topic = "\xff";
  EXPECT_FALSE (send_stream (spec, "x", kV2, into (packets)));
  EXPECT_FALSE (StreamEncoder (spec, into (packets)).open ());
  EXPECT_TRUE (packets.empty ());
}

TEST (StreamEncoder, APromisedLengthIsKeptOrTheStreamIsAborted) {
  for (const auto *content : { "abc", "abcde" }) {
    auto spec = byte_spec ();
    spec.total_length = 4;
    std::vector<DataPacket> packets;
    StreamEncoder encoder (spec, into (packets));
    ASSERT_TRUE (encoder.open ());
    const auto written = encoder.write (content);
    const auto closed = written ? encoder.close () : written;
    EXPECT_FALSE (closed);
    EXPECT_NE (trailer_in (packets).reason, "");
  }
}

TEST (StreamEncoder, AHeaderThatDoesNotFitAPacketIsRefused) {
  auto spec = byte_spec ();
  spec.attributes["k"] = std::string (kMaxPacket, 'v');
  std::vector<DataPacket> packets;
  const auto sent = send_stream (spec, "x", kDeflate, into (packets));
  ASSERT_FALSE (sent);
  EXPECT_EQ (sent.error ().code, Errc::LimitExceeded);
  EXPECT_FALSE (StreamEncoder (spec, into (packets)).open ());
  EXPECT_TRUE (packets.empty ());
}

TEST (StreamEncoder, AbortTellsOnceAndOnlyWhatWasOpened) {
  std::vector<DataPacket> packets;
  StreamEncoder encoder (byte_spec (), into (packets));
  encoder.abort ("early");
  EXPECT_TRUE (packets.empty ());
  ASSERT_TRUE (encoder.open ());
  encoder.abort ("why");
  encoder.abort ("again");
  ASSERT_EQ (packets.size (), 2u);
  EXPECT_EQ (trailer_in (packets).reason, "why");
}

TEST (StreamEncoder, ARefusedPacketEndsTheStreamWithThatError) {
  for (size_t taken = 0; taken < 5; taken++) {
    size_t count = 0;
    const auto sink = [&] (DataPacket) -> Result<> {
      if (count++ == taken) return Error{ Errc::Closed, Retry::Never, "stop" };
      return {};
    };
    const auto sent = send_stream (byte_spec (), std::string (3 * kStreamChunk, 'x'), kV1, sink);
    ASSERT_FALSE (sent);
    EXPECT_EQ (sent.error ().code, Errc::Closed);
    EXPECT_LE (count, taken + 2);
  }
}

TEST (StreamEncoder, ARefusedWriteOfAChunkAndARefusedCloseMayBeRepeated) {
  std::vector<DataPacket> packets;
  bool refuse = false;
  StreamEncoder encoder (text_spec (), [&] (DataPacket packet) -> Result<> {
    if (refuse) return Error{ Errc::Closed, Retry::Never, "stop" };
    packets.push_back (std::move (packet));
    return {};
  });
  ASSERT_TRUE (encoder.open ());
  ASSERT_TRUE (encoder.write ("a\xc3"));
  for (const bool refused : { true, false }) {
    refuse = refused;
    EXPECT_EQ (bool (encoder.write ("\xbc"
                                    "b")),
               !refused);
  }
  for (const bool refused : { true, false }) {
    refuse = refused;
    EXPECT_EQ (bool (encoder.close ()), !refused);
  }
  std::string text;
  for (const auto &chunk : chunks_in (packets))
    text += chunk.content;
  EXPECT_EQ (text, "aüb");
  EXPECT_EQ (trailer_in (packets).reason, "");
}

TEST (StreamV2, WhatFitsGoesInOnePacket) {
  const auto packets = packets_of (text_spec (), "hello", kV2);
  ASSERT_EQ (packets.size (), 1u);
  EXPECT_EQ (header_in (packets).inline_content, "hello");
  EXPECT_FALSE (header_in (packets).deflated);
  EXPECT_EQ (header_in (packets).total_length, 5u);
  EXPECT_EQ (packets_of (text_spec (), "", kV2).size (), 1u);
}

TEST (StreamV2, WhatHasAttachmentsIsNeverInline) {
  auto spec = text_spec ();
  spec.attached = { "f" };
  EXPECT_EQ (packets_of (spec, "hello", kV2).size (), 3u);
}

TEST (StreamV2, ThePacketWithEverythingIsAtMost15000Bytes) {
  std::mt19937 random (3);
  const auto content = some_bytes (random, 20'000);
  size_t largest = 0;
  for (size_t size = 14'800; size < 15'100; size++) {
    const auto packets = packets_of (byte_spec (), std::string_view (content).substr (0, size), kV2);
    if (packets.size () == 1) {
      EXPECT_LE (serialize_data_packet (packets[0], Reliability::Reliable).size (), kInlinePacket);
      EXPECT_EQ (largest + 1, largest == 0 ? 1 : size) << "a smaller one did not fit";
      largest = size;
    }
  }
  EXPECT_GT (largest, 14'900u);
}

TEST (StreamV2, InlineIsCompressedOnlyWhereThatIsSmallerAndUnderstood) {
  const std::string text (10'000, 'a');
  auto packets = packets_of (text_spec (), text, kDeflate);
  ASSERT_EQ (packets.size (), 1u);
  EXPECT_TRUE (header_in (packets).deflated);
  EXPECT_LT (header_in (packets).inline_content->size (), 100u);
  EXPECT_EQ (header_in (packets).total_length, 10'000u);
  EXPECT_EQ (inflate (*header_in (packets).inline_content, 10'000), text);

  packets = packets_of (text_spec (), text, kV2);
  ASSERT_EQ (packets.size (), 1u);
  EXPECT_FALSE (header_in (packets).deflated);
  packets = packets_of (text_spec (), "ab", kDeflate);
  EXPECT_FALSE (header_in (packets).deflated);
  EXPECT_EQ (header_in (packets).inline_content, "ab");
}

TEST (StreamV2, LongContentIsOneDeflateStreamOverItsChunks) {
  std::mt19937 random (5);
  for (const size_t size : { 100'000, 3'000'000 }) {
    std::string text;
    while (text.size () < size)
      text += std::to_string (random () % 1'000'000) + ' ';
    std::vector<DataPacket> packets;
    uint64_t told = 0;
    ASSERT_TRUE (send_stream (text_spec (), text, kDeflate, into (packets), [&] (uint64_t bytes) {
      EXPECT_GE (bytes, told);
      told = bytes;
    }));
    EXPECT_EQ (told, text.size ());
    EXPECT_TRUE (header_in (packets).deflated);
    EXPECT_FALSE (header_in (packets).inline_content);
    EXPECT_EQ (header_in (packets).total_length, text.size ());
    const auto chunks = chunks_in (packets);
    for (size_t i = 0; i + 1 < chunks.size (); i++)
      ASSERT_EQ (chunks[i].content.size (), kStreamChunk);
    EXPECT_LT (joined (packets).size (), text.size () * 2 / 3);
    EXPECT_EQ (inflate (joined (packets), text.size ()), text);
  }
}

TEST (StreamV2, WhatDoesNotShrinkGoesPlain) {
  std::mt19937 random (6);
  for (const size_t size : { 20'000, 2'000'000 }) {
    const auto content = some_bytes (random, size);
    const auto packets = packets_of (byte_spec (), content, kDeflate);
    EXPECT_FALSE (header_in (packets).deflated);
    EXPECT_EQ (joined (packets), content);
  }
}
