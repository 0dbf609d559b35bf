// JSON that came from outside, read without trust. json-glib does the parsing; what would make it assert,
// recurse without bound or cut a string short is refused before it sees the text.
#pragma once

#include "base/ref.hpp"

#include <json-glib/json-glib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lk {

LK_REF_TRAITS (JsonNode, json_node_ref, json_node_unref);

/// Nesting that parse_json() accepts; everything LiveKit sends stays below ten.
inline constexpr int kJsonMaxDepth = 32;

/// Parses one document of strict JSON in UTF-8. Any thread; never throws, never asserts.
/// @return null when it is longer than `max_size` bytes, nested deeper than kJsonMaxDepth, or not strict JSON
///         (comments, lone surrogates and escaped NUL included).
Ref<JsonNode> parse_json (std::string_view text, std::size_t max_size);
/// The document's object, borrowed from `node`; null when `node` is null or something else.
JsonObject *json_object_of (const Ref<JsonNode> &node);

/// A member by name; nothing when it is absent, null or of another type. `object` may be null.
std::optional<std::string> json_string (JsonObject *object, const char *name);
std::optional<bool> json_bool (JsonObject *object, const char *name);
/// Fractions are cut off; beyond ±2^53, where JSON numbers stop being exact, the bound is returned.
std::optional<int64_t> json_int (JsonObject *object, const char *name);
JsonObject *json_object (JsonObject *object, const char *name);
JsonArray *json_array (JsonObject *object, const char *name);
/// True when the member exists and is not null, whatever its type.
bool json_has (JsonObject *object, const char *name);

/// The compact text of a node.
std::string to_json (JsonNode *node);

} // namespace lk
