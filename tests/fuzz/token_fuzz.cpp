// Tokens, and the JSON inside them, from anyone. An input is a token, a payload (signed here, so that what
// lies behind the signature is reached too), or a time to live: it is tried as each.
#include "auth/claims.hpp"
#include "auth/jwt.hpp"
#include "base/json.hpp"

#include <cstdlib>

using namespace lk;
using namespace lk::auth;

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const Secret secret ("fuzz");
  constexpr std::chrono::seconds kNow{ 1'700'000'000 };
  const std::string_view input (reinterpret_cast<const char *> (data), size);

  // Nobody knows the secret, so nothing verifies.
  if (verify (input, secret, kNow)) abort ();
  (void)inspect (input);
  (void)parse_ttl (input);
  if (const auto bytes = base64url_decode (input); bytes && base64url_encode (*bytes) != input) abort ();

  const auto token = join (input, secret);
  const auto claims = inspect (token.reveal ());
  if (verify (token.reveal (), secret, kNow) && !claims) abort ();
  if (!claims) return 0;
  // What was read can be written, and reads the same.
  const auto again = claims_from_json (claims_to_json (*claims));
  if (!again || claims_to_json (*again) != claims_to_json (*claims)) abort ();
  return 0;
}
