// Signalling messages from a hostile server: the binary frame, and the JSON of a candidate.
#include "proto/candidate.hpp"
#include "proto/convert.hpp"

#include <cstdlib>
#include <cstring>

using namespace lk;

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  const std::string_view input (reinterpret_cast<const char *> (data), size);

  const auto line = candidate_from_json (input);
  if (line.find_first_of ("\r\n") != line.npos) abort ();
  if (candidate_from_json (candidate_to_json (line)) != line) abort ();

  const auto parsed = parse_signal_response (input);
  if (!parsed.event) return 0;
  if (!std::strlen (name_of (*parsed.event))) abort ();
  // What travels in both directions must survive being sent back.
  if (auto *description = std::get_if<SessionDescription> (&*parsed.event))
    (void)serialize_signal_request (*description);
  if (auto *published = std::get_if<TrackPublished> (&*parsed.event)) {
    SyncState state;
    state.publish_tracks.push_back (*published);
    (void)serialize_signal_request (state);
  }
  return 0;
}
