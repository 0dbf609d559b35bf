// Which token a connect uses: every source, their order, and what is said when none is left.
#include "session_util.hpp"

#include "auth/token.hpp"
#include "session/token_endpoint.hpp"

#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

const Secret kSecret ("secret-secret-secret-secret-secret");

// ---- the endpoint's words

TEST (TokenEndpoint, IsPostedRoomAndParticipant) {
  Settings settings;
  settings.room = "demo";
  settings.identity = "cam \"1\"";
  settings.participant_name = "Camera";
  settings.attributes = Attributes{ { "k", "v" } };
  auto request = endpoint_request (Secret ("https://tokens.test/api?key=1"), settings, false);
  EXPECT_EQ (request.method, "POST");
  EXPECT_EQ (request.url, "https://tokens.test/api?key=1");
  EXPECT_EQ (request.content_type, "application/json");
  EXPECT_EQ (request.body,
             R"({"room_name":"demo","participant_identity":"cam \"1\"","participant_name":"Camera",)"
             R"("participant_attributes":{"k":"v"}})");
}

struct AnswerRow {
  const char *body, *token, *url;
};

TEST (TokenEndpoint, AnswersAreReadInEverySpelling) {
  const AnswerRow rows[] = {
    { R"({"server_url":"wss://x.test","participant_token":"a.b.c"})", "a.b.c", "wss://x.test" },
    { R"({"serverUrl":"wss://x.test","participantToken":"a.b.c"})", "a.b.c", "wss://x.test" },
    { R"({"token":"a.b.c"})", "a.b.c", "" },
    { "a.b-_.c\n", "a.b-_.c", "" },
    { "\"a.b.c\"", "a.b.c", "" },
  };
  for (const auto &row : rows) {
    auto answer = endpoint_answer (net::Response{ 200, row.body, "" });
    ASSERT_TRUE (answer) << row.body;
    EXPECT_EQ (answer->token.reveal (), row.token) << row.body;
    EXPECT_EQ (answer->server_url, row.url) << row.body;
  }
}

TEST (TokenEndpoint, WhatIsNoTokenIsAnErrorThatDoesNotRepeatIt) {
  for (const char *body : { "", "{}", "<html>secret</html>", R"({"participant_token":7})", "a.b", "a.b.c d",
                            R"({"participant_token":""})", "[[[[" }) {
    auto answer = endpoint_answer (net::Response{ 200, body, "" });
    ASSERT_FALSE (answer) << body;
    EXPECT_EQ (answer.error ().code, Errc::Protocol);
    EXPECT_EQ (answer.error ().message.find ("secret"), std::string::npos);
  }
}

struct StatusRow {
  int status;
  Errc code;
  Retry retry;
};

TEST (TokenEndpoint, StatusesSayWhetherAskingAgainMayHelp) {
  const StatusRow rows[] = {
    { 302, Errc::Settings, Retry::Never },     { 400, Errc::Settings, Retry::Never },
    { 401, Errc::Unauthorized, Retry::Never }, { 403, Errc::Unauthorized, Retry::Never },
    { 404, Errc::NotFound, Retry::Never },     { 429, Errc::ServerBusy, Retry::Restart },
    { 500, Errc::ServerBusy, Retry::Restart }, { 503, Errc::ServerBusy, Retry::Restart },
  };
  for (const auto &row : rows) {
    auto answer = endpoint_answer (net::Response{ row.status, "a.b.c", "" });
    ASSERT_FALSE (answer) << row.status;
    EXPECT_EQ (answer.error ().code, row.code) << row.status;
    EXPECT_EQ (answer.error ().retry, row.retry) << row.status;
    EXPECT_NE (answer.error ().message.find ("token-url"), std::string::npos);
  }
}

// ---- sessions

class Tokens : public EngineTest {
protected:
  Tokens () {
    settings_ = {};
    settings_.url = "ws://example.test";
    asked_engine ();
  }
  ~Tokens () override {
    if (!file_.empty ()) ::unlink (file_.c_str ());
  }

  /// The engine again, with an application that may answer request-token.
  void
  asked_engine () {
    engine_->shut_down ();
    engine_ = std::make_shared<Engine> (
        context_, snapshot_, [this] (const SessionEvent &event) { events_.push_back (event); },
        [this] (auto answer) {
          if (!answers_requests_) return false;
          requests_.push_back (std::move (answer));
          return true;
        });
  }
  std::string
  token (Millis life, const std::string &mark = "", const std::string &room = "room",
         const std::string &identity = "me") {
    auth::Claims claims;
    claims.issuer = "key";
    claims.identity = identity;
    claims.metadata = mark; // so that no two are the same
    claims.video.room = room;
    claims.video.room_join = true;
    claims.expires = std::chrono::duration_cast<std::chrono::seconds> (clock_.wall () + life);
    return auth::mint (claims, kSecret)->reveal ();
  }
  void
  use_key () {
    settings_.api_key = "key";
    settings_.api_secret = kSecret;
    settings_.room = "room";
    settings_.identity = "me";
  }
  void
  write_file (const std::string &text) {
    if (file_.empty ()) {
      char name[] = "/tmp/lk-token-XXXXXX";
      int fd = ::mkstemp (name);
      ASSERT_GE (fd, 0);
      ::close (fd);
      file_ = name;
      settings_.token_file = file_;
    }
    std::ofstream (file_) << text;
  }
  std::string
  used () {
    return signal ().params.token.reveal ();
  }
  /// What somebody wrote into the token in use.
  std::string
  mark () {
    auto claims = auth::inspect (used ());
    return claims ? claims->metadata : "?";
  }
  void
  lose () {
    signal ().lose ({ Errc::SignalLost, Retry::Restart, "broken" });
    run ();
  }
  void
  refuse () {
    signal ().lose ({ Errc::Unauthorized, Retry::Never, "the server refused the token (HTTP 401)" });
    run ();
  }
  /// Loses the connection; the next attempt has been made.
  void
  reattempt () {
    lose ();
    advance (0ms);
  }
  /// What the first warning about a token found.
  std::string
  warning () {
    if (count<TokenUnusable> () == 0) return "(none)";
    auto text = events<TokenUnusable> ()[0].error.message;
    auto begin = text.find ("it is ") + 6;
    return text.substr (begin, text.find (';') - begin);
  }
  Error
  cause () {
    return events<StateChanged> ().back ().cause.value_or (Error{});
  }
  FakeExchange &
  exchange () {
    return parts_->network->exchange ();
  }
  bool
  endpoint_asked () {
    return parts_->network && !parts_->network->exchanges.empty ();
  }

  bool answers_requests_ = false;
  std::vector<std::function<void (std::string)>> requests_;
  std::string file_;
};

TEST_F (Tokens, ThePushedOneIsUsedForLaterConnects) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  EXPECT_EQ (mark (), "given");
  deliver (RefreshToken{ token (10min, "old push") });
  deliver (RefreshToken{ token (10min, "push") });
  reattempt ();
  EXPECT_EQ (mark (), "push");
}

TEST_F (Tokens, AResumeIsTriedWithAnotherOneToo) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  signal ().lose ({ Errc::SignalLost, Retry::Resume, "broken" });
  run ();
  advance (0ms);
  EXPECT_EQ (mark (), "push");
  refuse ();
  EXPECT_EQ (mark (), "given");
  EXPECT_TRUE (signal ().params.resume);
  answer_resume ();
  restart_ice ();
  EXPECT_EQ (engine_->state (), State::Connected);
}

TEST_F (Tokens, AResumeWithoutAnyLeftIsTheEnd) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  signal ().lose ({ Errc::SignalLost, Retry::Resume, "broken" });
  run ();
  advance (0ms);
  refuse ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Unauthorized);
}

TEST_F (Tokens, APushedOneThatRanOutGivesWayToTheGivenOne) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  clock_.set_wall (clock_.wall () + 10min - 5s); // the margin is used up
  reattempt ();
  EXPECT_EQ (mark (), "given");
}

TEST_F (Tokens, ThePushedOneOutlivesTheGivenOne) {
  settings_.token = Secret (token (60s, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  clock_.set_wall (clock_.wall () + 3min);
  reattempt ();
  EXPECT_EQ (mark (), "push");
}

TEST_F (Tokens, RubbishFromTheServerIsNotUsed) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  for (const char *rubbish : { "", "x", "a.b.c", "e30.e30.e30" }) {
    deliver (RefreshToken{ rubbish });
    reattempt ();
    EXPECT_EQ (mark (), "given") << rubbish;
    join ();
    subscriber ().connect ();
    run ();
  }
}

TEST_F (Tokens, OneSetWhileRunningIsUsedNextWhateverIsPushed) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  engine_->set_token (Secret (token (1h, "written")));
  deliver (RefreshToken{ token (10min, "late push") });
  reattempt ();
  EXPECT_EQ (mark (), "written");
  // From then on what is pushed is made from it.
  join ();
  subscriber ().connect ();
  run ();
  deliver (RefreshToken{ token (10min, "push of written") });
  reattempt ();
  EXPECT_EQ (mark (), "push of written");
}

TEST_F (Tokens, OneSetForAnotherRoomIsNotUsed) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  engine_->set_token (Secret (token (1h, "elsewhere", "other")));
  EXPECT_EQ (warning (), R"(for room "other", this session is in "room")");
  reattempt ();
  EXPECT_EQ (mark (), "given");
}

TEST_F (Tokens, OneOfSomebodyElseIsNotUsedAndSaidSo) {
  settings_.token = Secret (token (1h, "given"));
  connect ();
  auto theirs = token (1h, "theirs", "room", "them");
  engine_->set_token (Secret (theirs));
  EXPECT_EQ (warning (), R"(for identity "them", this session is "me")");
  EXPECT_EQ (events<TokenUnusable> ()[0].error.message.find (theirs), std::string::npos);
  deliver (RefreshToken{ theirs });
  EXPECT_EQ (count<TokenUnusable> (), 2u);
  reattempt ();
  EXPECT_EQ (mark (), "given");
}

TEST_F (Tokens, ARefreshAsksTheEndpointNowAndTheNextConnectTakesIt) {
  settings_.token_url = Secret ("http://tokens.test/");
  settings_.token = Secret (token (1h, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  EXPECT_EQ (parts_->network, nullptr) << "nobody was asked yet";
  engine_->refresh_token ();
  exchange ().answer (200, R"({"participant_token":")" + token (1h, "fetched") + "\"}");
  EXPECT_EQ (count<StateChanged> (), 2u) << "the connection stays";
  reattempt ();
  EXPECT_EQ (mark (), "fetched");
  EXPECT_EQ (count<TokenUnusable> (), 0u);
}

TEST_F (Tokens, ARefreshReadsTheFileAsksTheApplicationOrMakesOne) {
  write_file (token (1h, "first"));
  connect ();
  write_file (token (1h, "second"));
  engine_->refresh_token ();
  write_file ("");
  reattempt ();
  EXPECT_EQ (mark (), "second");
  join ();
  subscriber ().connect ();
  run ();

  answers_requests_ = true;
  engine_->refresh_token ();
  ASSERT_EQ (requests_.size (), 1u);
  requests_[0](token (1h, "answered"));
  run ();
  reattempt ();
  EXPECT_EQ (mark (), "answered");
}

TEST_F (Tokens, ARefreshMakesOneInsteadOfThePushedOne) {
  use_key ();
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  engine_->refresh_token ();
  reattempt ();
  EXPECT_EQ (mark (), "");
}

TEST_F (Tokens, ARefreshThatGetsNothingWarnsAndKeepsThePresentOne) {
  settings_.token_url = Secret ("http://tokens.test/");
  settings_.token = Secret (token (1h, "given"));
  connect ();
  engine_->refresh_token ();
  exchange ().answer (403, "no");
  ASSERT_EQ (count<TokenUnusable> (), 1u);
  EXPECT_NE (events<TokenUnusable> ()[0].error.message.find ("403"), std::string::npos);
  reattempt ();
  EXPECT_EQ (mark (), "given");
}

TEST_F (Tokens, ARefreshInAnOutageHoldsNothingUpAndFollows) {
  settings_.token_url = Secret ("http://tokens.test/");
  settings_.token = Secret (token (1h, "given"));
  connect ();
  reattempt ();
  engine_->refresh_token ();
  EXPECT_EQ (mark (), "given");
  EXPECT_EQ (parts_->network, nullptr);
  join ();
  subscriber ().connect ();
  run ();
  exchange ().answer (200, R"({"participant_token":")" + token (1h, "fetched") + "\"}");
  reattempt ();
  EXPECT_EQ (mark (), "fetched");
}

TEST_F (Tokens, TheFileIsReadForEachConnectAndAChangedOneComesFirst) {
  write_file ("  " + token (1h, "first") + "\n");
  connect ();
  EXPECT_EQ (mark (), "first");
  deliver (RefreshToken{ token (10min, "push") });
  reattempt ();
  EXPECT_EQ (mark (), "push") << "the file is as it was";
  join ();
  subscriber ().connect ();
  run ();
  write_file (token (1h, "second"));
  reattempt ();
  EXPECT_EQ (mark (), "second");
}

TEST_F (Tokens, AnEmptyFileInTheMiddleKeepsWhatItHeld) {
  write_file (token (1h, "first"));
  connect ();
  write_file ("");
  reattempt ();
  EXPECT_EQ (mark (), "first");
}

TEST_F (Tokens, AFileWithoutATokenIsNamed) {
  settings_.token_file = "/nonexistent/token";
  start ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Settings);
  EXPECT_NE (cause ().message.find ("/nonexistent/token"), std::string::npos);
}

TEST_F (Tokens, TheEndpointIsAskedWhenNothingElseHolds) {
  settings_.token_url = Secret ("http://tokens.test/");
  settings_.room = "room";
  start ();
  EXPECT_TRUE (parts_->signals.empty ());
  ASSERT_TRUE (endpoint_asked ());
  EXPECT_EQ (exchange ().request.body, R"({"room_name":"room"})");
  exchange ().answer (200, R"({"participant_token":")" + token (5min, "fetched") + "\"}");
  run ();
  EXPECT_EQ (mark (), "fetched");
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (engine_->state (), State::Connected);

  reattempt ();
  EXPECT_EQ (parts_->network->exchanges.size (), 1u) << "it still holds";
  join ();
  subscriber ().connect ();
  run ();
  clock_.set_wall (clock_.wall () + 6min);
  reattempt ();
  ASSERT_EQ (parts_->network->exchanges.size (), 2u);
  EXPECT_NE (exchange ().request.body.find (R"("participant_identity":"me")"), std::string::npos);
  exchange ().answer (200, R"({"participant_token":")" + token (5min, "again") + "\"}");
  run ();
  EXPECT_EQ (mark (), "again");
}

TEST_F (Tokens, TheEndpointNamesTheServerUnlessTheUrlIsSet) {
  settings_.url.reset ();
  settings_.token_url = Secret ("http://tokens.test/");
  start ();
  exchange ().answer (200, R"({"server_url":"wss://far.test","participant_token":")" + token (5min) + "\"}");
  run ();
  EXPECT_EQ (signal ().params.url.host, "far.test");
  EXPECT_EQ (engine_->effective ().url, "wss://far.test");
}

TEST_F (Tokens, AnEndpointThatTakesNoPostIsAskedByGet) {
  settings_.token_url = Secret ("http://tokens.test/?room=room");
  start ();
  exchange ().answer (405, "");
  run ();
  EXPECT_EQ (exchange ().request.method, "GET");
  EXPECT_EQ (exchange ().request.url, "http://tokens.test/?room=room");
  exchange ().answer (200, token (5min, "got"));
  run ();
  EXPECT_EQ (mark (), "got");
}

TEST_F (Tokens, AnEndpointThatIsDownIsTriedAgainDuringAnOutage) {
  settings_.token_url = Secret ("http://tokens.test/");
  start ();
  exchange ().answer (200, R"({"token":")" + token (60s) + "\"}");
  run ();
  join ();
  subscriber ().connect ();
  run ();
  clock_.set_wall (clock_.wall () + 2min);
  reattempt ();
  for (int i = 0; i < 5; ++i) {
    auto asked = parts_->network->exchanges.size ();
    exchange ().answer (503, "");
    run ();
    EXPECT_EQ (engine_->state (), State::Reconnecting);
    advance (500ms);
    EXPECT_EQ (parts_->network->exchanges.size (), asked + 1);
  }
  exchange ().answer (200, R"({"token":")" + token (5min, "back") + "\"}");
  run ();
  EXPECT_EQ (mark (), "back");
}

TEST_F (Tokens, AMissingFileDoesNotHideThatTheEndpointIsOnlyDown) {
  settings_.reconnect = ReconnectMode::Always;
  settings_.token_file = "/nonexistent/token";
  settings_.token_url = Secret ("http://tokens.test/");
  start ();
  exchange ().answer (503, "");
  run ();
  EXPECT_EQ (engine_->state (), State::Connecting);
  advance (500ms);
  exchange ().answer (200, token (5min, "back"));
  run ();
  EXPECT_EQ (mark (), "back");
}

TEST_F (Tokens, AFileThatAppearsLaterIsUsedNext) {
  settings_.token = Secret (token (1h, "given"));
  write_file ("");
  connect ();
  EXPECT_EQ (mark (), "given");
  deliver (RefreshToken{ token (10min, "push") });
  write_file (token (1h, "appeared"));
  reattempt ();
  EXPECT_EQ (mark (), "appeared");
}

TEST_F (Tokens, AnEndpointThatRefusesEndsTheSession) {
  settings_.token_url = Secret ("http://tokens.test/?key=hidden");
  start ();
  exchange ().answer (403, "hidden");
  run ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Unauthorized);
  EXPECT_EQ (cause ().message.find ("hidden"), std::string::npos);
}

TEST_F (Tokens, StoppingGivesUpTheQuestion) {
  settings_.token_url = Secret ("http://tokens.test/");
  start ();
  bool done = false;
  engine_->stop ([&] { done = true; });
  run ();
  EXPECT_TRUE (done);
  EXPECT_TRUE (exchange ().cancelled);
  EXPECT_TRUE (parts_->signals.empty ());
}

TEST_F (Tokens, TheApplicationIsAskedOnceNothingElseHolds) {
  answers_requests_ = true;
  settings_.token = Secret (token (60s, "given"));
  connect ();
  EXPECT_TRUE (requests_.empty ());
  clock_.set_wall (clock_.wall () + 2min);
  reattempt ();
  ASSERT_EQ (requests_.size (), 1u);
  auto links = parts_->signals.size ();
  requests_[0](token (5min, "answered"));
  EXPECT_EQ (parts_->signals.size (), links) << "never on the answering thread";
  run ();
  EXPECT_EQ (mark (), "answered");
}

TEST_F (Tokens, AnAnswerThatIsLateIsForgotten) {
  answers_requests_ = true;
  settings_.connect_timeout = 30s;
  start ();
  ASSERT_EQ (requests_.size (), 1u);
  advance (10s);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Timeout);
  requests_[0](token (5min));
  run ();
  EXPECT_TRUE (parts_->signals.empty ());
}

TEST_F (Tokens, AnApplicationWithoutATokenIsAnError) {
  answers_requests_ = true;
  start ();
  requests_[0]("");
  run ();
  EXPECT_EQ (cause ().code, Errc::InvalidToken);
}

TEST_F (Tokens, KeyAndSecretComeLast) {
  answers_requests_ = true;
  use_key ();
  settings_.token_url = Secret ("http://tokens.test/");
  start ();
  exchange ().answer (500, "");
  run ();
  ASSERT_EQ (requests_.size (), 1u);
  requests_[0]("");
  run ();
  EXPECT_EQ (auth::inspect (used ())->expires,
             std::chrono::duration_cast<std::chrono::seconds> (clock_.wall ()) + 6h);
}

TEST_F (Tokens, ARefusedOneGivesWayToTheNextSourceAtOnce) {
  answers_requests_ = true;
  settings_.token = Secret (token (1h, "given"));
  connect ();
  deliver (RefreshToken{ token (10min, "push") });
  reattempt ();
  EXPECT_EQ (mark (), "push");
  refuse ();
  EXPECT_EQ (mark (), "given");
  refuse ();
  ASSERT_EQ (requests_.size (), 1u);
  requests_[0](token (1h, "answered"));
  run ();
  EXPECT_EQ (mark (), "answered");
  EXPECT_EQ (engine_->state (), State::Reconnecting);
  refuse ();
  EXPECT_EQ (requests_.size (), 1u) << "its fresh token was refused: no use in asking again";
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().message, "the server refused the token (HTTP 401)");
}

TEST_F (Tokens, AFirstConnectThatIsRefusedTriesTheNextSource) {
  use_key ();
  settings_.token = Secret (token (1h, "given"));
  start ();
  EXPECT_EQ (mark (), "given");
  refuse ();
  EXPECT_EQ (mark (), "") << "made from the key";
  EXPECT_EQ (engine_->state (), State::Connecting);
  join ();
  subscriber ().connect ();
  run ();
  EXPECT_EQ (engine_->state (), State::Connected);
}

TEST_F (Tokens, AMadeOneThatIsRefusedIsNotMadeAgain) {
  use_key ();
  start ();
  refuse ();
  EXPECT_EQ (parts_->signals.size (), 1u);
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Unauthorized);
}

TEST_F (Tokens, ExpiredWithNothingToRefreshItIsSaidWithWhatToDo) {
  settings_.token = Secret (token (60s, "given"));
  connect ();
  clock_.set_wall (clock_.wall () + 6min);
  reattempt ();
  EXPECT_EQ (mark (), "given") << "our clock may be wrong, so the server decides";
  refuse ();
  EXPECT_EQ (engine_->state (), State::Failed);
  EXPECT_EQ (cause ().code, Errc::Unauthorized);
  EXPECT_NE (cause ().message.find ("the token expired 5 min ago and there is nothing to refresh it with"),
             std::string::npos)
      << cause ().message;
  for (const char *way : { "token-file", "token-url", "request-token", "api-key" })
    EXPECT_NE (cause ().message.find (way), std::string::npos) << way;
}

TEST_F (Tokens, AMovedRoomIsWhereTheNextTokenIsFor) {
  use_key ();
  connect ();
  RoomMoved moved;
  moved.room.name = "lobby";
  moved.participant = make_participant ("me");
  moved.token = token (10min, "moved", "lobby");
  deliver (moved);
  reattempt ();
  EXPECT_EQ (mark (), "moved");
  join ();
  subscriber ().connect ();
  run ();
  clock_.set_wall (clock_.wall () + 20min);
  reattempt ();
  EXPECT_EQ (auth::inspect (used ())->video.room, "lobby");
}

} // namespace
