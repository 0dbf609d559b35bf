#include "proto/candidate.hpp"

#include "base/json.hpp"

namespace lk {

namespace {

/// Generous for one candidate line in JSON; the real ones stay below 400 bytes.
constexpr std::size_t kMaxSize = 16 * 1024;

} // namespace

std::string
candidate_from_json (std::string_view json) {
  const auto document = parse_json (json, kMaxSize);
  auto line = json_string (json_object_of (document), "candidate").value_or ("");
  if (line.starts_with ("a=")) line.erase (0, 2);
  // What follows a line break would become SDP lines of its own further down.
  if (line.find_first_of ("\r\n") != line.npos) return {};
  return line;
}

std::string
candidate_to_json (std::string_view candidate) {
  auto object = json_object_new ();
  json_object_set_string_member (object, "candidate", std::string (candidate).c_str ());
  json_object_set_int_member (object, "sdpMLineIndex", 0);
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  return to_json (node.get ());
}

} // namespace lk
