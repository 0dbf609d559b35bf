// libsoup 3.2 limits the size of a WebSocket frame but not the number of frames that make one message: a peer
// that never sends the last one fills the memory. Later versions have the property "max-total-message-size";
// before them the only public place that sees every frame is a WebSocket extension, which must be there when
// the connection object is made. So the object that libsoup made is silenced, and a second one with our
// extension takes its stream.
#include "base/log.hpp"
#include "net/soup_impl.hpp"

namespace lk::net {
namespace {

struct FrameCounter {
  SoupWebsocketExtension parent;
  gsize max_bytes;
  gsize message_bytes; // of the message that is being put together
};
struct FrameCounterClass {
  SoupWebsocketExtensionClass parent;
};

GBytes *
count_frame (SoupWebsocketExtension *extension, guint8 *header, GBytes *payload, GError **error) noexcept {
  constexpr guint8 kLast = 0x80, kOpcode = 0x0f, kControl = 0x08; // RFC 6455 §5.2
  auto *self = reinterpret_cast<FrameCounter *> (extension);
  if (*header & kControl) return payload;
  if (*header & kOpcode) self->message_bytes = 0; // not a continuation
  self->message_bytes += g_bytes_get_size (payload);
  if (self->message_bytes > self->max_bytes) {
    g_bytes_unref (payload);
    g_set_error_literal (error, SOUP_WEBSOCKET_ERROR, SOUP_WEBSOCKET_CLOSE_TOO_BIG,
                         "message larger than allowed");
    return nullptr;
  }
  if (*header & kLast) self->message_bytes = 0;
  return payload;
}

void
frame_counter_class_init (gpointer klass, gpointer) noexcept {
  static_cast<SoupWebsocketExtensionClass *> (klass)->process_incoming_message = count_frame;
}

GType
frame_counter_get_type () {
  static const GType type = g_type_register_static_simple (
      SOUP_TYPE_WEBSOCKET_EXTENSION, g_intern_static_string ("LkFrameCounter"), sizeof (FrameCounterClass),
      frame_counter_class_init, sizeof (FrameCounter), nullptr, GTypeFlags (0));
  return type;
}

} // namespace

Ref<SoupWebsocketConnection>
limit_message_size (const Ref<SoupWebsocketConnection> &connection, size_t max_bytes) {
  auto *original = connection.get ();
  soup_websocket_connection_set_max_incoming_payload_size (original, max_bytes);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (original), "max-total-message-size")) {
    g_object_set (original, "max-total-message-size", static_cast<guint64> (max_bytes), nullptr);
    return connection;
  }
  // Nothing has been read yet: we are in the callback that announces the connection.
  GSource *reader = g_main_context_find_source_by_user_data (g_main_context_get_thread_default (), original);
  if (!reader) {
    GST_CAT_WARNING (log::net (), "this libsoup cannot limit a message of many frames");
    return connection;
  }
  g_source_destroy (reader);
  auto *counter = static_cast<FrameCounter *> (g_object_new (frame_counter_get_type (), nullptr));
  counter->max_bytes = max_bytes;
  auto limited = Ref<SoupWebsocketConnection>::adopt (soup_websocket_connection_new (
      soup_websocket_connection_get_io_stream (original), soup_websocket_connection_get_uri (original),
      SOUP_WEBSOCKET_CONNECTION_CLIENT, soup_websocket_connection_get_origin (original),
      soup_websocket_connection_get_protocol (original), g_list_append (nullptr, counter)));
  soup_websocket_connection_set_max_incoming_payload_size (limited.get (), max_bytes);
  return limited;
}

} // namespace lk::net
