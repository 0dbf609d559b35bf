#include "session_data_util.hpp"

#include "fakes/wait.hpp"

namespace lk::test {
namespace {

using namespace std::chrono_literals;
using Send = DataTest;

/// One call of the port on a thread of its own, as elements make it.
template <typename Fn> class Elsewhere {
public:
  explicit Elsewhere (Fn fn)
      : thread_ ([this, fn = std::move (fn)] (std::stop_token stop) {
          auto got = fn (stop);
          std::lock_guard lock (lock_);
          result_ = std::move (got);
          done_ = true;
        }) {}
  bool
  done () const {
    return done_;
  }
  auto
  result () {
    EXPECT_TRUE (wait_until ([&] { return done (); }, 20s));
    std::lock_guard lock (lock_);
    return *result_;
  }
  void
  stop () {
    thread_.request_stop ();
  }

private:
  std::mutex lock_;
  std::optional<std::invoke_result_t<Fn, std::stop_token>> result_;
  std::atomic<bool> done_ = false;
  std::jthread thread_;
};

TEST_F (Send, ADataOnlySessionMakesThePublisherAndSubscribesToNothing) {
  start_data ();
  EXPECT_EQ (parts_->publishers.size (), 0u);
  join ({ make_participant ("them", { make_track ("TR_a") }) });
  ASSERT_EQ (parts_->publishers.size (), 1u);
  EXPECT_EQ (publisher ().negotiations, 1);
  EXPECT_FALSE (signal ().params.auto_subscribe);
  EXPECT_EQ (signal ().sent_of<UpdateSubscription> ().size (), 0u);
}

TEST_F (Send, TheFirstPacketMakesThePublisherWhereNobodyAskedBefore) {
  connect ();
  EXPECT_EQ (parts_->publishers.size (), 0u);
  EXPECT_TRUE (port ()->send (outgoing ("x", Reliability::Lossy), {}));
  run ();
  ASSERT_EQ (parts_->publishers.size (), 1u);
  EXPECT_EQ (publisher ().negotiations, 1);
  EXPECT_EQ (port ()->stats ().lossy_dropped, 1u);
}

TEST_F (Send, ReliablePacketsCarryTopicDestinationsAndCountFromOne) {
  connect_data ({ make_participant ("them") });
  auto packet = outgoing ("hello");
  packet.topic = "greeting";
  packet.destinations = { "them", "later" };
  EXPECT_TRUE (port ()->send (packet, {}));
  EXPECT_TRUE (port ()->send (outgoing ("again"), {}));
  auto out = sent ();
  ASSERT_EQ (out.size (), 2u);
  EXPECT_EQ (out[0].sequence, 1u);
  EXPECT_EQ (out[1].sequence, 2u);
  EXPECT_EQ (out[0].destinations, (std::vector<std::string>{ "them", "later" }));
  auto &first = std::get<UserMessage> (out[0].body);
  EXPECT_EQ (first.payload, "hello");
  EXPECT_EQ (first.topic, "greeting");
  EXPECT_FALSE (std::get<UserMessage> (out[1].body).topic);
  auto stats = port ()->stats ();
  EXPECT_EQ (stats.reliable_sent, 2u);
  EXPECT_GT (stats.reliable_sent_bytes, 10u);
}

TEST_F (Send, EachLimitHasItsError) {
  connect_data ();
  EXPECT_TRUE (port ()->send (outgoing (std::string (session::kMaxReliablePayload, 'x')), {}));
  auto reliable = port ()->send (outgoing (std::string (session::kMaxReliablePayload + 1, 'x')), {});
  ASSERT_FALSE (reliable);
  EXPECT_EQ (reliable.error ().code, Errc::LimitExceeded);
  EXPECT_NE (reliable.error ().message.find ("15360"), std::string::npos);
  EXPECT_TRUE (
      port ()->send (outgoing (std::string (session::kMaxLossyPayload, 'x'), Reliability::Lossy), {}));
  auto lossy
      = port ()->send (outgoing (std::string (session::kMaxLossyPayload + 1, 'x'), Reliability::Lossy), {});
  ASSERT_FALSE (lossy);
  EXPECT_EQ (lossy.error ().code, Errc::LimitExceeded);
  EXPECT_NE (lossy.error ().message.find ("1300"), std::string::npos);
  auto nameless = outgoing ("x");
  nameless.destinations = { "" };
  EXPECT_EQ (port ()->send (nameless, {}).error ().code, Errc::Settings);
}

TEST_F (Send, WithoutPermissionEverythingIsRefusedInWords) {
  connect_data ();
  auto me = make_participant ("me", {}, 2);
  me.permission = Permission ();
  me.permission->can_publish_data = false;
  deliver (ParticipantUpdate{ { me } });
  for (auto reliability : { Reliability::Reliable, Reliability::Lossy }) {
    auto refused = port ()->send (outgoing ("x", reliability), {});
    ASSERT_FALSE (refused);
    EXPECT_EQ (refused.error ().code, Errc::NotAllowed);
    EXPECT_NE (refused.error ().message.find ("canPublishData"), std::string::npos);
  }
  me.version = 3;
  me.permission->can_publish_data = true;
  deliver (ParticipantUpdate{ { me } });
  EXPECT_TRUE (port ()->send (outgoing ("x"), {}));
}

TEST_F (Send, ReliableDataWaitsForTheChannel) {
  start_data ();
  Elsewhere sending ([&] (std::stop_token stop) { return port ()->send (outgoing ("early"), stop); });
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_FALSE (sending.done ());
  publisher ().open_channels ();
  EXPECT_TRUE (sending.result ());
  EXPECT_EQ (sent_bodies<UserMessage> ().at (0).payload, "early");
}

TEST_F (Send, WaitingForTheChannelEndsWithTheConnectTimeout) {
  settings_.connect_timeout = Millis (50);
  start_data ();
  Elsewhere sending ([&] (std::stop_token stop) { return port ()->send (outgoing ("early"), stop); });
  auto result = sending.result ();
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Timeout);
  EXPECT_EQ (port ()->stats ().reliable_dropped, 1u);
}

TEST_F (Send, WhoWaitsHearsWhyTheSessionEnded) {
  start_data ();
  Elsewhere sending ([&] (std::stop_token stop) { return port ()->send (outgoing ("early"), stop); });
  EXPECT_FALSE (sending.done ());
  signal ().lose ({ Errc::Unauthorized, Retry::Never, "401" });
  run ();
  auto result = sending.result ();
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Unauthorized);
  // And so does who comes later.
  EXPECT_EQ (port ()->send (outgoing ("late"), {}).error ().code, Errc::Unauthorized);
}

TEST_F (Send, AFullChannelBlocksUntilItHasDrained) {
  connect_data ();
  auto &channel = publisher ().reliable ();
  channel.keep = true;
  size_t fitting = 0;
  while (channel.buffered () < 256 * 1024) {
    ASSERT_TRUE (port ()->send (outgoing (std::string (15000, 'x')), {}));
    ++fitting;
  }
  Elsewhere sending ([&] (std::stop_token stop) { return port ()->send (outgoing ("next"), stop); });
  EXPECT_FALSE (wait_until ([&] { return sending.done (); }, 50ms)); // it has no reason to
  channel.drain (65 * 1024);
  EXPECT_FALSE (wait_until ([&] { return sending.done (); }, 50ms)); // above the low mark nobody is woken
  channel.drain (64 * 1024);
  EXPECT_TRUE (sending.result ());
  EXPECT_EQ (channel.sent ().size (), fitting + 1);
}

TEST_F (Send, AStopTokenEndsTheWait) {
  connect_data ();
  auto &channel = publisher ().reliable ();
  channel.keep = true;
  while (channel.buffered () < 256 * 1024)
    ASSERT_TRUE (port ()->send (outgoing (std::string (15000, 'x')), {}));
  Elsewhere sending ([&] (std::stop_token stop) { return port ()->send (outgoing ("next"), stop); });
  sending.stop ();
  auto result = sending.result ();
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Closed);
}

TEST_F (Send, TheSessionThreadIsNeverBlocked) {
  start_data ();
  join ();
  EXPECT_TRUE (port ()->send (outgoing ("from a callback"), {})); // this is the session thread
  subscriber ().connect ();
  run ();
  publisher ().open_channels ();
  EXPECT_EQ (sent_bodies<UserMessage> ().at (0).payload, "from a callback");
  // Without a reader the backlog is bounded.
  publisher ().reliable ().set_open (false);
  Result<> result;
  size_t count = 0;
  while (result && ++count < 10000)
    result = port ()->send (outgoing (std::string (15000, 'x')), {});
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::LimitExceeded);
  EXPECT_LE (count, 300u);
}

TEST_F (Send, LossyDataIsDroppedAndCountedUntilThereIsAChannel) {
  EXPECT_TRUE (port ()->send (outgoing ("x", Reliability::Lossy), {}));
  EXPECT_EQ (port ()->stats ().lossy_dropped, 1u);
  connect_data ();
  EXPECT_TRUE (port ()->send (outgoing ("y", Reliability::Lossy), {}));
  EXPECT_EQ (publisher ().lossy ().sent ().size (), 1u);
  auto packet = parse_data_packet (publisher ().lossy ().sent ()[0]);
  ASSERT_TRUE (packet);
  EXPECT_EQ (packet->sequence, 0u);
}

TEST_F (Send, BehindAFullLossyChannelTheOldestAreDropped) {
  connect_data ();
  auto &channel = publisher ().lossy ();
  channel.keep = true;
  while (channel.buffered () < 64 * 1024)
    ASSERT_TRUE (port ()->send (outgoing (std::string (1300, 'x'), Reliability::Lossy), {}));
  auto before = channel.sent ().size ();
  auto stale = outgoing ("stale", Reliability::Lossy), fresh = outgoing ("fresh", Reliability::Lossy);
  stale.max_latency = fresh.max_latency = Millis (100);
  EXPECT_TRUE (port ()->send (stale, {}));
  clock_.advance (60ms);
  EXPECT_TRUE (port ()->send (fresh, {}));
  clock_.advance (60ms);
  EXPECT_EQ (channel.sent ().size (), before);
  channel.drain ();
  auto out = channel.sent ();
  ASSERT_EQ (out.size (), before + 1);
  EXPECT_EQ (std::get<UserMessage> (parse_data_packet (out.back ())->body).payload, "fresh");
  EXPECT_EQ (port ()->stats ().lossy_dropped, 1u);
}

TEST_F (Send, WhatWaitsBehindAFullLossyChannelIsBounded) {
  connect_data ();
  auto &channel = publisher ().lossy ();
  channel.keep = true;
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE (port ()->send (outgoing (std::string (1300, 'x'), Reliability::Lossy), {}));
  auto stats = port ()->stats ();
  EXPECT_LT (channel.buffered (), 70u * 1024);
  EXPECT_EQ (stats.lossy_sent, channel.sent ().size ());
  auto waiting = 1000 - stats.lossy_sent - stats.lossy_dropped;
  EXPECT_GT (waiting, 100u);
  EXPECT_LE (waiting * 1300, 256u * 1024);
}

TEST_F (Send, WhatTheServerLacksAfterAResumeIsSentAgain) {
  connect_data ();
  for (int i = 1; i <= 5; ++i)
    ASSERT_TRUE (port ()->send (outgoing (std::to_string (i)), {}));
  resume (3);
  std::vector<uint32_t> sequences;
  for (const auto &packet : sent ())
    sequences.push_back (packet.sequence);
  EXPECT_EQ (sequences, (std::vector<uint32_t>{ 1, 2, 3, 4, 5, 4, 5 }));
}

TEST_F (Send, SequencesBeginAnewWithAnotherLink) {
  connect_data ();
  ASSERT_TRUE (port ()->send (outgoing ("1"), {}));
  engine_->stop ([] {});
  run ();
  EXPECT_EQ (port ()->send (outgoing ("between"), {}).error ().code, Errc::Closed);
  connect_data ();
  ASSERT_TRUE (port ()->send (outgoing ("1"), {}));
  EXPECT_EQ (sent ().at (0).sequence, 1u);
}

// ---- a full reconnect

class SendAgain : public DataTest {
protected:
  void
  lose () {
    signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
    run ();
  }
  void
  come_back () {
    advance (Millis (500));
    deliver (join_response ());
    subscriber ().connect ();
    run ();
    publisher ().open_channels ();
    run ();
  }
  /// Payloads on the newest link.
  std::string
  payloads () {
    std::string all;
    for (const auto &body : sent_bodies<UserMessage> ())
      all += body.payload;
    return all;
  }
};

TEST_F (SendAgain, TheLastSecondsAreRepeatedInFrontOfWhatIsNewUnderTheSameIds) {
  connect_data ();
  port ()->widen_repeat_window (Millis (1000));
  ASSERT_TRUE (port ()->send (outgoing ("a"), {}));
  advance (Millis (1500));
  ASSERT_TRUE (port ()->send (outgoing ("b"), {}));
  ASSERT_TRUE (port ()->send (outgoing ("c"), {}));
  auto before = sent_bodies<UserMessage> ();
  lose ();
  EXPECT_EQ (port ()->stats ().unconfirmed, 0u) << "it may still be the end";
  come_back ();
  ASSERT_TRUE (port ()->send (outgoing ("d"), {}));
  EXPECT_EQ (payloads (), "bcd");
  std::vector<uint32_t> sequences;
  for (const auto &packet : sent ())
    sequences.push_back (packet.sequence);
  EXPECT_EQ (sequences, (std::vector<uint32_t>{ 1, 2, 3 }));
  auto after = sent_bodies<UserMessage> ();
  ASSERT_TRUE (before.at (1).id);
  EXPECT_EQ (after.at (0).id, before.at (1).id);
  EXPECT_NE (after.at (2).id, before.at (2).id);
  EXPECT_EQ (port ()->stats ().repeated, 2u);
  EXPECT_EQ (port ()->stats ().unconfirmed, 1u);
}

TEST_F (SendAgain, WithoutAWindowOnlyWhatHadNotLeftTheChannelIsRepeated) {
  connect_data ();
  ASSERT_TRUE (port ()->send (outgoing ("a"), {}));
  advance (Millis (10));
  publisher ().reliable ().keep = true;
  ASSERT_TRUE (port ()->send (outgoing ("b"), {}));
  advance (Millis (10));
  lose ();
  come_back ();
  EXPECT_EQ (payloads (), "b");
  EXPECT_EQ (port ()->stats ().unconfirmed, 1u);
}

TEST_F (SendAgain, AStreamThatBeganBeforeIsRefusedInWordsAndOneThatIsRepeatedGoesOn) {
  connect_data ();
  port ()->widen_repeat_window (Millis (1000));
  session::OutgoingStream spec;
  spec.topic = "files";
  auto old = port ()->open_stream (spec, {});
  ASSERT_TRUE (old && (*old)->write ("1", {}));
  advance (Millis (1500));
  auto fresh = port ()->open_stream (spec, {});
  ASSERT_TRUE (fresh && (*fresh)->write ("2", {}));
  lose ();
  come_back ();
  EXPECT_EQ ((*old)->write ("3", {}).error ().code, Errc::TransportLost);
  EXPECT_TRUE ((*fresh)->write ("4", {}));
  EXPECT_TRUE ((*fresh)->close ({}, {}));
  auto headers = sent_bodies<StreamHeader> ();
  ASSERT_EQ (headers.size (), 1u);
  EXPECT_EQ (headers[0].id, (*fresh)->id ());
  std::string content;
  for (const auto &chunk : sent_bodies<StreamChunk> ())
    content += chunk.content;
  EXPECT_EQ (content, "24");
}

TEST_F (SendAgain, NothingIsRepeatedInAnotherSession) {
  connect_data ();
  port ()->widen_repeat_window (Millis (1000));
  ASSERT_TRUE (port ()->send (outgoing ("a"), {}));
  engine_->stop ([] {});
  run ();
  connect_data ();
  EXPECT_EQ (payloads (), "");
  EXPECT_EQ (port ()->stats ().unconfirmed, 0u);
}

TEST_F (Send, AStreamIsWrittenInPiecesAndAbortedWhenItIsDropped) {
  connect_data ();
  session::OutgoingStream spec;
  spec.topic = "files";
  spec.name = "a.bin";
  auto writer = port ()->open_stream (spec, {});
  ASSERT_TRUE (writer);
  EXPECT_TRUE ((*writer)->write (std::string (20000, 'x'), {}));
  EXPECT_TRUE ((*writer)->close ({ { "k", "v" } }, {}));
  auto headers = sent_bodies<StreamHeader> ();
  ASSERT_EQ (headers.size (), 1u);
  EXPECT_EQ (headers[0].id, (*writer)->id ());
  EXPECT_EQ (sent_bodies<StreamChunk> ().size (), 2u);
  EXPECT_EQ (sent_bodies<StreamTrailer> ().at (0).attributes.at ("k"), "v");
  EXPECT_EQ (sent_bodies<StreamTrailer> ().at (0).reason, "");

  writer = port ()->open_stream (spec, {});
  ASSERT_TRUE (writer);
  writer->reset ();
  ASSERT_EQ (sent_bodies<StreamTrailer> ().size (), 2u);
  EXPECT_NE (sent_bodies<StreamTrailer> ()[1].reason, "");
}

TEST_F (Send, AWholeStreamIsOnePacketOnlyWhereEverybodyCanTakeIt) {
  auto modern = make_participant ("modern"), old = make_participant ("old");
  modern.client_protocol = 2;
  modern.can_inflate = true;
  connect_data ({ modern, old });
  session::OutgoingStream spec;
  spec.text = true;
  spec.topic = "t";
  ASSERT_TRUE (port ()->send_stream (spec, "hello", {}, {}));
  EXPECT_FALSE (sent_bodies<StreamHeader> ().at (0).inline_content);
  EXPECT_EQ (sent_bodies<StreamChunk> ().size (), 1u);
  spec.destinations = { "modern" };
  ASSERT_TRUE (port ()->send_stream (spec, "hello", {}, {}));
  EXPECT_EQ (sent_bodies<StreamHeader> ().at (1).inline_content, "hello");
  EXPECT_EQ (sent_bodies<StreamChunk> ().size (), 1u);
  spec.destinations = { "modern", "unknown" };
  ASSERT_TRUE (port ()->send_stream (spec, "hello", {}, {}));
  EXPECT_FALSE (sent_bodies<StreamHeader> ().at (2).inline_content);
}

TEST_F (Send, ChatGoesInBothForms) {
  connect_data ({ make_participant ("them") });
  ChatMessage chat;
  chat.text = "hi";
  auto id = port ()->send_chat (chat, {}, {});
  ASSERT_TRUE (id);
  auto packets = sent_bodies<ChatMessage> ();
  ASSERT_EQ (packets.size (), 1u);
  EXPECT_EQ (packets[0].id, *id);
  EXPECT_EQ (packets[0].text, "hi");
  EXPECT_EQ (packets[0].timestamp_ms, clock_.wall ().count ());
  auto headers = sent_bodies<StreamHeader> ();
  ASSERT_EQ (headers.size (), 1u);
  EXPECT_EQ (headers[0].topic, "lk.chat");
  EXPECT_EQ (headers[0].id, *id);
}

TEST_F (Send, LeavingGivesWhatWasJustSentTimeToArrive) {
  connect_data ();
  ASSERT_TRUE (port ()->send (outgoing ("last words"), {}));
  engine_->stop ([] {});
  run ();
  EXPECT_FALSE (publisher ().closed);
  advance (Millis (150));
  EXPECT_TRUE (publisher ().closed);
}

TEST_F (Send, LeavingIsImmediateWhenNothingIsOnItsWay) {
  connect_data ();
  ASSERT_TRUE (port ()->send (outgoing ("long ago"), {}));
  advance (Millis (1000));
  engine_->stop ([] {});
  run ();
  EXPECT_TRUE (publisher ().closed);
}

} // namespace
} // namespace lk::test
