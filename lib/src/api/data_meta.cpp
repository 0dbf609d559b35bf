// GstLiveKitDataMeta: what a message was, or how it is to be sent.
#include <gst/livekit/data_meta.h>

#include <initializer_list>

namespace {

GHashTable *
new_attributes () {
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

void
replace (gchar *&field, const gchar *value) {
  gchar *copy = g_strdup (value); // may be the field itself
  g_free (field);
  field = copy;
}

gboolean
init_meta (GstMeta *meta, gpointer, GstBuffer *) {
  auto *data = reinterpret_cast<GstLiveKitDataMeta *> (meta);
  *data = {
    .meta = data->meta, .attributes = new_attributes (), .timestamp = G_MAXUINT64, .total_size = G_MAXUINT64
  };
  return TRUE;
}

void
free_meta (GstMeta *meta, GstBuffer *) {
  auto *data = reinterpret_cast<GstLiveKitDataMeta *> (meta);
  for (gchar *text :
       { data->topic, data->sender_identity, data->sender_sid, data->stream_id, data->mime_type, data->name })
    g_free (text);
  g_strfreev (data->destinations);
  g_hash_table_unref (data->attributes);
}

// Who sent a message and how holds for every part and every form of it, so all transformations keep it.
gboolean
transform_meta (GstBuffer *into, GstMeta *meta, GstBuffer *, GQuark, gpointer) {
  const auto *from = reinterpret_cast<GstLiveKitDataMeta *> (meta);
  if (gst_livekit_buffer_get_data_meta (into)) return TRUE; // a second copy of the same buffer's metas
  auto *copy = gst_livekit_buffer_add_data_meta (into, from->kind);
  if (!copy) return FALSE;
  gst_livekit_data_meta_set_topic (copy, from->topic);
  gst_livekit_data_meta_set_sender (copy, from->sender_identity, from->sender_sid);
  gst_livekit_data_meta_set_destinations (copy, from->destinations);
  copy->has_reliability = from->has_reliability;
  copy->reliability = from->reliability;
  gst_livekit_data_meta_set_stream (copy, from->stream_id, from->mime_type, from->name);
  GHashTableIter it;
  gpointer key = nullptr, value = nullptr;
  g_hash_table_iter_init (&it, from->attributes);
  while (g_hash_table_iter_next (&it, &key, &value))
    gst_livekit_data_meta_set_attribute (copy, static_cast<gchar *> (key), static_cast<gchar *> (value));
  copy->timestamp = from->timestamp;
  copy->total_size = from->total_size;
  return TRUE;
}

} // namespace

GType
gst_livekit_data_meta_api_get_type (void) {
  static const gchar *tags[] = { nullptr };
  static gsize once = 0;
  if (g_once_init_enter (&once))
    g_once_init_leave (&once, gst_meta_api_type_register ("GstLiveKitDataMetaAPI", tags));
  return once;
}

const GstMetaInfo *
gst_livekit_data_meta_get_info (void) {
  static const GstMetaInfo *info = nullptr;
  if (g_once_init_enter (&info)) {
    const GstMetaInfo *made
        = gst_meta_register (GST_LIVEKIT_DATA_META_API_TYPE, "GstLiveKitDataMeta",
                             sizeof (GstLiveKitDataMeta), init_meta, free_meta, transform_meta);
    g_once_init_leave (&info, made);
  }
  return info;
}

GstLiveKitDataMeta *
gst_livekit_buffer_add_data_meta (GstBuffer *buffer, GstLiveKitDataKind kind) {
  g_return_val_if_fail (GST_IS_BUFFER (buffer), nullptr);
  auto *meta = reinterpret_cast<GstLiveKitDataMeta *> (
      gst_buffer_add_meta (buffer, GST_LIVEKIT_DATA_META_INFO, nullptr));
  if (meta) meta->kind = kind;
  return meta;
}

GstLiveKitDataMeta *
gst_livekit_buffer_get_data_meta (GstBuffer *buffer) {
  g_return_val_if_fail (GST_IS_BUFFER (buffer), nullptr);
  return reinterpret_cast<GstLiveKitDataMeta *> (
      gst_buffer_get_meta (buffer, GST_LIVEKIT_DATA_META_API_TYPE));
}

void
gst_livekit_data_meta_set_topic (GstLiveKitDataMeta *meta, const gchar *topic) {
  g_return_if_fail (meta != nullptr);
  replace (meta->topic, topic);
}

void
gst_livekit_data_meta_set_sender (GstLiveKitDataMeta *meta, const gchar *identity, const gchar *sid) {
  g_return_if_fail (meta != nullptr);
  replace (meta->sender_identity, identity);
  replace (meta->sender_sid, sid);
}

void
gst_livekit_data_meta_set_destinations (GstLiveKitDataMeta *meta, const gchar *const *identities) {
  g_return_if_fail (meta != nullptr);
  gchar **copy = g_strdupv (const_cast<gchar **> (identities));
  g_strfreev (meta->destinations);
  meta->destinations = copy;
}

void
gst_livekit_data_meta_set_reliability (GstLiveKitDataMeta *meta, GstLiveKitReliability reliability) {
  g_return_if_fail (meta != nullptr);
  meta->has_reliability = TRUE;
  meta->reliability = reliability;
}

void
gst_livekit_data_meta_set_stream (GstLiveKitDataMeta *meta, const gchar *stream_id, const gchar *mime_type,
                                  const gchar *name) {
  g_return_if_fail (meta != nullptr);
  replace (meta->stream_id, stream_id);
  replace (meta->mime_type, mime_type);
  replace (meta->name, name);
}

void
gst_livekit_data_meta_set_attribute (GstLiveKitDataMeta *meta, const gchar *key, const gchar *value) {
  g_return_if_fail (meta != nullptr);
  g_return_if_fail (key != nullptr);
  if (value)
    g_hash_table_insert (meta->attributes, g_strdup (key), g_strdup (value));
  else
    g_hash_table_remove (meta->attributes, key);
}

const gchar *
gst_livekit_data_meta_get_attribute (const GstLiveKitDataMeta *meta, const gchar *key) {
  g_return_val_if_fail (meta != nullptr, nullptr);
  g_return_val_if_fail (key != nullptr, nullptr);
  return static_cast<const gchar *> (g_hash_table_lookup (meta->attributes, key));
}

void
gst_livekit_data_meta_set_timestamp (GstLiveKitDataMeta *meta, guint64 timestamp) {
  g_return_if_fail (meta != nullptr);
  meta->timestamp = timestamp;
}
