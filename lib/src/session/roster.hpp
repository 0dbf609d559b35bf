// Who is in the room and what they publish, by the rules of the wire: keyed by identity, older versions
// dropped, a changed sid is another session of the same person, track lists are complete. Pure: every change
// comes back as a list of what happened, in order.
#pragma once

#include "session/events.hpp"

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace lk::session {

using ParticipantPtr = std::shared_ptr<const ParticipantInfo>;

/// One thing that happened. The participant is shared between the changes of one update: a copy in each would
/// square their size.
struct RosterChange {
  enum class Kind {
    Joined,
    Left,
    Changed,
    SelfChanged,
    TrackPublished,
    TrackUnpublished,
    TrackUpdated,
    DataTracksChanged
  };
  Kind kind = Kind::Joined;
  ParticipantPtr participant;
  TrackInfo track; ///< of the three track kinds; Updated: muted, renamed, resized …
};
using RosterChanges = std::vector<RosterChange>;

class Roster {
public:
  // A hostile server must not grow our memory: what exceeds these is ignored.
  static constexpr size_t kMaxParticipants = 10'000, kMaxTracks = 1'000;

  struct Track {
    ParticipantPtr participant;
    const TrackInfo *track = nullptr;
    explicit operator bool () const { return track != nullptr; }
  };

  /// A join or a full list: who is not in it has left.
  RosterChanges reset (const ParticipantInfo &self, const std::vector<ParticipantInfo> &others);
  /// Upserts; a participant in state Disconnected leaves.
  RosterChanges update (const std::vector<ParticipantInfo> &participants);
  /// Who is not of these identities has left.
  RosterChanges retain (const std::set<std::string> &identities);
  /// Everybody leaves.
  RosterChanges clear ();

  const ParticipantInfo &
  self () const {
    return *self_;
  }
  /// By identity.
  const std::unordered_map<std::string, ParticipantPtr> &
  participants () const {
    return participants_;
  }
  /// By track sid; valid until the next change.
  Track find_track (const std::string &sid) const;
  /// Ourselves included; "" when unknown.
  std::string identity_of (const std::string &participant_sid) const;

private:
  void update_self (const ParticipantInfo &info, RosterChanges &out);
  void upsert (ParticipantInfo info, RosterChanges &out);
  void remove (ParticipantInfo last, RosterChanges &out);
  void drop_foreign_tracks (ParticipantInfo &info) const;
  void change_tracks (const std::vector<TrackInfo> &before, const ParticipantPtr &now, RosterChanges &out);

  ParticipantPtr self_ = std::make_shared<ParticipantInfo> ();
  std::unordered_map<std::string, ParticipantPtr> participants_; // by identity
  std::unordered_map<std::string, std::string> identities_,
      track_of_; // participant sid, track sid → identity
};

} // namespace lk::session
