#include "print.hpp"

#include "base/json.hpp"

#include <cstdlib>

namespace lk::token {

namespace {

/// "2 d 3 h", "5 min", "12 s": the two largest units say enough.
std::string
duration (int64_t seconds) {
  constexpr std::pair<int64_t, const char *> kUnits[]
      = { { 86'400, " d" }, { 3'600, " h" }, { 60, " min" }, { 1, " s" } };
  std::string text;
  for (const auto &[size, unit] : kUnits) {
    if (seconds < size) continue;
    const bool second = !text.empty ();
    text += (second ? " " : "") + std::to_string (seconds / size) + unit;
    seconds %= size;
    if (second) break;
  }
  return text.empty () ? "0 s" : text;
}

std::string
moment (std::chrono::seconds time, std::chrono::seconds now) {
  using DateTimePtr = std::unique_ptr<GDateTime, Deleter<g_date_time_unref>>;
  const DateTimePtr date (g_date_time_new_from_unix_utc (time.count ()));
  const CString text (date ? g_date_time_format (date.get (), "%Y-%m-%d %H:%M:%S UTC") : nullptr);
  const int64_t ahead = (time - now).count ();
  return (text ? text.get () : std::to_string (time.count ())) + std::string (" (")
         + (ahead >= 0 ? "in " + duration (ahead) : duration (-ahead) + " ago") + ")";
}

std::string
quoted (const std::string &text) {
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_VALUE));
  json_node_set_string (node.get (), text.c_str ());
  return to_json (node.get ());
}

class Listing {
public:
  void
  add (const char *name, const std::string &value) {
    text_ += name
             + std::string (
                 name[0] ? std::max<std::size_t> (1, 26 - std::char_traits<char>::length (name)) : 26, ' ')
             + value + "\n";
  }

  void
  quote (const char *name, const std::string &value) {
    if (!value.empty ()) add (name, quoted (value));
  }

  void
  flag (const char *name, bool value) {
    if (value) add (name, "yes");
  }

  void
  flag (const char *name, const std::optional<bool> &value) {
    if (value) add (name, *value ? "yes" : "no");
  }

  void
  time (const char *name, std::chrono::seconds value, std::chrono::seconds now) {
    if (value.count ()) add (name, moment (value, now));
  }

  std::string
  take () {
    return std::move (text_);
  }

private:
  std::string text_;
};

} // namespace

std::string
describe (const auth::Claims &claims, std::chrono::seconds now) {
  const auto &video = claims.video;
  Listing list;
  list.quote ("api key", claims.issuer);
  list.quote ("identity", claims.identity);
  list.quote ("name", claims.name);
  list.quote ("kind", claims.kind);
  list.quote ("room", video.room);
  list.flag ("join", video.room_join);
  list.flag ("publish", video.can_publish);
  list.flag ("subscribe", video.can_subscribe);
  list.flag ("publish data", video.can_publish_data);
  for (const auto &source : video.can_publish_sources)
    list.quote ("source", source);
  list.flag ("update own metadata", video.can_update_own_metadata);
  list.flag ("subscribe metrics", video.can_subscribe_metrics);
  list.flag ("manage agent session", video.can_manage_agent_session);
  list.flag ("hidden", video.hidden);
  list.flag ("recorder", video.recorder);
  list.flag ("agent", video.agent);
  list.flag ("room admin", video.room_admin);
  list.flag ("create rooms", video.room_create);
  list.flag ("list rooms", video.room_list);
  list.flag ("record rooms", video.room_record);
  list.flag ("ingress admin", video.ingress_admin);
  list.flag ("sip admin", claims.sip_admin);
  list.flag ("sip call", claims.sip_call);
  list.flag ("agent admin", claims.agent_admin);
  list.quote ("destination room", video.destination_room);
  list.quote ("metadata", claims.metadata);
  for (const auto &[key, value] : claims.attributes)
    list.add ("attribute", quoted (key) + " = " + quoted (value));
  list.quote ("room preset", claims.room_preset);
  list.quote ("room configuration", claims.room_config_json);
  list.quote ("body hash", claims.sha256);
  list.time ("issued", claims.issued, now);
  list.time ("not before", claims.not_before, now);
  list.time ("expires", claims.expires, now);
  return list.take ();
}

} // namespace lk::token
