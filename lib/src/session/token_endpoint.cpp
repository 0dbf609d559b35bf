#include "session/token_endpoint.hpp"

#include "base/json.hpp"

#include <algorithm>

namespace lk::session {
namespace {

constexpr Millis kLimit{ 10000 };
constexpr size_t kMaxAnswer = 256 * 1024; // metadata in a token may have 512 KiB, which no URL would carry

std::string
body_of (const Settings &settings) {
  JsonObject *object = json_object_new ();
  auto add = [&] (const char *name, const std::optional<std::string> &value) {
    if (value && !value->empty ()) json_object_set_string_member (object, name, value->c_str ());
  };
  add ("room_name", settings.room);
  add ("participant_identity", settings.identity);
  add ("participant_name", settings.participant_name);
  add ("participant_metadata", settings.metadata);
  if (settings.attributes && !settings.attributes->empty ()) {
    JsonObject *attributes = json_object_new ();
    for (const auto &[key, value] : *settings.attributes)
      json_object_set_string_member (attributes, key.c_str (), value.c_str ());
    json_object_set_object_member (object, "participant_attributes", attributes);
  }
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  return to_json (node.get ());
}

Error
refused (int status) {
  auto http = "HTTP " + std::to_string (status);
  if (status == 401 || status == 403)
    return { Errc::Unauthorized, Retry::Never,
             "token-url: the endpoint gives no token (" + http + "); check what it asks of its callers" };
  if (status == 404)
    return { Errc::NotFound, Retry::Never, "token-url: nothing is there (" + http + "); check the URL" };
  if (status == 429 || status >= 500)
    return { Errc::ServerBusy, Retry::Restart,
             "token-url: the endpoint cannot give a token now (" + http + ")" };
  if (status >= 300 && status < 400)
    return { Errc::Settings, Retry::Never,
             "token-url: the endpoint redirects (" + http + "), which is not followed; give the final URL" };
  return { Errc::Settings, Retry::Never,
           "token-url: the endpoint does not take the request (" + http + "); see its log" };
}

std::string
first_of (JsonObject *object, std::initializer_list<const char *> names) {
  for (const char *name : names)
    if (auto value = json_string (object, name); value && !value->empty ()) return *value;
  return "";
}

/// A JWT and nothing else, blanks around it aside.
std::string
bare_token (const std::string &body) {
  constexpr const char kBlank[] = " \t\r\n\"";
  auto from = body.find_first_not_of (kBlank);
  if (from == body.npos) return "";
  auto text = body.substr (from, body.find_last_not_of (kBlank) + 1 - from);
  bool fits = std::count (text.begin (), text.end (), '.') == 2
              && std::all_of (text.begin (), text.end (), [] (char c) {
                   return g_ascii_isalnum (c) || c == '.' || c == '-' || c == '_';
                 });
  return fits ? text : "";
}

} // namespace

net::Request
endpoint_request (const Secret &url, const Settings &settings, bool get) {
  net::Request request;
  request.url = url.reveal ();
  request.timeout = kLimit;
  request.max_body_bytes = kMaxAnswer;
  if (get) return request;
  request.method = "POST";
  request.content_type = "application/json";
  request.body = body_of (settings);
  return request;
}

Result<TokenAnswer>
endpoint_answer (const Result<net::Response> &response) {
  if (!response) {
    auto error = response.error ();
    error.message = "token-url: " + error.message;
    if (error.retry == Retry::Resume) error.retry = Retry::Restart;
    return error;
  }
  if (response->status < 200 || response->status > 299) return refused (response->status);
  auto document = parse_json (response->body, kMaxAnswer);
  auto *object = json_object_of (document);
  TokenAnswer answer;
  answer.token = Secret (first_of (object, { "participant_token", "participantToken", "token" }));
  answer.server_url = first_of (object, { "server_url", "serverUrl" });
  if (answer.token.empty ()) answer.token = Secret (bare_token (response->body));
  if (answer.token.empty ())
    return Error{ Errc::Protocol, Retry::Never,
                  "token-url: no participant_token in the endpoint's answer; check that it is a token "
                  "endpoint" };
  return answer;
}

} // namespace lk::session
