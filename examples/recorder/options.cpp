#include "options.hpp"

#include "common/command_line.hpp"
#include "job/names.hpp"
#include "job/plan.hpp"

#include <glib.h>

#include <algorithm>
#include <cmath>

namespace lk::recorder {

using namespace record;
using cli::usage;

namespace {

constexpr char kSummary[]
    = "Records a LiveKit room into files, or sends it on live.\n\n"
      "  livekit-recorder --room demo -o demo.mp4\n"
      "  livekit-recorder --room demo --per-track --passthrough\n"
      "  livekit-recorder --room demo -o demo.mp4 -o '{participant}.mkv' -o rtmp://host/live/key";

constexpr char kNotes[]
    = "Each -o is an output, all from one connection. A name without fields, or with {room}, {time} and "
      "{part}\n"
      "only, is the whole room as one picture and one sound; with {participant} it is a file for each\n"
      "participant, with {track}, {sid}, {source}, {kind} or {codec} one for each track. {ext} is the ending "
      "that\n"
      "fits the track. Fields: room participant name track sid source kind codec time date part ext.\n\n"
      "Files of participants and tracks have what was sent, not encoded again, where the format takes it.\n\n"
      "Formats, by ending or --format: mp4 mkv webm ogg wav m4a mka ts hls (.m3u8), rtmp:// and srt://.\n"
      "Presets: low 720p 1M, medium 1080p 2M, high 1080p 4M, 720p30 3M (default), 720p60, 1080p30, 1080p60.\n"
      "Times are in seconds, or 90s, 10m, 2h; sizes and rates may end in k, M, G.\n\n";

constexpr char kExitCodes[] = "Exit codes:\n"
                              "  0  recorded: stopped by a signal, a limit, or the end of the room\n"
                              "  1  the room could not be joined, or the connection ended\n"
                              "  2  wrong usage\n"
                              "  3  a file could not be written, or a track not be recorded as asked\n"
                              "  4  nothing was recorded";

constexpr char kPerParticipant[] = "{room}-{participant}-{time}.mkv";
constexpr char kPerTrack[] = "{room}-{participant}-{track}-{time}.{ext}";

/// What is said once and holds for every output.
struct Draft {
  Options options;
  std::vector<std::string> locations;
  Output common;
  const Preset *preset = nullptr;
  std::optional<unsigned> width, height, fps, video_bps, audio_bps;
  bool per_participant = false, per_track = false;
  bool visible = false;
};

Result<>
set_treatment (Draft &draft, Treatment treatment) {
  if (draft.common.treatment != Treatment::Auto && draft.common.treatment != treatment)
    return usage ("give only one of --passthrough and --encode");
  draft.common.treatment = treatment;
  return {};
}

using Option = cli::Option<Draft>;

const Option kFlags[] = {
  { "per-participant",
    "A file for each participant, named {room}-{participant}-{time}.mkv unless an -o says so",
    [] (Draft &d) { d.per_participant = true; } },
  { "per-track",
    "A file for each track, named {room}-{participant}-{track}-{time}.{ext} unless an -o says so",
    [] (Draft &d) { d.per_track = true; } },
  { "passthrough", "Encode nothing: a track that the format does not take is an error",
    [] (Draft &d) { return set_treatment (d, Treatment::Copy); } },
  { "encode", "Encode participants and tracks, too, to one size and rate",
    [] (Draft &d) { return set_treatment (d, Treatment::Encode); } },
  { "audio-only", "Record no pictures", [] (Draft &d) { d.common.video = false; } },
  { "video-only", "Record no sound", [] (Draft &d) { d.common.audio = false; } },
  { "software", "Use no encoder of the hardware", [] (Draft &d) { d.common.encoding.hardware = false; } },
  { "wait", "Begin with the first published track instead of at once",
    [] (Draft &d) { d.options.request.limits.wait_for_publisher = true; } },
  { "stop-when-empty", "End 10 s after the last participant has left",
    [] (Draft &d) { d.options.request.limits.empty = Millis (10000); } },
  { "visible", "Let others see the recorder in the room", [] (Draft &d) { d.visible = true; } },
  { "overwrite", "Replace files that exist", [] (Draft &d) { d.common.overwrite = true; } },
  { "json", "Write state, progress, files and a summary to standard output, a JSON object a line",
    [] (Draft &d) { d.options.json = true; } },
  { "quiet", "Write nothing but errors", [] (Draft &d) { d.options.quiet = true; } },
  { "version", "Print the version and exit", [] (Draft &d) { d.options.show_version = true; } },
};

template <auto Member>
Result<>
set_number (Draft &draft, const std::string &text) {
  const auto number = parse_amount (text);
  if (!number || *number == 0 || *number > G_MAXUINT)
    return usage ("'" + text + "' is no number like 30, 128k or 2.5M");
  draft.*Member = unsigned (*number);
  return {};
}

Result<>
set_millis (Millis &into, const std::string &text) {
  const auto duration = parse_duration (text);
  if (!duration || duration->count () <= 0) return usage ("'" + text + "' is no time like 90, 10m or 2h");
  into = *duration;
  return {};
}

Result<>
set_bytes (uint64_t &into, const std::string &text) {
  const auto bytes = parse_amount (text);
  if (!bytes || *bytes == 0) return usage ("'" + text + "' is no size like 500k, 100M or 2G");
  into = *bytes;
  return {};
}

Result<>
set_size (Draft &draft, const std::string &text) {
  char *rest = nullptr;
  const auto width = g_ascii_strtoull (text.c_str (), &rest, 10);
  const auto height = *rest == 'x' ? g_ascii_strtoull (rest + 1, &rest, 10) : 0;
  if (!width || !height || *rest || width > 8192 || height > 8192)
    return usage ("a size is written 1280x720");
  draft.width = unsigned (width);
  draft.height = unsigned (height);
  return {};
}

Result<>
set_preset (Draft &draft, const std::string &name) {
  draft.preset = find_preset (name);
  if (draft.preset) return {};
  std::string known;
  for (const Preset &preset : presets ())
    known += " " + std::string (preset.name);
  return usage ("there is no preset '" + name + "':" + known);
}

const Option kValues[] = {
  { "output", "NAME", "A file name, rtmp:// or srt:// URL to record to; may be repeated",
    [] (Draft &d, const std::string &v) { d.locations.push_back (v); }, 'o' },
  { "format", "NAME", "The format, whatever the ending",
    [] (Draft &d, const std::string &v) { d.common.format = v; } },
  { "preset", "NAME", "Size and rates: low, medium, high, 720p30, 1080p60 …",
    [] (Draft &d, const std::string &v) { return set_preset (d, v); } },
  { "video-codec", "NAME", "h264, vp8, vp9, av1 or h265 (default: the format's)",
    [] (Draft &d, const std::string &v) { d.common.encoding.video_codec = v; } },
  { "audio-codec", "NAME", "aac or opus (default: the format's)",
    [] (Draft &d, const std::string &v) { d.common.encoding.audio_codec = v; } },
  { "video-bitrate", "RATE", "Bits a second, as 2500k",
    [] (Draft &d, const std::string &v) { return set_number<&Draft::video_bps> (d, v); } },
  { "audio-bitrate", "RATE", "Bits a second, as 96k",
    [] (Draft &d, const std::string &v) { return set_number<&Draft::audio_bps> (d, v); } },
  { "size", "WxH", "Size of the pictures", [] (Draft &d, const std::string &v) { return set_size (d, v); } },
  { "fps", "N", "Pictures a second",
    [] (Draft &d, const std::string &v) { return set_number<&Draft::fps> (d, v); } },
  { "layout", "NAME", "grid, active-speaker, single, side-by-side, picture-in-picture or screen-share",
    [] (Draft &d, const std::string &v) { d.options.request.layout = v; } },
  { "participant", "GLOBS", "Only these identities, comma-separated, ! excludes",
    [] (Draft &d, const std::string &v) { d.options.request.participants = v; } },
  { "track", "GLOBS", "Only tracks of these names",
    [] (Draft &d, const std::string &v) { d.options.request.tracks = v; } },
  { "source", "NAMES", "Only camera, microphone, screen-share, screen-share-audio",
    [] (Draft &d, const std::string &v) { d.options.request.sources = v; } },
  { "segment-time", "TIME", "Begin a new file after so long",
    [] (Draft &d, const std::string &v) { return set_millis (d.common.segment, v); } },
  { "segment-size", "SIZE", "Begin a new file after so many bytes",
    [] (Draft &d, const std::string &v) { return set_bytes (d.common.segment_bytes, v); } },
  { "buffer", "TIME", "So much may wait for a slow disk or network (30); more is dropped",
    [] (Draft &d, const std::string &v) { return set_millis (d.common.buffer, v); } },
  { "max-duration", "TIME", "End after so long",
    [] (Draft &d, const std::string &v) { return set_millis (d.options.request.limits.duration, v); } },
  { "max-size", "SIZE", "End when the files have so many bytes",
    [] (Draft &d, const std::string &v) { return set_bytes (d.options.request.limits.bytes, v); } },
  { "wait-timeout", "TIME", "Give up when nobody has published after so long",
    [] (Draft &d, const std::string &v) {
      d.options.request.limits.wait_for_publisher = true;
      return set_millis (d.options.request.limits.wait, v);
    } },
  { "empty-timeout", "TIME", "End so long after the last participant has left",
    [] (Draft &d, const std::string &v) {
      return set_millis (d.options.request.limits.empty.emplace (), v);
    } },
};

Scope
scope_of (const std::string &location) {
  if (location.find ("://") != location.npos) return Scope::Composite;
  if (names_field (location, "track,sid,source,kind,codec")) return Scope::Track;
  if (names_field (location, "participant,name")) return Scope::Participant;
  return Scope::Composite;
}

/// The outputs, each with what was said for all.
Result<Options>
complete (Draft draft) {
  if (draft.options.show_version) return draft.options;
  auto &request = draft.options.request;
  if (draft.preset) {
    auto &e = draft.common.encoding;
    e.width = draft.preset->width;
    e.height = draft.preset->height;
    e.fps = draft.preset->fps;
    e.video_bps = draft.preset->video_bps;
    e.audio_bps = draft.preset->audio_bps;
  }
  auto &encoding = draft.common.encoding;
  encoding.width = draft.width.value_or (encoding.width);
  encoding.height = draft.height.value_or (encoding.height);
  encoding.fps = draft.fps.value_or (encoding.fps);
  encoding.video_bps = draft.video_bps.value_or (encoding.video_bps);
  encoding.audio_bps = draft.audio_bps.value_or (encoding.audio_bps);

  const auto has = [&draft] (Scope scope) {
    for (const auto &location : draft.locations)
      if (scope_of (location) == scope) return true;
    return false;
  };
  if (draft.per_participant && !has (Scope::Participant)) draft.locations.push_back (kPerParticipant);
  if (draft.per_track && !has (Scope::Track)) draft.locations.push_back (kPerTrack);
  if (draft.locations.empty ()) return usage ("give a file name, as -o demo.mp4, or --per-track");
  for (const auto &location : draft.locations) {
    Output output = draft.common;
    output.location = location;
    output.scope = scope_of (location);
    // That one cannot copy; it is said for the others.
    if (output.scope == Scope::Composite && draft.locations.size () > 1) output.treatment = Treatment::Auto;
    request.outputs.push_back (std::move (output));
  }
  const char *token = g_getenv ("LIVEKIT_TOKEN");
  const bool has_token = (token && *token)
                         || std::any_of (request.connection.begin (), request.connection.end (),
                                         [] (const auto &property) { return property.first == "token"; });
  request.hidden = !draft.visible && !has_token;
  if (auto planned = plan (request); !planned) return planned.error ();
  return draft.options;
}

/// A number and what follows it. Plain ones only: strtod reads hexadecimal ones and infinities, too.
std::optional<double>
parse_number (const std::string &text, std::string &unit) {
  const auto end = std::min (text.find_first_not_of ("0123456789."), text.size ());
  const std::string digits = text.substr (0, end);
  char *rest = nullptr;
  const double number = g_ascii_strtod (digits.c_str (), &rest);
  if (digits.empty () || *rest || !std::isfinite (number)) return std::nullopt;
  unit = text.substr (end);
  return number;
}

} // namespace

std::optional<uint64_t>
parse_amount (const std::string &text) {
  std::string unit;
  const auto number = parse_number (text, unit);
  const double factor = unit.empty ()                ? 1
                        : unit == "k" || unit == "K" ? 1e3
                        : unit == "M"                ? 1e6
                        : unit == "G"                ? 1e9
                                                     : 0;
  if (!number || factor == 0 || *number * factor > 1e15) return std::nullopt;
  return uint64_t (std::llround (*number * factor));
}

std::optional<Millis>
parse_duration (const std::string &text) {
  std::string unit;
  const auto number = parse_number (text, unit);
  const double factor = unit.empty () || unit == "s" ? 1e3 : unit == "m" ? 6e4 : unit == "h" ? 3.6e6 : 0;
  if (!number || factor == 0 || *number * factor > 1e12) return std::nullopt;
  return Millis (std::llround (*number * factor));
}

Result<Options>
parse (char **argv) {
  Draft draft;
  cli::CommandLine line (kSummary, std::string (kNotes) + cli::kEnvironment + kExitCodes);
  line.add (kValues, draft);
  line.add_connection (draft.options.request.connection, "Who records (default: a unique one)");
  line.add (kFlags, draft);
  if (auto fine = line.parse (argv, "; a file name goes behind -o"); !fine) return fine.error ();
  return complete (std::move (draft));
}

} // namespace lk::recorder
