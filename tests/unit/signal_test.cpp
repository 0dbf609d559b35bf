// One signalling connection over a network, a clock and timers that only move when told to.
#include "fakes/fake_network.hpp"
#include "fakes/fake_time.hpp"
#include "fakes/wire_messages.hpp"
#include "signal/signal_client.hpp"

#include <glib.h>
#include <gtest/gtest.h>

using namespace lk;
using namespace lk::test;
using namespace lk::signal;
using namespace std::chrono_literals;

namespace {

struct Log : SignalClient::Listener {
  std::vector<SignalEvent> events;
  std::vector<Error> lost;
  std::vector<RegionInfo> elsewhere;
  std::function<void (const SignalEvent &)> hook;
  std::function<void ()> lost_hook;

  void
  on_elsewhere (const std::vector<RegionInfo> &regions) override {
    elsewhere = regions;
  }
  void
  on_event (SignalEvent event) override {
    events.push_back (std::move (event));
    if (hook) hook (events.back ());
  }
  void
  on_lost (const Error &error) override {
    lost.push_back (error);
    if (lost_hook) lost_hook ();
  }
};

class Signal : public testing::Test {
protected:
  FakeClock clock;
  FakeTimers timers{ clock };
  FakeNetwork network;
  Log log;
  std::unique_ptr<SignalClient> client = std::make_unique<SignalClient> (network, timers, clock, log);

  ConnectParams
  params () {
    ConnectParams p;
    p.url = *net::parse_url ("ws://example.test:7880/sub");
    p.token = Secret ("the-token");
    p.timeout = 10s;
    return p;
  }
  void
  join () {
    client->connect (params ());
    network.socket ().open ();
    network.socket ().deliver (join_message ());
    ASSERT_EQ (log.events.size (), 1u);
  }
  std::vector<wire::SignalRequest>
  sent () {
    std::vector<wire::SignalRequest> all;
    for (const auto &bytes : network.socket ().sent)
      all.push_back (client_message (bytes));
    return all;
  }
  int
  pings () {
    int count = 0;
    for (const auto &message : sent ())
      count += message.has_ping_req ();
    return count;
  }
  template <typename T>
  int
  count () {
    int n = 0;
    for (const auto &event : log.events)
      n += std::holds_alternative<T> (event);
    return n;
  }
};

bool
has (const std::string &text, const std::string &part) {
  return text.find (part) != text.npos;
}

} // namespace

// ---- URL
// -----------------------------------------------------------------------------------------------------

TEST (SignalUrl, CarriesTheJoinParametersAndNoToken) {
  ConnectParams p;
  p.url = *net::parse_url ("https://example.test/prefix/");
  p.token = Secret ("the-token");
  auto url = rtc_url (p);
  EXPECT_EQ (url.substr (0, url.find ('?')), "wss://example.test/prefix/rtc");
  url += "&";
  for (const char *part :
       { "?protocol=17&", "&client_protocol=2&", "&capabilities=CAP_COMPRESSION_DEFLATE_RAW&",
         "&sdk=gstreamer&", "&auto_subscribe=1&", "&version=", "&os=", "&subscriber_allow_pause=0&" })
    EXPECT_TRUE (has (url, part)) << part << " in " << url;
  for (const char *part : { "token", "reconnect", "sid=", "attributes", "adaptive_stream" })
    EXPECT_FALSE (has (url, part)) << part << " in " << url;
}

TEST (SignalUrl, CarriesTheResumeParameters) {
  ConnectParams p;
  p.url = *net::parse_url ("ws://example.test");
  p.auto_subscribe = false;
  p.subscriber_allow_pause = true;
  p.resume = true;
  p.participant_sid = "PA_x&y";
  p.reconnect_reason = 3;
  auto url = rtc_url (p) + "&";
  for (const char *part : { "&auto_subscribe=0&", "&subscriber_allow_pause=1&", "&reconnect=1&",
                            "&reconnect_reason=3&", "&sid=PA_x%26y&" })
    EXPECT_TRUE (has (url, part)) << part << " in " << url;
}

// ---- joining
// -------------------------------------------------------------------------------------------------

TEST_F (Signal, SendsTheTokenAsBearerOnly) {
  client->connect (params ());
  EXPECT_EQ (network.socket ().request.bearer.reveal (), "the-token");
  EXPECT_FALSE (has (network.socket ().request.url, "the-token"));
  EXPECT_EQ (network.socket ().request.max_message_bytes, 8u << 20);
}

TEST_F (Signal, DeliversTheJoinResponseFirst) {
  join ();
  ASSERT_TRUE (std::holds_alternative<JoinResponse> (log.events[0]));
  EXPECT_EQ (std::get<JoinResponse> (log.events[0]).participant.identity, "me");
}

TEST_F (Signal, QueuesUntilTheFirstMessageThenSendsInOrder) {
  client->connect (params ());
  client->send (MuteTrack{ "a", true });
  network.socket ().open ();
  client->send (MuteTrack{ "b", true });
  EXPECT_TRUE (network.socket ().sent.empty ());
  log.hook = [this] (const SignalEvent &) { client->send (MuteTrack{ "c", true }); };
  network.socket ().deliver (join_message ());
  client->send (MuteTrack{ "d", true });
  std::string order;
  for (const auto &message : sent ())
    order += message.mute ().sid ();
  EXPECT_EQ (order, "abcd");
}

TEST_F (Signal, QueueIsBounded) {
  client->connect (params ());
  network.socket ().open ();
  for (size_t i = 0; i < SignalClient::kMaxQueued + 10; ++i)
    client->send (MuteTrack{ std::to_string (i), true });
  network.socket ().deliver (join_message ());
  EXPECT_EQ (sent ().size (), SignalClient::kMaxQueued);
  EXPECT_EQ (sent ().front ().mute ().sid (), "0");
}

TEST_F (Signal, TimesOutWithoutAnAnswer) {
  client->connect (params ());
  timers.advance (9999ms);
  EXPECT_TRUE (log.lost.empty ());
  timers.advance (1ms);
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::Timeout);
  EXPECT_TRUE (network.socket ().dropped);
  EXPECT_EQ (timers.pending (), 0u);
}

TEST_F (Signal, TimesOutWhenOpenButWithoutAJoinResponse) {
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (refresh_token_message ("t")); // not a join: does not count
  timers.advance (10s);
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::Timeout);
  EXPECT_TRUE (has (log.lost[0].message, "no join response"));
  EXPECT_TRUE (log.events.empty ());
  EXPECT_EQ (client->stats ().malformed, 1u);
}

TEST_F (Signal, ResumeIsConfirmedByAReconnectResponse) {
  auto p = params ();
  p.resume = true;
  client->connect (p);
  network.socket ().open ();
  network.socket ().deliver (reconnect_message ());
  ASSERT_EQ (log.events.size (), 1u);
  EXPECT_TRUE (std::holds_alternative<ReconnectResponse> (log.events[0]));
  timers.advance (5s); // pings at the default interval
  EXPECT_EQ (pings (), 1);
}

TEST_F (Signal, ALeaveInsteadOfAJoinIsALoss) {
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (
      leave_message (int (DisconnectReason::StateMismatch), int (LeaveAction::Reconnect)));
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].retry, Retry::Restart);
  EXPECT_TRUE (log.events.empty ());
}

TEST_F (Signal, ALeaveInsteadOfAJoinSaysWhereToGo) {
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (server_message ([] (wire::SignalResponse &m) {
    m.mutable_leave ()->set_action (wire::LeaveRequest::RECONNECT);
    m.mutable_leave ()->mutable_regions ()->add_regions ()->set_url ("wss://near.test");
  }));
  ASSERT_EQ (log.elsewhere.size (), 1u);
  EXPECT_EQ (log.elsewhere[0].url, "wss://near.test");
  EXPECT_EQ (log.lost.size (), 1u);
}

TEST_F (Signal, ASecondJoinResponseIsIgnored) {
  join ();
  network.socket ().deliver (join_message ());
  network.socket ().deliver (reconnect_message ());
  EXPECT_EQ (log.events.size (), 1u);
  EXPECT_EQ (client->stats ().malformed, 2u);
}

TEST_F (Signal, NetworkErrorsPassThrough) {
  client->connect (params ());
  network.socket ().fail ({ Errc::TlsFailed, Retry::Never, "bad certificate" });
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::TlsFailed);
  EXPECT_TRUE (network.exchanges.empty ()); // nobody to ask
}

// ---- refusals
// ------------------------------------------------------------------------------------------------

TEST_F (Signal, ARefusedUpgradeAsksWhy) {
  client->connect (params ());
  network.socket ().refuse (401);
  EXPECT_TRUE (log.lost.empty ());
  auto &request = network.exchange ().request;
  EXPECT_EQ (request.url.find ("http://example.test:7880/sub/rtc/validate?protocol=17&"), 0u) << request.url;
  EXPECT_EQ (request.bearer.reveal (), "the-token"); // without it every error would read 401
  EXPECT_LE (request.timeout, 3s);
  network.exchange ().answer (401, "no permissions to access the room");
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::Unauthorized);
  EXPECT_TRUE (has (log.lost[0].message, "no permissions to access the room"));
}

TEST_F (Signal, ARefusalIsReportedEvenIfNobodySaysWhy) {
  client->connect (params ());
  network.socket ().refuse (401);
  network.exchange ().fail ({ Errc::Timeout, Retry::Resume, "late" });
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::Unauthorized);
}

TEST_F (Signal, TheJoinTimeLimitCoversTheQuestionToo) {
  client->connect (params ());
  timers.advance (9s);
  network.socket ().refuse (503);
  EXPECT_LE (network.exchange ().request.timeout, 1s);
  timers.advance (1s);
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::ServerBusy);
  EXPECT_TRUE (network.exchange ().cancelled);
}

TEST (SignalRefusal, IsExplained) {
  struct Row {
    int status;
    const char *body;
    Errc code;
    Retry retry;
    const char *says;
  };
  const Row rows[] = {
    { 401, "", Errc::Unauthorized, Retry::Never, "API key and secret" },
    { 401, "invalid authorization token", Errc::Unauthorized, Retry::Never, "invalid authorization token" },
    { 403, "", Errc::Unauthorized, Retry::Never, "expired" },
    { 404, "requested room does not exist", Errc::NotFound, Retry::Never, "create it first" },
    { 404, "404 page not found", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 404, "", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 200, "", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 200, "<html><body>hello", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 426, "", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 302, "", Errc::NotLiveKit, Retry::Never, "redirect" },
    { 400, "", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 400, "<html>", Errc::NotLiveKit, Retry::Never, "not a LiveKit server" },
    { 400, "identity cannot be empty", Errc::InvalidToken, Retry::Never, "identity cannot be empty" },
    { 429, "", Errc::ServerBusy, Retry::Restart, "later" },
    { 500, "connection closed by media", Errc::RoomFull, Retry::Never, "room full or refused by the server" },
    { 500, "success", Errc::RoomFull, Retry::Never,
      "room full or refused by the server" }, // validation found no fault
    { 500, "", Errc::RoomFull, Retry::Never, "room full or refused by the server" },
    { 500, "could not create room", Errc::ServerBusy, Retry::Restart, "could not create room" },
    { 502, "<html>", Errc::ServerBusy, Retry::Restart, "HTTP 502" },
    { 503, "node limits", Errc::ServerBusy, Retry::Restart, "node limits" },
    { 599, "", Errc::ServerBusy, Retry::Restart, "HTTP 599" },
  };
  for (const auto &row : rows) {
    auto error = explain_refusal (row.status, row.body);
    EXPECT_EQ (error.code, row.code) << row.status << " " << row.body << ": " << error.message;
    EXPECT_EQ (error.retry, row.retry) << row.status << " " << row.body;
    EXPECT_TRUE (has (error.message, row.says)) << error.message;
    EXPECT_FALSE (has (error.message, "<html>")) << error.message;
  }
}

TEST (SignalRefusal, NeverRepeatsATokenOrAFlood) {
  std::string token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJtZSIsInZpZGVvIjp7fX0."
                      "abcdefghijklmnopqrstuvwxyz0123456789";
  auto error = explain_refusal (401, "invalid token: " + token + ", error: expired");
  EXPECT_FALSE (has (error.message, token.substr (0, 20))) << error.message;
  EXPECT_TRUE (has (error.message, "error: expired")) << error.message;
  std::string words;
  for (int i = 0; i < 100000; ++i)
    words += "\xff\x01 ";
  error = explain_refusal (401, words + "\nsecond line");
  EXPECT_LT (error.message.size (), 1000u);
  EXPECT_TRUE (g_utf8_validate (error.message.c_str (), -1, nullptr));
  EXPECT_LT (explain_refusal (401, std::string (1 << 20, 'a')).message.size (), 400u);
}

TEST (SignalLeave, MapsReasonAndAction) {
  struct Row {
    DisconnectReason reason;
    LeaveAction action;
    Errc code;
    Retry retry;
  };
  using enum DisconnectReason;
  const Row rows[] = {
    { ClientInitiated, LeaveAction::Disconnect, Errc::Closed, Retry::Never },
    { DuplicateIdentity, LeaveAction::Disconnect, Errc::DuplicateIdentity, Retry::Never },
    { DuplicateIdentity, LeaveAction::Reconnect, Errc::DuplicateIdentity,
      Retry::Never }, // or two would fight for ever
    { ParticipantRemoved, LeaveAction::Disconnect, Errc::Removed, Retry::Never },
    { RoomDeleted, LeaveAction::Disconnect, Errc::RoomClosed, Retry::Never },
    { RoomClosed, LeaveAction::Disconnect, Errc::RoomClosed, Retry::Never },
    { ServerShutdown, LeaveAction::Disconnect, Errc::ServerShutdown, Retry::Restart },
    { ServerShutdown, LeaveAction::Reconnect, Errc::ServerShutdown, Retry::Restart },
    { StateMismatch, LeaveAction::Reconnect, Errc::SignalLost, Retry::Restart },
    { JoinFailure, LeaveAction::Disconnect, Errc::TransportLost, Retry::Never },
    { ConnectionTimeout, LeaveAction::Resume, Errc::TransportLost, Retry::Resume },
    { ConnectionTimeout, LeaveAction::Disconnect, Errc::TransportLost, Retry::Never },
    { Migration, LeaveAction::Resume, Errc::SignalLost, Retry::Resume },
    { Unknown, LeaveAction::Disconnect, Errc::SignalLost, Retry::Never },
  };
  for (const auto &row : rows) {
    auto error = error_of (Leave{ row.reason, row.action, {} });
    EXPECT_EQ (error.code, row.code) << to_string (row.reason);
    EXPECT_EQ (error.retry, row.retry) << to_string (row.reason);
  }
  for (int reason = 0; reason <= int (AgentError); ++reason) {
    auto error = error_of (Leave{ DisconnectReason (reason), LeaveAction::Resume, {} });
    EXPECT_FALSE (error.message.empty ()) << reason;
    EXPECT_NE (error.code, Errc::Internal) << reason;
  }
}

// ---- staying alive
// -------------------------------------------------------------------------------------------

TEST_F (Signal, PingsAtTheServersIntervalAndMeasures) {
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (join_message (3, 12));
  timers.advance (2999ms);
  EXPECT_EQ (pings (), 0);
  timers.advance (1ms);
  ASSERT_EQ (pings (), 1);
  auto first = sent ().back ().ping_req ();
  EXPECT_EQ (first.timestamp (), clock.wall ().count ());
  EXPECT_EQ (first.rtt (), 0);
  timers.advance (40ms);
  network.socket ().deliver (pong_message (first.timestamp ()));
  EXPECT_EQ (client->stats ().rtt, 40ms);
  EXPECT_EQ (count<Pong> (), 0);
  timers.advance (3s);
  ASSERT_EQ (pings (), 2);
  EXPECT_EQ (sent ().back ().ping_req ().rtt (), 40);
}

TEST_F (Signal, APongThatNobodyAskedForMeasuresNothing) {
  join ();
  network.socket ().deliver (pong_message (1));
  timers.advance (5s);
  network.socket ().deliver (pong_message (sent ().back ().ping_req ().timestamp () + 1));
  EXPECT_EQ (client->stats ().rtt, 0ms);
}

TEST_F (Signal, ASilentServerIsLost) {
  join ();
  timers.advance (14999ms);
  EXPECT_TRUE (log.lost.empty ());
  timers.advance (1ms);
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::SignalLost);
  EXPECT_EQ (log.lost[0].retry, Retry::Resume);
  EXPECT_TRUE (network.socket ().dropped);
  EXPECT_EQ (timers.pending (), 0u);
}

TEST_F (Signal, AnyMessageShowsThatTheServerLives) {
  join ();
  timers.advance (10s);
  network.socket ().deliver (refresh_token_message ("t"));
  timers.advance (10s);
  network.socket ().deliver ("\xff\xff\xff"); // even a malformed one
  timers.advance (14999ms);
  EXPECT_TRUE (log.lost.empty ());
  timers.advance (1ms);
  EXPECT_EQ (log.lost.size (), 1u);
}

TEST_F (Signal, ANonsensicalPingIntervalDoesNoHarm) {
  for (auto [interval, limit] :
       { std::pair (0, 0), std::pair (-5, -1), std::pair (2147483647, 2147483647), std::pair (20, 1) }) {
    log = {};
    client = std::make_unique<SignalClient> (network, timers, clock, log);
    client->connect (params ());
    network.socket ().open ();
    network.socket ().deliver (join_message (interval, limit));
    EXPECT_GE (timers.until_next (), 1s) << interval;
    EXPECT_LE (timers.until_next (), 300s) << interval;
    timers.advance (301s);
    EXPECT_EQ (log.lost.size (), 1u) << interval;
  }
}

TEST_F (Signal, AProbeFindsOutQuickly) {
  join ();
  client->probe (2s);
  EXPECT_EQ (pings (), 1);
  timers.advance (2s);
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::SignalLost);
}

TEST_F (Signal, AnAnsweredProbeChangesNothing) {
  join ();
  client->probe (2s);
  timers.advance (1s);
  network.socket ().deliver (refresh_token_message ("t"));
  timers.advance (10s);
  EXPECT_TRUE (log.lost.empty ());
}

// ---- messages
// ------------------------------------------------------------------------------------------------

TEST_F (Signal, UnknownAndMalformedMessagesAreCountedAndSkipped) {
  join ();
  network.socket ().deliver ("\xff\xff\xff");
  network.socket ().deliver (
      std::string ("\xc2\x3e\x02\x08\x01", 5)); // field 1000, a message from the future
  network.socket ().deliver ("");
  network.socket ().deliver (refresh_token_message ("t"));
  EXPECT_EQ (client->stats ().malformed, 1u);
  EXPECT_EQ (client->stats ().unknown, 2u);
  EXPECT_EQ (client->stats ().received, 5u);
  EXPECT_EQ (count<RefreshToken> (), 1);
  EXPECT_TRUE (log.lost.empty ());
}

TEST_F (Signal, ALaterLeaveIsAnEventAndNamesTheLossThatFollows) {
  join ();
  network.socket ().deliver (
      leave_message (int (DisconnectReason::DuplicateIdentity), int (LeaveAction::Disconnect)));
  EXPECT_EQ (count<Leave> (), 1);
  EXPECT_TRUE (log.lost.empty ());
  network.socket ().close_by_server ();
  ASSERT_EQ (log.lost.size (), 1u);
  EXPECT_EQ (log.lost[0].code, Errc::DuplicateIdentity);
}

TEST_F (Signal, ABrokenConnectionIsLostOnce) {
  join ();
  network.socket ().fail ({ Errc::SignalLost, Retry::Resume, "reset" });
  ASSERT_EQ (log.lost.size (), 1u);
  client->send (MuteTrack{ "x", true });
  client->close ();
  client->probe (1s);
  timers.advance (60s);
  EXPECT_EQ (log.lost.size (), 1u);
  EXPECT_TRUE (network.socket ().sent.empty ());
}

// ---- closing
// -------------------------------------------------------------------------------------------------

TEST_F (Signal, CloseSendsTheLeaveThenShakesHands) {
  join ();
  client->send (LeaveRequest{});
  client->close ();
  ASSERT_EQ (sent ().size (), 1u);
  EXPECT_TRUE (sent ()[0].has_leave ());
  EXPECT_TRUE (network.socket ().closing);
  EXPECT_FALSE (network.socket ().dropped);
  EXPECT_EQ (timers.pending (), 0u);
  network.socket ().deliver (refresh_token_message ("t"));
  network.socket ().finish_closing ();
  EXPECT_TRUE (network.socket ().dropped);
  EXPECT_EQ (log.events.size (), 1u);
  EXPECT_TRUE (log.lost.empty ());
}

TEST_F (Signal, CloseBeforeTheJoinResponseFlushesTheQueue) {
  client->connect (params ());
  network.socket ().open ();
  client->send (LeaveRequest{});
  client->close ();
  ASSERT_EQ (sent ().size (), 1u);
  EXPECT_TRUE (sent ()[0].has_leave ());
  network.socket ().deliver (join_message ());
  EXPECT_TRUE (log.events.empty ());
}

TEST_F (Signal, CloseWhileAskingWhyIsSilent) {
  client->connect (params ());
  network.socket ().refuse (401);
  client->close ();
  EXPECT_TRUE (network.exchange ().cancelled);
  timers.advance (60s);
  EXPECT_TRUE (log.lost.empty ());
}

TEST_F (Signal, DestructionDropsTheConnectionAndAllTimers) {
  join ();
  client->probe (1s);
  client.reset ();
  EXPECT_TRUE (network.socket ().dropped);
  EXPECT_EQ (timers.pending (), 0u);
}

TEST_F (Signal, MayBeDestroyedInsideEveryCallback) {
  log.hook = [this] (const SignalEvent &) { client.reset (); };
  log.lost_hook = [this] { client.reset (); };

  client->connect (params ()); // inside the join event
  network.socket ().open ();
  network.socket ().deliver (join_message ());
  EXPECT_FALSE (client);
  EXPECT_TRUE (network.socket ().dropped);

  client = std::make_unique<SignalClient> (network, timers, clock, log); // inside a refusal
  client->connect (params ());
  network.socket ().refuse (401);
  network.exchange ().answer (401, "");
  EXPECT_FALSE (client);

  client = std::make_unique<SignalClient> (network, timers, clock, log); // inside the join time-out
  client->connect (params ());
  timers.advance (10s);
  EXPECT_FALSE (client);

  log.hook = nullptr;
  client = std::make_unique<SignalClient> (network, timers, clock, log); // inside a broken connection
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (join_message ());
  network.socket ().close_by_server (1001);
  EXPECT_FALSE (client);

  client = std::make_unique<SignalClient> (network, timers, clock, log); // inside silence
  client->connect (params ());
  network.socket ().open ();
  network.socket ().deliver (join_message ());
  timers.advance (15s);
  EXPECT_FALSE (client);
  EXPECT_EQ (timers.pending (), 0u);
}
