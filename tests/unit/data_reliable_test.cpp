// Sequences: what is sent again after a resume, and what is dropped as a repetition.
#include "data/dedupe.hpp"
#include "data/message.hpp"
#include "data/repeat_filter.hpp"
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

TEST (ReplayBuffer, WhatWasSentLatelyIsKeptBeyondTheMargin) {
  const auto size = packet (std::string (1000, 'x')).size () + 3;
  ReplayBuffer replay (kMaxReplayBytes, 3 * size);
  for (int i = 0; i < 10; i++) // at 0 s to 9 s
    (void)replay.push (packet (std::string (1000, 'x')), {}, i * 1s);
  replay.trim (0, 0s);
  EXPECT_EQ (replay.size (), 10u);
  replay.trim (0, 4s);
  EXPECT_EQ (replay.size (), 6u);
  replay.trim (0, 9s);
  EXPECT_EQ (replay.size (), 3u) << "the margin is kept however old";
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

std::string
payload_of (const std::string &serialized) {
  const auto parsed = parse_data_packet (serialized);
  EXPECT_TRUE (parsed);
  EXPECT_EQ (parsed ? parsed->sequence : 1, 0u);
  return parsed ? std::get<UserMessage> (parsed->body).payload : "";
}

std::string
again_of (const ReplayBuffer::Restart &restart) {
  std::string all;
  for (const auto &entry : restart.again)
    all += payload_of (entry.packet);
  return all;
}

TEST (ReplayBuffer, AFullReconnectRepeatsTheLastSecondsAndWhatHadNotLeft) {
  struct Row {
    Nanos since;
    size_t buffered; ///< messages
    const char *again;
    uint32_t unconfirmed;
  };
  // "a" to "f" at 0 s to 5 s; nobody knows of those since 2 s.
  const Row rows[] = {
    { 4s, 0, "ef", 2 },  { 6s, 0, "", 4 },       { 6s, 1, "f", 3 },
    { 5s, 3, "def", 1 }, { 0s, 0, "abcdef", 0 }, { 6s, 6, "abcdef", 0 },
  };
  for (const auto &row : rows) {
    ReplayBuffer replay;
    size_t size = 0;
    for (int i = 0; i < 6; i++) {
      auto message = replay.push (packet (std::string (1, char ('a' + i))), { .repeatable = true }, i * 1s);
      size = view_of (message).size ();
    }
    const auto restart = replay.restart (row.since, row.buffered * size, 2s);
    EXPECT_EQ (again_of (restart), row.again);
    EXPECT_EQ (restart.unconfirmed, row.unconfirmed) << row.again;
  }
}

TEST (ReplayBuffer, OfAStreamAllIsRepeatedOrNothing) {
  ReplayBuffer replay;
  (void)replay.push (packet ("a"), { .repeatable = true, .stream = "old", .opens = true }, 1s);
  (void)replay.push (packet ("b"), { .repeatable = true, .stream = "old" }, 5s);
  (void)replay.push (packet ("c"), { .repeatable = true, .stream = "new", .opens = true }, 5s);
  (void)replay.push (packet ("d"), {}, 5s); // a call ends with its connection
  (void)replay.push (packet ("e"), { .repeatable = true, .stream = "old", .ends = true }, 5s);
  (void)replay.push (packet ("f"), { .repeatable = true, .stream = "new" }, 5s);
  const auto restart = replay.restart (4s, 0, 0s);
  EXPECT_EQ (again_of (restart), "cf");
  EXPECT_EQ (restart.unconfirmed, 4u);
}

TEST (RepeatFilter, AnIdIsTakenOnceInAnyOrderOfItsThreads) {
  test::FakeRandom random;
  PacketIds ids (random);
  RepeatFilter filter;
  std::vector<std::string> made;
  for (int i = 0; i < 8; i++)
    made.push_back (ids.next ());
  EXPECT_TRUE (RepeatFilter::is_ours (made[0]));
  for (const auto at : { 0, 2, 1, 7, 3, 4 })
    EXPECT_TRUE (filter.accept ("alice", made[size_t (at)])) << at;
  for (const auto at : { 0, 1, 2, 3, 4, 7 })
    EXPECT_FALSE (filter.accept ("alice", made[size_t (at)])) << at;
  EXPECT_TRUE (filter.accept ("alice", made[5]));
  EXPECT_TRUE (filter.accept ("bob", made[0])) << "another sender";
  EXPECT_TRUE (filter.accept ("alice", PacketIds (random).next ())) << "another process of the same sender";
}

TEST (RepeatFilter, WhatIsFarBehindIsARepetition) {
  RepeatFilter filter;
  const std::string word = "gst-0123456789abcdef-";
  EXPECT_TRUE (filter.accept ("a", word + "5000"));
  EXPECT_TRUE (filter.accept ("a", word + "4000"));
  EXPECT_FALSE (filter.accept ("a", word + "3000"));
  EXPECT_TRUE (filter.accept ("a", word + "18446744073709551615"));
  EXPECT_FALSE (filter.accept ("a", word + "5001"));
}

TEST (RepeatFilter, IdsOfOthersAreNotLookedAt) {
  RepeatFilter filter;
  for (const char *id :
       { "", "gst-", "gst-0123456789abcdef", "gst-0123456789abcdef-", "gst-0123456789abcdef-x",
         "gst-0123456789abcdef-99999999999999999999", "6ba7b810-9dad-11d1-80b4-00c04fd430c8" })
    for (int i = 0; i < 2; i++)
      EXPECT_TRUE (filter.accept ("a", id)) << id;
}

TEST (RepeatFilter, SendersAreBounded) {
  RepeatFilter filter (2);
  const std::string id = "gst-0123456789abcdef-1";
  for (const char *sender : { "a", "b", "c" })
    EXPECT_TRUE (filter.accept (sender, id));
  EXPECT_FALSE (filter.accept ("c", id));
  EXPECT_TRUE (filter.accept ("a", id)) << "forgotten";
}

TEST (ReplayBuffer, AFullReconnectStartsOver) {
  ReplayBuffer replay;
  (void)replay.push (packet ("a"));
  (void)replay.push (packet ("b"));
  EXPECT_EQ (replay.restart (1s, 0, 0s).unconfirmed, 2u);
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
