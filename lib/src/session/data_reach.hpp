// What the receivers of a stream can all take.
#pragma once

#include "data/stream_encoder.hpp"
#include "session/roster.hpp"

namespace lk::session {

/// @param destinations  identities; empty = everybody. Somebody whom we don't know (yet) can take nothing
/// new.
inline data::StreamReach
reach_of (const std::unordered_map<std::string, ParticipantPtr> &participants,
          const std::vector<std::string> &destinations) {
  data::StreamReach reach{ true, true };
  auto add = [&] (const ParticipantInfo *info) {
    reach.inline_content = reach.inline_content && info && info->client_protocol >= 2;
    reach.deflate = reach.deflate && reach.inline_content && info->can_inflate;
  };
  for (const auto &identity : destinations) {
    auto it = participants.find (identity);
    add (it == participants.end () ? nullptr : it->second.get ());
  }
  if (destinations.empty ())
    for (const auto &[identity, info] : participants)
      add (info.get ());
  return reach;
}

} // namespace lk::session
