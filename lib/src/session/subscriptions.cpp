#include "session/subscriptions.hpp"

#include "base/log.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

// An application may go on naming tracks for ever.
constexpr size_t kMaxOverrides = 10'000;

} // namespace

Subscriptions::Subscriptions (const Context &context, const Roster &roster, Emit emit)
    : context_ (context), roster_ (roster), emit_ (std::move (emit)) {}

// ---- what elements want

void
Subscriptions::set_wanted (std::vector<TrackFilter> filters, Millis latency, Millis reappear) {
  g_assert (context_.queue->is_current ());
  filters_ = std::move (filters);
  reappear_ = reappear;
  latency = latency > Millis (0) ? latency : kDefaultLatency;
  if (latency != latency_) {
    latency_ = latency;
    if (link_ && link_->subscriber ()) link_->subscriber ()->set_latency (latency);
    check_latency ();
  }
  update_all_subscriptions ();
}

void
Subscriptions::set_subscribed (const std::string &sid, bool subscribed) {
  if (overrides_.size () >= kMaxOverrides && !overrides_.count (sid)) return;
  overrides_[sid] = subscribed;
  update_subscriptions ({ sid });
}

bool
Subscriptions::wanted (const std::string &sid) const {
  if (auto it = overrides_.find (sid); it != overrides_.end ()) return it->second;
  auto found = roster_.find_track (sid);
  if (!found) return false;
  if (auto it = find_absent (found); it != absent_.end () && it->subscribed) return *it->subscribed;
  return std::any_of (filters_.begin (), filters_.end (), [&] (const TrackFilter &filter) {
    return filter.automatic && filter.matches (*found.participant, *found.track);
  });
}

void
Subscriptions::update_subscriptions (const std::vector<std::string> &sids) {
  if (!link_) return;
  UpdateSubscription on, off;
  off.subscribe = false;
  for (const auto &sid : sids) {
    if (!roster_.find_track (sid)) continue;
    auto [it, fresh] = subscribed_.emplace (sid, automatic_);
    bool want = wanted (sid);
    if (it->second == want) continue;
    it->second = want;
    (want ? on : off).track_sids.push_back (sid);
  }
  if (!on.track_sids.empty ()) link_->send (on);
  if (!off.track_sids.empty ()) link_->send (off);
}

void
Subscriptions::update_all_subscriptions () {
  if (!link_) return;
  std::vector<std::string> sids;
  for (const auto &[identity, participant] : roster_.participants ())
    for (const auto &track : participant->tracks)
      sids.push_back (track.sid);
  update_subscriptions (sids);
}

void
Subscriptions::demand_changed (const std::string &sid) {
  if (auto it = entries_.find (sid); it != entries_.end ()) tell_demand (it->second);
}

void
Subscriptions::tell_demand (Entry &entry) {
  auto demand = entry.track->demand ();
  if (!link_ || demand == entry.told) return;
  entry.told = demand;
  UpdateTrackSettings settings;
  settings.track_sids = { entry.track->sid () };
  settings.disabled = !demand.enabled;
  settings.quality = demand.quality;
  settings.width = demand.width;
  settings.height = demand.height;
  settings.fps = demand.fps;
  link_->send (settings);
}

void
Subscriptions::request_keyframe (const std::string &sid) {
  auto it = entries_.find (sid);
  if (it != entries_.end () && it->second.attached && link_ && link_->subscriber ())
    link_->subscriber ()->request_keyframe (it->second.attached);
}

void
Subscriptions::set_dropping (const std::string &sid, bool dropping) {
  auto it = entries_.find (sid);
  if (it != entries_.end () && it->second.attached && link_ && link_->subscriber ())
    link_->subscriber ()->set_dropping (it->second.attached, dropping);
}

void
Subscriptions::ask_stats (const std::string &sid) {
  auto it = entries_.find (sid);
  if (it == entries_.end () || !it->second.attached || !link_ || !link_->subscriber ()) return;
  link_->subscriber ()->receiver_stats (
      it->second.attached, [weak = std::weak_ptr (it->second.track)] (const rtc::ReceiverStats &stats) {
        if (auto self = weak.lock ()) self->set_rtp_stats (stats);
      });
}

// ---- links

void
Subscriptions::bind (Link &link, bool automatic) {
  link_ = &link;
  automatic_ = automatic;
  update_all_subscriptions ();
}

void
Subscriptions::announce () {
  announcing_ = true;
  refresh ();
  if (!absent_.empty ()) absent_limit_ = context_.timers->once (reappear_, [this] { drop_absent (); });
}

void
Subscriptions::write (SyncState &state) const {
  // Only what differs from the server's own rule.
  state.subscription.subscribe = !automatic_;
  for (const auto &[sid, wanted] : subscribed_)
    if (wanted != automatic_ && roster_.find_track (sid)) state.subscription.track_sids.push_back (sid);
  for (const auto &[sid, entry] : entries_)
    if (!entry.told.enabled && roster_.find_track (sid)) state.track_sids_disabled.push_back (sid);
}

void
Subscriptions::suspend () {
  absent_limit_.reset ();
  link_ = nullptr;
  announcing_ = false;
  sections_.clear ();
  held_.clear ();
  auto position_of = [] (const RemoteTrackImpl &track) {
    const auto &tracks = track.participant ().tracks;
    auto it = std::find_if (tracks.begin (), tracks.end (),
                            [sid = track.sid ()] (const TrackInfo &info) { return info.sid == sid; });
    return size_t (it - tracks.begin ());
  };
  for (auto &[sid, entry] : entries_) {
    entry.track->frames ().unbind ();
    entry.track->set_ts_offset (Nanos (0));
    if (!entry.announced) continue;
    auto asked = overrides_.find (sid);
    absent_.push_back ({ entry.track, position_of (*entry.track),
                         asked == overrides_.end () ? std::nullopt : std::optional (asked->second) });
  }
  std::stable_sort (absent_.begin (), absent_.end (),
                    [] (const Absent &a, const Absent &b) { return a.position < b.position; });
  entries_.clear ();
  subscribed_.clear ();
  alignment_.clear ();
  check_latency ();
}

std::vector<Subscriptions::Absent>::const_iterator
Subscriptions::find_absent (const Roster::Track &found) const {
  auto same_sid = std::find_if (absent_.begin (), absent_.end (), [&] (const Absent &absent) {
    return absent.track->sid () == found.track->sid;
  });
  if (same_sid != absent_.end ()) return same_sid;
  return std::find_if (absent_.begin (), absent_.end (), [&] (const Absent &absent) {
    auto info = absent.track->info ();
    return absent.track->participant ().identity == found.participant->identity
           && info.kind == found.track->kind && info.source == found.track->source
           && info.name == found.track->name && info.mime_type == found.track->mime_type
           && !roster_.find_track (info.sid);
  });
}

/// Gives the entry the track that it was before the reconnect, if there is one.
void
Subscriptions::adopt (Entry &entry, const Roster::Track &found) {
  auto it = find_absent (found);
  if (it == absent_.end ()) return;
  entry.track = it->track;
  entry.announced = true;
  if (it->subscribed) overrides_[found.track->sid] = *it->subscribed;
  GST_INFO ("%s: %s of %s is back as %s", context_.name.c_str (), entry.track->sid ().c_str (),
            found.participant->identity.c_str (), found.track->sid.c_str ());
  absent_.erase (it);
  entry.track->set_info (found.participant, *found.track);
  tell_demand (entry);
  emit_ (RemoteTrackChanged{ entry.track });
}

void
Subscriptions::drop_absent () {
  absent_limit_.reset ();
  for (const auto &absent : std::exchange (absent_, {}))
    emit_ (RemoteTrackUnsubscribed{ absent.track });
}

void
Subscriptions::unbind () {
  // The whole transport goes: taking its streams out one by one would only cost time.
  link_ = nullptr;
  announcing_ = false;
  sections_.clear ();
  held_.clear ();
  while (!entries_.empty ())
    drop (entries_.begin ()->first);
  drop_absent ();
  subscribed_.clear ();
  overrides_.clear ();
  alignment_.clear ();
  check_latency ();
}

// ---- from the roster

void
Subscriptions::on_track_published (const std::string &sid) {
  update_subscriptions ({ sid });
  refresh ();
}

void
Subscriptions::on_track_unpublished (const std::string &sid) {
  drop (sid);
  subscribed_.erase (sid);
  overrides_.erase (sid);
}

void
Subscriptions::on_track_updated (const ParticipantPtr &participant, const TrackInfo &track) {
  // A new name may match another filter.
  update_subscriptions ({ track.sid });
  auto it = entries_.find (track.sid);
  if (it == entries_.end ()) return;
  it->second.track->set_info (participant, track);
  if (it->second.announced) emit_ (RemoteTrackChanged{ it->second.track });
}

void
Subscriptions::on_participant_changed (const ParticipantPtr &participant) {
  for (const auto &track : participant->tracks)
    if (auto it = entries_.find (track.sid); it != entries_.end ())
      it->second.track->set_participant (participant);
}

// ---- from the server

void
Subscriptions::on_stream_states (const StreamStateUpdate &update) {
  for (const auto &state : update.entries) {
    auto it = entries_.find (state.track_sid);
    if (it == entries_.end () || !it->second.track->set_paused (state.paused)) continue;
    if (it->second.announced) emit_ (RemoteTrackChanged{ it->second.track });
  }
}

void
Subscriptions::on_permission (const SubscriptionPermissionUpdate &update) {
  // The server says "allowed" for every new subscription too.
  if (update.allowed) return;
  emit_ (SubscriptionFailed{ update.track_sid,
                             { Errc::NotAllowed, Retry::Never,
                               "the publisher or the token does not allow to subscribe to this track" } });
}

void
Subscriptions::on_response (const SubscriptionResponse &response) {
  using Problem = SubscriptionResponse::Problem;
  Error error{ Errc::Protocol, Retry::Never, "the server cannot subscribe us to this track" };
  if (response.problem == Problem::CodecUnsupported)
    error = { Errc::UnsupportedCodec, Retry::Never,
              "no codec in common with this track: is a GStreamer plugin missing?" };
  else if (response.problem == Problem::TrackNotFound)
    error = { Errc::NotFound, Retry::Never, "this track does not exist any more" };
  emit_ (SubscriptionFailed{ response.track_sid, error });
}

bool
Subscriptions::receiving () const {
  return std::any_of (entries_.begin (), entries_.end (), [] (const auto &row) {
    const auto &[sid, entry] = row;
    return entry.attached && entry.track->demand ().enabled && !entry.track->paused ()
           && !entry.track->info ().muted;
  });
}

std::vector<RemoteTrackPtr>
Subscriptions::announced () const {
  std::vector<RemoteTrackPtr> tracks;
  for (const auto &[sid, entry] : entries_)
    if (entry.announced) tracks.push_back (entry.track);
  for (const auto &absent : absent_)
    tracks.push_back (absent.track);
  return tracks;
}

} // namespace lk::session
