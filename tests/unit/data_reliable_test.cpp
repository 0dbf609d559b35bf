// Sequences: what is sent again after a resume, and what is dropped as a repetition.
#include "data/dedupe.hpp"
#include "data/message.hpp"
#include "data/replay_buffer.hpp"
#include "fakes/fake_time.hpp"
#include "proto/convert_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace lk;
using namespace lk::data;
using namespace std::chrono_literals;

namespace {

std::string
packet (const std::string &payload) {
  DataPacket made;
  made.body = UserMessage{ payload };
  return serialize_data_packet (made, Reliability::Reliable);
}

struct Message {
  uint32_t sequence = 0;
  std::string payload;
  bool operator== (const Message &) const = default;
};

Message
read (const Ref<GBytes> &message) {
  const auto parsed = parse_data_packet (view_of (message));
  EXPECT_TRUE (parsed);
  return parsed ? Message{ parsed->sequence, std::get<UserMessage> (parsed->body).payload } : Message{};
}

std::vector<Message>
read (const ReplayBuffer::Rest &rest) {
  std::vector<Message> all;
  for (const auto &message : rest.messages)
    all.push_back (read (message));
  return all;
}

} // namespace

TEST (ReplayBuffer, SequencesStartAtOneAndCount) {
  ReplayBuffer replay;
  EXPECT_EQ (replay.last_sequence (), 0u);
  EXPECT_EQ (read (replay.push (packet ("a"))), (Message{ 1, "a" }));
  EXPECT_EQ (read (replay.push (packet ("b"))), (Message{ 2, "b" }));
  EXPECT_EQ (replay.last_sequence (), 2u);
}

TEST (ReplayBuffer, AResumeGivesTheRestInOrderWithItsSequencesForEveryAnswerOfTheServer) {
  for (uint32_t sent = 0; sent <= 6; sent++)
    for (uint32_t server = 0; server <= sent + 2; server++) {
      ReplayBuffer replay;
      for (uint32_t i = 1; i <= sent; i++)
        (void)replay.push (packet (std::to_string (i)));
      std::vector<Message> expected;
      for (uint32_t i = server + 1; i <= sent; i++)
        expected.push_back ({ i, std::to_string (i) });
      const auto rest = replay.resume (server);
      EXPECT_EQ (read (rest), expected) << sent << " sent, server has " << server;
      EXPECT_EQ (rest.lost, 0u);
      // A second loss before anything new arrived gives the same again.
      EXPECT_EQ (read (replay.resume (server)), expected);
      EXPECT_EQ (read (replay.push (packet ("next"))), (Message{ sent + 1, "next" }));
    }
}

TEST (ReplayBuffer, WhatLeftTheChannelIsForgottenAndTheMarginIsKept) {
  const auto size = packet (std::string (1000, 'x')).size () + 3; // with a one-byte sequence
  ReplayBuffer replay (kMaxReplayBytes, 3 * size);
  for (int i = 0; i < 10; i++)
    (void)replay.push (packet (std::string (1000, 'x')));
  replay.trim (10 * size);
  EXPECT_EQ (replay.size (), 10u);
  replay.trim (4 * size);
  EXPECT_EQ (replay.size (), 7u);
  replay.trim (0);
  EXPECT_EQ (replay.size (), 3u);
  EXPECT_EQ (replay.bytes (), 3 * size);
  const auto rest = replay.resume (0);
  EXPECT_EQ (rest.lost, 7u);
  ASSERT_EQ (rest.messages.size (), 3u);
  EXPECT_EQ (read (rest.messages[0]).sequence, 8u);
}

TEST (ReplayBuffer, BeyondItsLimitTheOldestAreGivenUpAndTheLossIsTold) {
  ReplayBuffer replay (10'000, 10'000);
  for (int i = 0; i < 100; i++)
    (void)replay.push (packet (std::string (1000, 'x')));
  EXPECT_LE (replay.bytes (), 10'000u);
  const auto kept = uint32_t (replay.size ());
  EXPECT_GE (kept, 9u);
  EXPECT_EQ (replay.resume (50).lost, 50 - kept);
  EXPECT_EQ (replay.resume (100 - kept).lost, 0u);
}

TEST (ReplayBuffer, AFullReconnectStartsOver) {
  ReplayBuffer replay;
  (void)replay.push (packet ("a"));
  (void)replay.push (packet ("b"));
  EXPECT_EQ (replay.reset (), 2u);
  EXPECT_EQ (replay.bytes (), 0u);
  EXPECT_EQ (read (replay.push (packet ("c"))), (Message{ 1, "c" }));
  EXPECT_EQ (read (replay.resume (0)), (std::vector<Message>{ { 1, "c" } }));
}

TEST (Dedupe, EveryOrderOfArrivalYieldsRisingSequencesOnly) {
  std::vector<uint32_t> arrival{ 1, 2, 2, 3, 4, 4 };
  do {
    test::FakeClock clock;
    Dedupe dedupe (clock);
    uint32_t last = 0;
    for (const auto sequence : arrival) {
      EXPECT_EQ (dedupe.accept ("PA_1", sequence), sequence > last);
      last = std::max (last, sequence);
    }
  } while (std::next_permutation (arrival.begin (), arrival.end ()));
}

TEST (Dedupe, AReplayIsDroppedUpToWhatWasSeen) {
  test::FakeClock clock;
  Dedupe dedupe (clock);
  for (uint32_t i = 1; i <= 5; i++)
    EXPECT_TRUE (dedupe.accept ("PA_1", i));
  for (uint32_t i = 3; i <= 5; i++)
    EXPECT_FALSE (dedupe.accept ("PA_1", i));
  EXPECT_TRUE (dedupe.accept ("PA_1", 6));
  EXPECT_TRUE (dedupe.accept ("PA_1", 9)); // gaps are the server's business
}

TEST (Dedupe, SendersCountForThemselvesAndUnsequencedIsAlwaysNew) {
  test::FakeClock clock;
  Dedupe dedupe (clock);
  EXPECT_TRUE (dedupe.accept ("PA_1", 7));
  EXPECT_TRUE (dedupe.accept ("PA_2", 7));
  EXPECT_TRUE (dedupe.accept ("PA_1", 0));
  EXPECT_TRUE (dedupe.accept ("PA_1", 0));
  EXPECT_FALSE (dedupe.accept ("PA_1", 7));
}

TEST (Dedupe, ASilentSenderIsForgottenAndATalkingOneIsNot) {
  test::FakeClock clock;
  Dedupe dedupe (clock, 30s);
  EXPECT_TRUE (dedupe.accept ("PA_silent", 5));
  EXPECT_TRUE (dedupe.accept ("PA_talking", 5));
  clock.advance (29s);
  EXPECT_TRUE (dedupe.accept ("PA_talking", 6));
  clock.advance (2s);
  ASSERT_EQ (dedupe.states ().size (), 1u);
  EXPECT_EQ (dedupe.states ()[0].sid, "PA_talking");
  EXPECT_EQ (dedupe.states ()[0].last_sequence, 6u);
  EXPECT_TRUE (dedupe.accept ("PA_silent", 5));
  EXPECT_FALSE (dedupe.accept ("PA_talking", 6));
}

TEST (Dedupe, TooManySendersPushOutTheMostSilent) {
  test::FakeClock clock;
  Dedupe dedupe (clock, 30s, 3);
  for (const auto *sid : { "a", "b", "c", "a", "d" }) {
    clock.advance (1ms);
    (void)dedupe.accept (sid, uint32_t (clock.now ().count () & 0x7fffffff));
  }
  std::vector<std::string> sids;
  for (const auto &state : dedupe.states ())
    sids.push_back (state.sid);
  EXPECT_EQ (sids, (std::vector<std::string>{ "c", "a", "d" }));
}

TEST (Reliable, WhateverTheServerHasSeenExactlyOnceArrives) {
  std::mt19937 random (4);
  for (int round = 0; round < 200; round++) {
    test::FakeClock clock;
    ReplayBuffer replay;
    Dedupe dedupe (clock);
    std::vector<uint32_t> received;
    const auto arrive = [&] (const Ref<GBytes> &message) {
      if (const auto got = read (message); dedupe.accept ("PA_1", got.sequence))
        received.push_back (uint32_t (std::stoul (got.payload)));
    };
    // Each connection carries what it gets to carry; then it breaks and the receiver's last sequence is
    // somewhere at or before what arrived.
    uint32_t count = 0;
    for (int connection = 0; connection < 4; connection++) {
      const auto sends = random () % 10, arrives = random () % (sends + 1);
      for (uint32_t i = 0; i < sends; i++) {
        const auto message = replay.push (packet (std::to_string (++count)));
        if (i < arrives) arrive (message);
      }
      const auto seen = uint32_t (received.empty () ? 0 : received.back ());
      const auto told = seen - std::min (seen, uint32_t (random () % 3));
      for (const auto &message : replay.resume (told).messages)
        arrive (message);
    }
    std::vector<uint32_t> all (count);
    std::iota (all.begin (), all.end (), 1u);
    EXPECT_EQ (received, all);
  }
}
