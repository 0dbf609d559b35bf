#include "auth/jwt.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace lk::auth {

namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256>
values () {
  std::array<int8_t, 256> table{};
  table.fill (-1);
  for (int i = 0; i < 64; i++)
    table[static_cast<unsigned char> (kAlphabet[i])] = int8_t (i);
  return table;
}

constexpr auto kValues = values ();

} // namespace

std::string
base64url_encode (std::string_view bytes) {
  std::string text;
  text.reserve ((bytes.size () * 4 + 2) / 3);
  uint32_t bits = 0;
  int count = 0;
  for (unsigned char byte : bytes) {
    bits = (bits << 8 | byte) & 0xffff;
    for (count += 8; count >= 6; count -= 6)
      text += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count) text += kAlphabet[bits << (6 - count) & 63];
  return text;
}

std::optional<std::string>
base64url_decode (std::string_view text) {
  if (text.size () % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve (text.size () * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (unsigned char c : text) {
    if (kValues[c] < 0) return std::nullopt;
    bits = (bits << 6 | uint32_t (kValues[c])) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += char (bits >> count);
    }
  }
  // Stray bits would let one signature be written in several ways.
  if (bits & ((1u << count) - 1)) return std::nullopt;
  return bytes;
}

std::string
hmac_sha256 (const Secret &key, std::string_view data) {
  std::string mac (32, '\0');
  unsigned size = 0;
  const auto &bytes = key.reveal ();
  // Fails only when the library has no SHA-256; an empty MAC then matches nothing.
  if (!HMAC (EVP_sha256 (), bytes.data (), int (std::min (bytes.size (), kMaxToken)),
             reinterpret_cast<const unsigned char *> (data.data ()), data.size (),
             reinterpret_cast<unsigned char *> (mac.data ()), &size))
    return {};
  return mac;
}

bool
equal_in_constant_time (std::string_view a, std::string_view b) {
  return a.size () == b.size () && !a.empty () && CRYPTO_memcmp (a.data (), b.data (), a.size ()) == 0;
}

std::optional<Parts>
split (std::string_view token) {
  if (token.size () > kMaxToken) return std::nullopt;
  const auto first = token.find ('.');
  if (first == token.npos) return std::nullopt;
  const auto second = token.find ('.', first + 1);
  if (second == token.npos) return std::nullopt;
  auto header = base64url_decode (token.substr (0, first));
  auto payload = base64url_decode (token.substr (first + 1, second - first - 1));
  auto signature = base64url_decode (token.substr (second + 1));
  if (!header || !payload || !signature) return std::nullopt;
  return Parts{ token.substr (0, second), std::move (*header), std::move (*payload), std::move (*signature) };
}

Secret
join (std::string_view payload_json, const Secret &key) {
  std::string token
      = base64url_encode (R"({"alg":"HS256","typ":"JWT"})") + "." + base64url_encode (payload_json);
  token += "." + base64url_encode (hmac_sha256 (key, token));
  return Secret (std::move (token));
}

} // namespace lk::auth
