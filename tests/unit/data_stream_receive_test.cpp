#include "data/deflate.hpp"
#include "data/limits.hpp"
#include "data_stream_util.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

using namespace lk;
using namespace lk::data;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

constexpr StreamReach kReaches[] = { {}, { true, false }, { false, true }, { true, true } };

StreamHeader
byte_header (const std::string &id) {
  StreamHeader header;
  header.id = id;
  header.kind = ByteHeader{};
  return header;
}

StreamChunk
chunk (const std::string &id, uint64_t index, std::string content, int32_t version = 0) {
  return { id, std::move (content), index, version };
}

} // namespace

TEST (StreamAssembler, WhateverIsSentArrivesByteForByte) {
  std::mt19937 random (7);
  for (const size_t size : { 0, 1, 2, 14'999, 15'000, 15'001, 60'000, 300'000 })
    for (const auto &reach : kReaches)
      for (const bool text : { false, true }) {
        Receiving room;
        const auto content = text ? some_text (random, size) : some_bytes (random, size);
        room.take (packets_of (text ? text_spec () : byte_spec (), content, reach));
        const auto &heard = room.listener.streams["st"];
        EXPECT_EQ (heard.endings, 1) << size;
        EXPECT_FALSE (heard.error);
        EXPECT_TRUE (heard.pieces == content) << size;
        EXPECT_TRUE (heard.whole == content) << size;
        EXPECT_EQ (heard.opened->header.total_length, content.size ());
        EXPECT_FALSE (heard.opened->header.inline_content);
        EXPECT_EQ (heard.opened->is_text (), text);
        EXPECT_EQ (heard.opened->identity, "alice");
        EXPECT_EQ (heard.opened->sid, "PA_alice");
        EXPECT_EQ (room.assembler.open_streams (), 0u);
        EXPECT_EQ (room.assembler.held (), 0u);
        EXPECT_EQ (room.timers.pending (), 0u);
      }
}

TEST (StreamAssembler, ThePacketOfAForeignCompressorIsRead) {
  std::ifstream file (std::string (LK_TEST_DATA) + "/../fuzz/corpus/packet/inline-deflated",
                      std::ios::binary);
  const std::string bytes{ std::istreambuf_iterator<char> (file), {} };
  const auto packet = parse_data_packet (bytes);
  ASSERT_TRUE (packet);
  Receiving room;
  room.take (*packet);
  std::string expected;
  for (int i = 0; i < 40; i++)
    expected += "gr\xc3\xbc\xc3\x9f"
                "e, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x8e\x88. ";
  EXPECT_EQ (room.listener.streams["st-3"].whole, expected);
}

TEST (StreamAssembler, EveryOrderOfChunksAndTrailerGivesTheSameStream) {
  std::mt19937 random (8);
  const auto content = some_text (random, 55'000);
  for (const auto &reach : kReaches) {
    auto packets = packets_of (text_spec (), content, reach);
    if (packets.size () > 7) packets.resize (7);
    std::vector<size_t> order (packets.size () - 1);
    for (size_t i = 0; i < order.size (); i++)
      order[i] = i + 1;
    do {
      Receiving room;
      room.take (packets[0]);
      for (const auto i : order) {
        room.take (packets[i]);
        if (random () % 2) room.take (packets[i]); // once more
      }
      EXPECT_TRUE (room.listener.streams["st"].whole == content);
      EXPECT_EQ (room.listener.streams["st"].endings, 1);
      EXPECT_EQ (room.assembler.held (), 0u);
    } while (std::next_permutation (order.begin (), order.end ()));
  }
}

TEST (StreamAssembler, StreamsOfManySendersMixWithoutTouching) {
  std::mt19937 random (9);
  struct Source {
    std::string sender, id, content;
    std::vector<DataPacket> packets;
    size_t next = 0;
  };
  std::vector<Source> sources;
  for (int i = 0; i < 12; i++) {
    Source source{
      "PA_" + std::to_string (i % 3), "st-" + std::to_string (i), some_bytes (random, 70'000), {}
    };
    source.packets = packets_of (byte_spec (source.id), source.content, kReaches[i % 4]);
    sources.push_back (std::move (source));
  }
  Receiving room;
  for (bool more = true; more;) {
    more = false;
    std::shuffle (sources.begin (), sources.end (), random);
    for (auto &source : sources)
      if (source.next < source.packets.size ()) {
        room.take (source.packets[source.next++], "", source.sender);
        more = true;
      }
  }
  for (const auto &source : sources)
    EXPECT_TRUE (room.listener.streams[source.id].whole == source.content);
}

TEST (StreamAssembler, TheSameIdOfTwoSendersIsTwoStreams) {
  Receiving room;
  room.take (packet_of (byte_header ("st")), "alice", "PA_1");
  room.take (packet_of (byte_header ("st")), "bob", "PA_2");
  EXPECT_EQ (room.assembler.open_streams (), 2u);
  room.take (packet_of (chunk ("st", 0, "evil")), "bob", "PA_2");
  room.take (packet_of (chunk ("st", 0, "good")), "alice", "PA_1");
  for (const auto *sid : { "PA_1", "PA_2" })
    room.take (packet_of (StreamTrailer{ "st" }), "", sid);
  EXPECT_EQ (room.listener.streams["st"].whole, "good");
  EXPECT_EQ (room.listener.streams["bob/st"].whole, "evil");
}

TEST (StreamAssembler, AnAgentsHeaderForSomebodyElseBelongsToItsChunks) {
  Receiving room;
  room.take (packet_of (byte_header ("st")), "spoken-for", "PA_agent");
  room.take (packet_of (chunk ("st", 0, "x")), "agent", "PA_agent");
  room.take (packet_of (StreamTrailer{ "st" }), "agent", "PA_agent");
  EXPECT_EQ (room.listener.streams["spoken-for/st"].whole, "x");
}

TEST (StreamAssembler, ANewerVersionReplacesAChunkThatStillWaits) {
  Receiving room;
  room.take (packet_of (byte_header ("st")));
  room.take (packet_of (chunk ("st", 1, "old", 1)));
  room.take (packet_of (chunk ("st", 1, "newer", 2)));
  room.take (packet_of (chunk ("st", 1, "oldest", 0)));
  room.take (packet_of (chunk ("st", 0, "first ")));
  room.take (packet_of (StreamTrailer{ "st" }));
  EXPECT_EQ (room.listener.streams["st"].whole, "first newer");
  EXPECT_EQ (room.assembler.held (), 0u);
}

TEST (StreamAssembler, TheTrailersAttributesAreInTheLastWord) {
  Receiving room;
  auto header = byte_header ("st");
  header.attributes = { { "a", "1" }, { "b", "1" } };
  room.take (packet_of (header));
  room.take (packet_of (StreamTrailer{ "st", "", { { "b", "2" }, { "c", "2" } } }));
  EXPECT_EQ (room.listener.streams["st"].ended->header.attributes,
             (Attributes{ { "a", "1" }, { "b", "2" }, { "c", "2" } }));
  EXPECT_EQ (room.listener.streams["st"].opened->header.attributes.size (), 2u);
}

TEST (StreamAssembler, UnwantedAndUnknownStreamsCostNothing) {
  Receiving room;
  room.listener.wish.wanted = false;
  room.take (packets_of (byte_spec (), std::string (100'000, 'x')));
  room.take (packet_of (chunk ("never", 0, "x")));
  room.take (packet_of (StreamTrailer{ "never" }));
  EXPECT_EQ (room.listener.streams["st"].endings, 0);
  EXPECT_EQ (room.listener.streams["st"].pieces, "");
  EXPECT_EQ (room.assembler.held (), 0u);
  EXPECT_EQ (room.timers.pending (), 0u);
}

TEST (StreamAssembler, OnlyWhatWasAskedForIsKept) {
  Receiving room;
  room.listener.wish.whole = false;
  auto packets = packets_of (byte_spec (), std::string (100'000, 'x'));
  packets.pop_back ();
  room.take (packets);
  EXPECT_LT (room.assembler.held (), 5000u);
  EXPECT_EQ (room.listener.streams["st"].pieces.size (), 100'000u);
}

TEST (StreamAssembler, AnAbortIsTheSendersReason) {
  Receiving room;
  room.take (packet_of (byte_header ("st")));
  room.take (packet_of (chunk ("st", 0, "x")));
  room.take (packet_of (StreamTrailer{ "st", "changed my mind" }));
  const auto &heard = room.listener.streams["st"];
  EXPECT_EQ (heard.code (), Errc::Closed);
  EXPECT_EQ (heard.error->message, "changed my mind");
  EXPECT_EQ (heard.whole, "");
  room.take (packet_of (chunk ("st", 1, "late")));
  EXPECT_EQ (heard.endings, 1);
}

TEST (StreamAssembler, AStreamLongerThanItSaidEnds) {
  for (const bool deflated : { false, true }) {
    Receiving room;
    auto header = byte_header ("st");
    header.total_length = 10;
    header.deflated = deflated;
    room.take (packet_of (header));
    room.take (packet_of (chunk ("st", 0, deflated ? deflate ("12345678901") : "12345678901")));
    EXPECT_EQ (room.listener.streams["st"].code (), Errc::Protocol);
  }
}

TEST (StreamAssembler, AStreamShorterThanItSaidEndsAfterAWhile) {
  Receiving room;
  auto header = byte_header ("st");
  header.total_length = 10;
  room.take (packet_of (header));
  room.take (packet_of (chunk ("st", 0, "123")));
  room.take (packet_of (StreamTrailer{ "st" }));
  EXPECT_EQ (room.listener.streams["st"].endings, 0);
  room.timers.advance (4s);
  EXPECT_EQ (room.listener.streams["st"].code (), Errc::Protocol);
}

TEST (StreamAssembler, AnInlineStreamThatLacksSomethingEndsAtOnce) {
  Receiving room;
  auto header = byte_header ("short");
  header.total_length = 10;
  header.inline_content = "123";
  room.take (packet_of (header));
  EXPECT_EQ (room.listener.streams["short"].code (), Errc::Protocol);
  header = byte_header ("cut");
  header.deflated = true;
  header.inline_content = deflate (std::string (1000, 'x'));
  header.inline_content->pop_back ();
  room.take (packet_of (header));
  EXPECT_EQ (room.listener.streams["cut"].code (), Errc::Protocol);
}

TEST (StreamAssembler, APromisedLengthIsEnoughWhereADeflateStreamWasOnlyFlushed) {
  Receiving room;
  auto header = byte_header ("st");
  header.deflated = true;
  header.total_length = 3;
  room.take (packet_of (header));
  // "abc" in a fixed block, then an empty stored one: zlib's Z_SYNC_FLUSH
  room.take (packet_of (chunk ("st", 0, std::string ("\x4a\x4c\x4a\x06\x00\x00\x00\xff\xff", 9))));
  room.take (packet_of (StreamTrailer{ "st" }));
  EXPECT_EQ (room.listener.streams["st"].whole, "abc");
}

TEST (StreamAssembler, TextThatIsNoTextEndsTheStream) {
  for (const auto *bytes : { "a\xff", "\xc3(", "\xe4\xb8" }) {
    Receiving room;
    StreamHeader header;
    header.id = "st";
    header.kind = TextHeader{};
    room.take (packet_of (header));
    room.take (packet_of (chunk ("st", 0, bytes)));
    room.take (packet_of (StreamTrailer{ "st" }));
    EXPECT_EQ (room.listener.streams["st"].code (), Errc::Protocol);
  }
}

TEST (StreamAssembler, BrokenCompressionEndsTheStream) {
  Receiving room;
  auto header = byte_header ("st");
  header.deflated = true;
  room.take (packet_of (header));
  room.take (packet_of (chunk ("st", 0, "\xff\xff\xff\xff")));
  EXPECT_EQ (room.listener.streams["st"].code (), Errc::Protocol);
}

TEST (StreamAssembler, ABombEndsAtTheLimitAndIsNeverHeld) {
  Receiving room;
  room.listener.wish.max_bytes = 1'000'000;
  auto header = byte_header ("st");
  header.deflated = true;
  room.take (packet_of (header));
  const auto bomb = deflate (std::string (10'000'000, '\0'));
  ASSERT_LT (bomb.size (), kMaxMessage);
  room.take (packet_of (chunk ("st", 0, bomb)));
  EXPECT_EQ (room.listener.streams["st"].code (), Errc::LimitExceeded);
  EXPECT_LE (room.listener.streams["st"].pieces.size (), 1'000'000u);
  EXPECT_LE (room.listener.largest_piece, 16'384u);
  EXPECT_EQ (room.assembler.held (), 0u);
}

TEST (StreamAssembler, AListenersLimitHoldsForAnnouncedAndForUnannouncedLengths) {
  Receiving room;
  room.listener.wish.max_bytes = 10;
  room.take (packets_of (byte_spec ("announced"), "12345678901"));
  room.take (packet_of (byte_header ("open")));
  room.take (packet_of (chunk ("open", 0, "1234567890")));
  EXPECT_EQ (room.listener.streams["open"].endings, 0);
  room.take (packet_of (chunk ("open", 1, "1")));
  for (const auto *id : { "announced", "open" })
    EXPECT_EQ (room.listener.streams[id].code (), Errc::LimitExceeded) << id;
  EXPECT_EQ (room.listener.streams["announced"].pieces, "");
}

TEST (StreamAssembler, ASenderOpensOnlySoManyStreamsAndHindersNobodyElse) {
  StreamLimits limits;
  limits.streams_per_sender = 3;
  limits.streams = 5;
  Receiving room (limits);
  for (int i = 0; i < 10; i++)
    room.take (packet_of (byte_header ("a" + std::to_string (i))), "", "PA_1");
  EXPECT_EQ (room.assembler.open_streams (), 3u);
  EXPECT_EQ (room.assembler.dropped (), 7u);
  for (int i = 0; i < 10; i++)
    room.take (packet_of (byte_header ("b" + std::to_string (i))), "", "PA_2");
  EXPECT_EQ (room.assembler.open_streams (), 5u);
  room.take (packet_of (StreamTrailer{ "a0" }), "", "PA_1");
  room.take (packet_of (byte_header ("again")), "", "PA_1");
  EXPECT_EQ (room.assembler.open_streams (), 5u);
}

TEST (StreamAssembler, WhatIsHeldForOneSenderIsBounded) {
  StreamLimits limits;
  limits.held_per_sender = 100'000;
  Receiving room (limits);
  room.listener.wish.max_bytes = 60'000;
  for (const auto *id : { "a", "b" }) {
    room.take (packet_of (byte_header (id)));
    room.take (packet_of (chunk (id, 0, std::string (55'000, 'x'))));
  }
  EXPECT_EQ (room.listener.streams["a"].endings, 0);
  EXPECT_EQ (room.listener.streams["b"].code (), Errc::LimitExceeded);
  EXPECT_LT (room.assembler.held (), 60'000u);
}

TEST (StreamAssembler, ChunksAfterAGapAreBoundedInNumberAndBytes) {
  Receiving room;
  room.take (packet_of (byte_header ("many")));
  for (uint64_t i = 1; i < 3000; i++)
    room.take (packet_of (chunk ("many", i * 1'000'000'007, "")));
  EXPECT_EQ (room.listener.streams["many"].code (), Errc::LimitExceeded);
  room.take (packet_of (byte_header ("large")));
  for (uint64_t i = 1; i < 200; i++)
    room.take (packet_of (chunk ("large", i, std::string (60'000, 'x'))));
  EXPECT_EQ (room.listener.streams["large"].code (), Errc::LimitExceeded);
  EXPECT_EQ (room.assembler.held (), 0u);
}

TEST (StreamAssembler, ASilentStreamTimesOutAndATalkingOneDoesNot) {
  Receiving room;
  room.take (packet_of (byte_header ("silent")));
  room.take (packet_of (byte_header ("talking")));
  for (uint64_t i = 0; i < 3; i++) {
    room.timers.advance (400s);
    room.take (packet_of (chunk ("talking", i, "x")));
  }
  EXPECT_EQ (room.listener.streams["silent"].code (), Errc::Timeout);
  EXPECT_EQ (room.listener.streams["talking"].endings, 0);
}

TEST (StreamAssembler, ASenderThatLeavesEndsItsStreamsOnly) {
  Receiving room;
  for (const auto *id : { "a1", "a2" })
    room.take (packet_of (byte_header (id)), "alice", "PA_1");
  room.take (packet_of (byte_header ("b1")), "bob", "PA_2");
  room.assembler.sender_gone ("alice", "PA_1");
  EXPECT_EQ (room.listener.streams["a1"].code (), Errc::TransportLost);
  EXPECT_EQ (room.listener.streams["a2"].code (), Errc::TransportLost);
  EXPECT_EQ (room.listener.streams["bob/b1"].endings, 0);
  room.assembler.close ({ Errc::Closed, Retry::Never, "left" });
  EXPECT_EQ (room.listener.streams["bob/b1"].code (), Errc::Closed);
  EXPECT_EQ (room.timers.pending (), 0u);
}

TEST (Deflate, AnythingComesBackHoweverItIsCut) {
  std::mt19937 random (10);
  for (const size_t size : { 0, 1, 100, 16'384, 16'385, 200'000 }) {
    const auto content = size % 2 ? some_bytes (random, size) : some_text (random, size);
    const auto compressed = deflate (content);
    EXPECT_EQ (inflate (compressed, size), content);
    EXPECT_TRUE (size == 0 || !inflate (compressed, size - 1));
    EXPECT_EQ (inflate (compressed.substr (0, compressed.size () - 1), size), std::nullopt);
    EXPECT_EQ (inflate (compressed + 'x', size), std::nullopt);
    Inflater inflater;
    std::string out;
    const auto sink = [&] (std::string_view piece) {
      out += piece;
      return true;
    };
    for (const char byte : compressed)
      ASSERT_NE (inflater.feed ({ &byte, 1 }, sink), Inflater::State::Broken);
    EXPECT_EQ (inflater.state (), Inflater::State::Done);
    EXPECT_TRUE (out == content);
  }
}
