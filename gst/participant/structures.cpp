#include "participant/structures.hpp"

namespace lk::gst {

static StructurePtr
to_structure (const VideoLayer &layer) {
  return StructurePtr (gst_structure_new (
      "livekit/layer", "quality", G_TYPE_STRING, to_string (layer.quality), "width", G_TYPE_UINT, layer.width,
      "height", G_TYPE_UINT, layer.height, "bitrate", G_TYPE_UINT, layer.bitrate_bps, nullptr));
}

static StructurePtr
to_structure (const Permission &p) {
  return StructurePtr (
      gst_structure_new ("livekit/permission", "can-subscribe", G_TYPE_BOOLEAN, p.can_subscribe,
                         "can-publish", G_TYPE_BOOLEAN, p.can_publish, "can-publish-data", G_TYPE_BOOLEAN,
                         p.can_publish_data, "hidden", G_TYPE_BOOLEAN, p.hidden, "recorder", G_TYPE_BOOLEAN,
                         p.recorder, "can-update-metadata", G_TYPE_BOOLEAN, p.can_update_metadata, nullptr));
}

void
append_structure (GValue *array, StructurePtr item) {
  GValue value = G_VALUE_INIT;
  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, item.release ());
  gst_value_array_append_and_take_value (array, &value);
}

template <typename T>
static void
set_array (GstStructure *into, const char *field, const std::vector<T> &items) {
  GValue array = G_VALUE_INIT;
  g_value_init (&array, GST_TYPE_ARRAY);
  for (const auto &item : items)
    append_structure (&array, to_structure (item));
  gst_structure_take_value (into, field, &array);
}

void
set_field (GstStructure *into, const char *field, StructurePtr value) {
  gst_structure_set (into, field, GST_TYPE_STRUCTURE, value.get (), nullptr);
}

StructurePtr
to_structure (const Attributes &attributes) {
  StructurePtr s (gst_structure_new_empty ("attributes"));
  for (const auto &[key, value] : attributes)
    gst_structure_set (s.get (), key.c_str (), G_TYPE_STRING, value.c_str (), nullptr);
  return s;
}

Attributes
attributes_of (const GstStructure *structure) {
  Attributes out;
  if (!structure) return out;
  for (gint i = 0; i < gst_structure_n_fields (structure); i++) {
    const gchar *field = gst_structure_nth_field_name (structure, guint (i));
    if (const gchar *value = gst_structure_get_string (structure, field)) out[field] = value;
  }
  return out;
}

StructurePtr
to_structure (const TrackInfo &t) {
  StructurePtr s (gst_structure_new (
      "livekit/track-info", "sid", G_TYPE_STRING, t.sid.c_str (), "name", G_TYPE_STRING, t.name.c_str (),
      "kind", G_TYPE_STRING, to_string (t.kind), "source", G_TYPE_STRING, to_string (t.source), "muted",
      G_TYPE_BOOLEAN, t.muted, "width", G_TYPE_UINT, t.width, "height", G_TYPE_UINT, t.height, "mime-type",
      G_TYPE_STRING, t.mime_type.c_str (), "simulcast", G_TYPE_BOOLEAN, t.simulcast, "stereo", G_TYPE_BOOLEAN,
      t.stereo, "stream", G_TYPE_STRING, t.stream.c_str (), "encrypted", G_TYPE_BOOLEAN,
      t.encryption != Encryption::None, nullptr));
  set_array (s.get (), "layers", t.layers);
  return s;
}

// Names of fields are kept for the life of the process, so what others choose must not become one: they could
// fill our memory.
static void
set_attributes (GstStructure *into, const Attributes &attributes) {
  GValue array = G_VALUE_INIT;
  g_value_init (&array, GST_TYPE_ARRAY);
  for (const auto &[key, value] : attributes)
    append_structure (
        &array, StructurePtr (gst_structure_new ("livekit/attribute", "key", G_TYPE_STRING, key.c_str (),
                                                 "value", G_TYPE_STRING, value.c_str (), nullptr)));
  gst_structure_take_value (into, "attributes", &array);
}

StructurePtr
to_structure (const ParticipantInfo &p) {
  StructurePtr s (gst_structure_new ("livekit/participant-info", "sid", G_TYPE_STRING, p.sid.c_str (),
                                     "identity", G_TYPE_STRING, p.identity.c_str (), "name", G_TYPE_STRING,
                                     p.name.c_str (), "metadata", G_TYPE_STRING, p.metadata.c_str (), "state",
                                     G_TYPE_STRING, to_string (p.state), "kind", G_TYPE_STRING,
                                     to_string (p.kind), "joined-at-ms", G_TYPE_INT64, p.joined_at_ms,
                                     "is-publisher", G_TYPE_BOOLEAN, p.is_publisher, nullptr));
  set_attributes (s.get (), p.attributes);
  if (p.permission) set_field (s.get (), "permission", to_structure (*p.permission));
  set_array (s.get (), "tracks", p.tracks);
  return s;
}

StructurePtr
to_structure (const RoomInfo &r) {
  return StructurePtr (gst_structure_new (
      "livekit/room-info", "sid", G_TYPE_STRING, r.sid.c_str (), "name", G_TYPE_STRING, r.name.c_str (),
      "metadata", G_TYPE_STRING, r.metadata.c_str (), "num-participants", G_TYPE_UINT, r.num_participants,
      "num-publishers", G_TYPE_UINT, r.num_publishers, "max-participants", G_TYPE_UINT, r.max_participants,
      "creation-time-ms", G_TYPE_INT64, r.creation_time_ms, "active-recording", G_TYPE_BOOLEAN,
      r.active_recording, nullptr));
}

StructurePtr
to_structure (const std::vector<ParticipantInfo> &participants) {
  StructurePtr s (gst_structure_new_empty ("livekit/participants"));
  set_array (s.get (), "participants", participants);
  return s;
}

StructurePtr
to_structure (const session::SessionStats &st) {
  return StructurePtr (gst_structure_new (
      "application/x-livekit-session-stats", "signal-sent", G_TYPE_UINT64, st.signal_sent, "signal-received",
      G_TYPE_UINT64, st.signal_received, "signal-unknown", G_TYPE_UINT64, st.signal_unknown,
      "signal-malformed", G_TYPE_UINT64, st.signal_malformed, "rtt-ms", G_TYPE_UINT64,
      guint64 (st.rtt.count ()), "joins", G_TYPE_UINT, st.joins, "reconnects", G_TYPE_UINT, st.reconnects,
      "resumes", G_TYPE_UINT, st.resumes, "connect-time-ms", G_TYPE_UINT64,
      guint64 (st.connect_time.count ()), "last-outage-ms", G_TYPE_UINT64, guint64 (st.last_outage.count ()),
      nullptr));
}

StructurePtr
to_structure (const session::LocalTrack::Stats &st) {
  const auto &f = st.frames;
  const auto &r = st.rtp;
  return StructurePtr (gst_structure_new (
      "application/x-livekit-publish-stats", "frames", G_TYPE_UINT64, f.frames, "bytes", G_TYPE_UINT64,
      f.bytes, "dropped-unpublished", G_TYPE_UINT64, f.dropped_unbound, "dropped-full", G_TYPE_UINT64,
      f.dropped_full, "dropped-muted", G_TYPE_UINT64, f.dropped_paused, "keyframe-requests", G_TYPE_UINT64,
      f.keyframe_requests, "queued", G_TYPE_UINT, f.queued, "packets-sent", G_TYPE_UINT64, r.packets,
      "bytes-sent", G_TYPE_UINT64, r.bytes, "packets-lost", G_TYPE_INT64, r.packets_lost,
      "packets-retransmitted", G_TYPE_UINT64, r.retransmitted, "nacks-received", G_TYPE_UINT64, r.nacks,
      "plis-received", G_TYPE_UINT64, r.plis, "firs-received", G_TYPE_UINT64, r.firs, "round-trip-time",
      G_TYPE_DOUBLE, r.round_trip_s, "jitter", G_TYPE_DOUBLE, r.jitter_s, "ssrc", G_TYPE_UINT, r.ssrc,
      nullptr));
}

StructurePtr
to_structure (const session::RemoteTrack::Stats &st) {
  const auto &f = st.frames;
  const auto &r = st.rtp;
  return StructurePtr (gst_structure_new (
      "application/x-livekit-receive-stats", "frames", G_TYPE_UINT64, f.frames, "bytes", G_TYPE_UINT64,
      f.bytes, "keyframes", G_TYPE_UINT64, f.keyframes, "lost-events", G_TYPE_UINT64, f.lost_events,
      "dropped-blank", G_TYPE_UINT64, f.dropped_blank, "dropped-queue", G_TYPE_UINT64, f.dropped_queue,
      "dropped-unlinked", G_TYPE_UINT64, f.dropped_no_consumer, "packets-received", G_TYPE_UINT64, r.packets,
      "bytes-received", G_TYPE_UINT64, r.bytes, "packets-lost", G_TYPE_INT64, r.lost, "packets-retransmitted",
      G_TYPE_UINT64, r.retransmissions, "nacks-sent", G_TYPE_UINT64, r.nacks_sent, "plis-sent", G_TYPE_UINT64,
      r.plis_sent, "dropped-paused", G_TYPE_UINT64, r.dropped_paused, "jitter", G_TYPE_DOUBLE, r.jitter_s,
      "ts-offset", G_TYPE_INT64, gint64 (st.ts_offset.count ()), nullptr));
}

StructurePtr
to_structure (const session::DataStats &s) {
  return StructurePtr (gst_structure_new (
      "application/x-livekit-data-stats", "reliable-sent", G_TYPE_UINT64, s.reliable_sent,
      "reliable-sent-bytes", G_TYPE_UINT64, s.reliable_sent_bytes, "reliable-dropped", G_TYPE_UINT64,
      s.reliable_dropped, "lossy-sent", G_TYPE_UINT64, s.lossy_sent, "lossy-sent-bytes", G_TYPE_UINT64,
      s.lossy_sent_bytes, "lossy-dropped", G_TYPE_UINT64, s.lossy_dropped, "track-sent", G_TYPE_UINT64,
      s.track_sent, "track-sent-bytes", G_TYPE_UINT64, s.track_sent_bytes, "track-dropped", G_TYPE_UINT64,
      s.track_dropped, "received", G_TYPE_UINT64, s.received, "received-bytes", G_TYPE_UINT64,
      s.received_bytes, "duplicates", G_TYPE_UINT64, s.duplicates, "malformed", G_TYPE_UINT64, s.malformed,
      "received-dropped", G_TYPE_UINT64, s.received_dropped, "buffered", G_TYPE_UINT64, s.buffered, nullptr));
}

StructurePtr
to_structure (const DataTrackInfo &track) {
  return StructurePtr (gst_structure_new ("livekit/data-track", "sid", G_TYPE_STRING, track.sid.c_str (),
                                          "name", G_TYPE_STRING, track.name.c_str (), nullptr));
}

} // namespace lk::gst
