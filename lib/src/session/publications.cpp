#include "session/publications.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <glib.h>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// For the answer to one request.
constexpr Millis kPublishedLimit{ 10000 };

/// "video/VP8" → "vp8".
std::string
short_name (const std::string &mime) {
  auto slash = mime.find ('/');
  auto name = slash == mime.npos ? mime : mime.substr (slash + 1);
  std::transform (name.begin (), name.end (), name.begin (), [] (char c) { return g_ascii_tolower (c); });
  return name;
}

std::string
join_names (const std::vector<std::string> &names) {
  std::string all;
  for (const auto &name : names)
    all.append (all.empty () ? "" : ", ").append (name);
  return all;
}

} // namespace

TrackKind
Publications::kind_of (const PublishSpec &spec) {
  auto *codec = media::find_codec (spec.codec);
  return codec && codec->kind == rtc::MediaKind::Audio ? TrackKind::Audio : TrackKind::Video;
}

Publications::Publications (const Context &context, Emit emit)
    : context_ (context), emit_ (std::move (emit)) {}

void
Publications::add (const TrackPtr &track, const void *owner) {
  g_assert (context_.queue->is_current ());
  auto &entry = entries_[track->cid ()];
  entry.track = track;
  entry.owner = owner;
  const auto &codec = track->spec ().codec;
  const auto &able = context_.env.parts->publishable_codecs ();
  if (std::find (able.begin (), able.end (), codec) == able.end ())
    return fail (track->cid (), { Errc::UnsupportedCodec, Retry::Never,
                                  "this installation cannot send " + (codec.empty () ? "this format" : codec)
                                      + ", only: " + join_names (able) });
  if (link_ && link_->live ()) request (entry);
}

void
Publications::remove (const TrackPtr &track) {
  auto it = entries_.find (track->cid ());
  if (it == entries_.end ()) return;
  // Only requested: the server keeps it pending, and our offers never mention it.
  auto node = entries_.extract (it);
  stop_source (node.mapped ());
  track->set_progress ("", false);
}

void
Publications::remove_owned (const void *owner) {
  std::vector<TrackPtr> owned;
  for (const auto &[cid, entry] : entries_)
    if (entry.owner == owner) owned.push_back (entry.track);
  for (const auto &track : owned)
    remove (track);
}

void
Publications::bind (Link &link, std::vector<std::string> enabled_codecs) {
  link_ = &link;
  enabled_codecs_ = std::move (enabled_codecs);
  request_waiting ();
}

void
Publications::request_waiting () {
  std::vector<std::string> cids;
  for (const auto &[cid, entry] : entries_)
    if (entry.step == Step::Waiting) cids.push_back (cid);
  for (const auto &cid : cids)
    if (auto it = entries_.find (cid); it != entries_.end ()) request (it->second);
}

bool
Publications::settled () const {
  return std::none_of (entries_.begin (), entries_.end (), [] (const auto &row) {
    return row.second.step == Step::Requested || row.second.step == Step::Queued;
  });
}

void
Publications::write (SyncState &state) const {
  for (const auto &[cid, entry] : entries_) {
    if (entry.step != Step::Accepted && entry.step != Step::Published) continue;
    TrackPublished published;
    published.cid = cid;
    published.track = entry.info;
    published.track.muted = entry.told_muted;
    state.publish_tracks.push_back (std::move (published));
  }
}

void
Publications::resumed (const std::vector<TrackInfo> &before, const std::vector<TrackInfo> &now) {
  std::map<std::string, const TrackInfo *> there;
  for (const auto &info : now)
    there[info.sid] = &info;
  // Tracks that have sent nothing yet were not listed before either.
  for (const auto &info : before)
    if (!there.count (info.sid)) on_unpublished (info.sid);
  std::vector<MuteTrack> muted;
  for (auto &[cid, entry] : entries_) {
    auto it = there.find (entry.track->sid ());
    if (it != there.end () && it->second->muted != entry.known_muted && entry.told_muted == entry.known_muted)
      muted.push_back ({ entry.track->sid (), it->second->muted });
    entry.known_muted = entry.told_muted;
    entry.track->set_wanted (true); // what was said meanwhile is not said again
  }
  for (const auto &mute : muted)
    on_muted (mute);
  request_waiting ();
}

void
Publications::unbind () {
  link_ = nullptr;
  negotiate_timer_.reset ();
  for (auto &[cid, entry] : entries_) {
    entry.track->frames ().unbind ();
    reset (entry);
  }
}

void
Publications::reset (Entry &entry) {
  entry.track->set_progress ("", false);
  entry.track->set_wanted (true);
  Entry fresh;
  fresh.track = entry.track;
  fresh.owner = entry.owner;
  fresh.lived = entry.lived;
  entry = std::move (fresh);
}

bool
Publications::allowed (const Entry &entry) const {
  const auto &sources = permission_.can_publish_sources;
  return permission_.can_publish
         && (sources.empty ()
             || std::find (sources.begin (), sources.end (), entry.track->spec ().source) != sources.end ());
}

void
Publications::set_permission (const std::optional<Permission> &permission) {
  permission_ = permission.value_or (Permission ());
  std::vector<std::string> back;
  for (auto &[cid, entry] : entries_) {
    if (entry.step != Step::Suspended) continue;
    if (!allowed (entry))
      entry.timer.reset (); // that is why it was taken down
    else if (!entry.timer)
      back.push_back (cid);
  }
  if (!link_) return;
  for (const auto &cid : back)
    if (auto it = entries_.find (cid); it != entries_.end ()) {
      reset (it->second);
      request (it->second);
    }
}

void
Publications::suspend (Entry &entry) {
  auto track = entry.track;
  stop_source (entry);
  reset (entry);
  entry.step = Step::Suspended;
  GST_WARNING ("%s: track \"%s\" waits for the permission to publish", context_.name.c_str (),
               track->spec ().name.c_str ());
  emit_ (LocalTrackSuspended{ track,
                              { Errc::NotAllowed, Retry::Never,
                                "the server took the track \"" + track->spec ().name
                                    + "\" down: the permission to publish it was revoked. It is published "
                                      "again when the permission is back" } });
}

void
Publications::request (Entry &entry) {
  auto &track = *entry.track;
  const auto &spec = track.spec ();
  if (entry.lived && !allowed (entry)) return suspend (entry);
  std::vector<std::string> allowed;
  for (const auto &mime : enabled_codecs_)
    allowed.push_back (short_name (mime));
  if (!allowed.empty () && std::find (allowed.begin (), allowed.end (), spec.codec) == allowed.end ())
    return fail (track.cid (),
                 { Errc::UnsupportedCodec, Retry::Never,
                   "this room does not take " + spec.codec + ", only: " + join_names (allowed) });

  AddTrack add;
  add.cid = track.cid ();
  add.name = spec.name;
  add.stream = spec.stream;
  add.kind = kind_of (spec);
  add.source = spec.source;
  add.muted = entry.told_muted = entry.known_muted = track.muted ();
  add.disable_red = true;
  if (add.kind == TrackKind::Video) {
    entry.told_size = track.size ();
    std::tie (add.width, add.height) = entry.told_size;
    VideoLayer layer;
    layer.quality = VideoQuality::High;
    layer.width = add.width;
    layer.height = add.height;
    layer.bitrate_bps = spec.bitrate_bps;
    add.layers.push_back (layer);
    CodecInfo codec;
    codec.mime_type = spec.codec;
    codec.cid = add.cid;
    codec.layers = add.layers;
    add.codecs.push_back (codec);
  } else {
    CodecInfo codec;
    codec.mime_type = spec.codec;
    codec.cid = add.cid;
    add.codecs.push_back (codec);
    if (spec.stereo) add.audio_features.push_back (AudioFeature::Stereo);
    if (!spec.dtx) add.audio_features.push_back (AudioFeature::NoDtx);
  }
  entry.step = Step::Requested;
  ++entry.requests;
  entry.timer = context_.timers->once (kPublishedLimit, [this, cid = add.cid] { unanswered (cid); });
  link_->send (add);
  // Made while the server answers, but not before the request is on its way.
  context_.queue->post ([weak = weak_from_this ()] {
    if (auto self = weak.lock (); self && self->link_) self->link_->publisher ();
  });
}

void
Publications::sync (const TrackPtr &track) {
  auto it = entries_.find (track->cid ());
  if (it != entries_.end ()) tell (it->second);
}

void
Publications::tell (Entry &entry) {
  if (!link_ || (entry.step != Step::Accepted && entry.step != Step::Published)) return;
  auto &track = *entry.track;
  if (bool muted = track.muted (); muted != entry.told_muted) {
    entry.told_muted = muted;
    if (link_->live ()) entry.known_muted = muted;
    link_->send (MuteTrack{ track.sid (), muted });
  }
  if (kind_of (track.spec ()) != TrackKind::Video) return;
  if (auto size = track.size (); size != entry.told_size) {
    entry.told_size = size;
    link_->send (UpdateVideoTrack{ track.sid (), size.first, size.second });
  }
}

void
Publications::ask_stats (const TrackPtr &track) {
  auto it = entries_.find (track->cid ());
  if (!link_ || it == entries_.end () || !it->second.sender) return;
  if (auto *publisher = link_->publisher ())
    publisher->sender_stats (*it->second.sender,
                             [weak = std::weak_ptr (track)] (const rtc::SenderStats &stats) {
                               if (auto self = weak.lock ()) self->set_rtp_stats (stats);
                             });
}

Publications::Entry *
Publications::find_sid (const std::string &sid) {
  if (sid.empty ()) return nullptr;
  for (auto &[cid, entry] : entries_)
    if (entry.track->sid () == sid) return &entry;
  return nullptr;
}

void
Publications::stop_source (Entry &entry) {
  entry.track->frames ().unbind ();
  if (!entry.sender || !link_) return;
  if (auto *publisher = link_->publisher ()) {
    publisher->remove_sender (*entry.sender);
    publisher->negotiate ();
  }
  entry.sender.reset ();
}

void
Publications::fail (const std::string &cid, const Error &error) {
  auto it = entries_.find (cid);
  if (it == entries_.end ()) return;
  auto node = entries_.extract (it);
  auto track = node.mapped ().track;
  GST_WARNING ("%s: track \"%s\" ended: %s", context_.name.c_str (), track->spec ().name.c_str (),
               error.message.c_str ());
  stop_source (node.mapped ());
  track->set_progress ("", false);
  emit_ (LocalTrackEnded{ track, error });
  negotiate_soon ();
}

} // namespace lk::session
