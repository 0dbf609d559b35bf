#include "api/claims_structure.hpp"

#include "base/json.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace lk::api {

namespace {

using auth::Claims;
using auth::VideoGrant;

constexpr std::size_t kMaxAttributes = 512 * 1024; // as JSON text; mint() checks the real limit
constexpr std::chrono::seconds kDefaultTtl = std::chrono::hours (6);

template <typename Object, typename Member> struct Field {
  const char *name;
  Member Object::*member;
};

constexpr Field<Claims, std::string> kTexts[] = {
  { "identity", &Claims::identity },
  { "name", &Claims::name },
  { "metadata", &Claims::metadata },
  { "kind", &Claims::kind },
  { "sha256", &Claims::sha256 },
  { "room-preset", &Claims::room_preset },
  { "room-config", &Claims::room_config_json },
};
constexpr Field<Claims, bool> kFlags[] = {
  { "sip-admin", &Claims::sip_admin },
  { "sip-call", &Claims::sip_call },
  { "agent-admin", &Claims::agent_admin },
};
constexpr Field<VideoGrant, std::string> kRooms[] = {
  { "room", &VideoGrant::room },
  { "destination-room", &VideoGrant::destination_room },
};
constexpr Field<VideoGrant, bool> kGrants[] = {
  { "room-join", &VideoGrant::room_join },   { "room-create", &VideoGrant::room_create },
  { "room-list", &VideoGrant::room_list },   { "room-record", &VideoGrant::room_record },
  { "room-admin", &VideoGrant::room_admin }, { "ingress-admin", &VideoGrant::ingress_admin },
  { "hidden", &VideoGrant::hidden },         { "recorder", &VideoGrant::recorder },
  { "agent", &VideoGrant::agent },
};
constexpr Field<VideoGrant, std::optional<bool>> kPermissions[] = {
  { "can-publish", &VideoGrant::can_publish },
  { "can-subscribe", &VideoGrant::can_subscribe },
  { "can-publish-data", &VideoGrant::can_publish_data },
  { "can-update-own-metadata", &VideoGrant::can_update_own_metadata },
  { "can-subscribe-metrics", &VideoGrant::can_subscribe_metrics },
  { "can-manage-agent-session", &VideoGrant::can_manage_agent_session },
};

/// Reads one value into one member; false when the type is another.
bool
read (const GValue *value, std::string &text) {
  if (!G_VALUE_HOLDS_STRING (value)) return false;
  const char *string = g_value_get_string (value);
  text = string ? string : "";
  return true;
}

bool
read (const GValue *value, bool &flag) {
  if (!G_VALUE_HOLDS_BOOLEAN (value)) return false;
  flag = g_value_get_boolean (value);
  return true;
}

bool
read (const GValue *value, std::optional<bool> &flag) {
  if (!G_VALUE_HOLDS_BOOLEAN (value)) return false;
  flag = g_value_get_boolean (value);
  return true;
}

bool
read (const GValue *value, std::vector<std::string> &list) {
  if (!GST_VALUE_HOLDS_ARRAY (value)) return false;
  for (guint i = 0; i < gst_value_array_get_size (value); i++) {
    std::string item;
    if (!read (gst_value_array_get_value (value, i), item)) return false;
    list.push_back (std::move (item));
  }
  return true;
}

/// A JSON object of strings and nothing else.
bool
read_attributes (const GValue *value, std::map<std::string, std::string> &attributes) {
  std::string text;
  if (!read (value, text)) return false;
  const auto node = parse_json (text, kMaxAttributes);
  JsonObject *object = json_object_of (node);
  if (!object) return false;
  JsonObjectIter iter;
  const gchar *name = nullptr;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, nullptr)) {
    auto string = json_string (object, name);
    if (!string) return false;
    attributes[name] = std::move (*string);
  }
  return true;
}

bool
read_ttl (const GValue *value, std::chrono::seconds now, Claims &claims) {
  if (!G_VALUE_HOLDS_UINT (value) || g_value_get_uint (value) == 0) return false;
  claims.expires = now + std::chrono::seconds (g_value_get_uint (value));
  return true;
}

enum class Outcome { Taken, WrongType, NotListed };

template <typename Object, typename Member, std::size_t N>
Outcome
read_listed (const Field<Object, Member> (&fields)[N], Object &object, const char *name,
             const GValue *value) {
  for (const auto &field : fields)
    if (std::strcmp (field.name, name) == 0)
      return read (value, object.*field.member) ? Outcome::Taken : Outcome::WrongType;
  return Outcome::NotListed;
}

Outcome
read_field (Claims &claims, const char *name, const GValue *value, std::chrono::seconds now) {
  const std::string_view field = name;
  const auto taken = [] (bool ok) { return ok ? Outcome::Taken : Outcome::WrongType; };
  if (field == "ttl") return taken (read_ttl (value, now, claims));
  if (field == "attributes") return taken (read_attributes (value, claims.attributes));
  if (field == "can-publish-sources") return taken (read (value, claims.video.can_publish_sources));
  for (auto outcome :
       { read_listed (kTexts, claims, name, value), read_listed (kFlags, claims, name, value),
         read_listed (kRooms, claims.video, name, value), read_listed (kGrants, claims.video, name, value),
         read_listed (kPermissions, claims.video, name, value) })
    if (outcome != Outcome::NotListed) return outcome;
  return Outcome::NotListed;
}

void
set (GstStructure *structure, const char *name, const std::string &text) {
  if (!text.empty ()) gst_structure_set (structure, name, G_TYPE_STRING, text.c_str (), nullptr);
}

void
set (GstStructure *structure, const char *name, bool flag) {
  if (flag) gst_structure_set (structure, name, G_TYPE_BOOLEAN, TRUE, nullptr);
}

void
set (GstStructure *structure, const char *name, const std::optional<bool> &flag) {
  if (flag) gst_structure_set (structure, name, G_TYPE_BOOLEAN, gboolean (*flag), nullptr);
}

void
set (GstStructure *structure, const char *name, std::chrono::seconds time) {
  if (time.count ()) gst_structure_set (structure, name, G_TYPE_INT64, gint64 (time.count ()), nullptr);
}

template <typename Object, typename Member, std::size_t N>
void
set_listed (const Field<Object, Member> (&fields)[N], const Object &object, GstStructure *structure) {
  for (const auto &field : fields)
    set (structure, field.name, object.*field.member);
}

void
set_attributes (GstStructure *structure, const std::map<std::string, std::string> &attributes) {
  if (attributes.empty ()) return;
  JsonObject *object = json_object_new ();
  for (const auto &[name, text] : attributes)
    json_object_set_string_member (object, name.c_str (), text.c_str ());
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  set (structure, "attributes", to_json (node.get ()));
}

void
set_sources (GstStructure *structure, const std::vector<std::string> &sources) {
  if (sources.empty ()) return;
  GValue list = G_VALUE_INIT;
  gst_value_array_init (&list, guint (sources.size ()));
  for (const auto &source : sources) {
    GValue item = G_VALUE_INIT;
    g_value_init (&item, G_TYPE_STRING);
    g_value_set_string (&item, source.c_str ());
    gst_value_array_append_and_take_value (&list, &item);
  }
  gst_structure_take_value (structure, "can-publish-sources", &list);
}

} // namespace

Result<auth::Claims>
claims_from_structure (const GstStructure *structure, std::chrono::seconds now) {
  Claims claims;
  claims.issued = now;
  claims.expires = now + kDefaultTtl;
  for (int i = 0; i < gst_structure_n_fields (structure); i++) {
    const char *name = gst_structure_nth_field_name (structure, i);
    const GValue *value = gst_structure_get_value (structure, name);
    switch (read_field (claims, name, value, now)) {
    case Outcome::Taken:
      break;
    case Outcome::WrongType:
      return Error{ Errc::Settings, Retry::Never,
                    std::string ("claim '") + name + "' has a value that does not fit it, of type "
                        + G_VALUE_TYPE_NAME (value) };
    case Outcome::NotListed:
      return Error{ Errc::Settings, Retry::Never, std::string ("there is no claim '") + name + "'" };
    }
  }
  if (!gst_structure_has_field (structure, "room-join"))
    claims.video.room_join = !claims.video.room.empty () && !claims.identity.empty ();
  return claims;
}

StructurePtr
claims_to_structure (const auth::Claims &claims) {
  StructurePtr structure (gst_structure_new_empty ("livekit-claims"));
  set (structure.get (), "issuer", claims.issuer);
  set (structure.get (), "issued", claims.issued);
  set (structure.get (), "not-before", claims.not_before);
  set (structure.get (), "expires", claims.expires);
  set_listed (kTexts, claims, structure.get ());
  set_listed (kFlags, claims, structure.get ());
  set_listed (kRooms, claims.video, structure.get ());
  set_listed (kGrants, claims.video, structure.get ());
  set_listed (kPermissions, claims.video, structure.get ());
  set_attributes (structure.get (), claims.attributes);
  set_sources (structure.get (), claims.video.can_publish_sources);
  return structure;
}

} // namespace lk::api
