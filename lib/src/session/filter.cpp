#include "base/glob.hpp"
#include "session/settings.hpp"

#include <initializer_list>
#include <string_view>

namespace lk::session {
namespace {

/// A thing with two names is excluded by either and included by either, so the two halves of the list are
/// asked apart.
bool
matches_either (std::string_view list, std::string_view one, std::string_view other) {
  std::string include, exclude;
  while (!list.empty ()) {
    auto comma = list.find (',');
    auto pattern = list.substr (0, comma);
    list = comma == list.npos ? std::string_view () : list.substr (comma + 1);
    auto first = pattern.find_first_not_of (" \t\r\n");
    if (first == pattern.npos) continue;
    auto &half = pattern[first] == '!' ? exclude : include;
    half.append (half.empty () ? "" : ",").append (pattern);
  }
  return matches_globs (exclude, one) && matches_globs (exclude, other)
         && (matches_globs (include, one) || matches_globs (include, other));
}

} // namespace

bool
TrackFilter::everything () const {
  auto all = [] (const std::string &globs) { return globs.empty () || globs == "*"; };
  return all (participants) && all (tracks) && all (sources) && all (kinds);
}

bool
TrackFilter::matches (const ParticipantInfo &participant, const TrackInfo &track) const {
  return matches_globs (participants, participant.identity) && matches_either (tracks, track.name, track.sid)
         && matches_globs (sources, to_string (track.source))
         && matches_globs (kinds, to_string (track.kind));
}

} // namespace lk::session
