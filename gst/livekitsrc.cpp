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
#include "livekitsrc.hpp"

#include "continuity.hpp"
#include "elements.hpp"
#include "errors.hpp"
#include "livekitmixpad.hpp"
#include "livekitsrcpad.hpp"
#include "mix.hpp"
#include "participant.hpp"
#include "props.hpp"
#include "srctrack.hpp"
#include "structures.hpp"

#include <map>
#include <set>

struct _GstLiveKitSrc {
  GstBin parent;
  struct GstLiveKitSrcPriv *priv;
};

namespace lk::gst {

namespace {

struct SrcSettings {
  session::TrackFilter filter;
  GstLiveKitOutput output = GST_LIVEKIT_OUTPUT_AUTO;
  guint latency_ms = 200;
};

using Row = Prop<SrcSettings>;

#define LK_FILTER_ROW(prop, field, nick, blurb)                                                              \
  Row {                                                                                                      \
    prop, [] (const char *n) { return g_param_spec_string (n, nick, blurb, nullptr, kPlaying); },            \
        [] (SrcSettings &s, const GValue *v) { s.filter.field = string_of (v); },                            \
        [] (const SrcSettings &s, GValue *v) { g_value_set_string (v, s.filter.field.c_str ()); }            \
  }

std::span<const Row>
rows () {
  static const Row table[] = {
    LK_FILTER_ROW ("participants", participants, "Participants",
                   "Identities to receive: globs, comma-separated, ! excludes (default: all)"),
    LK_FILTER_ROW ("tracks", tracks, "Tracks",
                   "Track names or sids to receive: globs, comma-separated, ! excludes (default: all)"),
    LK_FILTER_ROW (
        "sources", sources, "Sources",
        "Track sources to receive, comma-separated: camera, microphone, screen-share, screen-share-audio "
        "(default: all)"),
    LK_FILTER_ROW ("kinds", kinds, "Kinds",
                   "Kinds of tracks to receive, comma-separated: audio, video (default: both; with mix pads, "
                   "what they mix)"),
    { "auto-subscribe",
      [] (const char *n) {
        return g_param_spec_boolean (n, "Auto subscribe",
                                     "Receive matching tracks without being asked to (set-subscribed)", TRUE,
                                     kPlaying);
      },
      [] (SrcSettings &s, const GValue *v) { s.filter.automatic = g_value_get_boolean (v); },
      [] (const SrcSettings &s, GValue *v) { g_value_set_boolean (v, s.filter.automatic); } },
    { "output",
      [] (const char *n) {
        return g_param_spec_enum (n, "Output", "What new pads give: raw, encoded, or what is linked takes",
                                  GST_TYPE_LIVEKIT_OUTPUT, GST_LIVEKIT_OUTPUT_AUTO, kPlaying);
      },
      [] (SrcSettings &s, const GValue *v) { s.output = GstLiveKitOutput (g_value_get_enum (v)); },
      [] (const SrcSettings &s, GValue *v) { g_value_set_enum (v, s.output); } },
    { "latency",
      [] (const char *n) {
        return g_param_spec_uint (n, "Latency", "Jitter buffer: how long to wait for late packets, in ms", 0,
                                  10000, 200, kPlaying);
      },
      [] (SrcSettings &s, const GValue *v) { s.latency_ms = g_value_get_uint (v); },
      [] (const SrcSettings &s, GValue *v) { g_value_set_uint (v, s.latency_ms); } },
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
  std::shared_ptr<lk::media::TimeMap> time = std::make_shared<lk::media::TimeMap> ();
  lk::gst::Continuity continuity;
  guint group_id = gst_util_group_id_next ();

  std::mutex lock; // leaf: settings, tracks, flags below
  lk::gst::SrcSettings settings;
  std::map<const lk::session::RemoteTrack *, std::shared_ptr<lk::gst::SrcTrack>> tracks; // by what they show
  std::set<std::shared_ptr<lk::gst::SrcTrack>> ending;                                   // EOS under way
  std::map<lk::media::MediaKind, std::shared_ptr<lk::gst::Mix>> mixes;
  std::set<std::string> requested;      // sids subscribed by set-subscribed, whatever the filter says
  guint next_audio = 0, next_video = 0; // names are never reused while the element runs
  bool active = false, playing = false;
  bool ended = false; // EOS was asked for: a pad that came now would never end
};

static void gst_livekit_src_child_proxy_init (gpointer iface, gpointer);

G_DEFINE_FINAL_TYPE_WITH_CODE (GstLiveKitSrc, gst_livekit_src, GST_TYPE_BIN,
                               G_IMPLEMENT_INTERFACE (GST_TYPE_CHILD_PROXY, gst_livekit_src_child_proxy_init))
GST_ELEMENT_REGISTER_DEFINE (livekitsrc, "livekitsrc", GST_RANK_NONE, GST_TYPE_LIVEKIT_SRC)

namespace lk::gst {

namespace {

using TrackPtr = std::shared_ptr<SrcTrack>;

GstClockTime
running_time (GstLiveKitSrc *self) {
  return gst_element_get_current_running_time (GST_ELEMENT (self));
}

std::vector<TrackPtr>
all_tracks (GstLiveKitSrc *self) {
  std::lock_guard guard (self->priv->lock);
  std::vector<TrackPtr> out;
  for (const auto &[remote, track] : self->priv->tracks)
    out.push_back (track);
  for (const auto &[kind, mix] : self->priv->mixes)
    for (auto &track : mix->tracks ())
      out.push_back (std::move (track));
  return out;
}

/// What the session is asked for: for mix pads only what they mix, if the user does not say otherwise.
/// priv->lock held.
session::TrackFilter
wanted (const GstLiveKitSrcPriv &priv) {
  auto filter = priv.settings.filter;
  if (!filter.kinds.empty ()) return filter;
  for (const auto &[kind, mix] : priv.mixes)
    filter.kinds.append (filter.kinds.empty () ? "" : ",")
        .append (kind == media::MediaKind::Audio ? "audio" : "video");
  return filter;
}

/// The mix of that kind, if its pad was requested.
std::shared_ptr<Mix>
mix_of (GstLiveKitSrc *self, media::MediaKind kind) {
  std::lock_guard guard (self->priv->lock);
  auto it = self->priv->mixes.find (kind);
  return it == self->priv->mixes.end () ? nullptr : it->second;
}

std::vector<std::shared_ptr<Mix>>
all_mixes (GstLiveKitSrc *self) {
  std::lock_guard guard (self->priv->lock);
  std::vector<std::shared_ptr<Mix>> out;
  for (const auto &[kind, mix] : self->priv->mixes)
    out.push_back (mix);
  return out;
}

Ref<GstPad>
pad_of (GstLiveKitSrc *self, const SrcTrack &track) {
  Ref<GstPad> found;
  GST_OBJECT_LOCK (self);
  for (GList *l = GST_ELEMENT (self)->srcpads; l && !found; l = l->next)
    if (GST_IS_LIVEKIT_SRC_PAD (l->data) && &track_of (GST_PAD (l->data)) == &track)
      found = Ref<GstPad>::retain (GST_PAD (l->data));
  GST_OBJECT_UNLOCK (self);
  return found;
}

void
remove_pad (GstLiveKitSrc *self, SrcTrack &track) {
  auto pad = pad_of (self, track);
  if (!pad || !track.claim_pad_removal ()) return;
  gst_pad_set_active (pad.get (), FALSE);
  // While the pad is whole: the streaming thread may be linking a decoder to it.
  track.set_pad (nullptr);
  gst_child_proxy_child_removed (GST_CHILD_PROXY (self), G_OBJECT (pad.get ()), GST_PAD_NAME (pad.get ()));
  gst_element_remove_pad (GST_ELEMENT (self), pad.get ());
}

/// Whether the track is ours: other elements of the session may have asked for it. priv->lock held.
bool
accepts (const GstLiveKitSrcPriv &priv, const session::RemoteTrackPtr &remote) {
  if (!priv.active || priv.ended || priv.tracks.contains (remote.get ())) return false;
  const auto participant = remote->participant ();
  const auto track = remote->info ();
  const auto filter = wanted (priv);
  return priv.requested.contains (track.sid) || (filter.automatic && filter.matches (participant, track));
}

SrcTrack::Params
track_params (GstLiveKitSrc *self, const session::RemoteTrackPtr &remote, const media::Codec &codec) {
  auto *priv = self->priv;
  SrcTrack::Params params;
  params.bin = GST_ELEMENT (self);
  params.track = remote;
  params.codec = &codec;
  params.group_id = priv->group_id;
  params.time = priv->time;
  params.stream_id = remote->participant ().sid + "/" + remote->info ().sid;
  // The session outlives its tracks; the element asks it for the latency of the moment.
  params.latency
      = [session = std::weak_ptr<session::Session> (priv->participant->session ())] () -> GstClockTime {
    auto s = session.lock ();
    return s ? GstClockTime (s->latency ().count ()) * GST_MSECOND : 0;
  };
  return params;
}

/// Frames of the track flow from now on, if the element plays.
void
open_track (GstLiveKitSrc *self, SrcTrack &track) {
  {
    std::lock_guard guard (self->priv->lock);
    if (!self->priv->playing) return;
  }
  const GstClockTime now = running_time (self);
  track.open (now == GST_CLOCK_TIME_NONE ? 0 : now);
  self->priv->continuity.add (track.frame_src ());
}

void
mix_in (GstLiveKitSrc *self, const session::RemoteTrackPtr &remote) {
  const media::Codec *codec = media::find_codec (remote->codec ());
  auto mix = codec ? mix_of (self, codec->kind) : nullptr;
  if (!mix) return;
  if (auto mixed = mix->add (track_params (self, remote, *codec))) open_track (self, *mixed);
}

/// Adds a pad for a newly subscribed track. Session thread.
void
add_track (GstLiveKitSrc *self, const session::RemoteTrackPtr &remote) {
  auto *priv = self->priv;
  const auto info = remote->info ();
  const media::Codec *codec = media::find_codec (remote->codec ());
  if (!codec) {
    post_warning (GST_ELEMENT (self), { Errc::UnsupportedCodec, Retry::Never,
                                        "track " + info.sid + " is encoded as " + info.mime_type
                                            + ", which this installation cannot receive" });
    return;
  }
  auto params = track_params (self, remote, *codec);
  std::string name;
  {
    std::lock_guard guard (priv->lock);
    if (!accepts (*priv, remote)) return;
    const bool audio = codec->kind == media::MediaKind::Audio;
    name = audio ? "audio_" + std::to_string (priv->next_audio++)
                 : "video_" + std::to_string (priv->next_video++);
    params.output = priv->settings.output;
  }
  auto track = SrcTrack::create (params);
  {
    std::lock_guard guard (priv->lock);
    if (!priv->active || priv->ended) return; // meanwhile; the track dismantles itself
    priv->tracks[remote.get ()] = track;
  }
  auto *pad_template
      = gst_element_get_pad_template (GST_ELEMENT (self), track->is_audio () ? "audio_%u" : "video_%u");
  GstPad *pad = make_src_pad (pad_template, name.c_str (), track);
  gst_pad_set_active (pad, TRUE);
  auto kept = Ref<GstPad>::retain (pad);
  gst_element_add_pad (GST_ELEMENT (self), pad);
  gst_child_proxy_child_added (GST_CHILD_PROXY (self), G_OBJECT (pad), name.c_str ());
  // What has just been linked does not know yet how late its data comes.
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
  {
    std::unique_lock guard (priv->lock);
    if (!priv->tracks.contains (remote.get ())) { // stopped while the pad was being added
      guard.unlock ();
      remove_pad (self, *track);
      return;
    }
  }
  g_signal_emit (self, signals[SIGNAL_TRACK_SUBSCRIBED], 0, pad);
  open_track (self, *track);
  mix_in (self, remote);
}

/// EOS on the pad, then it goes; downstream may take its time, so not on the session thread.
void
end_track (GstLiveKitSrc *self, const session::RemoteTrackPtr &remote) {
  TrackPtr track;
  {
    std::lock_guard guard (self->priv->lock);
    auto it = self->priv->tracks.find (remote.get ());
    if (it == self->priv->tracks.end ()) return;
    track = it->second;
    self->priv->tracks.erase (it);
    self->priv->ending.insert (track);
  }
  self->priv->continuity.remove (track->frame_src ());
  if (auto pad = pad_of (self, *track))
    g_signal_emit (self, signals[SIGNAL_TRACK_UNSUBSCRIBED], 0, pad.get ());
  auto element = Ref<GstElement>::retain (GST_ELEMENT (self));
  auto mix = mix_of (self, track->codec ().kind);
  if (auto mixed = mix ? mix->find (remote.get ()) : nullptr) {
    self->priv->continuity.remove (mixed->frame_src ());
    run_in_pool ([element, mix, remote] { mix->remove (remote.get ()); });
  }
  run_in_pool ([element, track] {
    auto *owner = GST_LIVEKIT_SRC (element.get ());
    track->finish ();
    remove_pad (owner, *track);
    track->dismantle ();
    std::lock_guard guard (owner->priv->lock);
    owner->priv->ending.erase (track);
  });
}

void
send_eos (GstLiveKitSrc *self) {
  bool ending = false, linked = false;
  {
    std::lock_guard guard (self->priv->lock);
    self->priv->ended = true;
    ending = !self->priv->ending.empty ();
  }
  for (const auto &track : all_tracks (self)) {
    auto pad = pad_of (self, *track);
    linked |= pad && gst_pad_is_linked (pad.get ());
    run_in_pool ([track] { track->frame_src ()->finish (); });
  }
  for (const auto &mix : all_mixes (self)) {
    mix->finish ();
    linked = true;
  }
  // Without a linked pad nobody downstream would ever see the end, and an application that waits for it would
  // wait for ever.
  if (!linked && !ending)
    post_error (GST_ELEMENT (self), { Errc::Closed, Retry::Never,
                                      "the end came before any track did: there is nothing to finish" });
}

void
emit_track (GstLiveKitSrc *self, guint signal, const ParticipantInfo &participant, const TrackInfo &track) {
  g_signal_emit (self, signals[signal], 0, to_structure (participant).get (), to_structure (track).get ());
}

void
on_event (GstLiveKitSrc *self, const session::SessionEvent &event) {
  if (const auto *e = std::get_if<session::RemoteTrackSubscribed> (&event)) add_track (self, e->track);
  if (const auto *e = std::get_if<session::RemoteTrackUnsubscribed> (&event)) end_track (self, e->track);
  if (const auto *e = std::get_if<session::RemoteTrackPublished> (&event))
    emit_track (self, SIGNAL_TRACK_PUBLISHED, e->participant, e->track);
  if (const auto *e = std::get_if<session::RemoteTrackUnpublished> (&event))
    emit_track (self, SIGNAL_TRACK_UNPUBLISHED, e->participant, e->track);
  if (std::holds_alternative<session::LatencyChanged> (event))
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
  if (const auto *e = std::get_if<session::RemoteTrackChanged> (&event)) {
    TrackPtr track;
    {
      std::lock_guard guard (self->priv->lock);
      auto it = self->priv->tracks.find (e->track.get ());
      if (it != self->priv->tracks.end ()) track = it->second;
    }
    if (auto mix = track ? mix_of (self, track->codec ().kind) : nullptr) mix->changed (e->track.get ());
    if (auto pad = track ? pad_of (self, *track) : nullptr) {
      g_object_notify (G_OBJECT (pad.get ()), "muted");
      g_object_notify (G_OBJECT (pad.get ()), "paused");
      g_signal_emit (self, signals[SIGNAL_TRACK_CHANGED], 0, pad.get ());
    }
  }
}

// ---- states

void
activate (GstLiveKitSrc *self) {
  auto *priv = self->priv;
  {
    std::lock_guard guard (priv->lock);
    priv->active = true;
    priv->ended = false;
    priv->requested.clear ();
    priv->next_audio = priv->next_video = 0;
    priv->group_id = gst_util_group_id_next ();
  }
  priv->participant->start ();
}

void
play (GstLiveKitSrc *self) {
  auto *priv = self->priv;
  auto clock = Ref<GstClock>::adopt (gst_element_get_clock (GST_ELEMENT (self)));
  priv->time->set_clock (clock.get (), gst_element_get_base_time (GST_ELEMENT (self)));
  const GstClockTime now = running_time (self);
  {
    std::lock_guard guard (priv->lock);
    priv->playing = true;
  }
  for (const auto &track : all_tracks (self)) {
    track->open (now == GST_CLOCK_TIME_NONE ? 0 : now);
    priv->continuity.add (track->frame_src ());
  }
  priv->continuity.start ([self] {
    self->priv->time->observe ();
    return running_time (self);
  });
}

void
pause (GstLiveKitSrc *self) {
  auto *priv = self->priv;
  {
    std::lock_guard guard (priv->lock);
    priv->playing = false;
  }
  priv->continuity.stop ();
  for (const auto &track : all_tracks (self)) {
    priv->continuity.remove (track->frame_src ());
    track->frame_src ()->close ();
  }
}

/// After the children stopped: downstream is flushing, so nothing here waits.
void
deactivate (GstLiveKitSrc *self) {
  auto *priv = self->priv;
  decltype (priv->tracks) tracks;
  std::set<TrackPtr> ending;
  {
    std::lock_guard guard (priv->lock);
    priv->active = false;
    tracks.swap (priv->tracks);
    ending = priv->ending;
  }
  for (const auto &[remote, track] : tracks)
    ending.insert (track);
  for (const auto &track : ending) {
    remove_pad (self, *track);
    track->dismantle ();
  }
  for (const auto &mix : all_mixes (self))
    mix->clear ();
  priv->time->clear ();
}

GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition) {
  auto *self = GST_LIVEKIT_SRC (element);
  switch (transition) {
  case GST_STATE_CHANGE_NULL_TO_READY:
    if (!self->priv->participant->attach ()) return GST_STATE_CHANGE_FAILURE;
    break;
  case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
    play (self);
    break;
  case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
    pause (self);
    break;
  case GST_STATE_CHANGE_PAUSED_TO_READY: {
    std::lock_guard guard (self->priv->lock);
    self->priv->active = false; // no new pads while the children stop
    break;
  }
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
    activate (self);
    return GST_STATE_CHANGE_NO_PREROLL;
  case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
    return ret == GST_STATE_CHANGE_FAILURE ? ret : GST_STATE_CHANGE_NO_PREROLL;
  case GST_STATE_CHANGE_PAUSED_TO_READY:
    deactivate (self);
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
  send_eos (GST_LIVEKIT_SRC (element));
  gst_event_unref (event);
  return TRUE;
}

// ---- actions

gboolean
set_subscribed (GstElement *element, const gchar *sid, gboolean subscribed) {
  auto session = GST_LIVEKIT_SRC (element)->priv->participant->session ();
  if (!session || !sid) return FALSE;
  {
    auto *priv = GST_LIVEKIT_SRC (element)->priv;
    std::lock_guard guard (priv->lock);
    if (subscribed)
      priv->requested.insert (sid);
    else
      priv->requested.erase (sid);
  }
  session->set_subscribed (sid, subscribed);
  return TRUE;
}

void
filter_changed (GstLiveKitSrc *self) {
  auto session = self->priv->participant->session ();
  auto user = self->priv->participant->user ();
  if (!session || !user) return;
  session::TrackFilter filter;
  {
    std::lock_guard guard (self->priv->lock);
    filter = wanted (*self->priv);
  }
  session->set_filter (user, filter);
}

void
settings_changed (GstLiveKitSrc *self, const SrcSettings &before, const SrcSettings &after) {
  auto session = self->priv->participant->session ();
  auto user = self->priv->participant->user ();
  if (!session || !user) return;
  if (before.latency_ms != after.latency_ms) session->set_latency (user, Millis (after.latency_ms));
  const auto &a = before.filter, &b = after.filter;
  if (a.participants != b.participants || a.tracks != b.tracks || a.sources != b.sources || a.kinds != b.kinds
      || a.automatic != b.automatic)
    filter_changed (self);
}

// ---- the mix pads

media::MediaKind
kind_of (GstPadTemplate *pad_template) {
  return g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (pad_template), "audio") ? media::MediaKind::Audio
                                                                                   : media::MediaKind::Video;
}

void
mix_linked (GstPad *pad, GstPad *peer, gpointer) {
  auto element = Ref<GstElement>::adopt (gst_pad_get_parent_element (pad));
  if (!element) return;
  auto *self = GST_LIVEKIT_SRC (element.get ());
  auto mix = mix_of (self, kind_of (GST_PAD_PAD_TEMPLATE (pad)));
  if (!mix) return;
  bool playing = false;
  std::vector<session::RemoteTrackPtr> remotes;
  {
    std::lock_guard guard (self->priv->lock);
    playing = self->priv->playing;
    for (const auto &[remote, track] : self->priv->tracks)
      if (track->codec ().kind == mix->kind ()) remotes.push_back (track->track ());
  }
  const GstClockTime now = playing ? running_time (self) : 0;
  mix->start (peer, GST_CLOCK_TIME_IS_VALID (now) ? now : 0);
  for (const auto &remote : remotes)
    mix_in (self, remote);
}

GstPad *
request_new_pad (GstElement *element, GstPadTemplate *pad_template, const gchar *, const GstCaps *) {
  auto *self = GST_LIVEKIT_SRC (element);
  auto *priv = self->priv;
  const auto kind = kind_of (pad_template);
  const char *name = GST_PAD_TEMPLATE_NAME_TEMPLATE (pad_template);
  guint latency_ms = 0;
  {
    std::lock_guard guard (priv->lock);
    if (priv->mixes.contains (kind)) {
      GST_WARNING_OBJECT (self, "%s is there already: put a tee behind it", name);
      return nullptr;
    }
    latency_ms = priv->settings.latency_ms;
  }
  auto mix = Mix::create (element, kind, latency_ms * GST_MSECOND);
  if (!mix) {
    post_error (element, mix.error ());
    return nullptr;
  }
  GstPad *pad = make_mix_pad (pad_template, name, *mix);
  g_signal_connect (pad, "linked", G_CALLBACK (mix_linked), nullptr);
  if (GST_STATE (element) > GST_STATE_READY || GST_STATE_PENDING (element) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  if (!gst_element_add_pad (element, pad)) {
    (*mix)->close ();
    return nullptr;
  }
  gst_child_proxy_child_added (GST_CHILD_PROXY (self), G_OBJECT (pad), name);
  {
    std::lock_guard guard (priv->lock);
    priv->mixes[kind] = *mix;
  }
  filter_changed (self);
  return pad;
}

void
release_pad (GstElement *element, GstPad *pad) {
  auto *self = GST_LIVEKIT_SRC (element);
  std::shared_ptr<Mix> mix;
  {
    std::lock_guard guard (self->priv->lock);
    if (auto node = self->priv->mixes.extract (kind_of (GST_PAD_PAD_TEMPLATE (pad))))
      mix = std::move (node.mapped ());
  }
  gst_pad_set_active (pad, FALSE);
  gst_child_proxy_child_removed (GST_CHILD_PROXY (self), G_OBJECT (pad), GST_PAD_NAME (pad));
  if (mix) {
    for (const auto &track : mix->tracks ())
      self->priv->continuity.remove (track->frame_src ());
    mix->close ();
  }
  gst_element_remove_pad (element, pad);
  filter_changed (self);
}

} // namespace

} // namespace lk::gst

GstLiveKitSrcPriv::GstLiveKitSrcPriv (GstLiveKitSrc *self) {
  lk::gst::Participant::Hooks hooks;
  hooks.needs = [this] {
    std::lock_guard guard (lock);
    return lk::session::Needs{ false, lk::gst::wanted (*this), lk::Millis (settings.latency_ms) };
  };
  hooks.on_event = [self] (const lk::session::SessionEvent &event) { lk::gst::on_event (self, event); };
  hooks.send_eos = [self] { lk::gst::send_eos (self); };
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
                                                        GST_TYPE_LIVEKIT_MIX_PAD);
  gst_element_class_add_static_pad_template_with_gtype (element_class, &lk::gst::video_mix_template,
                                                        GST_TYPE_LIVEKIT_MIX_PAD);
  gst_type_mark_as_plugin_api (GST_TYPE_LIVEKIT_SRC_PAD, GstPluginAPIFlags (0));
  gst_type_mark_as_plugin_api (GST_TYPE_LIVEKIT_MIX_PAD, GstPluginAPIFlags (0));

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
