// Settings of several elements, their defaults, and what they mean together; filters.
#include "auth/token.hpp"
#include "session/settings.hpp"
#include "session/state.hpp"

#include <gtest/gtest.h>

using namespace lk;
using namespace lk::session;
using namespace std::chrono_literals;

namespace {

std::string
unique () {
  return "unique-1";
}
constexpr std::chrono::seconds kNow{ 1'700'000'000 };
const Secret kSecret ("a secret that nobody must ever read");

Settings
complete () {
  Settings s;
  s.url = "ws://example.test";
  s.room = "demo";
  s.api_key = "key";
  s.api_secret = kSecret;
  return s;
}

Secret
token_for (const std::string &room, const std::string &identity, bool hidden = false) {
  auth::Claims claims;
  claims.issuer = "key";
  claims.identity = identity;
  claims.name = "Name";
  claims.video.room_join = true;
  claims.video.room = room;
  claims.video.hidden = hidden;
  claims.expires = kNow + 1h;
  auto token = auth::mint (claims, kSecret);
  EXPECT_TRUE (token);
  return *token;
}

TEST (SessionMerge, UnsetSettingsTakeWhatAnotherElementSays) {
  Settings all, a, b;
  SettingOwners owners;
  a.room = "demo";
  b.url = "ws://example.test";
  ASSERT_TRUE (merge (all, owners, a, "a"));
  ASSERT_TRUE (merge (all, owners, b, "b"));
  EXPECT_EQ (all.room, "demo");
  EXPECT_EQ (all.url, "ws://example.test");
  EXPECT_EQ (owners, (SettingOwners{ { "room", "a" }, { "url", "b" } }));
}

TEST (SessionMerge, EqualValuesAreNoContradiction) {
  Settings all, a;
  SettingOwners owners;
  a.room = "demo";
  a.attributes = Attributes{ { "k", "v" } };
  ASSERT_TRUE (merge (all, owners, a, "a"));
  EXPECT_TRUE (merge (all, owners, a, "b"));
}

TEST (SessionMerge, AContradictionNamesBothElementsThePropertyAndTheWayOut) {
  Settings all, a, b;
  SettingOwners owners;
  a.room = "one";
  b.room = "two";
  b.url = "ws://example.test";
  ASSERT_TRUE (merge (all, owners, a, "sink0"));
  auto result = merge (all, owners, b, "src0");
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().code, Errc::Settings);
  for (const char *word : { "sink0", "src0", "room", "session=" })
    EXPECT_NE (result.error ().message.find (word), std::string::npos) << word;
  EXPECT_FALSE (all.url) << "a refused element leaves nothing behind";
}

TEST (SessionMerge, AContradictionOfSecretsDoesNotTellThem) {
  Settings all, a, b;
  SettingOwners owners;
  a.api_secret = Secret ("hush-one");
  b.api_secret = Secret ("hush-two");
  ASSERT_TRUE (merge (all, owners, a, "a"));
  auto result = merge (all, owners, b, "b");
  ASSERT_FALSE (result);
  EXPECT_EQ (result.error ().message.find ("hush"), std::string::npos);
  EXPECT_NE (result.error ().message.find ("api-secret"), std::string::npos);
}

struct EnvironmentRow {
  const char *what;
  bool token, key; // set by hand
  const char *expect_token, *expect_key;
};

TEST (SessionEnvironment, HandSetCredentialsDecideWhichVariablesCount) {
  auto env = [] (const char *name) -> std::string {
    std::string_view n = name;
    if (n == "LIVEKIT_URL") return "wss://env.test";
    if (n == "LIVEKIT_TOKEN") return "env-token";
    if (n == "LIVEKIT_API_KEY") return "env-key";
    if (n == "LIVEKIT_API_SECRET") return "env-secret";
    return "";
  };
  const EnvironmentRow rows[] = {
    { "nothing set: the token of the environment", false, false, "env-token", "" },
    { "token set: no key is needed", true, false, "mine", "" },
    { "key set: no token from outside", false, true, "", "my-key" },
  };
  for (const auto &row : rows) {
    Settings s;
    if (row.token) s.token = Secret ("mine");
    if (row.key) s.api_key = "my-key";
    apply_environment (s, env);
    EXPECT_EQ (s.url, "wss://env.test") << row.what;
    EXPECT_EQ (s.token.value_or (Secret ()).reveal (), row.expect_token) << row.what;
    EXPECT_EQ (s.api_key.value_or (""), row.expect_key) << row.what;
  }
}

TEST (SessionEnvironment, AKeyByHandTakesTheSecretFromTheEnvironment) {
  Settings s;
  s.api_key = "my-key";
  apply_environment (s, [] (const char *n) { return std::string (n) == "LIVEKIT_API_SECRET" ? "env" : ""; });
  EXPECT_EQ (s.api_secret->reveal (), "env");
}

TEST (SessionResolve, KeyAndSecretMakeATokenForRoomAndAUniqueIdentity) {
  auto s = complete ();
  s.participant_name = "Camera 1";
  s.attributes = Attributes{ { "k", "v" } };
  s.hidden = true;
  auto identity = resolve (s, unique, kNow);
  ASSERT_TRUE (identity) << identity.error ().message;
  EXPECT_TRUE (identity->minted);
  EXPECT_EQ (identity->identity, "unique-1");
  auto claims = auth::verify (identity->token.reveal (), kSecret, kNow + 5h);
  ASSERT_TRUE (claims) << claims.error ().message;
  EXPECT_EQ (claims->video.room, "demo");
  EXPECT_EQ (claims->name, "Camera 1");
  EXPECT_EQ (claims->attributes.at ("k"), "v");
  EXPECT_TRUE (claims->video.room_join);
  EXPECT_TRUE (claims->video.hidden);
  EXPECT_EQ (claims->expires, kNow + 6h);
}

TEST (SessionResolve, AGivenTokenSaysRoomAndIdentity) {
  Settings s;
  s.url = "ws://example.test";
  s.token = token_for ("demo", "alice");
  auto identity = resolve (s, unique, kNow);
  ASSERT_TRUE (identity);
  EXPECT_FALSE (identity->minted);
  EXPECT_EQ (identity->room, "demo");
  EXPECT_EQ (identity->identity, "alice");
  EXPECT_EQ (identity->token, *s.token);
}

struct RefusalRow {
  const char *word; // that the message must contain
  Errc code;
  std::function<void (Settings &)> spoil;
};

TEST (SessionResolve, WhatIsMissingOrContradictsIsNamed) {
  const RefusalRow rows[] = {
    { "url", Errc::Settings, [] (Settings &s) { s.url.reset (); } },
    { "url", Errc::Settings, [] (Settings &s) { s.url = ""; } },
    { "", Errc::InvalidUrl, [] (Settings &s) { s.url = "ftp://example.test"; } },
    { "room", Errc::Settings, [] (Settings &s) { s.room.reset (); } },
    { "room is empty", Errc::Settings, [] (Settings &s) { s.room = ""; } },
    { "api-secret", Errc::Settings, [] (Settings &s) { s.api_secret.reset (); } },
    { "api-key", Errc::Settings, [] (Settings &s) { s.api_key.reset (); } },
    { "identity", Errc::Settings, [] (Settings &s) { s.identity = ""; } },
    { "token", Errc::Settings,
      [] (Settings &s) {
        s.api_key.reset ();
        s.api_secret.reset ();
      } },
    { "", Errc::InvalidToken, [] (Settings &s) { s.token = Secret ("rubbish"); } },
    { "\"other\"", Errc::Settings, [] (Settings &s) { s.token = token_for ("other", "alice"); } },
    { "\"alice\"", Errc::Settings,
      [] (Settings &s) {
        s.token = token_for ("demo", "alice");
        s.identity = "bob";
      } },
    { "hidden", Errc::Settings,
      [] (Settings &s) {
        s.token = token_for ("demo", "alice");
        s.hidden = true;
      } },
    { "recorder", Errc::Settings,
      [] (Settings &s) {
        s.token = token_for ("demo", "alice");
        s.recorder = true;
      } },
  };
  for (const auto &row : rows) {
    auto s = complete ();
    row.spoil (s);
    auto identity = resolve (s, unique, kNow);
    ASSERT_FALSE (identity) << row.word;
    EXPECT_EQ (identity.error ().code, row.code) << identity.error ().message;
    EXPECT_NE (identity.error ().message.find (row.word), std::string::npos) << identity.error ().message;
    EXPECT_EQ (identity.error ().message.find (kSecret.reveal ()), std::string::npos);
  }
}

TEST (SessionResolve, HiddenThatTheTokenHasAnywayIsNoContradiction) {
  auto s = complete ();
  s.token = token_for ("demo", "alice", true);
  s.hidden = true;
  EXPECT_TRUE (resolve (s, unique, kNow));
}

struct FilterRow {
  const char *participants, *tracks, *sources, *kinds;
  bool everything, matches; // alice's camera "cam" with sid TR_1
};

TEST (SessionFilter, AllListsMustMatch) {
  const FilterRow rows[] = {
    { "", "", "", "", true, true },
    { "*", "*", "", "*", true, true },
    { "alice", "", "", "", false, true },
    { "bob", "", "", "", false, false },
    { "al*", "cam", "camera", "video", false, true },
    { "al*", "cam", "camera", "audio", false, false },
    { "", "TR_1", "", "", false, true },    // by sid
    { "", "cam,mic", "", "", false, true }, // by name
    { "", "!cam", "", "", false, false },   // excluded by name although the sid would pass
    { "", "!TR_1", "", "", false, false },
    { "", "!mic", "", "", false, true },
    { "", "*, !cam", "", "", false, false },
    { "", "", "screen-share", "", false, false },
    { "", "", "!screen-share,!screen-share-audio", "", false, true },
  };
  ParticipantInfo alice;
  alice.identity = "alice";
  TrackInfo track;
  track.sid = "TR_1";
  track.name = "cam";
  track.kind = TrackKind::Video;
  track.source = TrackSource::Camera;
  for (const auto &row : rows) {
    TrackFilter filter{ row.participants, row.tracks, row.sources, row.kinds };
    auto text = std::string (row.participants) + "|" + row.tracks + "|" + row.sources + "|" + row.kinds;
    EXPECT_EQ (filter.everything (), row.everything) << text;
    EXPECT_EQ (filter.matches (alice, track), row.matches) << text;
  }
}

TEST (SessionState, EveryStateAndEventHasAName) {
  for (auto s :
       { State::Disconnected, State::Connecting, State::Connected, State::Reconnecting, State::Failed }) {
    EXPECT_STRNE (to_string (s), "unknown");
    EXPECT_TRUE (next (s, Event::Stop)) << to_string (s) << ": leaving is possible from everywhere";
  }
  for (auto e : { Event::Start, Event::Joined, Event::Refused, Event::LinkLost, Event::Recovered,
                  Event::GivenUp, Event::Ended, Event::Stop })
    EXPECT_STRNE (to_string (e), "unknown");
}

} // namespace
