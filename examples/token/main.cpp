// livekit-token: makes, shows and checks access tokens. Exit codes: see kDescription in options.cpp.
#include "options.hpp"
#include "print.hpp"

#include "common/command_line.hpp"

#include "auth/claims.hpp"
#include "base/json.hpp"
#include "base/time.hpp"

#include <array>
#include <cstdio>

using namespace lk;
using namespace lk::token;

namespace {

constexpr int kRefused = 1;
/// More than any token that the library reads.
constexpr std::size_t kMaxInput = 4 * 1024 * 1024;

void
print (const std::string &text) {
  std::fputs (text.c_str (), stdout);
}

int
fail (const Error &error) {
  if (error.code == Errc::InvalidToken) return cli::complain (error.message, kRefused);
  return cli::refuse (error);
}

std::chrono::seconds
now () {
  return std::chrono::duration_cast<std::chrono::seconds> (system_clock ().wall ());
}

/// The token itself, or what standard input gives for "-", without the line break that echo adds.
std::string
read_token (const std::string &argument) {
  if (argument != "-") return argument;
  std::string text;
  std::array<char, 4096> block;
  while (text.size () <= kMaxInput) {
    const auto size = std::fread (block.data (), 1, block.size (), stdin);
    if (size == 0) break;
    text.append (block.data (), size);
  }
  const auto end = text.find_last_not_of (" \t\r\n");
  return text.substr (0, end == text.npos ? 0 : end + 1);
}

int
mint (Options options) {
  auto &claims = options.claims;
  if (claims.issuer.empty () || options.api_secret.empty ())
    return fail ({ Errc::Settings, Retry::Never,
                   "an API key and secret are needed: --api-key and --api-secret, or LIVEKIT_API_KEY and "
                   "LIVEKIT_API_SECRET" });
  const auto &video = claims.video;
  const bool other = video.room_admin || video.room_create || video.room_list || video.room_record
                     || video.ingress_admin || video.agent || claims.sip_admin || claims.sip_call
                     || claims.agent_admin;
  const bool join = options.join.value_or (!video.room.empty () && !claims.identity.empty ());
  if (!join && !other)
    return fail (
        { Errc::Settings, Retry::Never,
          "this token would grant nothing: give --room and --identity, or an administrative grant" });
  claims.video.room_join = join;
  // No not_before: a clock that runs ahead of the server's must not make a fresh token useless.
  claims.issued = now ();
  claims.expires = claims.issued + options.ttl;
  const auto token = auth::mint (claims, options.api_secret);
  if (!token) return fail (token.error ());
  if (!options.json) {
    print (token->reveal () + "\n");
    return cli::kDone;
  }
  JsonObject *object = json_object_new ();
  json_object_set_string_member (object, "token", token->reveal ().c_str ());
  json_object_set_string_member (object, "identity", claims.identity.c_str ());
  json_object_set_string_member (object, "room", claims.video.room.c_str ());
  json_object_set_int_member (object, "ttlSeconds", options.ttl.count ());
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  print (to_json (node.get ()) + "\n");
  return cli::kDone;
}

int
show (const Options &options, const Result<auth::Claims> &claims, const char *signature) {
  if (!claims) return fail (claims.error ());
  if (options.json)
    print (auth::claims_to_json (*claims) + "\n");
  else
    print (token::describe (*claims, now ()) + signature);
  return cli::kDone;
}

int
verify (const Options &options) {
  auto claims = auth::verify (read_token (options.token), options.api_secret, now ());
  const auto &key = options.claims.issuer;
  if (claims && !key.empty () && claims->issuer != key)
    return fail ({ Errc::InvalidToken, Retry::Never, "the token was issued by another API key" });
  return show (options, claims, "signature                 valid\n");
}

} // namespace

int
main (int, char **argv) {
  cli::start ("livekit-token");
  auto options = parse (argv);
  if (!options) return fail (options.error ());
  switch (options->action) {
  case Action::Mint:
    return mint (std::move (*options));
  case Action::Inspect:
    return show (*options, auth::inspect (read_token (options->token)),
                 "signature                 not checked\n");
  case Action::Verify:
    return verify (*options);
  case Action::ShowVersion:
    return cli::show_version ();
  }
  return cli::kDone;
}
