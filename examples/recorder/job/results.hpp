// What a job tells: its state, its files, the tracks it sees.
#pragma once

#include "request.hpp"

#include "base/result.hpp"

#include <string>
#include <vector>

namespace lk::record {

enum class State { Starting, Active, Ending, Complete, Failed, Aborted, LimitReached };
enum class FileState { Writing, Complete, Failed };

const char *to_string (State state);
const char *to_string (FileState state);
const char *to_string (Scope scope);
inline bool
is_final (State state) {
  return state >= State::Complete;
}

struct FileResult {
  std::string location; ///< of an URL only what is no secret
  std::string format;
  Scope scope = Scope::Composite;
  std::string participant, track; ///< identity and track name, where the file has only those
  std::string codecs;             ///< "vp8 opus"; with a star those that were not encoded again
  std::string encoders;           ///< elements that encode for it: "x264enc avenc_aac"
  unsigned part = 1;
  FileState state = FileState::Writing;
  std::string error;                ///< with Failed
  int64_t start_ms = 0, end_ms = 0; ///< wall time since the epoch
  int64_t duration_ms = 0;
  uint64_t bytes = 0;
  uint64_t frames = 0;
  uint64_t filled = 0;  ///< frames of silence and black pictures put in
  uint64_t late = 0;    ///< frames that came after their time had been filled
  uint64_t dropped = 0; ///< frames that a slow disk or network had no room for
};

struct TrackStatus {
  std::string participant, name, sid, track, source, kind, codec;
  bool muted = false, stalled = false;
  uint64_t frames = 0, packets = 0;
  int64_t packets_lost = 0;
  uint64_t key_requests = 0; ///< by the job
  uint64_t dropped = 0;      ///< for an encoder that is too slow
};

struct Status {
  State state = State::Starting;
  std::string reason;         ///< why it ended, or what it waits for
  Errc code = Errc::Internal; ///< with Failed
  std::string room;
  int64_t start_ms = 0, duration_ms = 0; ///< of the recording
  unsigned participants = 0, reconnects = 0;
  std::vector<FileResult> files;
  std::vector<TrackStatus> tracks;
};

/// One line of JSON each.
std::string to_json (const FileResult &file, const char *event);
std::string to_json (const TrackStatus &track, const char *event);
std::string to_json (const Status &status, const char *event);

} // namespace lk::record
