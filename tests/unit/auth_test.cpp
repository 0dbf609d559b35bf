#include "auth/jwt.hpp"
#include "auth/token.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace lk;
using namespace lk::auth;
using namespace std::chrono_literals;

namespace {

const Secret kSecret ("a secret that is long enough");
constexpr std::chrono::seconds kNow{ 1'700'000'000 };

Claims
joining () {
  Claims claims;
  claims.issuer = "key";
  claims.identity = "alice";
  claims.video.room_join = true;
  claims.video.room = "demo";
  claims.issued = kNow;
  claims.not_before = kNow;
  claims.expires = kNow + 1h;
  return claims;
}

/// A well-signed token with any header and payload.
std::string
signed_token (const std::string &header, const std::string &payload) {
  const auto text = base64url_encode (header) + "." + base64url_encode (payload);
  return text + "." + base64url_encode (hmac_sha256 (kSecret, text));
}

std::string
with_payload (const std::string &payload) {
  return signed_token (R"({"alg":"HS256"})", payload);
}

std::string
payload_of (const Result<Secret> &token) {
  EXPECT_TRUE (token);
  return split (token->reveal ())->payload_json;
}

void
expect_settings_error (const Claims &claims, const std::string &part) {
  const auto token = mint (claims, kSecret);
  ASSERT_FALSE (token);
  EXPECT_EQ (token.error ().code, Errc::Settings);
  EXPECT_NE (token.error ().message.find (part), std::string::npos) << token.error ().message;
}

} // namespace

// ---- container
// ---------------------------------------------------------------------------------------------

TEST (Jwt, Base64UrlMatchesRfc4648) {
  const std::pair<const char *, const char *> table[] = {
    { "", "" },           { "f", "Zg" },          { "fo", "Zm8" },          { "foo", "Zm9v" },
    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" }
  };
  for (const auto &[bytes, text] : table) {
    EXPECT_EQ (base64url_encode (bytes), text);
    EXPECT_EQ (base64url_decode (text), bytes);
  }
}

TEST (Jwt, Base64UrlRefusesWhatIsNotCanonical) {
  for (const char *text : { "Zg==", "Z", "Zm9v Zg", "+/+/", "Zh", "Zm9", "Zm\n8", "\xc3\xa4" })
    EXPECT_FALSE (base64url_decode (text)) << text;
}

TEST (Jwt, HmacMatchesRfc4231) {
  // RFC 4231 §4.3, test case 2
  const auto mac = hmac_sha256 (Secret ("Jefe"), "what do ya want for nothing?");
  std::string hex;
  for (unsigned char byte : mac)
    for (int nibble : { byte >> 4, byte & 15 })
      hex += "0123456789abcdef"[nibble];
  EXPECT_EQ (hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST (Jwt, ComparisonNeedsEqualNonEmptyBytes) {
  EXPECT_TRUE (equal_in_constant_time ("abc", "abc"));
  EXPECT_FALSE (equal_in_constant_time ("abc", "abd"));
  EXPECT_FALSE (equal_in_constant_time ("abc", "ab"));
  EXPECT_FALSE (equal_in_constant_time ("", ""));
}

// ---- mint
// --------------------------------------------------------------------------------------------------

TEST (Token, MintedTokenIsByteForByteTheKnownOne) {
  // Computed independently (Python's hmac and base64) over the same header and payload.
  const auto token = mint (joining (), Secret ("secret"));
  ASSERT_TRUE (token);
  EXPECT_EQ (split (token->reveal ())->header_json, R"({"alg":"HS256","typ":"JWT"})");
  EXPECT_EQ (split (token->reveal ())->payload_json,
             R"({"iss":"key","sub":"alice","iat":1700000000,"nbf":1700000000,"exp":1700003600,)"
             R"("video":{"roomJoin":true,"room":"demo"}})");
  EXPECT_EQ (
      token->reveal (),
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJpc3MiOiJrZXkiLCJzdWIiOiJhbGljZSIsImlhdCI6MTcwMDAwMDAwMCwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MD"
      "AsInZpZGVvIjp7InJvb21Kb2luIjp0cnVlLCJyb29tIjoiZGVtbyJ9fQ.rghCWQT_VTdbYIcg7LKc0JscM8pBQLCeCzjU17M0pKQ");
}

TEST (Token, EveryClaimSurvivesTheRoundTrip) {
  auto claims = joining ();
  claims.name = "Alice \u00e4\u4e16 \"quoted\" \\ \n";
  claims.kind = "agent";
  claims.metadata = R"({"a":[1,2]})";
  claims.sha256 = "hash=";
  claims.room_preset = "preset";
  claims.room_config_json = R"({"name":"demo","tags":{"k":"v"}})";
  claims.attributes = { { "k", "v" }, { "empty", "" } };
  auto &video = claims.video;
  video.room_create = video.room_list = video.room_record = video.room_admin = video.ingress_admin = true;
  video.can_publish = false;
  video.can_subscribe = true;
  video.can_publish_data = false;
  video.can_update_own_metadata = true;
  video.can_subscribe_metrics = false;
  video.can_manage_agent_session = true;
  video.can_publish_sources = { "camera", "screen_share_audio" };
  video.hidden = video.recorder = video.agent = true;
  video.destination_room = "next";
  claims.sip_admin = claims.sip_call = claims.agent_admin = true;

  const auto token = mint (claims, kSecret);
  ASSERT_TRUE (token);
  const auto read = verify (token->reveal (), kSecret, kNow);
  ASSERT_TRUE (read) << read.error ().message;
  EXPECT_EQ (read->issuer, "key");
  EXPECT_EQ (read->identity, "alice");
  EXPECT_EQ (read->name, claims.name);
  EXPECT_EQ (read->kind, "agent");
  EXPECT_EQ (read->metadata, claims.metadata);
  EXPECT_EQ (read->sha256, "hash=");
  EXPECT_EQ (read->room_preset, "preset");
  EXPECT_EQ (read->room_config_json, claims.room_config_json);
  EXPECT_EQ (read->attributes, claims.attributes);
  EXPECT_EQ (read->issued, kNow);
  EXPECT_EQ (read->not_before, kNow);
  EXPECT_EQ (read->expires, kNow + 1h);
  EXPECT_TRUE (read->video.room_create && read->video.room_list && read->video.room_record
               && read->video.room_admin && read->video.ingress_admin && read->video.room_join);
  EXPECT_EQ (read->video.room, "demo");
  EXPECT_EQ (read->video.can_publish, false);
  EXPECT_EQ (read->video.can_subscribe, true);
  EXPECT_EQ (read->video.can_publish_data, false);
  EXPECT_EQ (read->video.can_update_own_metadata, true);
  EXPECT_EQ (read->video.can_subscribe_metrics, false);
  EXPECT_EQ (read->video.can_manage_agent_session, true);
  EXPECT_EQ (read->video.can_publish_sources, video.can_publish_sources);
  EXPECT_TRUE (read->video.hidden && read->video.recorder && read->video.agent);
  EXPECT_EQ (read->video.destination_room, "next");
  EXPECT_TRUE (read->sip_admin && read->sip_call && read->agent_admin);
}

TEST (Token, MemberNamesAreTheServers) {
  auto claims = joining ();
  auto &video = claims.video;
  video.room_create = video.room_list = video.room_record = video.room_admin = video.ingress_admin = true;
  video.can_publish = video.can_subscribe = video.can_publish_data = video.can_update_own_metadata = false;
  video.can_subscribe_metrics = video.can_manage_agent_session = false;
  video.can_publish_sources = { "microphone" };
  video.hidden = video.recorder = video.agent = true;
  video.destination_room = "next";
  const auto payload = payload_of (mint (claims, kSecret));
  for (const char *member :
       { "\"roomCreate\":true", "\"roomList\":true", "\"roomRecord\":true", "\"roomAdmin\":true",
         "\"ingressAdmin\":true", "\"roomJoin\":true", "\"room\":\"demo\"", "\"canPublish\":false",
         "\"canSubscribe\":false", "\"canPublishData\":false", "\"canUpdateOwnMetadata\":false",
         "\"canSubscribeMetrics\":false", "\"canManageAgentSession\":false",
         "\"canPublishSources\":[\"microphone\"]", "\"hidden\":true", "\"recorder\":true", "\"agent\":true",
         "\"destinationRoom\":\"next\"" })
    EXPECT_NE (payload.find (member), std::string::npos) << member << " in " << payload;
}

TEST (Token, WhatIsNotSetIsLeftToTheServersDefaults) {
  const auto payload = payload_of (mint (joining (), kSecret));
  for (const char *member : { "canPublish", "canSubscribe", "canUpdateOwnMetadata", "hidden", "roomAdmin",
                              "attributes", "metadata", "sip", "agent", "roomConfig" })
    EXPECT_EQ (payload.find (member), std::string::npos) << member;
}

TEST (Token, MintRefusesWhatTheServerWould) {
  auto claims = joining ();
  claims.issuer = "";
  expect_settings_error (claims, "API key");
  EXPECT_EQ (mint (joining (), Secret ()).error ().code, Errc::Settings);
  claims = joining ();
  claims.video.room = "";
  expect_settings_error (claims, "room");
  claims = joining ();
  claims.identity = "";
  expect_settings_error (claims, "identity");
  claims = joining ();
  claims.expires = 0s;
  expect_settings_error (claims, "expiry");
  claims = joining ();
  claims.kind = "robot";
  expect_settings_error (claims, "kind");
  claims = joining ();
  claims.video.can_publish_sources = { "camera", "webcam" };
  expect_settings_error (claims, "webcam");
  claims = joining ();
  claims.room_config_json = "[1]";
  expect_settings_error (claims, "room configuration");
  claims = joining ();
  claims.name = "\xff";
  expect_settings_error (claims, "UTF-8");
  claims = joining ();
  claims.identity = std::string ("a\0b", 3);
  expect_settings_error (claims, "UTF-8");
  claims = joining ();
  claims.attributes = { { "", "v" } };
  expect_settings_error (claims, "no name");
}

TEST (Token, SizesMayReachTheirLimitsButNotPassThem) {
  const std::pair<std::string Claims::*, std::size_t> fields[]
      = { { &Claims::identity, 256 }, { &Claims::name, 256 }, { &Claims::metadata, 512 * 1024 } };
  for (const auto &[field, limit] : fields) {
    auto claims = joining ();
    claims.*field = std::string (limit, 'x');
    const auto token = mint (claims, kSecret);
    ASSERT_TRUE (token);
    EXPECT_TRUE (verify (token->reveal (), kSecret, kNow));
    claims.*field += 'x';
    expect_settings_error (claims, "longer");
  }
  auto claims = joining ();
  claims.video.room = std::string (257, 'r');
  expect_settings_error (claims, "room");
  claims = joining ();
  claims.attributes = { { "k", std::string (65535, 'v') } };
  EXPECT_TRUE (mint (claims, kSecret));
  claims.attributes["j"] = "";
  expect_settings_error (claims, "attributes");
}

// ---- verify and inspect
// ------------------------------------------------------------------------------------

TEST (Token, AKnownTokenVerifies) {
  // Minted by the official Python SDK: key "devkey", identity "bob", room "studio", no publishing.
  const std::string token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                            "eyJuYW1lIjoiQm9iIiwidmlkZW8iOnsicm9vbUpvaW4iOnRydWUsInJvb20iOiJzdHVkaW8iLCJjYW5Q"
                            "dWJsaXNoIjpmYWxzZSwiY2FuU3Vic2NyaWJlIjp0cnVlLCJjYW5QdWJsaXNoRGF0YSI6dHJ1ZX0sImF0"
                            "dHJpYnV0ZXMiOnsic2VhdCI6IjcifSwic3ViIjoiYm9iIiwiaXNzIjoiZGV2a2V5IiwibmJmIjoxNzAw"
                            "MDAwMDAwLCJleHAiOjE3MDAwMjE2MDB9.Jkvgn7QOQjvOpACbKcEF-96PMb8eCE5dewnq8JDXn3w";
  const auto claims = verify (token, Secret ("secret"), 1'700'000'000s);
  ASSERT_TRUE (claims) << claims.error ().message;
  EXPECT_EQ (claims->issuer, "devkey");
  EXPECT_EQ (claims->identity, "bob");
  EXPECT_EQ (claims->name, "Bob");
  EXPECT_EQ (claims->attributes.at ("seat"), "7");
  EXPECT_EQ (claims->video.room, "studio");
  EXPECT_EQ (claims->video.can_publish, false);
  EXPECT_EQ (claims->video.can_subscribe, true);
}

TEST (Token, TimesHaveOneMinuteOfLeeway) {
  const auto token = mint (joining (), kSecret);
  ASSERT_TRUE (token);
  const auto valid_at
      = [&] (std::chrono::seconds now) { return bool (verify (token->reveal (), kSecret, now)); };
  EXPECT_TRUE (valid_at (kNow - 60s));
  EXPECT_FALSE (valid_at (kNow - 61s));
  EXPECT_TRUE (valid_at (kNow + 1h + 60s));
  EXPECT_FALSE (valid_at (kNow + 1h + 61s));
}

TEST (Token, VerifyRefusesAnotherSecretOrAnyChangedByte) {
  const auto token = mint (joining (), kSecret)->reveal ();
  EXPECT_FALSE (verify (token, Secret ("another"), kNow));
  EXPECT_EQ (verify (token, Secret (), kNow).error ().code, Errc::Settings);
  for (std::size_t i = 0; i < token.size (); i++) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto claims = verify (changed, kSecret, kNow);
    ASSERT_FALSE (claims) << "byte " << i;
    EXPECT_EQ (claims.error ().code, Errc::InvalidToken);
  }
}

TEST (Token, VerifyTakesOnlyHs256) {
  const std::string payload = split (mint (joining (), kSecret)->reveal ())->payload_json;
  EXPECT_TRUE (verify (signed_token (R"({"typ":"JWT","alg":"HS256"})", payload), kSecret, kNow));
  for (const char *header : { R"({"alg":"none"})", R"({"alg":"hs256"})", R"({"alg":"HS512"})",
                              R"({"alg":"RS256"})", R"({"alg":["HS256"]})", R"({})", "[]", "" })
    EXPECT_FALSE (verify (signed_token (header, payload), kSecret, kNow)) << header;
  const auto unsigned_token = base64url_encode (R"({"alg":"none"})") + "." + base64url_encode (payload) + ".";
  EXPECT_FALSE (verify (unsigned_token, kSecret, kNow));
  EXPECT_TRUE (inspect (unsigned_token)); // reading is not trusting
}

TEST (Token, ATimeThatIsNoNumberIsNotTakenForAbsent) {
  EXPECT_TRUE (verify (with_payload (R"({"exp":1700003600})"), kSecret, kNow));
  EXPECT_TRUE (verify (with_payload (R"({"exp":1.7000036e9})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"exp":"1700003600"})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"exp":1700003600,"nbf":"never"})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"exp":1700003600,"nbf":{}})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"exp":1700003600,"nbf":1e300})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"exp":-5})"), kSecret, kNow));
  EXPECT_FALSE (verify (with_payload (R"({"sub":"x"})"), kSecret, kNow)); // would be valid for ever
}

TEST (Token, InspectPassesOverWhatItDoesNotKnow) {
  const auto claims = inspect (with_payload (
      R"({"sub":"a","new":{"x":[1]},"video":{"roomJoin":"yes","room":7,"future":true,"canPublishSources":["camera",1,null]},)"
      R"("attributes":{"k":"v","n":1},"sip":[],"metadata":{"not":"a string"}})"));
  ASSERT_TRUE (claims);
  EXPECT_EQ (claims->identity, "a");
  EXPECT_FALSE (claims->video.room_join);
  EXPECT_EQ (claims->video.room, "");
  EXPECT_EQ (claims->video.can_publish_sources, std::vector<std::string>{ "camera" });
  EXPECT_EQ (claims->attributes, (std::map<std::string, std::string>{ { "k", "v" } }));
  EXPECT_EQ (claims->metadata, "");
}

TEST (Token, WithoutASubjectTheTokenIdIsTheIdentity) {
  EXPECT_EQ (inspect (with_payload (R"({"jti":"from-id"})"))->identity, "from-id");
  EXPECT_EQ (inspect (with_payload (R"({"jti":"from-id","sub":"from-sub"})"))->identity, "from-sub");
}

TEST (Token, WhatIsNoTokenIsRefused) {
  const std::string good = mint (joining (), kSecret)->reveal ();
  for (const std::string &text :
       { std::string (), std::string ("."), std::string (".."), std::string ("a.b"), std::string ("a.b.c.d"),
         good + ".x", good + "=", " " + good, std::string ("e30.e30.\xff"), with_payload ("[]"),
         with_payload ("{"), with_payload (std::string (100'000, '[')), with_payload ("{\"sub\":\"\xff\"}"),
         with_payload (R"({"sub":"\ud800\u0041"})"), std::string (kMaxToken + 1, 'a'),
         std::string (100, '\0') }) {
    const auto claims = inspect (text);
    ASSERT_FALSE (claims) << text.substr (0, 60);
    EXPECT_EQ (claims.error ().code, Errc::InvalidToken);
  }
}

TEST (Token, RandomMutationsAreSurvived) {
  std::mt19937 random (7);
  const std::string payload = split (mint (joining (), kSecret)->reveal ())->payload_json;
  std::size_t read = 0;
  for (int round = 0; round < 20'000; round++) {
    auto text = payload;
    for (unsigned edits = 1 + random () % 3; edits; edits--)
      text[random () % text.size ()] = "{}[]\",:\\u0d8"[random () % 12];
    read += bool (inspect (with_payload (text)));
  }
  EXPECT_GT (read, 0u);
}

TEST (Token, ErrorsNeverRepeatTheTokenOrTheSecret) {
  const auto token = mint (joining (), kSecret)->reveal ();
  const Secret wrong ("wrong-secret-value");
  const auto message = verify (token, wrong, kNow).error ().message;
  EXPECT_EQ (message.find (wrong.reveal ()), std::string::npos);
  EXPECT_EQ (message.find (token.substr (0, 20)), std::string::npos);
}

TEST (Ttl, NumbersWithUnitsBecomeSeconds) {
  const std::pair<const char *, int64_t> table[]
      = { { "90", 90 },      { "90s", 90 },       { "15m", 900 },     { "24h", 86'400 },
          { "7d", 604'800 }, { "2w", 1'209'600 }, { "0001h", 3'600 }, { "100w", 60'480'000 } };
  for (const auto &[text, seconds] : table) {
    const auto ttl = parse_ttl (text);
    ASSERT_TRUE (ttl) << text;
    EXPECT_EQ (ttl->count (), seconds);
  }
}

TEST (Ttl, EverythingElseIsRefused) {
  for (const char *text : { "", "0", "0s", "-5", "h", "1.5h", "1 h", "1hh", "1H", "1y", " 1",
                            "99999999999999999999", "9223372036854775807w", "5300w" })
    EXPECT_FALSE (parse_ttl (text)) << text;
}
