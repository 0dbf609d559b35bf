// What a request comes to: checked before anything is connected.
#pragma once

#include "formats.hpp"
#include "request.hpp"

#include <span>

namespace lk::record {

struct Preset {
  const char *name;
  unsigned width, height, fps, video_bps, audio_bps;
};
std::span<const Preset> presets ();
const Preset *find_preset (std::string_view name);

/// One output with its format found and its codecs chosen.
struct PlannedOutput {
  Output output;
  const Format *format = nullptr; ///< null: each track's natural one
};

/// How a track gets into a file.
struct Way {
  const Codec *codec = nullptr; ///< in the file
  bool copied = false;
};

Result<PlannedOutput> plan (const Output &output);
Result<std::vector<PlannedOutput>> plan (const Request &request);
/// For a track of that codec, in that format (which is the output's, or the track's natural one).
Result<Way> way_of (const Output &output, const Format &format, const Codec &codec);

} // namespace lk::record
