#include "livekitsrc/srctracks.hpp"

#include "livekitsrc/livekitsrcpad.hpp"
#include "mix/livekitmixpad.hpp"
#include "participant/errors.hpp"
#include "participant/pool.hpp"

namespace lk::gst {

namespace {

media::MediaKind
kind_of (GstPadTemplate *pad_template) {
  return g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (pad_template), "audio") ? media::MediaKind::Audio
                                                                                   : media::MediaKind::Video;
}

} // namespace

session::TrackFilter
SrcTracks::filter () const {
  auto filter = hooks_.wishes ().filter;
  if (!filter.kinds.empty ()) return filter;
  std::lock_guard guard (lock_);
  for (const auto &[kind, mix] : mixes_)
    filter.kinds.append (filter.kinds.empty () ? "" : ",")
        .append (kind == media::MediaKind::Audio ? "audio" : "video");
  return filter;
}

std::vector<SrcTracks::TrackPtr>
SrcTracks::all () const {
  std::lock_guard guard (lock_);
  std::vector<TrackPtr> out;
  for (const auto &[remote, track] : tracks_)
    out.push_back (track);
  for (const auto &[kind, mix] : mixes_)
    for (auto &track : mix->tracks ())
      out.push_back (std::move (track));
  return out;
}

std::vector<std::shared_ptr<Mix>>
SrcTracks::mixes () const {
  std::lock_guard guard (lock_);
  std::vector<std::shared_ptr<Mix>> out;
  for (const auto &[kind, mix] : mixes_)
    out.push_back (mix);
  return out;
}

/// The mix of that kind, if its pad was requested.
std::shared_ptr<Mix>
SrcTracks::mix_of (media::MediaKind kind) const {
  std::lock_guard guard (lock_);
  auto it = mixes_.find (kind);
  return it == mixes_.end () ? nullptr : it->second;
}

Ref<GstPad>
SrcTracks::pad_of (const SrcTrack &track) const {
  Ref<GstPad> found;
  GST_OBJECT_LOCK (element_);
  for (GList *l = element_->srcpads; l && !found; l = l->next)
    if (GST_IS_LIVEKIT_SRC_PAD (l->data) && &track_of (GST_PAD (l->data)) == &track)
      found = Ref<GstPad>::retain (GST_PAD (l->data));
  GST_OBJECT_UNLOCK (element_);
  return found;
}

void
SrcTracks::remove_pad (SrcTrack &track) {
  auto pad = pad_of (track);
  if (!pad || !track.claim_pad_removal ()) return;
  gst_pad_set_active (pad.get (), FALSE);
  // While the pad is whole: the streaming thread may be linking a decoder to it.
  track.set_pad (nullptr);
  gst_child_proxy_child_removed (GST_CHILD_PROXY (element_), G_OBJECT (pad.get ()),
                                 GST_PAD_NAME (pad.get ()));
  gst_element_remove_pad (element_, pad.get ());
}

/// Whether the track is ours: other elements of the session may have asked for it. lock_ held.
bool
SrcTracks::accepts (const session::RemoteTrackPtr &remote, const session::TrackFilter &filter) const {
  if (!active_ || ended_ || tracks_.contains (remote.get ())) return false;
  const auto track = remote->info ();
  return requested_.contains (track.sid)
         || (filter.automatic && filter.matches (remote->participant (), track));
}

SrcTrack::Params
SrcTracks::params_of (const session::RemoteTrackPtr &remote, const media::Codec &codec) const {
  SrcTrack::Params params;
  params.bin = element_;
  params.track = remote;
  params.codec = &codec;
  params.time = time_;
  params.stream_id = remote->participant ().sid + "/" + remote->info ().sid;
  // The session outlives its tracks; the element asks it for the latency of the moment.
  params.latency = [session = std::weak_ptr<session::Session> (hooks_.session ())] () -> GstClockTime {
    auto s = session.lock ();
    return s ? GstClockTime (s->latency ().count ()) * GST_MSECOND : 0;
  };
  std::lock_guard guard (lock_);
  params.group_id = group_id_;
  return params;
}

/// Frames of the track flow from now on, if the element plays.
void
SrcTracks::open (SrcTrack &track) {
  {
    std::lock_guard guard (lock_);
    if (!playing_) return;
  }
  const GstClockTime now = running_time ();
  track.open (now == GST_CLOCK_TIME_NONE ? 0 : now);
  continuity_.add (track.frame_src ());
}

void
SrcTracks::mix_in (const session::RemoteTrackPtr &remote) {
  const media::Codec *codec = media::find_codec (remote->codec ());
  auto mix = codec ? mix_of (codec->kind) : nullptr;
  if (!mix) return;
  if (auto mixed = mix->add (params_of (remote, *codec))) open (*mixed);
}

void
SrcTracks::add (const session::RemoteTrackPtr &remote) {
  const media::Codec *codec = media::find_codec (remote->codec ());
  if (!codec) {
    const auto info = remote->info ();
    post_warning (element_, { Errc::UnsupportedCodec, Retry::Never,
                              "track " + info.sid + " is encoded as " + info.mime_type
                                  + ", which this installation cannot receive" });
    return;
  }
  auto params = params_of (remote, *codec);
  params.output = hooks_.wishes ().output;
  const auto filter = this->filter ();
  std::string name;
  {
    std::lock_guard guard (lock_);
    if (!accepts (remote, filter)) return;
    const bool audio = codec->kind == media::MediaKind::Audio;
    name = audio ? "audio_" + std::to_string (next_audio_++) : "video_" + std::to_string (next_video_++);
  }
  auto track = SrcTrack::create (params);
  {
    std::lock_guard guard (lock_);
    if (!active_ || ended_) return; // meanwhile; the track dismantles itself
    tracks_[remote.get ()] = track;
  }
  auto *pad_template = gst_element_get_pad_template (element_, track->is_audio () ? "audio_%u" : "video_%u");
  GstPad *pad = make_src_pad (pad_template, name.c_str (), track);
  gst_pad_set_active (pad, TRUE);
  auto kept = Ref<GstPad>::retain (pad);
  gst_element_add_pad (element_, pad);
  gst_child_proxy_child_added (GST_CHILD_PROXY (element_), G_OBJECT (pad), name.c_str ());
  // What has just been linked does not know yet how late its data comes.
  gst_element_post_message (element_, gst_message_new_latency (GST_OBJECT (element_)));
  {
    std::unique_lock guard (lock_);
    if (!tracks_.contains (remote.get ())) { // stopped while the pad was being added
      guard.unlock ();
      remove_pad (*track);
      return;
    }
  }
  hooks_.subscribed (pad);
  open (*track);
  mix_in (remote);
}

void
SrcTracks::end (const session::RemoteTrackPtr &remote) {
  TrackPtr track;
  {
    std::lock_guard guard (lock_);
    auto it = tracks_.find (remote.get ());
    if (it == tracks_.end ()) return;
    track = it->second;
    tracks_.erase (it);
    ending_.insert (track);
  }
  continuity_.remove (track->frame_src ());
  if (auto pad = pad_of (*track)) hooks_.unsubscribed (pad.get ());
  auto element = Ref<GstElement>::retain (element_); // and us with it
  auto mix = mix_of (track->codec ().kind);
  if (auto mixed = mix ? mix->find (remote.get ()) : nullptr) {
    continuity_.remove (mixed->frame_src ());
    run_in_pool ([element, mix, remote] { mix->remove (remote.get ()); });
  }
  run_in_pool ([this, element, track] {
    track->finish ();
    remove_pad (*track);
    track->dismantle ();
    std::lock_guard guard (lock_);
    ending_.erase (track);
  });
}

void
SrcTracks::change (const session::RemoteTrackPtr &remote) {
  TrackPtr track;
  {
    std::lock_guard guard (lock_);
    auto it = tracks_.find (remote.get ());
    if (it == tracks_.end ()) return;
    track = it->second;
  }
  if (auto mix = mix_of (track->codec ().kind)) mix->apply ();
  if (auto pad = pad_of (*track)) hooks_.changed (pad.get ());
}

void
SrcTracks::heard (const session::ActiveSpeakers &speakers) {
  for (const auto &mix : mixes ())
    mix->heard (speakers);
}

void
SrcTracks::renamed () {
  for (const auto &mix : mixes ())
    mix->apply ();
}

void
SrcTracks::left (const std::string &identity) {
  for (const auto &mix : mixes ())
    mix->left (identity);
}

void
SrcTracks::set_requested (const std::string &sid, bool requested) {
  std::lock_guard guard (lock_);
  if (requested)
    requested_.insert (sid);
  else
    requested_.erase (sid);
}

// ---- states

void
SrcTracks::activate () {
  {
    std::lock_guard guard (lock_);
    active_ = true;
    ended_ = false;
    requested_.clear ();
    next_audio_ = next_video_ = 0;
    group_id_ = gst_util_group_id_next ();
  }
  for (const char *name : { "audio_mix", "video_mix" }) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element_, name));
    auto peer = Ref<GstPad>::adopt (pad ? gst_pad_get_peer (pad.get ()) : nullptr);
    if (peer) mix_linked (pad.get (), peer.get ());
  }
}

void
SrcTracks::play () {
  auto clock = Ref<GstClock>::adopt (gst_element_get_clock (element_));
  time_->set_clock (clock.get (), gst_element_get_base_time (element_));
  {
    std::lock_guard guard (lock_);
    playing_ = true;
  }
  for (const auto &track : all ())
    open (*track);
  continuity_.start ([this] {
    time_->observe ();
    return running_time ();
  });
}

void
SrcTracks::pause () {
  {
    std::lock_guard guard (lock_);
    playing_ = false;
  }
  continuity_.stop ();
  for (const auto &track : all ()) {
    continuity_.remove (track->frame_src ());
    track->frame_src ()->close ();
  }
}

void
SrcTracks::stop_adding () {
  std::set<TrackPtr> pushing;
  {
    std::lock_guard guard (lock_);
    active_ = false;
    pushing = ending_;
  }
  for (const auto &mix : mixes ())
    mix->let_go ();
  for (const auto &track : all ())
    pushing.insert (track);
  for (const auto &track : pushing)
    track->frame_src ()->let_go ();
}

void
SrcTracks::deactivate () {
  decltype (tracks_) tracks;
  std::set<TrackPtr> ending;
  {
    std::lock_guard guard (lock_);
    active_ = false;
    tracks.swap (tracks_);
    ending = ending_;
  }
  for (const auto &[remote, track] : tracks)
    ending.insert (track);
  for (const auto &track : ending) {
    remove_pad (*track);
    track->dismantle ();
  }
  for (const auto &mix : mixes ())
    mix->clear ();
  time_->clear ();
}

void
SrcTracks::send_eos () {
  bool ending = false, linked = false;
  {
    std::lock_guard guard (lock_);
    ended_ = true;
    ending = !ending_.empty ();
  }
  for (const auto &track : all ()) {
    auto pad = pad_of (*track);
    linked |= pad && gst_pad_is_linked (pad.get ());
    run_in_pool ([track] { track->frame_src ()->finish (); });
  }
  for (const auto &mix : mixes ()) {
    mix->finish ();
    linked = true;
  }
  // Without a linked pad nobody downstream would ever see the end, and an application that waits for it would
  // wait for ever.
  if (!linked && !ending)
    post_error (element_, { Errc::Closed, Retry::Never,
                            "the end came before any track did: there is nothing to finish" });
}

// ---- mix pads

void
SrcTracks::mix_linked (GstPad *pad, GstPad *peer) {
  auto mix = mix_of (kind_of (GST_PAD_PAD_TEMPLATE (pad)));
  if (!mix) return;
  bool active = false;
  std::vector<session::RemoteTrackPtr> remotes;
  {
    std::lock_guard guard (lock_);
    active = active_;
    for (const auto &[remote, track] : tracks_)
      if (track->codec ().kind == mix->kind ()) remotes.push_back (track->track ());
  }
  if (!active) return; // activate() does it, when the whole pipeline is linked and can tell its format
  mix->start (peer);
  for (const auto &remote : remotes)
    mix_in (remote);
}

GstPad *
SrcTracks::request_mix (GstPadTemplate *pad_template) {
  const auto kind = kind_of (pad_template);
  const char *name = GST_PAD_TEMPLATE_NAME_TEMPLATE (pad_template);
  if (mix_of (kind)) {
    GST_WARNING_OBJECT (element_, "%s is there already: put a tee behind it", name);
    return nullptr;
  }
  auto mix = Mix::create (element_, kind, hooks_.wishes ().latency_ms * GST_MSECOND);
  if (!mix) {
    post_error (element_, mix.error ());
    return nullptr;
  }
  GstPad *pad = make_mix_pad (pad_template, name, *mix);
  g_signal_connect (pad, "linked", G_CALLBACK (+[] (GstPad *self, GstPad *peer, SrcTracks *tracks) {
                      // Without an element it has been released, and `tracks` may be gone.
                      auto element = Ref<GstElement>::adopt (gst_pad_get_parent_element (self));
                      if (element) tracks->mix_linked (self, peer);
                    }),
                    this);
  if (GST_STATE (element_) > GST_STATE_READY || GST_STATE_PENDING (element_) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  if (!gst_element_add_pad (element_, pad)) {
    (*mix)->close ();
    return nullptr;
  }
  gst_child_proxy_child_added (GST_CHILD_PROXY (element_), G_OBJECT (pad), name);
  {
    std::lock_guard guard (lock_);
    mixes_[kind] = *mix;
  }
  hooks_.filter_changed ();
  return pad;
}

void
SrcTracks::release_mix (GstPad *pad) {
  std::shared_ptr<Mix> mix;
  {
    std::lock_guard guard (lock_);
    if (auto node = mixes_.extract (kind_of (GST_PAD_PAD_TEMPLATE (pad)))) mix = std::move (node.mapped ());
  }
  gst_pad_set_active (pad, FALSE);
  gst_child_proxy_child_removed (GST_CHILD_PROXY (element_), G_OBJECT (pad), GST_PAD_NAME (pad));
  if (mix) {
    for (const auto &track : mix->tracks ())
      continuity_.remove (track->frame_src ());
    mix->close ();
  }
  gst_element_remove_pad (element_, pad);
  hooks_.filter_changed ();
}

} // namespace lk::gst
