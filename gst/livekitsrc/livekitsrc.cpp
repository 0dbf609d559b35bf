/**
 * SECTION:element-livekitsrc
 *
 * Joins a LiveKit room and gives every subscribed track as a source pad, decoded or as the sender encoded it,
 * whichever the linked elements take.
 *
 * |[
 * gst-launch-1.0 -e livekitsrc url=ws://localhost:7880 room=demo name=r  r.audio_0 ! queue ! audioconvert !
 * wavenc ! filesink location=room.wav
 * ]|
 *
 * Since: 0.1
 */
#include "livekitsrc/livekitsrc.hpp"

#include "elements.hpp"
#include "livekitsrc/livekitsrcpad.hpp"
#include "livekitsrc/srctracks.hpp"
#include "mix/livekitmixchild.hpp"
#include "mix/livekitmixpad.hpp"
#include "participant/errors.hpp"
#include "participant/participant.hpp"
#include "participant/props.hpp"
#include "participant/structures.hpp"

struct _GstLiveKitSrc {
  GstBin parent;
  struct GstLiveKitSrcPriv *priv;
};

namespace lk::gst {

namespace {

struct SrcSettings {
  SrcTracks::Wishes wishes;
  guint reappear_ms = 15000;
};

using Row = Prop<SrcSettings>;
using Wishes = SrcTracks::Wishes;
using Filter = session::TrackFilter;

std::span<const Row>
rows () {
  static const Row table[] = {
    text_prop<&SrcSettings::wishes, &Wishes::filter, &Filter::participants> (
        "participants", "Participants",
        "Identities to receive: globs, comma-separated, ! excludes (default: all)", kPlaying),
    text_prop<&SrcSettings::wishes, &Wishes::filter, &Filter::tracks> (
        "tracks", "Tracks",
        "Track names or sids to receive: globs, comma-separated, ! excludes (default: all)", kPlaying),
    text_prop<&SrcSettings::wishes, &Wishes::filter, &Filter::sources> (
        "sources", "Sources",
        "Track sources to receive, comma-separated: camera, microphone, screen-share, screen-share-audio "
        "(default: all)",
        kPlaying),
    text_prop<&SrcSettings::wishes, &Wishes::filter, &Filter::kinds> (
        "kinds", "Kinds",
        "Kinds of tracks to receive, comma-separated: audio, video (default: both; with mix pads, "
        "what they mix)",
        kPlaying),
    switch_prop<&SrcSettings::wishes, &Wishes::filter, &Filter::automatic> (
        "auto-subscribe", "Auto subscribe", "Receive matching tracks without being asked to (set-subscribed)",
        kPlaying),
    enum_prop<&SrcSettings::wishes, &Wishes::output> (
        "output", "Output", "What new pads give: raw, encoded, or what is linked takes",
        GST_TYPE_LIVEKIT_OUTPUT, kPlaying),
    uint_prop<&SrcSettings::wishes, &Wishes::latency_ms> (
        "latency", "Latency", "Jitter buffer: how long to wait for late packets, in ms", 0, 10000, kPlaying),
    uint_prop<&SrcSettings::reappear_ms> (
        "reappear-timeout", "Reappear timeout",
        "How long the pad of a track that is not there after a reconnect waits for it, in "
        "ms",
        0, 86400000, kReady),
  };
  return table;
}

guint first_own_prop;

enum {
  SIGNAL_TRACK_PUBLISHED,
  SIGNAL_TRACK_UNPUBLISHED,
  SIGNAL_TRACK_SUBSCRIBED,
  SIGNAL_TRACK_UNSUBSCRIBED,
  SIGNAL_TRACK_CHANGED,
  N_SIGNALS
};
guint signals[N_SIGNALS];

GstStaticPadTemplate audio_template = GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                                               GST_STATIC_CAPS ("audio/x-raw; audio/x-opus"));
GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE (
    "video_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS ("video/x-raw(ANY); video/x-vp8; video/x-h264; video/x-vp9; video/x-av1; video/x-h265"));
GstStaticPadTemplate audio_mix_template
    = GST_STATIC_PAD_TEMPLATE ("audio_mix", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS ("audio/x-raw"));
GstStaticPadTemplate video_mix_template
    = GST_STATIC_PAD_TEMPLATE ("video_mix", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS ("video/x-raw"));

} // namespace

} // namespace lk::gst

struct GstLiveKitSrcPriv {
  explicit GstLiveKitSrcPriv (GstLiveKitSrc *self);

  std::unique_ptr<lk::gst::Participant> participant;
  std::mutex lock; // leaf: settings
  lk::gst::SrcSettings settings;
  lk::gst::SrcTracks tracks;
};

static void gst_livekit_src_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstLiveKitSrc, gst_livekit_src, GST_TYPE_BIN,
                               G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY, gst_livekit_src_child_proxy_init))
GST_ELEMENT_REGISTER_DEFINE (livekitsrc, "livekitsrc", GST_RANK_NONE, GST_TYPE_LIVEKIT_SRC)

namespace lk::gst {

namespace {

void
emit_track (GstLiveKitSrc *self, guint signal, const ParticipantInfo &participant, const TrackInfo &track) {
  g_signal_emit (self, signals[signal], 0, to_structure (participant).get (), to_structure (track).get ());
}

void
on_event (GstLiveKitSrc *self, const session::SessionEvent &event) {
  if (const auto *e = std::get_if<session::RemoteTrackSubscribed> (&event)) self->priv->tracks.add (e->track);
  if (const auto *e = std::get_if<session::RemoteTrackUnsubscribed> (&event))
    self->priv->tracks.end (e->track);
  if (const auto *e = std::get_if<session::RemoteTrackChanged> (&event)) self->priv->tracks.change (e->track);
  if (const auto *e = std::get_if<session::RemoteTrackPublished> (&event))
    emit_track (self, SIGNAL_TRACK_PUBLISHED, e->participant, e->track);
  if (const auto *e = std::get_if<session::RemoteTrackUnpublished> (&event))
    emit_track (self, SIGNAL_TRACK_UNPUBLISHED, e->participant, e->track);
  if (const auto *e = std::get_if<session::ActiveSpeakers> (&event)) self->priv->tracks.heard (*e);
  if (const auto *e = std::get_if<session::ParticipantChanged> (&event); e && !e->self)
    self->priv->tracks.renamed ();
  if (const auto *e = std::get_if<session::ParticipantLeft> (&event))
    self->priv->tracks.left (e->participant.identity);
  if (std::holds_alternative<session::LatencyChanged> (event))
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition) {
  auto *self = GST_LIVEKIT_SRC (element);
  switch (transition) {
  case GST_STATE_CHANGE_NULL_TO_READY:
    if (!self->priv->participant->attach ()) return GST_STATE_CHANGE_FAILURE;
    break;
  case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
    self->priv->tracks.play ();
    break;
  case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
    self->priv->tracks.pause ();
    break;
  case GST_STATE_CHANGE_PAUSED_TO_READY:
    self->priv->tracks.stop_adding ();
    break;
  default:
    break;
  }

  GstStateChangeReturn ret
      = GST_ELEMENT_CLASS (gst_livekit_src_parent_class)->change_state (element, transition);

  switch (transition) {
  case GST_STATE_CHANGE_NULL_TO_READY:
    if (ret == GST_STATE_CHANGE_FAILURE) self->priv->participant->detach ();
    return ret;
  case GST_STATE_CHANGE_READY_TO_PAUSED:
    if (ret == GST_STATE_CHANGE_FAILURE) return ret;
    self->priv->tracks.activate ();
    self->priv->participant->start ();
    return GST_STATE_CHANGE_NO_PREROLL;
  case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
    return ret == GST_STATE_CHANGE_FAILURE ? ret : GST_STATE_CHANGE_NO_PREROLL;
  case GST_STATE_CHANGE_PAUSED_TO_READY:
    self->priv->tracks.deactivate ();
    return ret;
  case GST_STATE_CHANGE_READY_TO_NULL:
    self->priv->participant->detach ();
    return ret;
  default:
    return ret;
  }
}

gboolean
send_event (GstElement *element, GstEvent *event) {
  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return GST_ELEMENT_CLASS (gst_livekit_src_parent_class)->send_event (element, event);
  GST_LIVEKIT_SRC (element)->priv->tracks.send_eos ();
  gst_event_unref (event);
  return TRUE;
}

// ---- actions

gboolean
set_subscribed (GstElement *element, const gchar *sid, gboolean subscribed) {
  auto session = GST_LIVEKIT_SRC (element)->priv->participant->session ();
  if (!session || !sid) return FALSE;
  GST_LIVEKIT_SRC (element)->priv->tracks.set_requested (sid, subscribed);
  session->set_subscribed (sid, subscribed);
  return TRUE;
}

void
filter_changed (GstLiveKitSrc *self) {
  auto session = self->priv->participant->session ();
  auto user = self->priv->participant->user ();
  if (!session || !user) return;
  session->set_filter (user, self->priv->tracks.filter ());
}

void
settings_changed (GstLiveKitSrc *self, const SrcSettings &before, const SrcSettings &after) {
  auto session = self->priv->participant->session ();
  auto user = self->priv->participant->user ();
  if (!session || !user) return;
  if (before.wishes.latency_ms != after.wishes.latency_ms)
    session->set_latency (user, Millis (after.wishes.latency_ms));
  const auto &a = before.wishes.filter, &b = after.wishes.filter;
  if (a.participants != b.participants || a.tracks != b.tracks || a.sources != b.sources || a.kinds != b.kinds
      || a.automatic != b.automatic)
    filter_changed (self);
}

GstPad *
request_new_pad (GstElement *element, GstPadTemplate *pad_template, const gchar *, const GstCaps *) {
  return GST_LIVEKIT_SRC (element)->priv->tracks.request_mix (pad_template);
}

void
release_pad (GstElement *element, GstPad *pad) {
  GST_LIVEKIT_SRC (element)->priv->tracks.release_mix (pad);
}

SrcTracks::Hooks
track_hooks (GstLiveKitSrc *self) {
  SrcTracks::Hooks hooks;
  hooks.wishes = [self] {
    std::lock_guard guard (self->priv->lock);
    return self->priv->settings.wishes;
  };
  hooks.session = [self] { return self->priv->participant->session (); };
  hooks.filter_changed = [self] { filter_changed (self); };
  hooks.subscribed = [self] (GstPad *pad) { g_signal_emit (self, signals[SIGNAL_TRACK_SUBSCRIBED], 0, pad); };
  hooks.unsubscribed
      = [self] (GstPad *pad) { g_signal_emit (self, signals[SIGNAL_TRACK_UNSUBSCRIBED], 0, pad); };
  hooks.changed = [self] (GstPad *pad) {
    g_object_notify (G_OBJECT (pad), "muted");
    g_object_notify (G_OBJECT (pad), "paused");
    g_signal_emit (self, signals[SIGNAL_TRACK_CHANGED], 0, pad);
  };
  return hooks;
}

} // namespace

} // namespace lk::gst

GstLiveKitSrcPriv::GstLiveKitSrcPriv (GstLiveKitSrc *self)
    : tracks (GST_ELEMENT (self), lk::gst::track_hooks (self)) {
  lk::gst::Participant::Hooks hooks;
  hooks.needs = [this] {
    lk::session::Needs needs;
    needs.subscribe = tracks.filter ();
    std::lock_guard guard (lock);
    needs.latency = lk::Millis (settings.wishes.latency_ms);
    needs.reappear = lk::Millis (settings.reappear_ms);
    return needs;
  };
  hooks.on_event = [self] (const lk::session::SessionEvent &event) { lk::gst::on_event (self, event); };
  hooks.send_eos = [self] { self->priv->tracks.send_eos (); };
  participant = std::make_unique<lk::gst::Participant> (GST_ELEMENT (self), std::move (hooks));
}

static void
gst_livekit_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *self = GST_LIVEKIT_SRC (object);
  if (self->priv->participant->set_property (id, value)) return;
  const auto *row = lk::gst::find_prop<lk::gst::SrcSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  lk::gst::SrcSettings before, after;
  {
    std::lock_guard guard (self->priv->lock);
    before = self->priv->settings;
    row->set (self->priv->settings, value);
    after = self->priv->settings;
  }
  lk::gst::settings_changed (self, before, after);
}

static void
gst_livekit_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec) {
  auto *self = GST_LIVEKIT_SRC (object);
  if (self->priv->participant->get_property (id, value)) return;
  const auto *row = lk::gst::find_prop<lk::gst::SrcSettings> (lk::gst::rows (), lk::gst::first_own_prop, id);
  if (!row) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    return;
  }
  std::lock_guard guard (self->priv->lock);
  row->get (self->priv->settings, value);
}

static void
gst_livekit_src_set_context (GstElement *element, GstContext *context) {
  GST_LIVEKIT_SRC (element)->priv->participant->set_context (context);
  GST_ELEMENT_CLASS (gst_livekit_src_parent_class)->set_context (element, context);
}

static void
gst_livekit_src_finalize (GObject *object) {
  auto *self = GST_LIVEKIT_SRC (object);
  self->priv->participant->detach ();
  delete self->priv;
  G_OBJECT_CLASS (gst_livekit_src_parent_class)->finalize (object);
}

// ---- GstChildProxy: the pads, not the elements behind them --------------------------------------

static GObject *
gst_livekit_src_get_child_by_index (GstChildProxy *proxy, guint index) {
  GST_OBJECT_LOCK (proxy);
  auto *pad = g_list_nth_data (GST_ELEMENT (proxy)->srcpads, index);
  if (pad) g_object_ref (pad);
  GST_OBJECT_UNLOCK (proxy);
  return static_cast<GObject *> (pad);
}

static GObject *
gst_livekit_src_get_child_by_name (GstChildProxy *proxy, const gchar *name) {
  return reinterpret_cast<GObject *> (gst_element_get_static_pad (GST_ELEMENT (proxy), name));
}

static guint
gst_livekit_src_get_children_count (GstChildProxy *proxy) {
  GST_OBJECT_LOCK (proxy);
  const guint count = GST_ELEMENT (proxy)->numsrcpads;
  GST_OBJECT_UNLOCK (proxy);
  return count;
}

static void
gst_livekit_src_child_proxy_init (gpointer iface, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *> (iface);
  proxy->get_child_by_index = gst_livekit_src_get_child_by_index;
  proxy->get_child_by_name = gst_livekit_src_get_child_by_name;
  proxy->get_children_count = gst_livekit_src_get_children_count;
}

static void
gst_livekit_src_init (GstLiveKitSrc *self) {
  self->priv = new GstLiveKitSrcPriv (self);
  // A bin takes these from its children; an empty one would have neither, and EOS and preroll would not know
  // it as a source.
  gst_bin_set_suppressed_flags (GST_BIN (self),
                                GstElementFlags (GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK));
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
}

static void
gst_livekit_src_class_init (GstLiveKitSrcClass *klass) {
  auto *object_class = G_OBJECT_CLASS (klass);
  auto *element_class = GST_ELEMENT_CLASS (klass);
  object_class->set_property = gst_livekit_src_set_property;
  object_class->get_property = gst_livekit_src_get_property;
  object_class->finalize = gst_livekit_src_finalize;
  element_class->change_state = lk::gst::change_state;
  element_class->send_event = lk::gst::send_event;
  element_class->set_context = gst_livekit_src_set_context;
  element_class->request_new_pad = lk::gst::request_new_pad;
  element_class->release_pad = lk::gst::release_pad;

  gst_element_class_set_static_metadata (element_class, "LiveKit source", "Source/Network/WebRTC",
                                         "Gives the tracks of a LiveKit room as source pads", "gst-livekit");
  gst_element_class_add_static_pad_template_with_gtype (element_class, &lk::gst::audio_template,
                                                        GST_TYPE_LIVEKIT_SRC_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class, &lk::gst::video_template,
                                                        GST_TYPE_LIVEKIT_SRC_PAD);
  // After the others: "r." in a launch line takes the first template that fits.
  gst_element_class_add_static_pad_template_with_gtype (element_class, &lk::gst::audio_mix_template,
                                                        GST_TYPE_LIVEKIT_AUDIO_MIX_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class, &lk::gst::video_mix_template,
                                                        GST_TYPE_LIVEKIT_VIDEO_MIX_PAD);
  gst_type_mark_as_plugin_api (GST_TYPE_LIVEKIT_SRC_PAD, GstPluginAPIFlags (0));
  for (GType type : { GST_TYPE_LIVEKIT_AUDIO_MIX_PAD, GST_TYPE_LIVEKIT_VIDEO_MIX_PAD,
                      GST_TYPE_LIVEKIT_MIX_VOICE, GST_TYPE_LIVEKIT_MIX_PICTURE })
    gst_type_mark_as_plugin_api (type, GstPluginAPIFlags (0));

  lk::gst::first_own_prop = lk::gst::Participant::install (element_class, GST_LIVEKIT_ON_DISCONNECT_EOS);
  lk::gst::install_props<lk::gst::SrcSettings> (object_class, lk::gst::rows (), lk::gst::first_own_prop);

  using namespace lk::gst;
  const GType type = G_TYPE_FROM_CLASS (klass);
  /**
   * GstLiveKitSrc::track-published:
   * @participant: "livekit/participant-info"
   * @track: "livekit/track-info"
   *
   * Another participant has a track, whether it is received or not. Session thread.
   */
  signals[SIGNAL_TRACK_PUBLISHED]
      = g_signal_new ("track-published", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE,
                      2, GST_TYPE_STRUCTURE, GST_TYPE_STRUCTURE);
  /**
   * GstLiveKitSrc::track-unpublished:
   * @participant: "livekit/participant-info"
   * @track: "livekit/track-info"
   *
   * A track is gone, whether it was received or not. Session thread.
   */
  signals[SIGNAL_TRACK_UNPUBLISHED]
      = g_signal_new ("track-unpublished", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE,
                      2, GST_TYPE_STRUCTURE, GST_TYPE_STRUCTURE);
  /**
   * GstLiveKitSrc::track-subscribed:
   * @pad: the pad of the track
   *
   * A track is being received; its pad was added. Session thread.
   */
  signals[SIGNAL_TRACK_SUBSCRIBED] = g_signal_new ("track-subscribed", type, G_SIGNAL_RUN_LAST, 0, nullptr,
                                                   nullptr, nullptr, G_TYPE_NONE, 1, GST_TYPE_PAD);
  /**
   * GstLiveKitSrc::track-unsubscribed:
   * @pad: the pad of the track
   *
   * A track is not received any more; its pad gets EOS and is removed. Session thread.
   */
  signals[SIGNAL_TRACK_UNSUBSCRIBED] = g_signal_new ("track-unsubscribed", type, G_SIGNAL_RUN_LAST, 0,
                                                     nullptr, nullptr, nullptr, G_TYPE_NONE, 1, GST_TYPE_PAD);
  /**
   * GstLiveKitSrc::track-changed:
   * @pad: the pad of the track
   *
   * A received track was muted, unmuted, renamed, or paused by the server. Session thread.
   */
  signals[SIGNAL_TRACK_CHANGED] = g_signal_new ("track-changed", type, G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                                                nullptr, G_TYPE_NONE, 1, GST_TYPE_PAD);
  /**
   * GstLiveKitSrc::set-subscribed:
   * @sid: a track's sid
   * @subscribed: receive it or not
   *
   * Receives a track, or stops to, whatever the filters say.
   *
   * Returns: FALSE when the element is not attached to a session
   */
  g_signal_new_class_handler ("set-subscribed", type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (set_subscribed), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 2,
                              G_TYPE_STRING, G_TYPE_BOOLEAN);
}
