#include "base/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lk {

namespace {

constexpr int64_t kExact = int64_t{ 1 } << 53;

/// Walks the tokens without building anything. json-glib 1.6 asserts on an unpaired surrogate escape,
/// recurses once per bracket and takes comments, behind which brackets could hide from a counter: all that
/// ends here.
class Gate {
public:
  explicit Gate (std::string_view text) : text_ (text) {}

  bool
  passes () {
    int depth = 0;
    while (at_ < text_.size ()) {
      const char c = text_[at_++];
      switch (c) {
      case '"':
        if (!string ()) return false;
        break;
      case '[':
      case '{':
        if (++depth > kJsonMaxDepth) return false;
        break;
      case ']':
      case '}':
        if (--depth < 0) return false;
        break;
      default:
        // The rest of the grammar: blanks, separators, numbers and the three words. json-glib checks their
        // order.
        if (!g_ascii_isalnum (c) && !std::strchr (" \t\r\n,:+-.", c)) return false;
      }
    }
    return depth == 0;
  }

private:
  bool
  string () {
    while (at_ < text_.size ()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char> (c) < 0x20) return false;
      if (c == '\\' && !escape ()) return false;
    }
    return false;
  }

  bool
  escape () {
    if (at_ >= text_.size ()) return false;
    const char c = text_[at_++];
    if (c != 'u') return c != 0 && std::strchr ("\"\\/bfnrt", c);
    const int unit = hex4 ();
    if (unit <= 0) return false;
    if (unit < 0xd800 || unit > 0xdfff) return true;
    if (unit > 0xdbff || text_.substr (at_, 2) != "\\u") return false;
    at_ += 2;
    const int low = hex4 ();
    return low >= 0xdc00 && low <= 0xdfff;
  }

  int
  hex4 () {
    int unit = 0;
    for (int i = 0; i < 4; i++, at_++) {
      if (at_ >= text_.size () || !g_ascii_isxdigit (text_[at_])) return -1;
      unit = unit * 16 + g_ascii_xdigit_value (text_[at_]);
    }
    return unit;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

JsonNode *
member (JsonObject *object, const char *name) {
  JsonNode *node = object ? json_object_get_member (object, name) : nullptr;
  return node && !JSON_NODE_HOLDS_NULL (node) ? node : nullptr;
}

JsonNode *
value (JsonObject *object, const char *name) {
  JsonNode *node = member (object, name);
  return node && JSON_NODE_HOLDS_VALUE (node) ? node : nullptr;
}

} // namespace

Ref<JsonNode>
parse_json (std::string_view text, std::size_t max_size) {
  if (text.empty () || text.size () > max_size
      || !g_utf8_validate (text.data (), gssize (text.size ()), nullptr))
    return {};
  if (!Gate (text).passes ()) return {};
  auto parser = Ref<JsonParser>::adopt (json_parser_new_immutable ());
  if (!json_parser_load_from_data (parser.get (), text.data (), gssize (text.size ()), nullptr)) return {};
  return Ref<JsonNode>::retain (json_parser_get_root (parser.get ()));
}

JsonObject *
json_object_of (const Ref<JsonNode> &node) {
  return node && JSON_NODE_HOLDS_OBJECT (node.get ()) ? json_node_get_object (node.get ()) : nullptr;
}

std::optional<std::string>
json_string (JsonObject *object, const char *name) {
  JsonNode *node = value (object, name);
  if (!node || json_node_get_value_type (node) != G_TYPE_STRING) return std::nullopt;
  return json_node_get_string (node);
}

std::optional<bool>
json_bool (JsonObject *object, const char *name) {
  JsonNode *node = value (object, name);
  if (!node || json_node_get_value_type (node) != G_TYPE_BOOLEAN) return std::nullopt;
  return json_node_get_boolean (node);
}

std::optional<int64_t>
json_int (JsonObject *object, const char *name) {
  JsonNode *node = value (object, name);
  if (!node) return std::nullopt;
  const GType type = json_node_get_value_type (node);
  if (type == G_TYPE_INT64) return std::clamp (int64_t (json_node_get_int (node)), -kExact, kExact);
  if (type != G_TYPE_DOUBLE) return std::nullopt;
  const double number = json_node_get_double (node);
  if (std::isnan (number)) return std::nullopt;
  return int64_t (std::clamp (number, -double (kExact), double (kExact)));
}

JsonObject *
json_object (JsonObject *object, const char *name) {
  JsonNode *node = member (object, name);
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : nullptr;
}

JsonArray *
json_array (JsonObject *object, const char *name) {
  JsonNode *node = member (object, name);
  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : nullptr;
}

bool
json_has (JsonObject *object, const char *name) {
  return member (object, name) != nullptr;
}

std::string
to_json (JsonNode *node) {
  const CString text (json_to_string (node, FALSE));
  return text.get ();
}

} // namespace lk
