// What a recording job is asked for.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lk::record {

/// What one file has in it.
enum class Scope {
  Composite,   ///< the whole room: one picture, one sound
  Participant, ///< all tracks of one participant
  Track,       ///< one track
};

enum class Treatment {
  Auto,   ///< what the container takes is copied, the rest is encoded
  Copy,   ///< never encode: a track that the container does not take is an error
  Encode, ///< always encode, to one size and bit rate
};

struct Encoding {
  std::string video_codec, audio_codec; ///< "" = the container's first
  unsigned width = 1280, height = 720, fps = 30;
  unsigned video_bps = 3000000, audio_bps = 128000;
  bool hardware = true; ///< encoders of the machine, where they work
};

struct Output {
  Scope scope = Scope::Composite;
  std::string location; ///< file name, may be a template (names.hpp), or rtmp://, srt://
  std::string format;   ///< name in the table of formats; "" = by the ending of `location`
  Treatment treatment = Treatment::Auto;
  bool audio = true, video = true;
  Encoding encoding;
  Millis segment{ 0 };        ///< a new file after so long; 0 = never
  uint64_t segment_bytes = 0; ///< a new file after so much; 0 = never
  Millis buffer{ 30000 };     ///< so much may wait for a slow disk or network; more is dropped and counted
  bool overwrite = false;
};

struct Limits {
  Millis duration{ 0 };                      ///< of the recording; 0 = none
  uint64_t bytes = 0;                        ///< of all files together; 0 = none
  bool wait_for_publisher = false;           ///< nothing is written before somebody publishes
  Millis wait{ 0 };                          ///< how long to wait for that; 0 = for ever
  std::optional<Millis> empty;               ///< end when nobody else has been in the room for so long
  Millis stall{ 15000 };                     ///< without a frame for so long, a track counts as stalled
  uint64_t min_free_bytes = 4 * 1024 * 1024; ///< end before a disk is full, while files can be finished
};

struct Request {
  /// Properties of livekitsrc for the connection: name and value.
  std::vector<std::pair<std::string, std::string>> connection;
  bool hidden = false;                       ///< joins unseen; needs an API key
  std::string participants, tracks, sources; ///< globs, as livekitsrc takes them
  std::string layout;                        ///< of composites; "" = livekitsrc's own
  std::vector<Output> outputs;
  Limits limits;
};

} // namespace lk::record
