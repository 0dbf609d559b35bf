#include "media/pad_element.hpp"

#include <string>

namespace lk::media {

namespace {

struct Element {
  GstElement parent;
  // On the heap, for GObject runs no constructors. Stored and read atomically: what was written before the
  // element started is handed to its streaming thread by this, visibly also to tools that do not know GLib.
  std::shared_ptr<PadHandler> *handler;
};
struct ElementClass {
  GstElementClass parent;
};

GstElementClass *parent_class = nullptr;

PadHandler &
handler_of (GstObject *object) {
  return **static_cast<std::shared_ptr<PadHandler> *> (
      g_atomic_pointer_get (&reinterpret_cast<Element *> (object)->handler));
}

GstFlowReturn
on_chain (GstPad *, GstObject *parent, GstBuffer *buffer) noexcept {
  return handler_of (parent).chain (Ref<GstBuffer>::adopt (buffer));
}

gboolean
on_sink_event (GstPad *, GstObject *parent, GstEvent *event) noexcept {
  return handler_of (parent).sink_event (Ref<GstEvent>::adopt (event));
}

gboolean
on_src_event (GstPad *, GstObject *parent, GstEvent *event) noexcept {
  return handler_of (parent).src_event (Ref<GstEvent>::adopt (event));
}

gboolean
on_src_query (GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
  return handler_of (parent).src_query (query) || gst_pad_query_default (pad, parent, query);
}

void
on_task (gpointer data) noexcept {
  auto *pad = static_cast<GstPad *> (data);
  auto *element = reinterpret_cast<GstObject *> (gst_pad_get_parent_element (pad));
  if (!element) return;
  if (!handler_of (element).produce ()) gst_pad_pause_task (pad);
  gst_object_unref (element);
}

GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition) noexcept {
  PadHandler &handler = handler_of (GST_OBJECT (element));
  auto src = Ref<GstPad>::adopt (gst_element_get_static_pad (element, "src"));
  bool is_source = GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SOURCE);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    handler.start ();
    auto *self = reinterpret_cast<Element *> (element);
    g_atomic_pointer_set (&self->handler, self->handler);
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) handler.stop ();
  GstStateChangeReturn ret = parent_class->change_state (element, transition);
  if (!is_source || ret == GST_STATE_CHANGE_FAILURE) return ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && handler.has_task ())
    gst_pad_start_task (src.get (), on_task, src.get (), nullptr);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) gst_pad_stop_task (src.get ());
  bool to_paused
      = transition == GST_STATE_CHANGE_READY_TO_PAUSED || transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
  return to_paused ? GST_STATE_CHANGE_NO_PREROLL : ret;
}

void
finalize (GObject *object) noexcept {
  delete reinterpret_cast<Element *> (object)->handler;
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

void
class_init (gpointer klass, gpointer) {
  parent_class = static_cast<GstElementClass *> (g_type_class_peek_parent (klass));
  G_OBJECT_CLASS (klass)->finalize = finalize;
  GST_ELEMENT_CLASS (klass)->change_state = change_state;
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "LiveKit bridge end", "Generic",
                                         "Pads that call an object", "gst-livekit");
}

// The core is linked into more than one library (the plugin, the C API), which a process may load together:
// each copy needs a type of its own, because the class functions of the other copy know other objects.
GType
element_type () {
  static const GType type = [] {
    std::string name = "LkPadElement" + std::to_string (reinterpret_cast<guintptr> (&parent_class));
    return g_type_register_static_simple (GST_TYPE_ELEMENT, name.c_str (), sizeof (ElementClass), class_init,
                                          sizeof (Element), nullptr, GTypeFlags (0));
  }();
  return type;
}

GstPad *
add_pad (GstElement *element, GstPadDirection direction, const char *caps_text) {
  const char *name = direction == GST_PAD_SINK ? "sink" : "src";
  auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (caps_text));
  auto pad_template
      = Ref<GstPadTemplate>::sink (gst_pad_template_new (name, direction, GST_PAD_ALWAYS, caps.get ()));
  GstPad *pad = gst_pad_new_from_template (pad_template.get (), name);
  gst_element_add_pad (element, pad);
  return pad;
}

} // namespace

GstFlowReturn
PadHandler::chain (Ref<GstBuffer> buffer) {
  return gst_pad_push (src_pad, buffer.release ());
}

bool
PadHandler::sink_event (Ref<GstEvent> event) {
  return gst_pad_push_event (src_pad, event.release ());
}

bool
PadHandler::src_event (Ref<GstEvent> event) {
  return sink_pad && gst_pad_push_event (sink_pad, event.release ());
}

bool
PadHandler::src_query (GstQuery *) {
  return false;
}

Ref<GstElement>
make_pad_element (const char *name, std::shared_ptr<PadHandler> handler, const char *sink_caps,
                  const char *src_caps) {
  auto element = Ref<GstElement>::sink (
      static_cast<GstElement *> (g_object_new (element_type (), "name", name, nullptr)));
  PadHandler &h = *handler;
  if (sink_caps) {
    h.sink_pad = add_pad (element.get (), GST_PAD_SINK, sink_caps);
    gst_pad_set_chain_function (h.sink_pad, on_chain);
    gst_pad_set_event_function (h.sink_pad, on_sink_event);
  } else {
    GST_OBJECT_FLAG_SET (element.get (), GST_ELEMENT_FLAG_SOURCE);
  }
  if (src_caps) {
    h.src_pad = add_pad (element.get (), GST_PAD_SRC, src_caps);
    gst_pad_set_event_function (h.src_pad, on_src_event);
    gst_pad_set_query_function (h.src_pad, on_src_query);
  }
  g_atomic_pointer_set (&reinterpret_cast<Element *> (element.get ())->handler,
                        new std::shared_ptr<PadHandler> (std::move (handler)));
  return element;
}

void
add_quietly (GstElement *bin, GstElement *element) {
  gst_bin_add (GST_BIN (bin), element);
  gst_element_set_bus (element, nullptr);
}

} // namespace lk::media
