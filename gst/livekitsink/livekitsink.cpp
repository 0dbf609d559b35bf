/**
 * SECTION:element-livekitsink
 * @title: livekitsink
 *
 * Publishes what its pads get as tracks of one participant in a LiveKit room. Raw media is encoded (Opus, VP8
 * unless a pad's `codec` says otherwise), encoded media is sent as it is.
 *
 * ## Example
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true ! livekitsink room=demo
 * ]|
 *
 * Since: 0.1
 */
#include "elements.hpp"
#include "livekitsink/sink.hpp"

GST_DEBUG_CATEGORY (livekit_sink_debug);

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_SINK (gst_livekit_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitSink, gst_livekit_sink, GST, LIVEKIT_SINK, GstBin)
G_END_DECLS

struct _GstLiveKitSink {
  GstBin parent;
  lk::gst::Sink *priv; // from init to finalize
};

static void gst_livekit_sink_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstLiveKitSink, gst_livekit_sink, GST_TYPE_BIN,
                               G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY,
                                                      gst_livekit_sink_child_proxy_init))
GST_ELEMENT_REGISTER_DEFINE (livekitsink, "livekitsink", GST_RANK_NONE, GST_TYPE_LIVEKIT_SINK)

static lk::gst::Sink &
sink_of (gpointer object) {
  return *static_cast<GstLiveKitSink *> (object)->priv;
}

// ---- class --------------------------------------------------------------------------------------

static gboolean
gst_livekit_sink_set_muted (GstElement *element, const gchar *track, gboolean muted) {
  return sink_of (element).set_muted (track, muted);
}

static GstPad *
gst_livekit_sink_request_new_pad (GstElement *element, GstPadTemplate *templ, const gchar *name,
                                  const GstCaps *) {
  return sink_of (element).request_pad (templ, name);
}

static void
gst_livekit_sink_release_pad (GstElement *element, GstPad *pad) {
  if (GST_IS_LIVEKIT_SINK_PAD (pad)) sink_of (element).release_pad (GST_LIVEKIT_SINK_PAD (pad));
}

static GstStateChangeReturn
gst_livekit_sink_change_state (GstElement *element, GstStateChange transition) {
  return sink_of (element).change_state (transition);
}

static gboolean
gst_livekit_sink_send_event (GstElement *element, GstEvent *event) {
  return sink_of (element).send_event (event);
}

static gboolean
gst_livekit_sink_query (GstElement *element, GstQuery *query) {
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    // Live input is sent at once, other input has no deadline: nobody need wait for us, nor we for others.
    gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->query (element, query);
}

static void
gst_livekit_sink_set_context (GstElement *element, GstContext *context) {
  sink_of (element).participant.set_context (context);
  GST_ELEMENT_CLASS (gst_livekit_sink_parent_class)->set_context (element, context);
}

static void
gst_livekit_sink_handle_message (GstBin *bin, GstMessage *message) {
  sink_of (bin).handle_message (message);
}

static void
gst_livekit_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  if (!sink_of (object).participant.set_property (id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  if (!sink_of (object).participant.get_property (id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_dispose (GObject *object) {
  for (const auto &pad : sink_of (object).pads ())
    sink_of (object).release_pad (pad.get ());
  G_OBJECT_CLASS (gst_livekit_sink_parent_class)->dispose (object);
}

static void
gst_livekit_sink_finalize (GObject *object) {
  delete GST_LIVEKIT_SINK (object)->priv;
  G_OBJECT_CLASS (gst_livekit_sink_parent_class)->finalize (object);
}

static void
gst_livekit_sink_class_init (GstLiveKitSinkClass *klass) {
  GST_DEBUG_CATEGORY_INIT (livekit_sink_debug, "livekitsink", 0, "LiveKit sink");
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  auto *bin = GST_BIN_CLASS (klass);
  object->set_property = gst_livekit_sink_set_property;
  object->get_property = gst_livekit_sink_get_property;
  object->dispose = gst_livekit_sink_dispose;
  object->finalize = gst_livekit_sink_finalize;
  element->request_new_pad = gst_livekit_sink_request_new_pad;
  element->release_pad = gst_livekit_sink_release_pad;
  element->change_state = gst_livekit_sink_change_state;
  element->send_event = gst_livekit_sink_send_event;
  element->query = gst_livekit_sink_query;
  element->set_context = gst_livekit_sink_set_context;
  bin->handle_message = gst_livekit_sink_handle_message;

  lk::gst::Participant::install (element, GST_LIVEKIT_ON_DISCONNECT_ERROR);

  /**
   * GstLiveKitSink::encoder-setup:
   * @pad: the sink pad
   * @encoder: a new encoder, its defaults set
   *
   * To change an encoder's properties. Streaming thread.
   */
  g_signal_new (lk::gst::kEncoderSetupSignal, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, nullptr,
                nullptr, nullptr, G_TYPE_NONE, 2, GST_TYPE_PAD, GST_TYPE_ELEMENT);
  /**
   * GstLiveKitSink::set-muted:
   * @track: name or SID of one of our tracks
   * @muted: what it shall be
   *
   * Mutes or unmutes one of our tracks, as the pad's property does.
   *
   * Returns: FALSE when there is no such track
   */
  g_signal_new_class_handler ("set-muted", G_TYPE_FROM_CLASS (klass),
                              GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (gst_livekit_sink_set_muted), nullptr, nullptr, nullptr,
                              G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);

  for (const auto &kind : lk::gst::sink_pad_kinds ())
    gst_element_class_add_pad_template (
        element, gst_pad_template_new_with_gtype (kind.templ, GST_PAD_SINK, GST_PAD_REQUEST,
                                                  lk::gst::sink_template_caps (kind.kind).get (),
                                                  GST_TYPE_LIVEKIT_SINK_PAD));
  gst_type_mark_as_plugin_api (GST_TYPE_LIVEKIT_SINK_PAD, GstPluginAPIFlags (0));
  gst_element_class_set_static_metadata (element, "LiveKit sink", "Sink/Network/WebRTC",
                                         "Publishes tracks in a LiveKit room", "gst-livekit");
}

static void
gst_livekit_sink_init (GstLiveKitSink *self) {
  self->priv = new lk::gst::Sink (GST_BIN (self), gst_livekit_sink_parent_class);
  // An empty bin is no sink to GstBin, and its EOS would not be waited for.
  gst_bin_set_suppressed_flags (GST_BIN (self),
                                GstElementFlags (GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

// ---- GstChildProxy: the pads, not the elements behind them --------------------------------------

static GObject *
gst_livekit_sink_get_child_by_index (GstChildProxy *proxy, guint index) {
  auto pads = sink_of (proxy).pads ();
  return index < pads.size () ? G_OBJECT (g_object_ref (pads[index].get ())) : nullptr;
}

static GObject *
gst_livekit_sink_get_child_by_name (GstChildProxy *proxy, const gchar *name) {
  for (const auto &pad : sink_of (proxy).pads ())
    if (g_str_equal (GST_OBJECT_NAME (pad.get ()), name)) return G_OBJECT (g_object_ref (pad.get ()));
  return nullptr;
}

static guint
gst_livekit_sink_get_children_count (GstChildProxy *proxy) {
  return guint (sink_of (proxy).pads ().size ());
}

static void
gst_livekit_sink_child_proxy_init (gpointer iface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *> (iface);
  proxy->get_child_by_index = gst_livekit_sink_get_child_by_index;
  proxy->get_child_by_name = gst_livekit_sink_get_child_by_name;
  proxy->get_children_count = gst_livekit_sink_get_children_count;
}
