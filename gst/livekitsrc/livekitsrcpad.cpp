#include "livekitsrc/livekitsrcpad.hpp"

#include "participant/props.hpp"
#include "participant/structures.hpp"

struct _GstLiveKitSrcPad {
  GstGhostPad parent;
  struct GstLiveKitSrcPadPriv *priv;
};

struct GstLiveKitSrcPadPriv {
  std::shared_ptr<lk::gst::SrcTrack> track;
  std::mutex lock;
  lk::session::Demand demand; // guarded by lock
  bool linked = false;        // guarded by lock
};

G_DEFINE_FINAL_TYPE (GstLiveKitSrcPad, gst_livekit_src_pad, GST_TYPE_GHOST_PAD)

namespace lk::gst {

namespace {

using Priv = GstLiveKitSrcPadPriv;
using Row = Prop<Priv>;
using session::Demand;

template <auto Read>
void
read_string (const Priv &p, GValue *v) {
  g_value_set_string (v, Read (*p.track->track ()).c_str ());
}

GParamSpec *
string_spec (const char *name, const char *nick, const char *blurb) {
  return g_param_spec_string (name, nick, blurb, nullptr, kRead);
}

GParamSpec *
structure_spec (const char *name, const char *nick, const char *blurb) {
  return g_param_spec_boxed (name, nick, blurb, GST_TYPE_STRUCTURE, kRead);
}

std::string
identity (const session::RemoteTrack &t) {
  return t.participant ().identity;
}
std::string
participant_sid (const session::RemoteTrack &t) {
  return t.participant ().sid;
}
std::string
track_sid (const session::RemoteTrack &t) {
  return t.info ().sid;
}
std::string
track_name (const session::RemoteTrack &t) {
  return t.info ().name;
}

GstLiveKitTrackSource
source_value (TrackSource source) {
  switch (source) {
  case TrackSource::Camera:
    return GST_LIVEKIT_TRACK_SOURCE_CAMERA;
  case TrackSource::Microphone:
    return GST_LIVEKIT_TRACK_SOURCE_MICROPHONE;
  case TrackSource::ScreenShare:
    return GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE;
  case TrackSource::ScreenShareAudio:
    return GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO;
  default:
    return GST_LIVEKIT_TRACK_SOURCE_UNKNOWN;
  }
}

std::span<const Row>
rows () {
  static const Row table[] = {
    { "participant-identity",
      [] (const char *n) { return string_spec (n, "Participant identity", "Whose track it is"); }, nullptr,
      read_string<identity> },
    { "participant-sid",
      [] (const char *n) { return string_spec (n, "Participant sid", "Server's id of the participant"); },
      nullptr, read_string<participant_sid> },
    { "track-sid", [] (const char *n) { return string_spec (n, "Track sid", "Server's id of the track"); },
      nullptr, read_string<track_sid> },
    { "track-name",
      [] (const char *n) { return string_spec (n, "Track name", "Name given by the publisher"); }, nullptr,
      read_string<track_name> },
    { "source",
      [] (const char *n) {
        return g_param_spec_enum (n, "Source", "Where the track comes from", GST_TYPE_LIVEKIT_TRACK_SOURCE,
                                  GST_LIVEKIT_TRACK_SOURCE_UNKNOWN, kRead);
      },
      nullptr,
      [] (const Priv &p, GValue *v) {
        g_value_set_enum (v, source_value (p.track->track ()->info ().source));
      } },
    { "muted",
      [] (const char *n) {
        return g_param_spec_boolean (n, "Muted", "The publisher muted it", FALSE, kRead);
      },
      nullptr, [] (const Priv &p, GValue *v) { g_value_set_boolean (v, p.track->track ()->info ().muted); } },
    { "paused",
      [] (const char *n) {
        return g_param_spec_boolean (n, "Paused", "The server paused it for lack of bandwidth", FALSE, kRead);
      },
      nullptr, [] (const Priv &p, GValue *v) { g_value_set_boolean (v, p.track->track ()->paused ()); } },
    { "participant-info",
      [] (const char *n) {
        return structure_spec (
            n, "Participant info",
            "Whose track it is: sid, identity, name, metadata, attributes, permission, tracks");
      },
      nullptr,
      [] (const Priv &p, GValue *v) {
        g_value_take_boxed (v, to_structure (p.track->track ()->participant ()).release ());
      } },
    { "track-info",
      [] (const char *n) {
        return structure_spec (n, "Track info",
                               "The track: sid, name, kind, source, muted, size, mime type, layers");
      },
      nullptr,
      [] (const Priv &p, GValue *v) {
        g_value_take_boxed (v, to_structure (p.track->track ()->info ()).release ());
      } },
    { "stats",
      [] (const char *n) {
        return structure_spec (n, "Statistics", "Frames, packets, losses and delays of this track");
      },
      nullptr,
      [] (const Priv &p, GValue *v) {
        g_value_take_boxed (v, to_structure (p.track->track ()->stats ()).release ());
      } },
    { "output",
      [] (const char *n) {
        return g_param_spec_enum (n, "Output", "What the pad gives: raw, encoded, or what is linked takes",
                                  GST_TYPE_LIVEKIT_OUTPUT, GST_LIVEKIT_OUTPUT_AUTO, kPlaying);
      },
      [] (Priv &p, const GValue *v) { p.track->set_output (GstLiveKitOutput (g_value_get_enum (v))); },
      [] (const Priv &p, GValue *v) { g_value_set_enum (v, p.track->output ()); } },
    switch_prop<&Priv::demand, &Demand::enabled> ("enabled", "Enabled", "Receive the track at all", kPlaying),
    enum_prop<&Priv::demand, &Demand::quality> ("quality", "Quality",
                                                "Which layer of a video track to receive",
                                                GST_TYPE_LIVEKIT_VIDEO_QUALITY, kPlaying),
    uint_prop<&Priv::demand, &Demand::width> (
        "width", "Width", "Picture width that is wanted, in pixels; 0 = by quality", 0, 16384, kPlaying),
    uint_prop<&Priv::demand, &Demand::height> (
        "height", "Height", "Picture height that is wanted, in pixels; 0 = by quality", 0, 16384, kPlaying),
    uint_prop<&Priv::demand, &Demand::fps> ("fps", "Frames per second",
                                            "Frame rate that is wanted, in frames per second; 0 = all frames",
                                            0, 16384, kPlaying),
  };
  return table;
}

gboolean
query (GstPad *pad, GstObject *parent, GstQuery *q) noexcept {
  if (GST_QUERY_TYPE (q) == GST_QUERY_LATENCY) {
    // Before the first frame nothing stands behind the pad that could answer.
    auto target = Ref<GstPad>::adopt (gst_ghost_pad_get_target (GST_GHOST_PAD (pad)));
    if (!target) return track_of (pad).frame_src ()->src_query (q);
  }
  if (GST_QUERY_TYPE (q) != GST_QUERY_CAPS) return gst_pad_query_default (pad, parent, q);
  auto caps = track_of (pad).possible_caps ();
  GstCaps *filter = nullptr;
  gst_query_parse_caps (q, &filter);
  if (filter)
    caps = Ref<GstCaps>::adopt (gst_caps_intersect_full (filter, caps.get (), GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result (q, caps.get ());
  return TRUE;
}

} // namespace

GstPad *
make_src_pad (GstPadTemplate *pad_template, const char *name, std::shared_ptr<SrcTrack> track) {
  auto *pad = GST_LIVEKIT_SRC_PAD (g_object_new (GST_TYPE_LIVEKIT_SRC_PAD, "name", name, "direction",
                                                 GST_PAD_SRC, "template", pad_template, nullptr));
  pad->priv->track = std::move (track);
  pad->priv->track->set_pad (GST_PAD (pad));
  gst_pad_set_query_function (GST_PAD (pad), query);
  return GST_PAD (pad);
}

SrcTrack &
track_of (GstPad *pad) {
  return *GST_LIVEKIT_SRC_PAD (pad)->priv->track;
}

} // namespace lk::gst

/// The pad wants nothing as long as it is not linked and nobody said what it wants.
static void
gst_livekit_src_pad_tell_demand (GstLiveKitSrcPad *self) {
  std::optional<lk::session::Demand> demand;
  {
    std::lock_guard guard (self->priv->lock);
    if (self->priv->linked || !(self->priv->demand == lk::session::Demand{})) demand = self->priv->demand;
  }
  self->priv->track->track ()->set_demand (self, demand);
}

static void
gst_livekit_src_pad_set_linked (GstLiveKitSrcPad *self, bool linked) {
  if (!self->priv->track) return;
  {
    std::lock_guard guard (self->priv->lock);
    self->priv->linked = linked;
  }
  gst_livekit_src_pad_tell_demand (self);
}

static void
gst_livekit_src_pad_linked (GstPad *pad, GstPad *) {
  auto *self = GST_LIVEKIT_SRC_PAD (pad);
  gst_livekit_src_pad_set_linked (self, true);
  if (self->priv->track) self->priv->track->on_linked ();
}

static void
gst_livekit_src_pad_unlinked (GstPad *pad, GstPad *) {
  gst_livekit_src_pad_set_linked (GST_LIVEKIT_SRC_PAD (pad), false);
}

static void
gst_livekit_src_pad_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *priv = GST_LIVEKIT_SRC_PAD (object)->priv;
  const auto *row = lk::gst::find_prop<GstLiveKitSrcPadPriv> (lk::gst::rows (), 1, id);
  if (!row || !row->set) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  lk::session::Demand before, after;
  {
    std::lock_guard guard (priv->lock);
    before = priv->demand;
    row->set (*priv, value);
    after = priv->demand;
  }
  if (!(before == after)) gst_livekit_src_pad_tell_demand (GST_LIVEKIT_SRC_PAD (object));
}

static void
gst_livekit_src_pad_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec) {
  auto *priv = GST_LIVEKIT_SRC_PAD (object)->priv;
  const auto *row = lk::gst::find_prop<GstLiveKitSrcPadPriv> (lk::gst::rows (), 1, id);
  if (!row || !row->get) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  std::lock_guard guard (priv->lock);
  row->get (*priv, value);
}

static void
gst_livekit_src_pad_finalize (GObject *object) {
  auto *priv = GST_LIVEKIT_SRC_PAD (object)->priv;
  if (priv->track) priv->track->track ()->set_demand (object, std::nullopt);
  delete priv;
  G_OBJECT_CLASS (gst_livekit_src_pad_parent_class)->finalize (object);
}

static void
gst_livekit_src_pad_init (GstLiveKitSrcPad *self) {
  self->priv = new GstLiveKitSrcPadPriv ();
}

static void
gst_livekit_src_pad_class_init (GstLiveKitSrcPadClass *klass) {
  auto *object_class = G_OBJECT_CLASS (klass);
  object_class->set_property = gst_livekit_src_pad_set_property;
  object_class->get_property = gst_livekit_src_pad_get_property;
  object_class->finalize = gst_livekit_src_pad_finalize;
  GST_PAD_CLASS (klass)->linked = gst_livekit_src_pad_linked;
  GST_PAD_CLASS (klass)->unlinked = gst_livekit_src_pad_unlinked;
  lk::gst::install_props<GstLiveKitSrcPadPriv> (object_class, lk::gst::rows (), 1);
}
