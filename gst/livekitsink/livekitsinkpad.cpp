#include "livekitsink/livekitsinkpad.hpp"

#include "participant/props.hpp"
#include "participant/structures.hpp"

G_DEFINE_FINAL_TYPE (GstLiveKitSinkPad, gst_livekit_sink_pad, GST_TYPE_GHOST_PAD)

namespace {

using lk::gst::kPlaying;
using lk::gst::kRead;
using lk::gst::kReadWrite;
using lk::gst::SinkTrack;
using lk::gst::string_of;
using Row = lk::gst::Prop<SinkTrack>;

/// Counts when the track is published: set it before data flows.
constexpr auto kBeforeData = GParamFlags (kReadWrite | GST_PARAM_MUTABLE_READY);

template <std::string SinkTrack::Settings::*Field>
Row
setting_text (const char *name, const char *nick, const char *blurb) {
  return { name, [=] (const char *n) { return g_param_spec_string (n, nick, blurb, "", kBeforeData); },
           [] (SinkTrack &t, const GValue *v) { t.configure ([&] (auto &s) { s.*Field = string_of (v); }); },
           [] (const SinkTrack &t, GValue *v) { g_value_set_string (v, (t.settings ().*Field).c_str ()); } };
}

template <bool SinkTrack::Settings::*Field>
Row
setting_switch (const char *name, const char *nick, const char *blurb) {
  return { name, [=] (const char *n) { return g_param_spec_boolean (n, nick, blurb, FALSE, kBeforeData); },
           [] (SinkTrack &t, const GValue *v) {
             t.configure ([&] (auto &s) { s.*Field = g_value_get_boolean (v) != FALSE; });
           },
           [] (const SinkTrack &t, GValue *v) { g_value_set_boolean (v, t.settings ().*Field); } };
}

std::span<const Row>
rows () {
  static const Row all[] = {
    { "track-name",
      [] (const char *n) {
        return g_param_spec_string (n, "Track name", "Name that others see (default: the pad's name)", "",
                                    kBeforeData);
      },
      [] (SinkTrack &t, const GValue *v) { t.configure ([&] (auto &s) { s.name = string_of (v); }); },
      [] (const SinkTrack &t, GValue *v) { g_value_set_string (v, t.name ().c_str ()); } },
    { "source",
      [] (const char *n) {
        return g_param_spec_enum (n, "Source", "Where the track comes from, as others see it",
                                  GST_TYPE_LIVEKIT_TRACK_SOURCE, GST_LIVEKIT_TRACK_SOURCE_AUTO, kBeforeData);
      },
      [] (SinkTrack &t, const GValue *v) {
        t.configure ([&] (auto &s) { s.source = GstLiveKitTrackSource (g_value_get_enum (v)); });
      },
      [] (const SinkTrack &t, GValue *v) { g_value_set_enum (v, t.settings ().source); } },
    { "muted",
      [] (const char *n) {
        return g_param_spec_boolean (n, "Muted", "Others get nothing; the server may set it too", FALSE,
                                     kPlaying);
      },
      [] (SinkTrack &t, const GValue *v) { t.set_muted (g_value_get_boolean (v) != FALSE); },
      [] (const SinkTrack &t, GValue *v) { g_value_set_boolean (v, t.settings ().muted); } },
    setting_text<&SinkTrack::Settings::codec> (
        "codec", "Codec",
        "Codec that raw media is encoded with: opus, vp8, h264, vp9, av1 or h265 "
        "(default: opus for sound, vp8 for pictures)"),
    { "bitrate",
      [] (const char *n) {
        return g_param_spec_uint (n, "Bitrate",
                                  "What raw media is encoded to, in bit/s; 0 = by the size of the picture or "
                                  "the number of channels",
                                  0, G_MAXINT, 0, kPlaying);
      },
      [] (SinkTrack &t, const GValue *v) { t.set_bitrate (g_value_get_uint (v)); },
      [] (const SinkTrack &t, GValue *v) { g_value_set_uint (v, t.settings ().bitrate_bps); } },
    setting_switch<&SinkTrack::Settings::dtx> ("dtx", "DTX", "Send (almost) nothing during silence"),
    setting_switch<&SinkTrack::Settings::stereo> (
        "stereo", "Stereo", "Keep two channels of raw audio; otherwise it is mixed down to one"),
    setting_text<&SinkTrack::Settings::stream> (
        "stream", "Stream", "Tracks of one stream are played in sync (default: by source)"),
    { "track-sid",
      [] (const char *n) {
        return g_param_spec_string (
            n, "Track SID", "What the server calls the track; empty before it is published", nullptr, kRead);
      },
      nullptr,
      [] (const SinkTrack &t, GValue *v) {
        auto track = t.track ();
        g_value_set_string (v, track ? track->sid ().c_str () : "");
      } },
    { "stats",
      [] (const char *n) {
        return g_param_spec_boxed (n, "Statistics",
                                   "Frames, packets and losses of this track; nothing before it is published",
                                   GST_TYPE_STRUCTURE, kRead);
      },
      nullptr,
      [] (const SinkTrack &t, GValue *v) {
        if (auto track = t.track ())
          g_value_take_boxed (v, lk::gst::to_structure (track->stats ()).release ());
      } },
  };
  return all;
}

SinkTrack &
track_of (gpointer pad) {
  return *static_cast<GstLiveKitSinkPad *> (pad)->track;
}

/// Sees CAPS before GstPad compares them with the template: what does not fit gets an error that says why.
GstPadProbeReturn
on_caps (GstPad *pad, GstPadProbeInfo *info, gpointer) {
  auto *e = gst_pad_probe_info_get_event (info);
  if (GST_EVENT_TYPE (e) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *caps = nullptr;
  gst_event_parse_caps (e, &caps);
  return track_of (pad).on_caps (caps) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

gboolean
event (GstPad *pad, GstObject *parent, GstEvent *e) {
  auto &track = track_of (pad);
  const auto type = GST_EVENT_TYPE (e);
  if (type == GST_EVENT_EOS) track.on_eos ();
  if (type == GST_EVENT_STREAM_START) track.on_restart (false);
  const gboolean passed = gst_pad_event_default (pad, parent, e);
  if (type == GST_EVENT_FLUSH_STOP) track.on_restart (true);
  return passed;
}

gboolean
query (GstPad *pad, GstObject *parent, GstQuery *q) {
  const auto &track = track_of (pad);
  switch (GST_QUERY_TYPE (q)) {
  case GST_QUERY_CAPS: {
    // Whatever stands behind the pad now: other caps would only rebuild it.
    GstCaps *filter = nullptr;
    gst_query_parse_caps (q, &filter);
    auto caps = track.caps ();
    if (filter)
      caps
          = lk::Ref<GstCaps>::adopt (gst_caps_intersect_full (caps.get (), filter, GST_CAPS_INTERSECT_FIRST));
    gst_query_set_caps_result (q, caps.get ());
    return TRUE;
  }
  case GST_QUERY_ACCEPT_CAPS: {
    GstCaps *caps = nullptr;
    gst_query_parse_accept_caps (q, &caps);
    auto accepted = lk::Ref<GstCaps>::adopt (gst_pad_get_pad_template_caps (pad));
    gst_query_set_accept_caps_result (q, gst_caps_is_subset (caps, accepted.get ()));
    return TRUE;
  }
  default:
    return gst_pad_query_default (pad, parent, q);
  }
}

/// OK = pass it on, CUSTOM_SUCCESS = drop it.
GstFlowReturn
admit (GstPad *pad) {
  switch (track_of (pad).admit ()) {
  case SinkTrack::Verdict::Pass:
    return GST_FLOW_OK;
  case SinkTrack::Verdict::Drop:
    return GST_FLOW_CUSTOM_SUCCESS;
  case SinkTrack::Verdict::Flushing:
    return GST_FLOW_FLUSHING;
  case SinkTrack::Verdict::NotNegotiated:
    break;
  }
  return GST_FLOW_NOT_NEGOTIATED;
}

GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  const GstFlowReturn verdict = admit (pad);
  if (verdict == GST_FLOW_OK) return gst_proxy_pad_chain_default (pad, parent, buffer);
  gst_buffer_unref (buffer);
  return verdict == GST_FLOW_CUSTOM_SUCCESS ? GST_FLOW_OK : verdict;
}

GstFlowReturn
chain_list (GstPad *pad, GstObject *parent, GstBufferList *list) {
  const GstFlowReturn verdict = admit (pad);
  if (verdict == GST_FLOW_OK) return gst_proxy_pad_chain_list_default (pad, parent, list);
  gst_buffer_list_unref (list);
  return verdict == GST_FLOW_CUSTOM_SUCCESS ? GST_FLOW_OK : verdict;
}

} // namespace

static void
gst_livekit_sink_pad_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  const auto *row = lk::gst::find_prop<SinkTrack> (rows (), 1, id);
  if (row && row->set)
    row->set (track_of (object), value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_pad_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  const auto *row = lk::gst::find_prop<SinkTrack> (rows (), 1, id);
  if (row)
    row->get (track_of (object), value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_livekit_sink_pad_constructed (GObject *object) {
  // GstGhostPad sets its own functions here.
  G_OBJECT_CLASS (gst_livekit_sink_pad_parent_class)->constructed (object);
  auto *pad = GST_PAD (object);
  gst_pad_set_event_function (pad, event);
  gst_pad_set_query_function (pad, query);
  gst_pad_set_chain_function (pad, chain);
  gst_pad_set_chain_list_function (pad, chain_list);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, nullptr, nullptr);
}

static void
gst_livekit_sink_pad_finalize (GObject *object) {
  delete GST_LIVEKIT_SINK_PAD (object)->track;
  G_OBJECT_CLASS (gst_livekit_sink_pad_parent_class)->finalize (object);
}

static void
gst_livekit_sink_pad_class_init (GstLiveKitSinkPadClass *klass) {
  auto *object = G_OBJECT_CLASS (klass);
  object->set_property = gst_livekit_sink_pad_set_property;
  object->get_property = gst_livekit_sink_pad_get_property;
  object->constructed = gst_livekit_sink_pad_constructed;
  object->finalize = gst_livekit_sink_pad_finalize;
  lk::gst::install_props<SinkTrack> (object, rows (), 1);
}

static void
gst_livekit_sink_pad_init (GstLiveKitSinkPad *self) {
  self->track = new SinkTrack (GST_GHOST_PAD (self));
}
