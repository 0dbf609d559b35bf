// Data by signals, which every LiveKit element has.
#include "data_util.hpp"

#include <thread>

namespace {

using namespace lk;
using namespace lk::test;

class Actions : public DataElement, public testing::WithParamInterface<const char *> {
protected:
  void
  run (const std::string &properties = "") {
    launch (std::string (GetParam ()) + " name=d " + properties);
    play ();
  }
  bool
  send_data (const std::string &payload,
             GstLiveKitReliability reliability = GST_LIVEKIT_RELIABILITY_RELIABLE) {
    auto bytes = Ref<GBytes>::adopt (g_bytes_new (payload.data (), payload.size ()));
    const gchar *to[] = { "alice", nullptr };
    gboolean taken = FALSE;
    g_signal_emit_by_name (element_.get (), "send-data", bytes.get (), "topic", reliability, to, &taken);
    return taken;
  }
  std::string
  perform (GstPromise *promise, guint timeout = 0) {
    gchar *id = nullptr;
    g_signal_emit_by_name (element_.get (), "perform-rpc", "alice", "add", "1+1", timeout, promise, &id);
    const CString held (id);
    return id ? id : "";
  }
};

TEST_P (Actions, SendDataQueuesAPacket) {
  run ();
  EXPECT_TRUE (send_data ("hello", GST_LIVEKIT_RELIABILITY_LOSSY));
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 1; }, 5s));
  auto packet = port_->packets ()[0];
  EXPECT_EQ (packet.payload, "hello");
  EXPECT_EQ (packet.topic, "topic");
  EXPECT_EQ (packet.reliability, Reliability::Lossy);
  EXPECT_EQ (packet.destinations, std::vector<std::string>{ "alice" });
}

TEST_P (Actions, SendTextAndChatReturnTheIdThatIsSent) {
  run ();
  gchar *id = nullptr;
  g_signal_emit_by_name (element_.get (), "send-text", "some text", "notes", nullptr, &id);
  ASSERT_NE (id, nullptr);
  ASSERT_TRUE (wait_until ([&] { return port_->streams ().size () == 1; }, 5s));
  EXPECT_EQ (port_->streams ()[0].spec.id, id);
  EXPECT_EQ (port_->streams ()[0].bytes, "some text");
  g_free (id);
  g_signal_emit_by_name (element_.get (), "send-chat", "hi", nullptr, &id);
  ASSERT_NE (id, nullptr);
  ASSERT_TRUE (wait_until ([&] { return port_->chats ().size () == 1; }, 5s));
  EXPECT_EQ (port_->chats ()[0].message.id, id);
  g_free (id);
  g_signal_emit_by_name (element_.get (), "send-text", "\xff", "notes", nullptr, &id);
  EXPECT_EQ (id, nullptr);
}

TEST_P (Actions, BelowReadyNothingIsTaken) {
  launch (std::string (GetParam ()) + " name=d");
  EXPECT_FALSE (send_data ("x"));
  EXPECT_EQ (perform (nullptr), "");
}

TEST_P (Actions, AFullChannelBlocksNobodyAndKeepsTheOrder) {
  port_->block = true;
  run ();
  for (int i = 0; i < 100; i++)
    EXPECT_TRUE (send_data (std::to_string (i)));
  // On the session's thread as well, where blocking would be for ever.
  std::atomic<bool> done{ false };
  port_->on_thread ([&] {
    send_data ("last");
    done = true;
  });
  ASSERT_TRUE (wait_until ([&] { return done.load (); }, 5s));
  port_->unblock ();
  ASSERT_TRUE (wait_until ([&] { return port_->packets ().size () == 101; }, 5s));
  for (int i = 0; i < 100; i++)
    EXPECT_EQ (port_->packets ()[size_t (i)].payload, std::to_string (i));
}

TEST_P (Actions, TooMuchIsRefusedAndWhatWaitsIsDroppedAtTheEnd) {
  port_->block = true;
  run ();
  int taken = 0;
  for (int i = 0; i < 2000; i++)
    taken += send_data ("x");
  EXPECT_GE (taken, 1000);
  EXPECT_LE (taken, 1001);
  const auto start = std::chrono::steady_clock::now ();
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_LT (std::chrono::steady_clock::now () - start, 1s);
  EXPECT_TRUE (wait_until ([&] { return port_->waiting == 0; }, 5s));
}

TEST_P (Actions, WhatCannotBeSentIsAWarning) {
  port_->refuse (Error{ Errc::NotAllowed, Retry::Never, "no permission to publish data" });
  run ();
  send_data ("x");
  auto warning = message (GST_MESSAGE_WARNING);
  EXPECT_EQ (text_of (warning), "no permission to publish data");
}

TEST_P (Actions, AnRpcAnswerComesToThePromiseAndOnTheBus) {
  run ();
  auto promise = Ref<GstPromise>::adopt (gst_promise_new ());
  const auto id = perform (promise.get (), 2500);
  ASSERT_NE (id, "");
  ASSERT_TRUE (wait_until ([&] { return port_->calls ().size () == 1; }, 5s));
  auto call = port_->calls ()[0];
  EXPECT_EQ (call.call.destination, "alice");
  EXPECT_EQ (call.call.method, "add");
  EXPECT_EQ (call.call.payload, "1+1");
  EXPECT_EQ (call.call.timeout, Millis (2500));
  port_->on_thread ([call] { call.done (std::string ("2")); });
  ASSERT_EQ (gst_promise_wait (promise.get ()), GST_PROMISE_RESULT_REPLIED);
  const auto *reply = gst_promise_get_reply (promise.get ());
  EXPECT_STREQ (gst_structure_get_string (reply, "payload"), "2");
  EXPECT_EQ (gst_structure_get_string (reply, "id"), id);
  auto told_of = told ("livekit-rpc-response");
  EXPECT_EQ (field (told_of, "id"), id);
  EXPECT_EQ (field (told_of, "payload"), "2");
}

TEST_P (Actions, AnRpcErrorHasItsCodeMessageAndData) {
  run ();
  const auto id = perform (nullptr);
  EXPECT_EQ (port_->calls ()[0].call.timeout, Millis (15000));
  port_->on_thread ([call = port_->calls ()[0]] { call.done (RpcError{ 1401, "not there", "more" }); });
  auto response = told ("livekit-rpc-response");
  ASSERT_TRUE (response);
  gboolean ok = TRUE;
  guint code = 0;
  const auto *s = gst_message_get_structure (response.get ());
  gst_structure_get (s, "ok", G_TYPE_BOOLEAN, &ok, "code", G_TYPE_UINT, &code, nullptr);
  EXPECT_FALSE (ok);
  EXPECT_EQ (code, 1401u);
  EXPECT_EQ (field (response, "message"), "not there");
  EXPECT_EQ (field (response, "data"), "more");
}

GstStructure *
answer_at_once (GstElement *, GstStructure *call, gpointer) {
  const std::string method = gst_structure_get_string (call, "method");
  if (method == "fail")
    return gst_structure_new ("answer", "code", G_TYPE_UINT, 7u, "message", G_TYPE_STRING, "no", nullptr);
  if (method == "later") return nullptr;
  const std::string text = std::string ("you said ") + gst_structure_get_string (call, "payload");
  return gst_structure_new ("answer", "payload", G_TYPE_STRING, text.c_str (), nullptr);
}

TEST_P (Actions, ServedMethodsAreAnsweredByTheSignal) {
  launch (std::string (GetParam ()) + " name=d rpc-methods=\"echo, fail\"");
  g_signal_connect (element_.get (), "rpc-invoked", G_CALLBACK (answer_at_once), nullptr);
  play ();
  auto echo = std::make_shared<FakeRpcInvocation> ("1", "bob", "echo", "hi");
  auto fail = std::make_shared<FakeRpcInvocation> ("2", "bob", "fail", "");
  ASSERT_TRUE (port_->call (echo) && port_->call (fail));
  EXPECT_FALSE (port_->serves ("other"));
  ASSERT_TRUE (wait_until ([&] { return echo->answered () && fail->answered (); }, 5s));
  EXPECT_EQ (std::get<std::string> (*echo->answered ()), "you said hi");
  EXPECT_EQ (std::get<RpcError> (*fail->answered ()).code, 7u);
  EXPECT_EQ (std::get<RpcError> (*fail->answered ()).message, "no");
  auto invoked = told ("livekit-rpc-invoked");
  EXPECT_EQ (field (invoked, "caller"), "bob");
  EXPECT_EQ (field (invoked, "method"), "echo");
  gst_element_set_state (pipeline_.get (), GST_STATE_NULL);
  EXPECT_FALSE (port_->serves ("echo"));
}

TEST_P (Actions, AMethodThatAnotherElementServesIsRefused) {
  ASSERT_TRUE (port_->serve_rpc ("taken", [] (std::shared_ptr<session::RpcInvocation>) {}));
  launch (std::string (GetParam ()) + " name=d rpc-methods=\"free, taken, free\"");
  EXPECT_EQ (play (), GST_STATE_CHANGE_FAILURE);
  auto error = message (GST_MESSAGE_ERROR);
  EXPECT_NE (text_of (error).find ("served already"), std::string::npos) << text_of (error);
  EXPECT_FALSE (port_->serves ("free")) << "all or nothing";
}

TEST_P (Actions, ACallMayBeAnsweredLaterFromAnotherThreadAndOnlyOnce) {
  launch (std::string (GetParam ()) + " name=d rpc-methods=later");
  g_signal_connect (element_.get (), "rpc-invoked", G_CALLBACK (answer_at_once), nullptr);
  play ();
  auto call = std::make_shared<FakeRpcInvocation> ("c", "bob", "later", "");
  ASSERT_TRUE (port_->call (call));
  ASSERT_TRUE (told ("livekit-rpc-invoked"));
  EXPECT_FALSE (call->answered ());
  const auto answer = [this] (const char *id) {
    const StructurePtr with (gst_structure_new ("answer", "payload", G_TYPE_STRING, "done", nullptr));
    gboolean taken = FALSE;
    g_signal_emit_by_name (element_.get (), "answer-rpc", id, with.get (), &taken);
    return bool (taken);
  };
  EXPECT_FALSE (answer ("unknown"));
  EXPECT_TRUE (answer ("c"));
  EXPECT_FALSE (answer ("c"));
  ASSERT_TRUE (call->answered ());
  EXPECT_EQ (std::get<std::string> (*call->answered ()), "done");
}

TEST_P (Actions, CallsThatNobodyAnswersAreBounded) {
  launch (std::string (GetParam ()) + " name=d rpc-methods=later");
  play ();
  std::vector<std::shared_ptr<FakeRpcInvocation>> calls;
  for (int i = 0; i < 300; i++) {
    calls.push_back (std::make_shared<FakeRpcInvocation> (std::to_string (i), "bob", "later", ""));
    port_->call (calls.back ());
  }
  EXPECT_TRUE (wait_until ([&] { return calls.back ()->answered ().has_value (); }, 5s));
  EXPECT_FALSE (calls[255]->answered ());
  EXPECT_TRUE (calls[256]->answered ());
}

INSTANTIATE_TEST_SUITE_P (Elements, Actions, testing::Values ("livekitdatasink", "livekitsink"));

TEST_F (DataElement, ASinkHearsDataWhenAHandlerWasConnectedBeforeItStarted) {
  struct Seen {
    std::atomic<int> count{ 0 };
  } seen;
  launch ("livekitsink name=d");
  g_signal_connect (element_.get (), "data-received",
                    G_CALLBACK (+[] (GstElement *, GstBuffer *, Seen *s) { s->count++; }), &seen);
  play ();
  ASSERT_EQ (port_->filters ().size (), 1u);
  port_->deliver (session::PacketReceived{ { "a", "PA" }, Reliability::Reliable, { .payload = "x" } });
  EXPECT_TRUE (wait_until ([&] { return seen.count == 1; }, 5s));
}

} // namespace
