#include "data/deflate.hpp"
#include "data/rpc_client.hpp"
#include "data/rpc_server.hpp"
#include "fakes/fake_time.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

using namespace lk;
using namespace lk::data;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

struct SentText {
  StreamSpec spec;
  std::string text;
};

class Outlet : public RpcOutlet {
public:
  std::vector<DataPacket> packets;
  std::vector<SentText> texts;
  std::map<std::string, int> protocols;
  bool broken = false;

  Result<>
  send_packet (DataPacket packet) override {
    if (broken) return Error{ Errc::Closed, Retry::Never, "no channel" };
    packets.push_back (std::move (packet));
    return {};
  }
  Result<>
  send_text (StreamSpec spec, std::string text) override {
    if (broken) return Error{ Errc::Closed, Retry::Never, "no channel" };
    texts.push_back ({ std::move (spec), std::move (text) });
    return {};
  }
  int
  client_protocol (const std::string &identity) const override {
    const auto known = protocols.find (identity);
    return known == protocols.end () ? 0 : known->second;
  }

  template <typename T>
  std::vector<T>
  bodies () const {
    std::vector<T> all;
    for (const auto &packet : packets)
      if (auto *body = std::get_if<T> (&packet.body)) all.push_back (*body);
    return all;
  }
};

struct Calling {
  Outlet outlet;
  FakeClock clock;
  FakeTimers timers{ clock };
  FakeRandom random;
  RpcClient client;
  std::vector<RpcResult> results;

  explicit Calling (RpcLimits limits = {}) : client (outlet, timers, random, limits) {}

  /// Calls bob; the result goes to `results`.
  std::string
  call (std::string payload = "{}", Millis timeout = 15s) {
    client.perform ({ "bob", "add", std::move (payload), timeout },
                    [this] (RpcResult result) { results.push_back (std::move (result)); });
    if (!outlet.texts.empty ()) return outlet.texts.back ().spec.attributes["lk.rpc_request_id"];
    const auto requests = outlet.bodies<RpcRequest> ();
    return requests.empty () ? std::string () : requests.back ().id;
  }
  RpcResponse
  response (const std::string &id, std::string payload) {
    RpcResponse made;
    made.request_id = id;
    made.payload = std::move (payload);
    return made;
  }
  uint32_t
  code (size_t at = 0) const {
    const auto *error = at < results.size () ? std::get_if<RpcError> (&results[at]) : nullptr;
    return error ? error->code : 0;
  }
  std::string
  answer (size_t at = 0) const {
    const auto *text = at < results.size () ? std::get_if<std::string> (&results[at]) : nullptr;
    return text ? *text : "no answer";
  }
};

struct Serving {
  Outlet outlet;
  FakeClock clock;
  FakeTimers timers{ clock };
  RpcServer server;
  std::vector<RpcInvocation> calls;

  explicit Serving (RpcLimits limits = {}) : server (outlet, timers, limits) {
    server.serve ("add", [this] (RpcInvocation call) { calls.push_back (std::move (call)); });
  }
  RpcRequest
  request (std::string id, std::string method = "add", std::string payload = "{}") {
    return { std::move (id), std::move (method), std::move (payload), 8000, 1, {} };
  }
  /// The last answer's error code; 0 for a success, nothing when there was none.
  std::optional<uint32_t>
  code () const {
    const auto all = outlet.bodies<RpcResponse> ();
    if (all.empty ()) return std::nullopt;
    return all.back ().error ? all.back ().error->code : 0;
  }
};

} // namespace

TEST (RpcClient, Version1IsAPacketToOneParticipant) {
  Calling rpc;
  rpc.call ("payload", 10s);
  ASSERT_EQ (rpc.outlet.packets.size (), 1u);
  EXPECT_EQ (rpc.outlet.packets[0].destinations, std::vector<std::string>{ "bob" });
  const auto request = rpc.outlet.bodies<RpcRequest> ().at (0);
  EXPECT_EQ (request.id.size (), 36u);
  EXPECT_EQ (request.method, "add");
  EXPECT_EQ (request.payload, "payload");
  EXPECT_EQ (request.version, 1u);
  EXPECT_EQ (request.response_timeout_ms, 10'000u);
}

TEST (RpcClient, Version2IsATextStreamWithAttributes) {
  Calling rpc;
  rpc.outlet.protocols["bob"] = 1;
  const auto id = rpc.call (std::string (100'000, 'x'), 3s);
  ASSERT_EQ (rpc.outlet.texts.size (), 1u);
  const auto &[spec, text] = rpc.outlet.texts[0];
  EXPECT_TRUE (spec.text);
  EXPECT_EQ (spec.topic, "lk.rpc_request");
  EXPECT_EQ (spec.destinations, std::vector<std::string>{ "bob" });
  EXPECT_EQ (text.size (), 100'000u);
  EXPECT_EQ (spec.attributes, (Attributes{ { "lk.rpc_request_id", id },
                                           { "lk.rpc_request_method", "add" },
                                           { "lk.rpc_request_response_timeout_ms", "8000" },
                                           { "lk.rpc_request_version", "2" } }));
  rpc.client.on_response_stream ("bob", { { "lk.rpc_request_id", id } }, "42");
  EXPECT_EQ (rpc.answer (), "42");
}

TEST (RpcClient, WithoutAnAckTheCallEndsAfterSevenSeconds) {
  Calling rpc;
  rpc.call ();
  rpc.timers.advance (6999ms);
  EXPECT_TRUE (rpc.results.empty ());
  rpc.timers.advance (1ms);
  EXPECT_EQ (rpc.code (), 1501u);
  EXPECT_EQ (rpc.timers.pending (), 0u);
}

TEST (RpcClient, AfterTheAckTheResponseHasItsOwnTime) {
  Calling rpc;
  const auto id = rpc.call ();
  rpc.timers.advance (6s);
  rpc.client.on_ack ("bob", { id });
  rpc.timers.advance (8999ms);
  EXPECT_TRUE (rpc.results.empty ());
  rpc.timers.advance (1ms);
  EXPECT_EQ (rpc.code (), 1502u);
  rpc.client.on_response ("bob", rpc.response (id, "late"));
  EXPECT_EQ (rpc.results.size (), 1u);
}

TEST (RpcClient, AResponseBeforeTheAckCountsAndTheRestIsIgnored) {
  Calling rpc;
  const auto id = rpc.call ();
  rpc.client.on_response ("bob", rpc.response (id, "42"));
  rpc.client.on_ack ("bob", { id });
  rpc.client.on_response ("bob", rpc.response (id, "43"));
  rpc.timers.advance (60s);
  ASSERT_EQ (rpc.results.size (), 1u);
  EXPECT_EQ (rpc.answer (), "42");
  EXPECT_EQ (rpc.client.outstanding (), 0u);
}

TEST (RpcClient, NobodyElseCanAnswer) {
  Calling rpc;
  const auto id = rpc.call ();
  rpc.client.on_ack ("mallory", { id });
  rpc.client.on_response ("mallory", rpc.response (id, "evil"));
  rpc.client.on_response_stream ("mallory", { { "lk.rpc_request_id", id } }, "evil");
  rpc.client.on_response_stream_failed ("mallory", { { "lk.rpc_request_id", id } });
  rpc.client.on_response ("bob", rpc.response ("another-id", "x"));
  rpc.client.on_response_stream ("bob", {}, "x");
  EXPECT_TRUE (rpc.results.empty ());
  rpc.timers.advance (7s);
  EXPECT_EQ (rpc.code (), 1501u);
}

TEST (RpcClient, ErrorsOfTheOtherEndArePassedOn) {
  Calling rpc;
  auto response = rpc.response (rpc.call (), "");
  response.error = RpcError{ 42, "no", "data" };
  rpc.client.on_response ("bob", response);
  const auto &error = std::get<RpcError> (rpc.results.at (0));
  EXPECT_EQ (error.code, 42u);
  EXPECT_EQ (error.message, "no");
  EXPECT_EQ (error.data, "data");
}

TEST (RpcClient, CompressedResponsesAreReadWithinALimit) {
  RpcLimits limits;
  limits.inflated = 1000;
  Calling rpc (limits);
  auto response = rpc.response (rpc.call (), "");
  response.compressed_payload = deflate (std::string (1000, 'x'));
  rpc.client.on_response ("bob", response);
  EXPECT_EQ (rpc.answer (), std::string (1000, 'x'));
  for (const auto &bad : { deflate (std::string (1001, 'x')), deflate ("\xff"), std::string ("garbage") }) {
    response.request_id = rpc.call ();
    response.compressed_payload = bad;
    rpc.client.on_response ("bob", response);
    EXPECT_EQ (rpc.code (rpc.results.size () - 1), 1500u);
  }
}

TEST (RpcClient, OnlyVersion1LimitsThePayload) {
  Calling rpc;
  rpc.call (std::string (15'360, 'x'));
  EXPECT_TRUE (rpc.results.empty ());
  rpc.call (std::string (15'361, 'x'));
  EXPECT_EQ (rpc.code (), 1402u);
  rpc.outlet.protocols["bob"] = 2;
  rpc.call (std::string (15'361, 'x'));
  EXPECT_EQ (rpc.results.size (), 1u);
}

TEST (RpcClient, WhatCannotBeSentFailsAtOnce) {
  Calling rpc;
  rpc.call ("\xff");
  EXPECT_EQ (rpc.code (0), 1505u);
  rpc.outlet.broken = true;
  rpc.call ();
  EXPECT_EQ (rpc.code (1), 1505u);
  rpc.outlet.protocols["bob"] = 1;
  rpc.call ();
  EXPECT_EQ (rpc.code (2), 1505u);
  EXPECT_EQ (rpc.client.outstanding (), 0u);
  EXPECT_EQ (rpc.timers.pending (), 0u);
}

TEST (RpcClient, ADepartureEndsTheCallsToIt) {
  Calling rpc;
  rpc.call ();
  rpc.call ();
  rpc.client.participant_left ("carol");
  EXPECT_TRUE (rpc.results.empty ());
  rpc.client.participant_left ("bob");
  ASSERT_EQ (rpc.results.size (), 2u);
  EXPECT_EQ (rpc.code (0), 1503u);
  EXPECT_EQ (rpc.code (1), 1503u);
}

TEST (RpcClient, CallsAtATimeAreBounded) {
  RpcLimits limits;
  limits.calls = 2;
  Calling rpc (limits);
  const auto first = rpc.call ();
  rpc.call ();
  rpc.call ();
  EXPECT_EQ (rpc.code (0), 1505u);
  rpc.client.on_response ("bob", rpc.response (first, "x"));
  rpc.call ();
  EXPECT_EQ (rpc.results.size (), 2u);
}

TEST (RpcClient, AResultMayCallAgain) {
  Calling rpc;
  const auto id = rpc.call ();
  std::string again;
  rpc.client.perform ({ "bob", "x", "", 15s }, [&] (RpcResult) { again = rpc.call ("again"); });
  const auto other = rpc.outlet.bodies<RpcRequest> ().back ().id;
  rpc.client.on_response ("bob", rpc.response (other, "x"));
  EXPECT_FALSE (again.empty ());
  EXPECT_NE (again, id);
  EXPECT_EQ (rpc.client.outstanding (), 2u);
  rpc.client.close (RpcCode::SendFailed);
  EXPECT_EQ (rpc.code (0), 1505u);
  EXPECT_EQ (rpc.code (1), 1505u);
}

TEST (RpcServer, ARequestIsAcknowledgedThenServed) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1", "add", "payload"));
  ASSERT_EQ (rpc.outlet.packets.size (), 1u);
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().at (0).request_id, "r-1");
  EXPECT_EQ (rpc.outlet.packets[0].destinations, std::vector<std::string>{ "bob" });
  ASSERT_EQ (rpc.calls.size (), 1u);
  EXPECT_EQ (rpc.calls[0].caller, "bob");
  EXPECT_EQ (rpc.calls[0].method, "add");
  EXPECT_EQ (rpc.calls[0].payload, "payload");
  EXPECT_EQ (rpc.calls[0].timeout, 8s);
  rpc.server.answer (rpc.calls[0].ticket, "42");
  const auto response = rpc.outlet.bodies<RpcResponse> ().at (0);
  EXPECT_EQ (response.request_id, "r-1");
  EXPECT_EQ (response.payload, "42");
  EXPECT_FALSE (response.error);
  EXPECT_EQ (rpc.outlet.packets[1].destinations, std::vector<std::string>{ "bob" });
  EXPECT_EQ (rpc.server.outstanding (), 0u);
  EXPECT_EQ (rpc.timers.pending (), 0u);
}

TEST (RpcServer, Version2ComesAndGoesAsTextStreamsButErrorsArePackets) {
  Serving rpc;
  Attributes attributes{ { "lk.rpc_request_id", "r-1" },
                         { "lk.rpc_request_method", "add" },
                         { "lk.rpc_request_response_timeout_ms", "9000" },
                         { "lk.rpc_request_version", "2" } };
  rpc.server.on_request_stream ("bob", attributes, std::string (100'000, 'x'));
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().at (0).request_id, "r-1");
  ASSERT_EQ (rpc.calls.size (), 1u);
  EXPECT_EQ (rpc.calls[0].payload.size (), 100'000u);
  EXPECT_EQ (rpc.calls[0].timeout, 9s);
  rpc.server.answer (rpc.calls[0].ticket, std::string (50'000, 'y'));
  ASSERT_EQ (rpc.outlet.texts.size (), 1u);
  EXPECT_EQ (rpc.outlet.texts[0].text.size (), 50'000u);
  EXPECT_EQ (rpc.outlet.texts[0].spec.topic, "lk.rpc_response");
  EXPECT_EQ (rpc.outlet.texts[0].spec.destinations, std::vector<std::string>{ "bob" });
  EXPECT_EQ (rpc.outlet.texts[0].spec.attributes, (Attributes{ { "lk.rpc_request_id", "r-1" } }));

  attributes["lk.rpc_request_id"] = "r-2";
  rpc.server.on_request_stream ("bob", attributes, "x");
  rpc.server.answer (rpc.calls.at (1).ticket, RpcError{ 7, "m", "d" });
  EXPECT_EQ (rpc.outlet.texts.size (), 1u);
  EXPECT_EQ (rpc.code (), 7u);
}

TEST (RpcServer, AStreamIsAcknowledgedWhenItBeginsAndServedWhenItEnds) {
  Serving rpc;
  const Attributes attributes{ { "lk.rpc_request_id", "r-1" },
                               { "lk.rpc_request_method", "add" },
                               { "lk.rpc_request_version", "2" } };
  rpc.server.on_request_stream_opened ("bob", attributes);
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().size (), 1u);
  EXPECT_TRUE (rpc.calls.empty ());
  rpc.server.on_request_stream ("bob", attributes, "x");
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().size (), 1u);
  EXPECT_EQ (rpc.calls.size (), 1u);
  rpc.server.on_request_stream_opened ("bob", attributes);
  rpc.server.on_request_stream ("bob", attributes, "x");
  EXPECT_EQ (rpc.calls.size (), 1u) << "a repeated one";
}

TEST (RpcServer, AStreamThatBreaksOffIsAnError) {
  Serving rpc;
  const Attributes attributes{ { "lk.rpc_request_id", "r-1" } };
  rpc.server.on_request_stream_failed ("bob", attributes);
  EXPECT_EQ (rpc.code (), std::nullopt);
  rpc.server.on_request_stream_opened ("bob", attributes);
  rpc.server.on_request_stream_failed ("bob", attributes);
  EXPECT_EQ (rpc.code (), 1500u);
}

TEST (RpcServer, APacketIsAnsweredByAPacketUnlessOnlyAStreamCanCarryIt) {
  Serving rpc;
  rpc.outlet.protocols["bob"] = 1;
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.server.answer (rpc.calls.at (0).ticket, std::string (15'360, 'x'));
  EXPECT_EQ (rpc.code (), 0u);
  EXPECT_TRUE (rpc.outlet.texts.empty ());
  rpc.server.on_request ("bob", rpc.request ("r-2"));
  rpc.server.answer (rpc.calls.at (1).ticket, std::string (15'361, 'x'));
  EXPECT_EQ (rpc.outlet.texts.size (), 1u);
}

TEST (RpcServer, TheServersOwnCallIsAnsweredInPackets) {
  Serving rpc;
  rpc.server.on_request ("3f1c-the-request", rpc.request ("3f1c-the-request"));
  rpc.server.answer (rpc.calls.at (0).ticket, "x");
  EXPECT_EQ (rpc.outlet.packets.at (1).destinations, std::vector<std::string>{ "3f1c-the-request" });
  EXPECT_EQ (rpc.code (), 0u);
}

TEST (RpcServer, WhatCannotBeServedIsAcknowledgedAndRefusedWithItsCode) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1", "absent"));
  EXPECT_EQ (rpc.code (), 1400u);
  auto request = rpc.request ("r-2");
  request.version = 9;
  rpc.server.on_request ("bob", request);
  EXPECT_EQ (rpc.code (), 1404u);
  rpc.server.on_request ("bob", rpc.request ("r-3", "add", std::string (15'361, 'x')));
  EXPECT_EQ (rpc.code (), 1402u);
  request = rpc.request ("r-4", "add", "");
  request.compressed_payload = "garbage";
  rpc.server.on_request ("bob", request);
  EXPECT_EQ (rpc.code (), 1500u);
  rpc.server.on_request_stream ("bob", { { "lk.rpc_request_id", "r-5" }, { "lk.rpc_request_version", "3" } },
                                "x");
  EXPECT_EQ (rpc.code (), 1404u);
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().size (), 5u);
  EXPECT_TRUE (rpc.calls.empty ());
  rpc.server.serve ("add", {});
  rpc.server.on_request ("bob", rpc.request ("r-6"));
  EXPECT_EQ (rpc.code (), 1400u);
}

TEST (RpcServer, TooLargeOrBrokenResultsBecomeErrors) {
  Serving rpc;
  auto answer = [&, id = 0] (RpcResult result) mutable {
    rpc.server.on_request ("bob", rpc.request ("r-" + std::to_string (++id)));
    rpc.server.answer (rpc.calls.back ().ticket, std::move (result));
    return rpc.outlet.bodies<RpcResponse> ().back ();
  };
  EXPECT_FALSE (answer (std::string (15'360, 'x')).error);
  EXPECT_EQ (answer (std::string (15'361, 'x')).error->code, 1504u);
  EXPECT_EQ (answer ("\xff").error->code, 1500u);
  std::string wide;
  while (wide.size () < 20'000)
    wide += "\xe4\xb8\x96";
  const auto cut = answer (RpcError{ 1, wide, wide }).error.value ();
  EXPECT_EQ (cut.message, wide.substr (0, 255));
  EXPECT_EQ (cut.data, wide.substr (0, 15'360));
}

TEST (RpcServer, ARepeatedRequestIsAcknowledgedButNotRunAgain) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.server.answer (rpc.calls.at (0).ticket, "x");
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  EXPECT_EQ (rpc.calls.size (), 1u);
  EXPECT_EQ (rpc.outlet.bodies<RpcAck> ().size (), 3u);
  EXPECT_EQ (rpc.outlet.bodies<RpcResponse> ().size (), 1u);
  rpc.server.on_request ("carol", rpc.request ("r-1"));
  EXPECT_EQ (rpc.calls.size (), 2u);
}

TEST (RpcServer, AnAnswerCountsOnce) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.server.answer (rpc.calls.at (0).ticket, "x");
  rpc.server.answer (rpc.calls.at (0).ticket, "y");
  rpc.server.answer (99, "z");
  EXPECT_EQ (rpc.outlet.bodies<RpcResponse> ().size (), 1u);
}

TEST (RpcServer, AnUnansweredCallTimesOutForTheCaller) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.timers.advance (7999ms);
  EXPECT_EQ (rpc.code (), std::nullopt);
  rpc.timers.advance (1ms);
  EXPECT_EQ (rpc.code (), 1502u);
  rpc.server.answer (rpc.calls.at (0).ticket, "late");
  EXPECT_EQ (rpc.outlet.bodies<RpcResponse> ().size (), 1u);
}

TEST (RpcServer, NobodyHearsOfACallWhoseCallerLeft) {
  Serving rpc;
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  rpc.server.on_request ("carol", rpc.request ("r-2"));
  rpc.server.participant_left ("bob");
  rpc.server.answer (rpc.calls.at (0).ticket, "x");
  EXPECT_EQ (rpc.code (), std::nullopt);
  rpc.server.answer (rpc.calls.at (1).ticket, "x");
  EXPECT_EQ (rpc.code (), 0u);
  EXPECT_EQ (rpc.timers.pending (), 0u);
}

TEST (RpcServer, CallsBeingServedAreBoundedPerCallerAndAltogether) {
  RpcLimits limits;
  limits.invocations = 5;
  limits.invocations_per_caller = 3;
  Serving rpc (limits);
  const auto flood = [&] (const std::string &caller) {
    for (int i = 0; i < 10; i++)
      rpc.server.on_request (caller, rpc.request (caller + std::to_string (i)));
  };
  flood ("bob");
  EXPECT_EQ (rpc.server.outstanding (), 3u);
  EXPECT_EQ (rpc.code (), 1500u);
  flood ("carol");
  EXPECT_EQ (rpc.server.outstanding (), 5u);
  for (const auto &call : rpc.calls)
    rpc.server.answer (call.ticket, "x");
  rpc.server.on_request ("bob", rpc.request ("again"));
  EXPECT_EQ (rpc.server.outstanding (), 1u);
}

TEST (RpcServer, RequestsThatCannotBeAnsweredAreIgnored) {
  Serving rpc;
  rpc.server.on_request ("", rpc.request ("r-1"));
  rpc.server.on_request ("bob", rpc.request (""));
  rpc.server.on_request ("bob", rpc.request (std::string (10'000, 'x')));
  rpc.server.on_request_stream ("bob", {}, "x");
  EXPECT_TRUE (rpc.outlet.packets.empty ());
  EXPECT_TRUE (rpc.calls.empty ());
}

TEST (RpcServer, AHandlerMayAnswerAtOnceAndReplaceItself) {
  Serving rpc;
  rpc.server.serve ("add", [&] (RpcInvocation call) {
    rpc.server.serve ("add", {});
    rpc.server.answer (call.ticket, "once");
  });
  rpc.server.on_request ("bob", rpc.request ("r-1"));
  EXPECT_EQ (rpc.code (), 0u);
  rpc.server.on_request ("bob", rpc.request ("r-2"));
  EXPECT_EQ (rpc.code (), 1400u);
}

TEST (Rpc, CodesHaveTheSentencesOfTheProtocol) {
  // From the enumeration and messages of the official SDKs.
  const std::map<RpcCode, std::pair<uint32_t, std::string>> expected{
    { RpcCode::UnsupportedMethod, { 1400, "Method not supported at destination" } },
    { RpcCode::RecipientNotFound, { 1401, "Recipient not found" } },
    { RpcCode::RequestPayloadTooLarge, { 1402, "Request payload too large" } },
    { RpcCode::UnsupportedServer, { 1403, "RPC not supported by server" } },
    { RpcCode::UnsupportedVersion, { 1404, "Unsupported RPC version" } },
    { RpcCode::ApplicationError, { 1500, "Application error in method handler" } },
    { RpcCode::ConnectionTimeout, { 1501, "Connection timeout" } },
    { RpcCode::ResponseTimeout, { 1502, "Response timeout" } },
    { RpcCode::RecipientDisconnected, { 1503, "Recipient disconnected" } },
    { RpcCode::ResponsePayloadTooLarge, { 1504, "Response payload too large" } },
    { RpcCode::SendFailed, { 1505, "Failed to send" } },
  };
  for (const auto &[code, fact] : expected) {
    EXPECT_EQ (rpc_error (code).code, fact.first);
    EXPECT_EQ (rpc_error (code).message, fact.second);
  }
}
