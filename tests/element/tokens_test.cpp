// Tokens as every LiveKit element takes them: set while it runs, asked of the application, never shown.
#include "data_util.hpp"

#include <thread>

namespace {

using namespace lk;
using namespace lk::test;

class Tokens : public DataElement, public testing::WithParamInterface<const char *> {
protected:
  static void
  SetUpTestSuite () {
    DataElement::SetUpTestSuite ();
    GST_ELEMENT_REGISTER (livekitsrc, nullptr);
  }
  void
  make (const std::string &properties = "") {
    launch (std::string (GetParam ()) + " name=d " + properties);
  }
  void
  set_token (const char *token) {
    g_object_set (element_.get (), "token", token, nullptr);
  }
  /// What the element answers when a session asks it; "(nobody)" when nobody listens.
  std::string
  answer () {
    auto answered = std::make_shared<std::promise<std::string>> ();
    auto future = answered->get_future ();
    if (!session_->request_token ([answered] (std::string token) { answered->set_value (token); }))
      return "(nobody)";
    if (future.wait_for (5s) != std::future_status::ready) return "(no answer)";
    return future.get ();
  }
};

TEST_P (Tokens, OneSetBeforeTheStartIsASetting) {
  make ("token=first");
  play (GST_STATE_READY);
  EXPECT_EQ (session_->settings ().token->reveal (), "first");
  EXPECT_TRUE (session_->tokens ().empty ());
}

TEST_P (Tokens, OneSetWhilePlayingGoesToTheSession) {
  make ("token=first");
  play ();
  set_token ("second");
  EXPECT_EQ (session_->tokens (), std::vector<std::string>{ "second" });
}

TEST_P (Tokens, FileAndEndpointAreSettings) {
  make ("token-file=/a/file token-url=https://tokens.test/?key=1");
  play (GST_STATE_READY);
  EXPECT_EQ (session_->settings ().token_file, "/a/file");
  EXPECT_EQ (session_->settings ().token_url->reveal (), "https://tokens.test/?key=1");
}

TEST_P (Tokens, ARefreshIsAskedOfTheSession) {
  make ();
  auto refresh = [this] {
    gboolean asked = FALSE;
    g_signal_emit_by_name (element_.get (), "refresh-token", &asked);
    return asked != FALSE;
  };
  EXPECT_FALSE (refresh ()) << "there is no session yet";
  play ();
  EXPECT_FALSE (refresh ());
  session_->refreshable = true;
  EXPECT_TRUE (refresh ());
  EXPECT_EQ (session_->refreshes, 2);
}

TEST_P (Tokens, WithoutAHandlerNobodyIsAsked) {
  make ();
  play ();
  EXPECT_EQ (answer (), "(nobody)");
}

TEST_P (Tokens, TheHandlersTokenIsTheAnswerAndItRunsOnAThreadOfItsOwn) {
  make ();
  play ();
  std::thread::id handler_thread;
  g_signal_connect (element_.get (), "request-token",
                    G_CALLBACK (+[] (GstElement *, std::thread::id *thread) -> gchar * {
                      *thread = std::this_thread::get_id ();
                      return g_strdup ("fresh");
                    }),
                    &handler_thread);
  EXPECT_EQ (answer (), "fresh");
  EXPECT_NE (handler_thread, std::this_thread::get_id ());
  EXPECT_NE (handler_thread, std::thread::id ());
}

TEST_P (Tokens, TheFirstHandlerThatHasOneIsHeard) {
  make ();
  play ();
  auto give = +[] (GstElement *, const gchar *token) -> gchar * { return g_strdup (token); };
  for (const char *token : { static_cast<const char *> (nullptr), "", "second", "third" })
    g_signal_connect (element_.get (), "request-token", G_CALLBACK (give), const_cast<char *> (token));
  EXPECT_EQ (answer (), "second");
}

TEST_P (Tokens, AHandlerWithoutATokenAnswersNothing) {
  make ();
  play ();
  g_signal_connect (element_.get (), "request-token",
                    G_CALLBACK (+[] (GstElement *, gpointer) -> gchar * { return nullptr; }), nullptr);
  EXPECT_EQ (answer (), "");
}

TEST_P (Tokens, AHandlerThatTakesItsTimeHoldsNothingUp) {
  make ();
  play ();
  auto release = std::make_shared<std::promise<void>> ();
  auto released = std::make_shared<std::shared_future<void>> (release->get_future ());
  g_signal_connect (element_.get (), "request-token",
                    G_CALLBACK (+[] (GstElement *, std::shared_future<void> *wait) -> gchar * {
                      wait->wait ();
                      return g_strdup ("late");
                    }),
                    released.get ());
  auto late = std::make_shared<std::promise<std::string>> ();
  ASSERT_TRUE (session_->request_token ([late] (std::string token) { late->set_value (token); }));
  EXPECT_EQ (gst_element_set_state (pipeline_.get (), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  release->set_value ();
  EXPECT_EQ (late->get_future ().get (), "late");
}

TEST_P (Tokens, SecretsCannotBeReadBack) {
  make ("token=secret-token token-url=https://tokens.test/secret api-secret=secret-secret");
  for (const char *name : { "token", "token-url", "api-secret", "turn-servers" }) {
    auto *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element_.get ()), name);
    ASSERT_NE (spec, nullptr) << name;
    EXPECT_EQ (spec->flags & G_PARAM_READABLE, 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P (Elements, Tokens,
                          testing::Values ("livekitsink", "livekitsrc", "livekitdatasink", "livekitdatasrc"));

} // namespace
