#include "session/roster.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

auto
key (const VideoLayer &l) {
  return std::tie (l.quality, l.width, l.height, l.bitrate_bps, l.ssrc, l.rid);
}

bool
same (const TrackInfo &a, const TrackInfo &b) {
  auto all = [] (const TrackInfo &t) {
    return std::tie (t.name, t.mime_type, t.stream, t.kind, t.source, t.muted, t.simulcast, t.disable_red,
                     t.stereo, t.disable_dtx, t.width, t.height, t.encryption, t.audio_features);
  };
  return all (a) == all (b)
         && std::equal (a.layers.begin (), a.layers.end (), b.layers.begin (), b.layers.end (),
                        [] (const VideoLayer &x, const VideoLayer &y) { return key (x) == key (y); });
}

bool
same (const std::optional<Permission> &a, const std::optional<Permission> &b) {
  auto all = [] (const Permission &p) {
    return std::tie (p.can_subscribe, p.can_publish, p.can_publish_data, p.hidden, p.recorder,
                     p.can_update_metadata, p.agent, p.can_publish_sources);
  };
  if (!a || !b) return !a == !b;
  return all (*a) == all (*b);
}

/// What ParticipantChanged tells about.
bool
same_person (const ParticipantInfo &a, const ParticipantInfo &b) {
  return a.name == b.name && a.metadata == b.metadata && a.attributes == b.attributes
         && same (a.permission, b.permission);
}

/// A data track never changes but with its sid.
bool
same_sids (const std::vector<DataTrackInfo> &a, const std::vector<DataTrackInfo> &b) {
  return std::equal (a.begin (), a.end (), b.begin (), b.end (),
                     [] (const DataTrackInfo &x, const DataTrackInfo &y) { return x.sid == y.sid; });
}

/// Tracks with a sid, each once, not more than we keep.
void
bound_tracks (ParticipantInfo &info) {
  std::set<std::string> seen;
  std::erase_if (info.tracks, [&] (const TrackInfo &t) {
    return t.sid.empty () || seen.size () >= Roster::kMaxTracks || !seen.insert (t.sid).second;
  });
  if (info.data_tracks.size () > Roster::kMaxTracks) info.data_tracks.resize (Roster::kMaxTracks);
}

using Kind = RosterChange::Kind;

} // namespace

RosterChanges
Roster::reset (const ParticipantInfo &self, const std::vector<ParticipantInfo> &others) {
  auto own = self;
  bound_tracks (own);
  self_ = std::make_shared<ParticipantInfo> (std::move (own));
  std::set<std::string> present;
  for (const auto &info : others)
    if (info.state != ParticipantState::Disconnected) present.insert (info.identity);
  auto out = retain (present);
  for (const auto &info : others)
    upsert (info, out);
  return out;
}

RosterChanges
Roster::retain (const std::set<std::string> &identities) {
  RosterChanges out;
  std::vector<ParticipantPtr> gone;
  for (const auto &[identity, info] : participants_)
    if (!identities.count (identity)) gone.push_back (info);
  for (const auto &info : gone)
    remove (*info, out);
  return out;
}

RosterChanges
Roster::update (const std::vector<ParticipantInfo> &participants) {
  RosterChanges out;
  for (const auto &info : participants) {
    if (!self_->identity.empty () && info.identity == self_->identity)
      update_self (info, out);
    else
      upsert (info, out);
  }
  return out;
}

RosterChanges
Roster::clear () {
  RosterChanges out;
  while (!participants_.empty ())
    remove (*participants_.begin ()->second, out);
  self_ = std::make_shared<ParticipantInfo> ();
  return out;
}

void
Roster::update_self (const ParticipantInfo &info, RosterChanges &out) {
  // Another sid is an earlier session of ours that the server is still clearing away.
  if (info.sid != self_->sid || info.version < self_->version) return;
  auto own = info;
  bound_tracks (own);
  bool changed = !same_person (*self_, own);
  self_ = std::make_shared<ParticipantInfo> (std::move (own));
  if (changed) out.push_back ({ Kind::SelfChanged, self_, {} });
}

void
Roster::upsert (ParticipantInfo info, RosterChanges &out) {
  if (info.identity.empty () || info.sid.empty () || info.identity == self_->identity) return;
  bool left = info.state == ParticipantState::Disconnected;
  ParticipantPtr known;
  if (auto it = participants_.find (info.identity); it != participants_.end ()) known = it->second;
  if (known && known->sid != info.sid) {
    // Another session of the same person. The end of the older one may be reported after the start of the
    // newer one.
    if (left || info.joined_at_ms < known->joined_at_ms) return;
    remove (*known, out);
    known = nullptr;
  }
  if (known && info.version < known->version) {
    GST_DEBUG ("dropped version %u of %s, have %u", info.version, info.identity.c_str (), known->version);
    return;
  }
  if (left) {
    if (!known) return;
    auto last = *known;
    last.disconnect_reason = info.disconnect_reason;
    remove (std::move (last), out);
    return;
  }
  if (!known && participants_.size () >= kMaxParticipants) {
    GST_WARNING ("more than %zu participants, ignoring %s", kMaxParticipants, info.identity.c_str ());
    return;
  }
  bound_tracks (info);
  drop_foreign_tracks (info);
  auto now = std::make_shared<ParticipantInfo> (std::move (info));
  participants_[now->identity] = now;
  if (!known) {
    identities_[now->sid] = now->identity;
    out.push_back ({ Kind::Joined, now, {} });
    change_tracks ({}, now, out);
  } else {
    if (!same_person (*known, *now)) out.push_back ({ Kind::Changed, now, {} });
    if (!same_sids (known->data_tracks, now->data_tracks))
      out.push_back ({ Kind::DataTracksChanged, now, {} });
    change_tracks (known->tracks, now, out);
  }
}

void
Roster::remove (ParticipantInfo last, RosterChanges &out) {
  // From here on a lookup finds none of this: the changes tell what was.
  last.state = ParticipantState::Disconnected;
  auto gone = std::make_shared<ParticipantInfo> (std::move (last));
  participants_.erase (gone->identity);
  identities_.erase (gone->sid);
  for (const auto &track : gone->tracks)
    track_of_.erase (track.sid);
  for (const auto &track : gone->tracks)
    out.push_back ({ Kind::TrackUnpublished, gone, track });
  out.push_back ({ Kind::Left, gone, {} });
}

void
Roster::drop_foreign_tracks (ParticipantInfo &info) const {
  // A sid belongs to one participant; a second claim to it is not believed.
  std::erase_if (info.tracks, [&] (const TrackInfo &t) {
    auto it = track_of_.find (t.sid);
    return it != track_of_.end () && it->second != info.identity;
  });
}

void
Roster::change_tracks (const std::vector<TrackInfo> &before, const ParticipantPtr &now, RosterChanges &out) {
  std::unordered_map<std::string, const TrackInfo *> old, current;
  for (const auto &track : before)
    old.emplace (track.sid, &track);
  for (const auto &track : now->tracks)
    current.emplace (track.sid, &track);
  for (const auto &track : before)
    if (!current.count (track.sid)) {
      track_of_.erase (track.sid);
      out.push_back ({ Kind::TrackUnpublished, now, track });
    }
  for (const auto &track : now->tracks) {
    auto it = old.find (track.sid);
    if (it == old.end ()) {
      track_of_.emplace (track.sid, now->identity);
      out.push_back ({ Kind::TrackPublished, now, track });
    } else if (!same (*it->second, track)) {
      out.push_back ({ Kind::TrackUpdated, now, track });
    }
  }
}

Roster::Track
Roster::find_track (const std::string &sid) const {
  auto owner = track_of_.find (sid);
  if (owner == track_of_.end ()) return {};
  auto it = participants_.find (owner->second);
  if (it == participants_.end ()) return {};
  for (const auto &track : it->second->tracks)
    if (track.sid == sid) return { it->second, &track };
  return {};
}

std::string
Roster::identity_of (const std::string &participant_sid) const {
  if (participant_sid.empty ()) return "";
  if (participant_sid == self_->sid) return self_->identity;
  auto it = identities_.find (participant_sid);
  return it == identities_.end () ? "" : it->second;
}

} // namespace lk::session
