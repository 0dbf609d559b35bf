#include "session_data_util.hpp"

namespace lk::test {
namespace {

using namespace std::chrono_literals;
using namespace session;

class Rpc : public DataTest {
protected:
  void
  call (const std::string &destination) {
    RpcCall call;
    call.destination = destination;
    call.method = "greet";
    call.payload = "hello";
    port ()->perform_rpc (call, [this] (RpcResult result) { results_.push_back (std::move (result)); });
    run ();
  }
  uint32_t
  code (size_t index) {
    auto *error = std::get_if<RpcError> (&results_.at (index));
    return error ? error->code : 0;
  }
  std::vector<RpcResult> results_;
};

TEST_F (Rpc, AnAbsentIdentityIsNotFound) {
  connect_data ();
  call ("nobody");
  ASSERT_EQ (results_.size (), 1u);
  EXPECT_EQ (code (0), 1401u);
}

TEST_F (Rpc, ACallGoesToItsParticipantAndComesBack) {
  connect_data ({ make_participant ("them") });
  call ("them");
  auto out = sent ();
  ASSERT_EQ (out.size (), 1u);
  EXPECT_EQ (out[0].destinations, std::vector<std::string>{ "them" });
  auto request = std::get<RpcRequest> (out[0].body);
  EXPECT_EQ (request.method, "greet");
  EXPECT_EQ (request.payload, "hello");
  receive (packet_from ("them", RpcAck{ request.id }));
  EXPECT_EQ (results_.size (), 0u);
  receive (packet_from ("stranger", RpcResponse{ request.id, "false", "", {} }));
  EXPECT_EQ (results_.size (), 0u);
  receive (packet_from ("them", RpcResponse{ request.id, "hi", "", {} }));
  ASSERT_EQ (results_.size (), 1u);
  EXPECT_EQ (std::get<std::string> (results_[0]), "hi");
}

TEST_F (Rpc, ACallWaitsForTheSessionToConnect) {
  call ("them");
  EXPECT_EQ (results_.size (), 0u);
  connect_data ({ make_participant ("them") });
  EXPECT_EQ (sent_bodies<RpcRequest> ().size (), 1u);
}

TEST_F (Rpc, ACallThatNeverFindsARoomFails) {
  settings_.connect_timeout = Millis (3000);
  start_data ();
  call ("them");
  advance (3s);
  ASSERT_EQ (results_.size (), 1u);
  EXPECT_EQ (code (0), 1505u);
  call ("them");
  EXPECT_EQ (code (1), 1505u);
}

TEST_F (Rpc, ACallEndsWithTheCalleeAndWithTheSession) {
  connect_data ({ make_participant ("anna"), make_participant ("bert") });
  call ("anna");
  call ("bert");
  auto gone = make_participant ("anna", {}, 2);
  gone.state = ParticipantState::Disconnected;
  deliver (ParticipantUpdate{ { gone } });
  ASSERT_EQ (results_.size (), 1u);
  EXPECT_EQ (code (0), 1503u);
  engine_->stop ([] {});
  run ();
  ASSERT_EQ (results_.size (), 2u);
}

TEST_F (Rpc, AnOldServerIsUnsupported) {
  start_data ();
  auto response = join_response ({ make_participant ("them") });
  response.server.version = "1.7.2";
  deliver (response);
  subscriber ().connect ();
  run ();
  call ("them");
  EXPECT_EQ (code (0), 1403u);
}

TEST_F (Rpc, AServedMethodIsCalledAndAnswersFromAnyThread) {
  std::shared_ptr<RpcInvocation> invocation;
  (void)port ()->serve_rpc ("greet", [&] (std::shared_ptr<RpcInvocation> called) { invocation = called; });
  run ();
  connect_data ({ make_participant ("them") });
  RpcRequest request;
  request.id = "r1";
  request.method = "greet";
  request.payload = "hello";
  request.response_timeout_ms = 10000;
  receive (packet_from ("them", request));
  ASSERT_TRUE (invocation);
  EXPECT_EQ (invocation->caller (), "them");
  EXPECT_EQ (invocation->payload (), "hello");
  ASSERT_EQ (sent_bodies<RpcAck> ().size (), 1u);
  std::thread ([&] {
    invocation->answer (std::string ("hi"));
    invocation->answer (std::string ("again"));
  }).join ();
  run ();
  auto responses = sent_bodies<RpcResponse> ();
  ASSERT_EQ (responses.size (), 1u);
  EXPECT_EQ (responses[0].payload, "hi");
  EXPECT_EQ (responses[0].request_id, "r1");
}

TEST_F (Rpc, AMethodIsServedByOneAtATime) {
  connect_data ();
  ASSERT_TRUE (port ()->serve_rpc ("greet", [] (std::shared_ptr<RpcInvocation>) {}));
  auto second = port ()->serve_rpc ("greet", [] (std::shared_ptr<RpcInvocation>) {});
  ASSERT_FALSE (second);
  EXPECT_EQ (second.error ().code, Errc::Settings);
  EXPECT_NE (second.error ().message.find ("\"greet\""), std::string::npos);
  EXPECT_TRUE (port ()->serve_rpc ("greet", {}));
  EXPECT_TRUE (port ()->serve_rpc ("greet", [] (std::shared_ptr<RpcInvocation>) {}));
}

TEST_F (Rpc, AnInvocationThatIsForgottenIsAnApplicationError) {
  (void)port ()->serve_rpc ("greet", [] (std::shared_ptr<RpcInvocation>) {});
  run ();
  connect_data ({ make_participant ("them") });
  RpcRequest request;
  request.id = "r1";
  request.method = "greet";
  request.response_timeout_ms = 10000;
  receive (packet_from ("them", request));
  ASSERT_EQ (sent_bodies<RpcResponse> ().size (), 1u);
  EXPECT_EQ (sent_bodies<RpcResponse> ()[0].error->code, 1500u);
  request.id = "r2";
  request.method = "unknown";
  receive (packet_from ("them", request));
  ASSERT_EQ (sent_bodies<RpcResponse> ().size (), 2u);
  EXPECT_EQ (sent_bodies<RpcResponse> ()[1].error->code, 1400u);
}

TEST_F (Rpc, ACallInAStreamIsAcknowledgedWhenItBegins) {
  (void)port ()->serve_rpc (
      "greet", [] (std::shared_ptr<RpcInvocation> called) { called->answer (called->payload ()); });
  run ();
  auto them = make_participant ("them");
  them.client_protocol = 1;
  connect_data ({ them });
  StreamHeader header;
  header.id = "call";
  header.topic = "lk.rpc_request";
  header.kind = TextHeader{};
  header.attributes = { { "lk.rpc_request_id", "r1" },
                        { "lk.rpc_request_method", "greet" },
                        { "lk.rpc_request_version", "2" },
                        { "lk.rpc_request_response_timeout_ms", "10000" } };
  receive (packet_from ("them", header));
  EXPECT_EQ (sent_bodies<RpcAck> ().size (), 1u);
  receive (packet_from ("them", StreamChunk{ "call", std::string (15000, 'a'), 0, 0 }));
  receive (packet_from ("them", StreamChunk{ "call", "b", 1, 0 }));
  receive (packet_from ("them", StreamTrailer{ "call", "", {} }));
  EXPECT_EQ (sent_bodies<RpcAck> ().size (), 1u);
  ASSERT_EQ (sent_bodies<StreamHeader> ().size (), 1u);
  EXPECT_EQ (sent_bodies<StreamHeader> ()[0].topic, "lk.rpc_response");
  std::string answer;
  for (const auto &chunk : sent_bodies<StreamChunk> ())
    answer += chunk.content;
  EXPECT_EQ (answer, std::string (15000, 'a') + "b");
}

TEST_F (Rpc, NewerParticipantsAreCalledByStreams) {
  auto them = make_participant ("them");
  them.client_protocol = 1;
  connect_data ({ them });
  call ("them");
  EXPECT_EQ (sent_bodies<RpcRequest> ().size (), 0u);
  auto headers = sent_bodies<StreamHeader> ();
  ASSERT_EQ (headers.size (), 1u);
  EXPECT_EQ (headers[0].topic, "lk.rpc_request");
  auto id = headers[0].attributes.at ("lk.rpc_request_id");
  receive (packet_from ("them", RpcAck{ id }));
  StreamHeader header;
  header.id = "answer";
  header.topic = "lk.rpc_response";
  header.kind = TextHeader{};
  header.attributes = { { "lk.rpc_request_id", id } };
  receive (packet_from ("them", header));
  receive (packet_from ("them", StreamChunk{ "answer", std::string (14000, 'a'), 0, 0 }));
  receive (packet_from ("them", StreamTrailer{ "answer", "", {} }));
  ASSERT_EQ (results_.size (), 1u);
  EXPECT_EQ (std::get<std::string> (results_[0]).size (), 14000u);
}

} // namespace
} // namespace lk::test
