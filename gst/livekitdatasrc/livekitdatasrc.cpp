/**
 * SECTION:element-livekitdatasrc
 *
 * Gives what others send in a LiveKit room as buffers: packets, text and byte streams, chat messages,
 * transcriptions, or frames of data tracks.
 *
 * |[
 * gst-launch-1.0 livekitdatasrc room=demo mode=chat ! fdsink
 * ]|
 *
 * Since: 0.1
 */
#include "elements.hpp"
#include "livekitdatasrc/datasrc.hpp"
#include "participant/props.hpp"

GST_DEBUG_CATEGORY (livekit_data_src_debug);
#define GST_CAT_DEFAULT livekit_data_src_debug

G_BEGIN_DECLS
#define GST_TYPE_LIVEKIT_DATA_SRC (gst_livekit_data_src_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveKitDataSrc, gst_livekit_data_src, GST, LIVEKIT_DATA_SRC, GstPushSrc)
G_END_DECLS

struct _GstLiveKitDataSrc {
  GstPushSrc parent;
  lk::gst::DataSrc *priv; // from init to finalize
};

G_DEFINE_FINAL_TYPE (GstLiveKitDataSrc, gst_livekit_data_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE (livekitdatasrc, "livekitdatasrc", GST_RANK_NONE, GST_TYPE_LIVEKIT_DATA_SRC)

namespace lk::gst {

namespace {

using Row = Prop<ReceiveSettings>;

std::span<const Row>
rows () {
  static const Row table[] = {
    enum_prop<&ReceiveSettings::mode> ("mode", "Mode", "What to receive", GST_TYPE_LIVEKIT_DATA_KIND, kReady),
    text_prop<&ReceiveSettings::topic> (
        "topic", "Topic",
        "Topics of packets and streams, or names of data tracks, to receive: globs, comma-separated, "
        "! excludes (default: all)",
        kReady),
    text_prop<&ReceiveSettings::participants> (
        "participants", "Participants",
        "Identities to receive from: globs, comma-separated, ! excludes (default: all)", kReady),
    Row{ "caps",
         [] (const char *n) {
           return g_param_spec_boxed (n, "Caps",
                                      "Format of the buffers (default: text/x-raw for text, chat and "
                                      "transcriptions, none for the rest)",
                                      GST_TYPE_CAPS, kReady);
         },
         [] (ReceiveSettings &s, const GValue *v) {
           s.caps = Ref<GstCaps>::adopt (static_cast<GstCaps *> (g_value_dup_boxed (v)));
         },
         [] (const ReceiveSettings &s, GValue *v) { g_value_set_boxed (v, s.caps.get ()); } },
    switch_prop<&ReceiveSettings::chunks> (
        "chunks", "Chunks",
        "A buffer for each part of a stream as it comes, instead of one for the whole stream", kReady),
    uint_prop<&ReceiveSettings::num_streams> ("num-streams", "Number of streams",
                                              "EOS after so many messages or whole streams; 0: no end", 0,
                                              G_MAXUINT, kReady),
    uint_prop<&ReceiveSettings::max_buffers> ("max-buffers", "Maximum buffers",
                                              "How many may wait for what follows; more are dropped", 1,
                                              G_MAXUINT, kPlaying),
    uint_prop<&ReceiveSettings::max_bytes> ("max-bytes", "Maximum bytes",
                                            "How many bytes may wait for what follows; more are dropped", 1,
                                            G_MAXUINT, kPlaying),
    enum_prop<&ReceiveSettings::leaky> (
        "leaky", "Leaky", "What is dropped when too much waits; of a stream in chunks all of it",
        GST_TYPE_LIVEKIT_LEAKY, kPlaying),
    uint_prop<&ReceiveSettings::max_stream_bytes> (
        "max-stream-bytes", "Maximum stream bytes",
        "Whole streams that are larger are not received; with chunks there is no limit", 1, G_MAXUINT,
        kReady),
    uint_prop<&ReceiveSettings::text_duration_ms> (
        "text-duration", "Text duration",
        "Duration of text buffers whose sender did not give one, in ms; 0: none", 0, 3600000, kReady),
    enum_prop<&ReceiveSettings::timestamp_mode> (
        "timestamp-mode", "Timestamp mode",
        "Time stamps of the buffers: of their arrival, or in line with the sound and picture of "
        "their sender, where the session receives those; then the latency is that of livekitsrc",
        GST_TYPE_LIVEKIT_TIMESTAMP_MODE, kReady),
    switch_prop<&ReceiveSettings::line_breaks> (
        "line-breaks", "Line breaks", "A line break after each message, for terminals and text files",
        kReady),
    switch_prop<&ReceiveSettings::interim> (
        "interim", "Interim", "Transcriptions: also the versions of a segment that are not final", kReady),
  };
  return table;
}

guint first_own_prop;

} // namespace

} // namespace lk::gst

using lk::gst::DataSrc;

static DataSrc &
src_of (gpointer object) {
  return *static_cast<GstLiveKitDataSrc *> (object)->priv;
}

// ---- GObject ------------------------------------------------------------------------------------

static void
gst_livekit_data_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  if (src_of (object).participant.set_property (id, value)) return;
  const auto *row
      = lk::gst::find_prop<lk::gst::ReceiveSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  src_of (object).change_settings ([&] (lk::gst::ReceiveSettings &s) { row->set (s, value); });
}

static void
gst_livekit_data_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  if (src_of (object).participant.get_property (id, value)) return;
  const auto *row
      = lk::gst::find_prop<lk::gst::ReceiveSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (row)
    row->get (src_of (object).settings (), value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_data_src_finalize (GObject *object) {
  delete GST_LIVEKIT_DATA_SRC (object)->priv;
  G_OBJECT_CLASS (gst_livekit_data_src_parent_class)->finalize (object);
}

// ---- GstElement ---------------------------------------------------------------------------------

static GstStateChangeReturn
gst_livekit_data_src_change_state (GstElement *element, GstStateChange transition) {
  auto &src = src_of (element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !src.participant.attach ())
    return GST_STATE_CHANGE_FAILURE;

  const auto result
      = GST_ELEMENT_CLASS (gst_livekit_data_src_parent_class)->change_state (element, transition);

  const bool failed = result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !failed) src.participant.start ();
  if (transition == GST_STATE_CHANGE_READY_TO_NULL
      || (transition == GST_STATE_CHANGE_NULL_TO_READY && failed))
    src.participant.detach ();
  return result;
}

static void
gst_livekit_data_src_set_context (GstElement *element, GstContext *context) {
  src_of (element).participant.set_context (context);
  GST_ELEMENT_CLASS (gst_livekit_data_src_parent_class)->set_context (element, context);
}

// ---- GstBaseSrc ---------------------------------------------------------------------------------

static gboolean
gst_livekit_data_src_start (GstBaseSrc *src) {
  src_of (src).start ();
  return TRUE;
}

static gboolean
gst_livekit_data_src_stop (GstBaseSrc *src) {
  src_of (src).stop ();
  return TRUE;
}

static gboolean
gst_livekit_data_src_unlock (GstBaseSrc *src) {
  src_of (src).set_flushing (true);
  return TRUE;
}

static gboolean
gst_livekit_data_src_unlock_stop (GstBaseSrc *src) {
  src_of (src).set_flushing (false);
  return TRUE;
}

static gboolean
gst_livekit_data_src_is_seekable (GstBaseSrc *) {
  return FALSE;
}

static GstCaps *
gst_livekit_data_src_get_caps (GstBaseSrc *src, GstCaps *filter) {
  auto caps = src_of (src).caps ();
  return filter ? gst_caps_intersect_full (filter, caps.get (), GST_CAPS_INTERSECT_FIRST) : caps.release ();
}

static gboolean
gst_livekit_data_src_query (GstBaseSrc *src, GstQuery *query) {
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (gst_livekit_data_src_parent_class)->query (src, query);
  gst_query_set_latency (query, TRUE, src_of (src).latency (), GST_CLOCK_TIME_NONE);
  return TRUE;
}

static GstFlowReturn
gst_livekit_data_src_create (GstPushSrc *src, GstBuffer **buffer) {
  return src_of (src).create (buffer);
}

/// Data comes when it comes: what follows must not wait for it.
static GstPadProbeReturn
mark_sparse (GstPad *, GstPadProbeInfo *info, gpointer) {
  auto *event = GST_PAD_PROBE_INFO_EVENT (info);
  if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    event = gst_event_make_writable (event);
    gst_event_set_stream_flags (event, GST_STREAM_FLAG_SPARSE);
    GST_PAD_PROBE_INFO_DATA (info) = event;
  }
  return GST_PAD_PROBE_OK;
}

static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static void
gst_livekit_data_src_class_init (GstLiveKitDataSrcClass *klass) {
  GST_DEBUG_CATEGORY_INIT (livekit_data_src_debug, "livekitdatasrc", 0, "LiveKit data source");
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  auto *src = GST_BASE_SRC_CLASS (klass);
  object->set_property = gst_livekit_data_src_set_property;
  object->get_property = gst_livekit_data_src_get_property;
  object->finalize = gst_livekit_data_src_finalize;
  element->change_state = gst_livekit_data_src_change_state;
  element->set_context = gst_livekit_data_src_set_context;
  src->start = gst_livekit_data_src_start;
  src->stop = gst_livekit_data_src_stop;
  src->unlock = gst_livekit_data_src_unlock;
  src->unlock_stop = gst_livekit_data_src_unlock_stop;
  src->is_seekable = gst_livekit_data_src_is_seekable;
  src->get_caps = gst_livekit_data_src_get_caps;
  src->query = gst_livekit_data_src_query;
  GST_PUSH_SRC_CLASS (klass)->create = gst_livekit_data_src_create;

  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "LiveKit data source", "Source/Network",
                                         "Gives messages of a LiveKit room as buffers", "gst-livekit");
  lk::gst::first_own_prop = lk::gst::Participant::install (element, GST_LIVEKIT_ON_DISCONNECT_EOS);
  lk::gst::install_props<lk::gst::ReceiveSettings> (object, lk::gst::rows (), lk::gst::first_own_prop);
}

static void
gst_livekit_data_src_init (GstLiveKitDataSrc *self) {
  self->priv = new DataSrc (GST_BASE_SRC (self));
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_pad_add_probe (GST_BASE_SRC_PAD (self), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, mark_sparse, nullptr,
                     nullptr);
}
