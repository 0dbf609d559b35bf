#include "livekitdatasink/send_settings.hpp"

#include "participant/props.hpp"

#include <gst/livekit/data_meta.h>

namespace lk::gst {

session::OutgoingStream
Outgoing::stream (bool text) const {
  session::OutgoingStream spec;
  spec.text = text;
  spec.topic = topic;
  spec.mime_type = mime_type;
  spec.name = name;
  spec.attributes = attributes;
  spec.destinations = destinations;
  spec.id = id;
  return spec;
}

Outgoing
outgoing_of (const SendSettings &settings, GstBuffer *buffer) {
  Outgoing out{ .reliability = settings.reliability,
                .topic = settings.topic,
                .mime_type = settings.mime_type,
                .name = settings.stream_name,
                .destinations = words_of (settings.destinations),
                .attributes = settings.attributes };
  const auto *meta = gst_livekit_buffer_get_data_meta (buffer);
  if (!meta) return out;

  // What came from the room and is passed on fills in; what the application wrote overrides.
  const bool received = meta->sender_identity != nullptr;
  const auto take = [received] (std::string &field, const gchar *value) {
    if (value && (!received || field.empty ())) field = value;
  };
  take (out.topic, meta->topic);
  take (out.mime_type, meta->mime_type);
  take (out.name, meta->name);
  GHashTableIter it;
  gpointer key = nullptr, value = nullptr;
  g_hash_table_iter_init (&it, meta->attributes);
  while (g_hash_table_iter_next (&it, &key, &value)) {
    const std::string name = static_cast<gchar *> (key), text = static_cast<gchar *> (value);
    if (received)
      out.attributes.emplace (name, text);
    else
      out.attributes.insert_or_assign (name, text);
  }
  if (meta->timestamp != G_MAXUINT64) out.time_us = meta->timestamp;
  if (received) return out;
  if (meta->stream_id) out.id = meta->stream_id;
  if (meta->has_reliability) out.reliability = meta->reliability;
  if (meta->destinations) {
    out.destinations.clear ();
    for (gchar **one = meta->destinations; *one; one++)
      out.destinations.push_back (*one);
  }
  return out;
}

} // namespace lk::gst
