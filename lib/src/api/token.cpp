#include <gst/livekit/error.h>
#include <gst/livekit/token.h>

#include "api/claims_structure.hpp"
#include "auth/token.hpp"
#include "base/time.hpp"

using namespace lk;

namespace {

std::chrono::seconds
now () {
  return std::chrono::duration_cast<std::chrono::seconds> (system_clock ().wall ());
}

Secret
secret (const gchar *text) {
  return Secret (text ? text : "");
}

void
report (GError **error, const Error &why) {
  const auto code
      = why.code == Errc::InvalidToken ? GST_LIVEKIT_ERROR_INVALID_TOKEN : GST_LIVEKIT_ERROR_SETTINGS;
  g_set_error_literal (error, GST_LIVEKIT_ERROR, code, why.message.c_str ());
}

GstStructure *
give (const Result<auth::Claims> &claims, GError **error) {
  if (claims) return api::claims_to_structure (*claims).release ();
  report (error, claims.error ());
  return nullptr;
}

} // namespace

gchar *
gst_livekit_token_mint (const GstStructure *structure, const gchar *api_key, const gchar *api_secret,
                        GError **error) {
  g_return_val_if_fail (structure != nullptr, nullptr);
  auto claims = api::claims_from_structure (structure, now ());
  if (!claims) {
    report (error, claims.error ());
    return nullptr;
  }
  claims->issuer = api_key ? api_key : "";
  const auto token = auth::mint (*claims, secret (api_secret));
  if (token) return g_strdup (token->reveal ().c_str ());
  report (error, token.error ());
  return nullptr;
}

GstStructure *
gst_livekit_token_inspect (const gchar *token, GError **error) {
  g_return_val_if_fail (token != nullptr, nullptr);
  return give (auth::inspect (token), error);
}

GstStructure *
gst_livekit_token_verify (const gchar *token, const gchar *api_key, const gchar *api_secret, GError **error) {
  g_return_val_if_fail (token != nullptr, nullptr);
  const auto claims = auth::verify (token, secret (api_secret), now ());
  if (claims && api_key && claims->issuer != api_key) {
    report (error, { Errc::InvalidToken, Retry::Never, "the token was issued by another API key" });
    return nullptr;
  }
  return give (claims, error);
}
