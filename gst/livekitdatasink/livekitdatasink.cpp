/**
 * SECTION:element-livekitdatasink
 *
 * Sends each buffer as a message to a LiveKit room: as a packet, a text or byte stream, a chat message, a
 * transcription, or a frame of a data track.
 *
 * |[
 * gst-launch-1.0 filesrc location=map.png ! livekitdatasink room=demo mode=bytes stream-per=segment
 * topic=maps
 * ]|
 *
 * Since: 0.1
 */
#include "elements.hpp"
#include "livekitdatasink/datasink.hpp"
#include "participant/props.hpp"
#include "participant/structures.hpp"

GST_DEBUG_CATEGORY (livekit_data_sink_debug);
#define GST_CAT_DEFAULT livekit_data_sink_debug

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_DATA_SINK (gst_livekit_data_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitDataSink, gst_livekit_data_sink, GST, LIVEKIT_DATA_SINK, GstBaseSink)
G_END_DECLS

struct _GstLiveKitDataSink {
  GstBaseSink parent;
  lk::gst::DataSink *priv; // from init to finalize
};

G_DEFINE_FINAL_TYPE (GstLiveKitDataSink, gst_livekit_data_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (livekitdatasink, "livekitdatasink", GST_RANK_NONE, GST_TYPE_LIVEKIT_DATA_SINK)

namespace lk::gst {

namespace {

using Row = Prop<SendSettings>;

std::span<const Row>
rows () {
  static const Row table[] = {
    enum_prop<&SendSettings::mode> ("mode", "Mode", "In which form buffers are sent",
                                    GST_TYPE_LIVEKIT_DATA_KIND, kReady),
    text_prop<&SendSettings::topic> (
        "topic", "Topic", "Topic of packets and streams; in mode=track the name of the track (default: none)",
        kPlaying),
    text_prop<&SendSettings::destinations> (
        "destinations", "Destinations",
        "Identities to send to, comma-separated (default: everybody else in the room)", kPlaying),
    enum_prop<&SendSettings::reliability> ("reliability", "Reliability", "How packets travel",
                                           GST_TYPE_LIVEKIT_RELIABILITY, kPlaying),
    enum_prop<&SendSettings::oversize> (
        "oversize", "Oversize",
        "What to do in mode=packet with a buffer over 1,300 bytes (lossy) or 15,360 (reliable)",
        GST_TYPE_LIVEKIT_OVERSIZE, kPlaying),
    uint_prop<&SendSettings::max_latency_ms> (
        "max-latency", "Maximum latency",
        "Lossy packets and frames of a track that waited longer for the network "
        "are dropped, in ms; 0: no limit",
        0, 60000, kPlaying),
    enum_prop<&SendSettings::stream_per> (
        "stream-per", "Stream per", "What makes one stream in mode=text and mode=bytes; a file is a segment",
        GST_TYPE_LIVEKIT_STREAM_PER, kReady),
    text_prop<&SendSettings::mime_type> (
        "mime-type", "MIME type", "Of streams (default: text/plain, application/octet-stream)", kPlaying),
    text_prop<&SendSettings::stream_name> ("stream-name", "Stream name",
                                           "Name of byte streams, usually that of a file (default: none)",
                                           kPlaying),
    Row{ "stream-attributes",
         [] (const char *n) {
           return g_param_spec_boxed (n, "Stream attributes",
                                      "Strings that go with each stream, by name (default: none)",
                                      GST_TYPE_STRUCTURE, kPlaying);
         },
         [] (SendSettings &s, const GValue *v) {
           s.attributes = attributes_of (static_cast<const GstStructure *> (g_value_get_boxed (v)));
         },
         [] (const SendSettings &s, GValue *v) {
           if (!s.attributes.empty ()) g_value_take_boxed (v, to_structure (s.attributes).release ());
         } },
    switch_prop<&SendSettings::send_time> (
        "send-time", "Send time",
        "Packets and streams carry the time of their (first) buffer in "
        "microseconds since 1970, as start time or attribute capture-time; "
        "frames of a track and transcriptions always have it",
        kPlaying),
    uint_prop<&SendSettings::resend_window_ms> (
        "resend-window", "Resend window",
        "After a full reconnect reliable data of so long before it is sent again, "
        "in ms: receivers of this plugin drop what they have, others may get it "
        "twice; 0: only what had not left. The widest of a session counts",
        0, 30000, kReady),
    uint_prop<&SendSettings::drain_timeout_ms> (
        "drain-timeout", "Drain timeout",
        "How long EOS waits for the network to take what is left of reliable "
        "data, in ms; then a warning tells how much was lost",
        0, 3600000, kPlaying),
  };
  return table;
}

guint first_own_prop;

} // namespace

} // namespace lk::gst

using lk::gst::DataSink;

static DataSink &
sink_of (gpointer object) {
  return *static_cast<GstLiveKitDataSink *> (object)->priv;
}

// ---- GObject ------------------------------------------------------------------------------------

static void
gst_livekit_data_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  if (sink_of (object).participant.set_property (id, value)) return;
  const auto *row = lk::gst::find_prop<lk::gst::SendSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  sink_of (object).change_settings ([&] (lk::gst::SendSettings &s) { row->set (s, value); });
}

static void
gst_livekit_data_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  if (sink_of (object).participant.get_property (id, value)) return;
  const auto *row = lk::gst::find_prop<lk::gst::SendSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (row)
    row->get (sink_of (object).settings (), value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_data_sink_finalize (GObject *object) {
  delete GST_LIVEKIT_DATA_SINK (object)->priv;
  G_OBJECT_CLASS (gst_livekit_data_sink_parent_class)->finalize (object);
}

// ---- GstElement ---------------------------------------------------------------------------------

static GstStateChangeReturn
gst_livekit_data_sink_change_state (GstElement *element, GstStateChange transition) {
  auto &sink = sink_of (element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !sink.participant.attach ())
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) sink.participant.start ();

  const auto result
      = GST_ELEMENT_CLASS (gst_livekit_data_sink_parent_class)->change_state (element, transition);

  const bool failed = result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_NULL
      || (transition == GST_STATE_CHANGE_NULL_TO_READY && failed))
    sink.participant.detach ();
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && !failed) sink.playing ();
  return result;
}

static gboolean
gst_livekit_data_sink_query (GstElement *element, GstQuery *query) {
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    // Live input is sent at once, other input has no deadline: nobody need wait for us, nor we for others.
    gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (gst_livekit_data_sink_parent_class)->query (element, query);
}

static void
gst_livekit_data_sink_set_context (GstElement *element, GstContext *context) {
  sink_of (element).participant.set_context (context);
  GST_ELEMENT_CLASS (gst_livekit_data_sink_parent_class)->set_context (element, context);
}

// ---- GstBaseSink --------------------------------------------------------------------------------

static gboolean
gst_livekit_data_sink_start (GstBaseSink *sink) {
  sink_of (sink).start ();
  return TRUE;
}

static gboolean
gst_livekit_data_sink_stop (GstBaseSink *sink) {
  sink_of (sink).stop ();
  return TRUE;
}

static gboolean
gst_livekit_data_sink_unlock (GstBaseSink *sink) {
  sink_of (sink).unlock ();
  return TRUE;
}

static gboolean
gst_livekit_data_sink_unlock_stop (GstBaseSink *sink) {
  sink_of (sink).unlock_stop ();
  return TRUE;
}

static gboolean
gst_livekit_data_sink_set_caps (GstBaseSink *sink, GstCaps *caps) {
  sink_of (sink).set_caps (caps);
  return TRUE;
}

static gboolean
gst_livekit_data_sink_event (GstBaseSink *sink, GstEvent *event) {
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) sink_of (sink).segment ();
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP) sink_of (sink).flushed ();
  return GST_BASE_SINK_CLASS (gst_livekit_data_sink_parent_class)->event (sink, event);
}

static GstFlowReturn
gst_livekit_data_sink_wait_event (GstBaseSink *sink, GstEvent *event) {
  const auto flow = GST_BASE_SINK_CLASS (gst_livekit_data_sink_parent_class)->wait_event (sink, event);
  return flow == GST_FLOW_OK && GST_EVENT_TYPE (event) == GST_EVENT_EOS ? sink_of (sink).finish () : flow;
}

static void
gst_livekit_data_sink_get_times (GstBaseSink *sink, GstBuffer *buffer, GstClockTime *start,
                                 GstClockTime *end) {
  *start = *end = GST_CLOCK_TIME_NONE;
  if (sink_of (sink).live ()) return;
  GST_BASE_SINK_CLASS (gst_livekit_data_sink_parent_class)->get_times (sink, buffer, start, end);
}

static GstFlowReturn
gst_livekit_data_sink_render (GstBaseSink *sink, GstBuffer *buffer) {
  return sink_of (sink).render (buffer);
}

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static void
gst_livekit_data_sink_class_init (GstLiveKitDataSinkClass *klass) {
  GST_DEBUG_CATEGORY_INIT (livekit_data_sink_debug, "livekitdatasink", 0, "LiveKit data sink");
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  auto *sink = GST_BASE_SINK_CLASS (klass);
  object->set_property = gst_livekit_data_sink_set_property;
  object->get_property = gst_livekit_data_sink_get_property;
  object->finalize = gst_livekit_data_sink_finalize;
  element->change_state = gst_livekit_data_sink_change_state;
  element->query = gst_livekit_data_sink_query;
  element->set_context = gst_livekit_data_sink_set_context;
  sink->start = gst_livekit_data_sink_start;
  sink->stop = gst_livekit_data_sink_stop;
  sink->unlock = gst_livekit_data_sink_unlock;
  sink->unlock_stop = gst_livekit_data_sink_unlock_stop;
  sink->set_caps = gst_livekit_data_sink_set_caps;
  sink->event = gst_livekit_data_sink_event;
  sink->wait_event = gst_livekit_data_sink_wait_event;
  sink->get_times = gst_livekit_data_sink_get_times;
  sink->render = gst_livekit_data_sink_render;

  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_set_static_metadata (element, "LiveKit data sink", "Sink/Network",
                                         "Sends buffers as messages to a LiveKit room", "gst-livekit");
  lk::gst::first_own_prop = lk::gst::Participant::install (element, GST_LIVEKIT_ON_DISCONNECT_ERROR);
  lk::gst::install_props<lk::gst::SendSettings> (object, lk::gst::rows (), lk::gst::first_own_prop);
}

static void
gst_livekit_data_sink_init (GstLiveKitDataSink *self) {
  self->priv = new DataSink (GST_BASE_SINK (self));
  // Data comes when it comes: the pipeline's start must not wait for the first of it.
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
}
