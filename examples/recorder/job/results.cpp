#include "results.hpp"

#include "base/json.hpp"

namespace lk::record {

namespace {

std::string
iso_time (int64_t ms) {
  GDateTime *time = g_date_time_new_from_unix_utc (ms / 1000);
  if (!time) return "";
  const CString text (g_date_time_format (time, "%Y-%m-%dT%H:%M:%S"));
  g_date_time_unref (time);
  return CString (g_strdup_printf ("%s.%03dZ", text.get (), int (ms % 1000))).get ();
}

void
set (JsonObject *object, const char *name, const std::string &text) {
  // What others chose is bytes until proven otherwise.
  if (!text.empty ())
    json_object_set_string_member (object, name, CString (g_utf8_make_valid (text.c_str (), -1)).get ());
}

void
set (JsonObject *object, const char *name, int64_t number) {
  json_object_set_int_member (object, name, number);
}

JsonObject *
object_of (const FileResult &file) {
  JsonObject *o = json_object_new ();
  set (o, "file", file.location);
  set (o, "format", file.format);
  set (o, "scope", to_string (file.scope));
  set (o, "participant", file.participant);
  set (o, "track", file.track);
  set (o, "codecs", file.codecs);
  set (o, "encoders", file.encoders);
  set (o, "part", int64_t (file.part));
  set (o, "state", to_string (file.state));
  set (o, "error", file.error);
  set (o, "start", iso_time (file.start_ms));
  if (file.state != FileState::Writing) set (o, "end", iso_time (file.end_ms));
  set (o, "duration_ms", file.duration_ms);
  set (o, "bytes", int64_t (file.bytes));
  set (o, "frames", int64_t (file.frames));
  set (o, "filled", int64_t (file.filled));
  set (o, "late", int64_t (file.late));
  set (o, "dropped", int64_t (file.dropped));
  return o;
}

JsonObject *
object_of (const TrackStatus &track) {
  JsonObject *o = json_object_new ();
  set (o, "participant", track.participant);
  set (o, "name", track.name);
  set (o, "sid", track.sid);
  set (o, "track", track.track);
  set (o, "source", track.source);
  set (o, "kind", track.kind);
  set (o, "codec", track.codec);
  json_object_set_boolean_member (o, "muted", track.muted);
  json_object_set_boolean_member (o, "stalled", track.stalled);
  set (o, "frames", int64_t (track.frames));
  set (o, "packets", int64_t (track.packets));
  set (o, "packets_lost", track.packets_lost);
  set (o, "key_requests", int64_t (track.key_requests));
  set (o, "dropped", int64_t (track.dropped));
  return o;
}

template <typename T>
void
set_all (JsonObject *object, const char *name, const std::vector<T> &items) {
  JsonArray *array = json_array_new ();
  for (const T &item : items)
    json_array_add_object_element (array, object_of (item));
  json_object_set_array_member (object, name, array);
}

std::string
line (JsonObject *object, const char *event) {
  json_object_set_string_member (object, "event", event);
  auto node = Ref<JsonNode>::adopt (json_node_new (JSON_NODE_OBJECT));
  json_node_take_object (node.get (), object);
  return lk::to_json (node.get ());
}

} // namespace

const char *
to_string (State state) {
  static constexpr const char *kNames[]
      = { "starting", "active", "ending", "complete", "failed", "aborted", "limit-reached" };
  return kNames[size_t (state)];
}

const char *
to_string (FileState state) {
  static constexpr const char *kNames[] = { "writing", "complete", "failed" };
  return kNames[size_t (state)];
}

const char *
to_string (Scope scope) {
  static constexpr const char *kNames[] = { "composite", "participant", "track" };
  return kNames[size_t (scope)];
}

std::string
to_json (const FileResult &file, const char *event) {
  return line (object_of (file), event);
}

std::string
to_json (const TrackStatus &track, const char *event) {
  return line (object_of (track), event);
}

std::string
to_json (const Status &status, const char *event) {
  JsonObject *o = json_object_new ();
  set (o, "state", to_string (status.state));
  set (o, "reason", status.reason);
  if (status.state == State::Failed) set (o, "code", lk::to_string (status.code));
  set (o, "room", status.room);
  if (status.start_ms) set (o, "start", iso_time (status.start_ms));
  set (o, "duration_ms", status.duration_ms);
  set (o, "participants", int64_t (status.participants));
  set (o, "reconnects", int64_t (status.reconnects));
  set_all (o, "files", status.files);
  set_all (o, "tracks", status.tracks);
  return line (o, event);
}

} // namespace lk::record
