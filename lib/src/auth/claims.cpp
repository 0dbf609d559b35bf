#include "auth/claims.hpp"

#include "auth/jwt.hpp"
#include "base/json.hpp"

namespace lk::auth {

namespace {

Error
invalid (const std::string &what) {
  return { Errc::InvalidToken, Retry::Never, "the token " + what };
}

Ref<JsonNode>
node_of (JsonObject *object) {
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  return node;
}

void
put (JsonObject *object, const char *name, const std::string &value) {
  if (!value.empty ()) json_object_set_string_member (object, name, value.c_str ());
}

void
put (JsonObject *object, const char *name, bool value) {
  if (value) json_object_set_boolean_member (object, name, TRUE);
}

void
put (JsonObject *object, const char *name, const std::optional<bool> &value) {
  if (value) json_object_set_boolean_member (object, name, *value);
}

void
put (JsonObject *object, const char *name, std::chrono::seconds time) {
  if (time.count ()) json_object_set_int_member (object, name, time.count ());
}

/// The `video` grant's members in one place, so that writing and reading cannot drift apart.
template <typename Grant, typename Visit>
void
each_member (Grant &grant, Visit visit) {
  visit ("roomCreate", grant.room_create);
  visit ("roomList", grant.room_list);
  visit ("roomRecord", grant.room_record);
  visit ("roomAdmin", grant.room_admin);
  visit ("ingressAdmin", grant.ingress_admin);
  visit ("roomJoin", grant.room_join);
  visit ("room", grant.room);
  visit ("canPublish", grant.can_publish);
  visit ("canSubscribe", grant.can_subscribe);
  visit ("canPublishData", grant.can_publish_data);
  visit ("canUpdateOwnMetadata", grant.can_update_own_metadata);
  visit ("canSubscribeMetrics", grant.can_subscribe_metrics);
  visit ("canManageAgentSession", grant.can_manage_agent_session);
  visit ("hidden", grant.hidden);
  visit ("recorder", grant.recorder);
  visit ("agent", grant.agent);
  visit ("destinationRoom", grant.destination_room);
}

JsonObject *
write_video (const VideoGrant &video) {
  JsonObject *object = json_object_new ();
  each_member (video, [object] (const char *name, const auto &value) { put (object, name, value); });
  if (!video.can_publish_sources.empty ()) {
    JsonArray *sources = json_array_new ();
    for (const auto &source : video.can_publish_sources)
      json_array_add_string_element (sources, source.c_str ());
    json_object_set_array_member (object, "canPublishSources", sources);
  }
  return object;
}

void
get (JsonObject *object, const char *name, std::string &value) {
  value = json_string (object, name).value_or ("");
}

void
get (JsonObject *object, const char *name, bool &value) {
  value = json_bool (object, name).value_or (false);
}

void
get (JsonObject *object, const char *name, std::optional<bool> &value) {
  value = json_bool (object, name);
}

VideoGrant
read_video (JsonObject *object) {
  VideoGrant video;
  each_member (video, [object] (const char *name, auto &value) { get (object, name, value); });
  JsonArray *sources = json_array (object, "canPublishSources");
  for (guint i = 0; sources && i < json_array_get_length (sources); i++) {
    JsonNode *source = json_array_get_element (sources, i);
    if (JSON_NODE_HOLDS_VALUE (source) && json_node_get_value_type (source) == G_TYPE_STRING)
      video.can_publish_sources.push_back (json_node_get_string (source));
  }
  return video;
}

bool
get_time (JsonObject *object, const char *name, std::chrono::seconds &time) {
  const auto value = json_int (object, name);
  if (!value && json_has (object, name)) return false;
  time = std::chrono::seconds (value.value_or (0));
  return true;
}

} // namespace

std::string
claims_to_json (const Claims &claims) {
  JsonObject *object = json_object_new ();
  const auto root = node_of (object);
  put (object, "iss", claims.issuer);
  put (object, "sub", claims.identity);
  put (object, "iat", claims.issued);
  put (object, "nbf", claims.not_before);
  put (object, "exp", claims.expires);
  put (object, "name", claims.name);
  put (object, "kind", claims.kind);
  put (object, "metadata", claims.metadata);
  put (object, "sha256", claims.sha256);
  put (object, "roomPreset", claims.room_preset);
  if (!claims.room_config_json.empty ()) {
    const auto config = parse_json (claims.room_config_json, kMaxToken);
    if (config) json_object_set_member (object, "roomConfig", json_node_copy (config.get ()));
  }
  if (!claims.attributes.empty ()) {
    JsonObject *attributes = json_object_new ();
    for (const auto &[key, value] : claims.attributes)
      json_object_set_string_member (attributes, key.c_str (), value.c_str ());
    json_object_set_object_member (object, "attributes", attributes);
  }
  json_object_set_object_member (object, "video", write_video (claims.video));
  if (claims.sip_admin || claims.sip_call) {
    JsonObject *sip = json_object_new ();
    put (sip, "admin", claims.sip_admin);
    put (sip, "call", claims.sip_call);
    json_object_set_object_member (object, "sip", sip);
  }
  if (claims.agent_admin) {
    JsonObject *agent = json_object_new ();
    put (agent, "admin", true);
    json_object_set_object_member (object, "agent", agent);
  }
  return to_json (root.get ());
}

Result<Claims>
claims_from_json (std::string_view json) {
  const auto root = parse_json (json, kMaxToken);
  JsonObject *object = json_object_of (root);
  if (!object) return invalid ("has no readable claims");
  Claims claims;
  get (object, "iss", claims.issuer);
  get (object, "sub", claims.identity);
  if (claims.identity.empty ()) get (object, "jti", claims.identity); // as the server does
  if (!get_time (object, "iat", claims.issued) || !get_time (object, "nbf", claims.not_before)
      || !get_time (object, "exp", claims.expires))
    return invalid ("has a time that is not a number");
  get (object, "name", claims.name);
  get (object, "kind", claims.kind);
  get (object, "metadata", claims.metadata);
  get (object, "sha256", claims.sha256);
  get (object, "roomPreset", claims.room_preset);
  if (JsonObject *config = json_object (object, "roomConfig")) {
    const auto node = node_of (json_object_ref (config));
    claims.room_config_json = to_json (node.get ());
  }
  if (JsonObject *attributes = json_object (object, "attributes")) {
    JsonObjectIter iter;
    const gchar *key = nullptr;
    json_object_iter_init (&iter, attributes);
    while (json_object_iter_next (&iter, &key, nullptr))
      if (auto value = json_string (attributes, key)) claims.attributes[key] = std::move (*value);
  }
  claims.video = read_video (json_object (object, "video"));
  JsonObject *sip = json_object (object, "sip");
  get (sip, "admin", claims.sip_admin);
  get (sip, "call", claims.sip_call);
  get (json_object (object, "agent"), "admin", claims.agent_admin);
  return claims;
}

bool
is_json_object (std::string_view json) {
  return json_object_of (parse_json (json, kMaxToken)) != nullptr;
}

} // namespace lk::auth
