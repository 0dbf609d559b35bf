// The public library as a program outside sees it: nothing but its headers and exported symbols.
#include <gst/livekit/livekit.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

extern "C" int lk_test_error_is_settings (const GError *error);

namespace {

struct FreeStructure {
  void
  operator() (GstStructure *structure) const {
    gst_structure_free (structure);
  }
};
using Structure = std::unique_ptr<GstStructure, FreeStructure>;

struct Api : testing::Test {
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
  }
  void
  TearDown () override {
    g_clear_error (&error);
  }

  std::string
  mint (const Structure &claims, const char *key = "key", const char *secret = "secret") {
    char *token = gst_livekit_token_mint (claims.get (), key, secret, &error);
    const std::string text = token ? token : "";
    g_free (token);
    return text;
  }

  static Structure
  join_claims () {
    return Structure (gst_structure_new ("livekit-claims", "room", G_TYPE_STRING, "demo", "identity",
                                         G_TYPE_STRING, "alice", nullptr));
  }

  GError *error = nullptr;
};

std::string
text (const Structure &structure, const char *field) {
  const char *value = gst_structure_get_string (structure.get (), field);
  return value ? value : "";
}

bool
flag (const Structure &structure, const char *field) {
  gboolean value = FALSE;
  return gst_structure_get_boolean (structure.get (), field, &value) && value;
}

} // namespace

TEST_F (Api, AMintedTokenVerifiesToTheSameClaims) {
  const Structure claims (gst_structure_from_string (
      "livekit-claims, room=demo, identity=alice, name=Alice, metadata=(string)\"{}\", "
      "attributes=(string)\"{\\\"k\\\":\\\"v\\\"}\", can-publish=true, can-subscribe=false, "
      "can-publish-sources=<camera, microphone>, hidden=true, ttl=(uint)60",
      nullptr));
  ASSERT_TRUE (claims);
  const auto token = mint (claims);
  ASSERT_FALSE (error) << error->message;
  const Structure read (gst_livekit_token_verify (token.c_str (), "key", "secret", &error));
  ASSERT_TRUE (read) << error->message;
  EXPECT_TRUE (gst_structure_has_name (read.get (), "livekit-claims"));
  EXPECT_EQ (text (read, "issuer"), "key");
  EXPECT_EQ (text (read, "room"), "demo");
  EXPECT_EQ (text (read, "identity"), "alice");
  EXPECT_EQ (text (read, "name"), "Alice");
  EXPECT_EQ (text (read, "metadata"), "{}");
  EXPECT_EQ (text (read, "attributes"), R"({"k":"v"})");
  EXPECT_TRUE (flag (read, "room-join"));
  EXPECT_TRUE (flag (read, "hidden"));
  EXPECT_TRUE (flag (read, "can-publish"));
  EXPECT_TRUE (gst_structure_has_field (read.get (), "can-subscribe") && !flag (read, "can-subscribe"));
  EXPECT_FALSE (gst_structure_has_field (read.get (), "can-publish-data"));
  const GValue *sources = gst_structure_get_value (read.get (), "can-publish-sources");
  ASSERT_TRUE (sources && GST_VALUE_HOLDS_ARRAY (sources));
  ASSERT_EQ (gst_value_array_get_size (sources), 2u);
  EXPECT_STREQ (g_value_get_string (gst_value_array_get_value (sources, 1)), "microphone");
  gint64 issued = 0, expires = 0;
  EXPECT_TRUE (gst_structure_get_int64 (read.get (), "issued", &issued));
  EXPECT_TRUE (gst_structure_get_int64 (read.get (), "expires", &expires));
  EXPECT_EQ (expires - issued, 60);
  const Structure inspected (gst_livekit_token_inspect (token.c_str (), &error));
  EXPECT_TRUE (inspected && gst_structure_is_equal (inspected.get (), read.get ()));
}

TEST_F (Api, AnUnknownOrIllTypedClaimIsAnErrorThatNamesIt) {
  auto claims = join_claims ();
  gst_structure_set (claims.get (), "can-pubish", G_TYPE_BOOLEAN, FALSE, nullptr);
  EXPECT_EQ (mint (claims), "");
  ASSERT_TRUE (lk_test_error_is_settings (error));
  EXPECT_NE (std::string (error->message).find ("can-pubish"), std::string::npos);
  g_clear_error (&error);

  const std::pair<const char *, GType> table[] = {
    { "ttl", G_TYPE_INT }, { "hidden", G_TYPE_INT }, { "attributes", G_TYPE_INT }, { "name", G_TYPE_INT }
  };
  for (const auto &[field, type] : table) {
    claims = join_claims ();
    gst_structure_set (claims.get (), field, type, 1, nullptr);
    EXPECT_EQ (mint (claims), "") << field;
    ASSERT_TRUE (lk_test_error_is_settings (error));
    EXPECT_NE (std::string (error->message).find (field), std::string::npos);
    g_clear_error (&error);
  }
  for (const char *attributes : { "", "[]", "{\"k\":1}", "{" }) {
    claims = join_claims ();
    gst_structure_set (claims.get (), "attributes", G_TYPE_STRING, attributes, nullptr);
    EXPECT_EQ (mint (claims), "") << attributes;
    g_clear_error (&error);
  }
}

TEST_F (Api, MissingKeysAreSettingsErrors) {
  EXPECT_EQ (mint (join_claims (), nullptr), "");
  EXPECT_TRUE (lk_test_error_is_settings (error));
  g_clear_error (&error);
  EXPECT_EQ (mint (join_claims (), "key", nullptr), "");
  EXPECT_TRUE (lk_test_error_is_settings (error));
}

TEST_F (Api, VerifyRefusesAnotherSecretAndAnotherIssuer) {
  const auto token = mint (join_claims ());
  EXPECT_FALSE (gst_livekit_token_verify (token.c_str (), "key", "wrong", &error));
  EXPECT_TRUE (g_error_matches (error, GST_LIVEKIT_ERROR, GST_LIVEKIT_ERROR_INVALID_TOKEN));
  g_clear_error (&error);
  EXPECT_FALSE (gst_livekit_token_verify (token.c_str (), "another", "secret", &error));
  EXPECT_TRUE (g_error_matches (error, GST_LIVEKIT_ERROR, GST_LIVEKIT_ERROR_INVALID_TOKEN));
  g_clear_error (&error);
  const Structure any (gst_livekit_token_verify (token.c_str (), nullptr, "secret", &error));
  EXPECT_TRUE (any);
  EXPECT_FALSE (gst_livekit_token_inspect ("no token", &error));
  EXPECT_TRUE (g_error_matches (error, GST_LIVEKIT_ERROR, GST_LIVEKIT_ERROR_INVALID_TOKEN));
}

TEST_F (Api, TypesAreRegisteredOnce) {
  EXPECT_EQ (GST_TYPE_LIVEKIT_ERROR, GST_TYPE_LIVEKIT_ERROR);
  EXPECT_STREQ (g_type_name (GST_TYPE_LIVEKIT_ERROR), "GstLiveKitError");
  EXPECT_STREQ (g_type_name (GST_TYPE_LIVEKIT_CONNECTION_STATE), "GstLiveKitConnectionState");
}
