/* What a buffer of livekitdatasrc or livekitdatasink is in a LiveKit room. */
#pragma once

#include <gst/gst.h>
#include <gst/livekit/enums.h>

G_BEGIN_DECLS

/**
 * SECTION:data-meta
 * @title: GstLiveKitDataMeta
 *
 * livekitdatasrc attaches one to each buffer: who sent it, in which form, under which topic.
 *
 * On a buffer for livekitdatasink, a meta without a sender says how this one message is sent, whatever the element's
 * properties say; fields that are not set leave the properties in force. A meta with a sender came from a livekitdatasrc:
 * it only fills in what the properties leave open, so that messages can be passed on under another topic.
 */

typedef struct _GstLiveKitDataMeta GstLiveKitDataMeta;

/**
 * GstLiveKitDataMeta:
 * @meta: parent
 * @kind: in which form it came; livekitdatasink goes by its `mode` instead
 * @topic: (nullable): topic of the packet or stream, name of the data track
 * @sender_identity: (nullable): who sent it; %NULL: to be sent
 * @sender_sid: (nullable): the server's name for the sender
 * @destinations: (nullable) (array zero-terminated=1): identities it is for; %NULL: everybody else in the room
 * @has_reliability: whether @reliability is meant
 * @reliability: how a packet travels
 * @stream_id: (nullable): id of the stream, chat message or transcription segment
 * @mime_type: (nullable): of a stream
 * @name: (nullable): of a byte stream, usually that of a file
 * @attributes: (element-type utf8 utf8): attributes of a stream; empty for the rest
 * @timestamp: when it was captured or sent by the sender's clock, microseconds since 1970; %G_MAXUINT64: unknown
 * @total_size: size of the whole stream; %G_MAXUINT64: unknown
 *
 * The strings belong to the meta; change them with the functions.
 *
 * Since: 0.1
 */
struct _GstLiveKitDataMeta {
  GstMeta meta;

  GstLiveKitDataKind kind;
  gchar *topic;
  gchar *sender_identity;
  gchar *sender_sid;
  gchar **destinations;
  gboolean has_reliability;
  GstLiveKitReliability reliability;
  gchar *stream_id;
  gchar *mime_type;
  gchar *name;
  GHashTable *attributes;
  guint64 timestamp;
  guint64 total_size;
};

GST_LIVEKIT_API GType gst_livekit_data_meta_api_get_type (void);
/**
 * gst_livekit_data_meta_get_info: (skip)
 */
GST_LIVEKIT_API const GstMetaInfo *gst_livekit_data_meta_get_info (void);

#define GST_LIVEKIT_DATA_META_API_TYPE (gst_livekit_data_meta_api_get_type ())
#define GST_LIVEKIT_DATA_META_INFO (gst_livekit_data_meta_get_info ())

/**
 * gst_livekit_buffer_add_data_meta:
 * @buffer: a writable buffer
 * @kind: in which form it travels
 *
 * Adds a meta with nothing else set.
 *
 * Returns: (transfer none): the meta, owned by @buffer
 *
 * Since: 0.1
 */
GST_LIVEKIT_API GstLiveKitDataMeta *gst_livekit_buffer_add_data_meta (GstBuffer *buffer, GstLiveKitDataKind kind);

/**
 * gst_livekit_buffer_get_data_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): its first meta
 *
 * Since: 0.1
 */
GST_LIVEKIT_API GstLiveKitDataMeta *gst_livekit_buffer_get_data_meta (GstBuffer *buffer);

/**
 * gst_livekit_data_meta_set_topic:
 * @meta: a meta of a writable buffer
 * @topic: (nullable): the topic
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_topic (GstLiveKitDataMeta *meta, const gchar *topic);

/**
 * gst_livekit_data_meta_set_sender:
 * @meta: a meta of a writable buffer
 * @identity: (nullable): who sent it; %NULL: it is to be sent
 * @sid: (nullable): the server's name for the sender
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_sender (GstLiveKitDataMeta *meta, const gchar *identity,
                                                       const gchar *sid);

/**
 * gst_livekit_data_meta_set_destinations:
 * @meta: a meta of a writable buffer
 * @identities: (nullable) (array zero-terminated=1): who shall get it; %NULL: everybody else
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_destinations (GstLiveKitDataMeta *meta,
                                                             const gchar *const *identities);

/**
 * gst_livekit_data_meta_set_reliability:
 * @meta: a meta of a writable buffer
 * @reliability: how the packet travels
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_reliability (GstLiveKitDataMeta *meta,
                                                            GstLiveKitReliability reliability);

/**
 * gst_livekit_data_meta_set_stream:
 * @meta: a meta of a writable buffer
 * @stream_id: (nullable): id of the stream; %NULL: one is made
 * @mime_type: (nullable): %NULL: the element's
 * @name: (nullable): name of a byte stream; %NULL: the element's
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_stream (GstLiveKitDataMeta *meta, const gchar *stream_id,
                                                       const gchar *mime_type, const gchar *name);

/**
 * gst_livekit_data_meta_set_attribute:
 * @meta: a meta of a writable buffer
 * @key: name of the attribute
 * @value: (nullable): its value; %NULL removes it
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_attribute (GstLiveKitDataMeta *meta, const gchar *key,
                                                          const gchar *value);

/**
 * gst_livekit_data_meta_get_attribute:
 * @meta: a meta
 * @key: name of the attribute
 *
 * Returns: (nullable): its value
 *
 * Since: 0.1
 */
GST_LIVEKIT_API const gchar *gst_livekit_data_meta_get_attribute (const GstLiveKitDataMeta *meta,
                                                                  const gchar *key);

/**
 * gst_livekit_data_meta_set_timestamp:
 * @meta: a meta of a writable buffer
 * @timestamp: when it was captured, in microseconds since 1970; %G_MAXUINT64: unknown
 *
 * Since: 0.1
 */
GST_LIVEKIT_API void gst_livekit_data_meta_set_timestamp (GstLiveKitDataMeta *meta, guint64 timestamp);

G_END_DECLS
