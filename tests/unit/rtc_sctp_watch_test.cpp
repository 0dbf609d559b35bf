// What SCTP packets say of what has arrived.
#include "rtc/sctp_watch.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

using lk::rtc::SctpWatch;

namespace {

using Bytes = std::vector<uint8_t>;

Bytes
packet (std::initializer_list<Bytes> chunks) {
  Bytes all (12, 0x55); // ports, verification tag, checksum
  for (const auto &chunk : chunks)
    all.insert (all.end (), chunk.begin (), chunk.end ());
  return all;
}

/// With `content` bytes behind the TSN, padded.
Bytes
chunk (uint8_t type, uint32_t tsn, size_t content = 8) {
  const size_t length = 8 + content;
  Bytes made{ type,
              3,
              uint8_t (length >> 8),
              uint8_t (length),
              uint8_t (tsn >> 24),
              uint8_t (tsn >> 16),
              uint8_t (tsn >> 8),
              uint8_t (tsn) };
  made.resize ((length + 3) / 4 * 4);
  return made;
}
const auto data = [] (uint32_t tsn, size_t content = 8) { return chunk (0, tsn, content); };
const auto sack = [] (uint32_t tsn) { return chunk (3, tsn); };

class Sctp : public testing::Test {
protected:
  void
  sent (const Bytes &bytes) {
    watch_.on_sent (bytes.data (), bytes.size ());
  }
  void
  received (const Bytes &bytes) {
    watch_.on_received (bytes.data (), bytes.size ());
  }
  SctpWatch watch_;
};

TEST_F (Sctp, NothingSentIsSettledAndDataUntilItsAcknowledgement) {
  EXPECT_TRUE (watch_.settled ());
  sent (packet ({ chunk (1, 7) })); // INIT
  EXPECT_TRUE (watch_.settled ());
  sent (packet ({ data (10), data (11, 5), data (12) }));
  EXPECT_FALSE (watch_.settled ());
  received (packet ({ sack (11) }));
  EXPECT_FALSE (watch_.settled ());
  received (packet ({ data (900), sack (12) })); // theirs and ours in one packet
  EXPECT_TRUE (watch_.settled ());
}

TEST_F (Sctp, WhatIsSentAgainOrAcknowledgedLateChangesNothing) {
  sent (packet ({ data (10) }));
  sent (packet ({ data (11) }));
  received (packet ({ sack (11) }));
  sent (packet ({ data (10) }));
  received (packet ({ sack (10) }));
  EXPECT_TRUE (watch_.settled ());
}

TEST_F (Sctp, SequenceNumbersWrap) {
  sent (packet ({ data (0xffffffff) }));
  received (packet ({ sack (0xffffffff) }));
  sent (packet ({ data (0) }));
  EXPECT_FALSE (watch_.settled ());
  received (packet ({ sack (0) }));
  EXPECT_TRUE (watch_.settled ());
}

TEST_F (Sctp, InterleavedDataCountsToo) {
  sent (packet ({ chunk (64, 5) }));
  EXPECT_FALSE (watch_.settled ());
}

TEST_F (Sctp, AStreamIsAnsweredWithTheFirstThatComesOnIt) {
  int told = 0;
  watch_.on_answer ([&] { ++told; });
  auto on_stream = [] (uint8_t stream) {
    auto made = data (1);
    made[9] = stream;
    return made;
  };
  sent (packet ({ on_stream (3) }));
  received (packet ({ sack (1), on_stream (1) }));
  EXPECT_FALSE (watch_.answered (3));
  EXPECT_TRUE (watch_.answered (1));
  EXPECT_EQ (told, 1);
  received (packet ({ on_stream (1), on_stream (3) }));
  received (packet ({ on_stream (3) }));
  EXPECT_TRUE (watch_.answered (3));
  EXPECT_EQ (told, 2);
  auto beyond = data (2);
  beyond[8] = 0xff;
  received (packet ({ beyond }));
  EXPECT_FALSE (watch_.answered (0xff00));
}

TEST_F (Sctp, AnyBytesAreHarmless) {
  std::mt19937 random (1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes (random () % 64);
    for (auto &byte : bytes)
      byte = uint8_t (random () % 8 ? random () % 5 : random ());
    sent (bytes);
    received (bytes);
  }
  (void)watch_.settled ();
}

} // namespace
