#include "options.hpp"

#include "job/names.hpp"
#include "job/plan.hpp"

#include "base/ref.hpp"

#include <cmath>
#include <cstring>

namespace lk::recorder {

using namespace record;

namespace {

constexpr char kSummary[]
    = "Records a LiveKit room into files, or sends it on live.\n\n"
      "  livekit-recorder --room demo -o demo.mp4\n"
      "  livekit-recorder --room demo --per-track --passthrough\n"
      "  livekit-recorder --room demo -o demo.mp4 -o '{participant}.mkv' -o rtmp://host/live/key";

constexpr char kDescription[]
    = "Each -o is an output, all from one connection. A name without fields, or with {room}, {time} and "
      "{part}\n"
      "only, is the whole room as one picture and one sound; with {participant} it is a file for each\n"
      "participant, with {track}, {sid}, {source}, {kind} or {codec} one for each track. {ext} is the ending "
      "that\n"
      "fits the track. Fields: room participant name track sid source kind codec time date part ext.\n\n"
      "Files of participants and tracks have what was sent, not encoded again, where the format takes it.\n\n"
      "Formats, by ending or --format: mp4 mkv webm ogg wav m4a mka ts hls (.m3u8), rtmp:// and srt://.\n"
      "Presets: low 720p 1M, medium 1080p 2M, high 1080p 4M, 720p30 3M (default), 720p60, 1080p30, 1080p60.\n"
      "Times are in seconds, or 90s, 10m, 2h; sizes and rates may end in k, M, G.\n\n"
      "Environment:\n"
      "  LIVEKIT_URL, LIVEKIT_TOKEN, LIVEKIT_API_KEY, LIVEKIT_API_SECRET  stand in for the options; better "
      "for\n"
      "                      secrets, because other users of the machine can read command lines\n\n"
      "Exit codes:\n"
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
  bool visible = false, has_token = false;
};

Error
usage (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

struct Flag {
  const char *name, *help;
  Result<> (*set) (Draft &);
};

#define LK_FLAG(option, help, statement)                                                                     \
  Flag {                                                                                                     \
    option, help, [] (Draft &d) -> Result<> {                                                                \
      statement;                                                                                             \
      return {};                                                                                             \
    }                                                                                                        \
  }

Result<>
set_treatment (Draft &draft, Treatment treatment) {
  if (draft.common.treatment != Treatment::Auto && draft.common.treatment != treatment)
    return usage ("give only one of --passthrough and --encode");
  draft.common.treatment = treatment;
  return {};
}

const Flag kFlags[] = {
  LK_FLAG ("per-participant",
           "A file for each participant, named {room}-{participant}-{time}.mkv unless an -o says so",
           d.per_participant = true),
  LK_FLAG ("per-track",
           "A file for each track, named {room}-{participant}-{track}-{time}.{ext} unless an -o says so",
           d.per_track = true),
  { "passthrough", "Encode nothing: a track that the format does not take is an error",
    [] (Draft &d) { return set_treatment (d, Treatment::Copy); } },
  { "encode", "Encode participants and tracks, too, to one size and rate",
    [] (Draft &d) { return set_treatment (d, Treatment::Encode); } },
  LK_FLAG ("audio-only", "Record no pictures", d.common.video = false),
  LK_FLAG ("video-only", "Record no sound", d.common.audio = false),
  LK_FLAG ("software", "Use no encoder of the hardware", d.common.encoding.hardware = false),
  LK_FLAG ("wait", "Begin with the first published track instead of at once",
           d.options.request.limits.wait_for_publisher = true),
  LK_FLAG ("stop-when-empty", "End 10 s after the last participant has left",
           d.options.request.limits.empty = Millis (10000)),
  LK_FLAG ("visible", "Let others see the recorder in the room", d.visible = true),
  LK_FLAG ("overwrite", "Replace files that exist", d.common.overwrite = true),
  LK_FLAG ("json", "Write state, progress, files and a summary to standard output, a JSON object a line",
           d.options.json = true),
  LK_FLAG ("quiet", "Write nothing but errors", d.options.quiet = true),
  LK_FLAG ("version", "Print the version and exit", d.options.show_version = true),
};

struct Value {
  const char *name;
  char letter;
  const char *placeholder, *help;
  Result<> (*set) (Draft &, const std::string &);
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

#define LK_CONNECTION(option, placeholder, help, property)                                                   \
  Value {                                                                                                    \
    option, 0, placeholder, help, [] (Draft &d, const std::string &v) -> Result<> {                          \
      d.options.request.connection.emplace_back (property, v);                                               \
      return {};                                                                                             \
    }                                                                                                        \
  }
#define LK_VALUE(option, placeholder, help, expression)                                                      \
  Value {                                                                                                    \
    option, 0, placeholder, help, [] (Draft &d, const std::string &v) -> Result<> { return expression; }     \
  }
#define LK_TEXT(option, placeholder, help, member)                                                           \
  LK_VALUE (option, placeholder, help, (d.member = v, Result<> ()))

const Value kValues[] = {
  { "output", 'o', "NAME", "A file name, rtmp:// or srt:// URL to record to; may be repeated",
    [] (Draft &d, const std::string &v) -> Result<> {
      d.locations.push_back (v);
      return {};
    } },
  LK_TEXT ("format", "NAME", "The format, whatever the ending", common.format),
  LK_VALUE ("preset", "NAME", "Size and rates: low, medium, high, 720p30, 1080p60 …", set_preset (d, v)),
  LK_TEXT ("video-codec", "NAME", "h264, vp8, vp9, av1 or h265 (default: the format's)",
           common.encoding.video_codec),
  LK_TEXT ("audio-codec", "NAME", "aac or opus (default: the format's)", common.encoding.audio_codec),
  LK_VALUE ("video-bitrate", "RATE", "Bits a second, as 2500k", set_number<&Draft::video_bps> (d, v)),
  LK_VALUE ("audio-bitrate", "RATE", "Bits a second, as 96k", set_number<&Draft::audio_bps> (d, v)),
  LK_VALUE ("size", "WxH", "Size of the pictures", set_size (d, v)),
  LK_VALUE ("fps", "N", "Pictures a second", set_number<&Draft::fps> (d, v)),
  LK_TEXT ("layout", "NAME", "grid, active-speaker, single, side-by-side, picture-in-picture or screen-share",
           options.request.layout),
  LK_TEXT ("participant", "GLOBS", "Only these identities, comma-separated, ! excludes",
           options.request.participants),
  LK_TEXT ("track", "GLOBS", "Only tracks of these names", options.request.tracks),
  LK_TEXT ("source", "NAMES", "Only camera, microphone, screen-share, screen-share-audio",
           options.request.sources),
  LK_VALUE ("segment-time", "TIME", "Begin a new file after so long", set_millis (d.common.segment, v)),
  LK_VALUE ("segment-size", "SIZE", "Begin a new file after so many bytes",
            set_bytes (d.common.segment_bytes, v)),
  LK_VALUE ("max-duration", "TIME", "End after so long", set_millis (d.options.request.limits.duration, v)),
  LK_VALUE ("max-size", "SIZE", "End when the files have so many bytes",
            set_bytes (d.options.request.limits.bytes, v)),
  LK_VALUE (
      "wait-timeout", "TIME", "Give up when nobody has published after so long",
      (d.options.request.limits.wait_for_publisher = true, set_millis (d.options.request.limits.wait, v))),
  LK_VALUE ("empty-timeout", "TIME", "End so long after the last participant has left",
            set_millis (d.options.request.limits.empty.emplace (), v)),
  LK_CONNECTION ("url", "URL", "Address of the server (LIVEKIT_URL)", "url"),
  { "token", 0, "TOKEN", "Access token (LIVEKIT_TOKEN)",
    [] (Draft &d, const std::string &v) -> Result<> {
      d.has_token = true;
      d.options.request.connection.emplace_back ("token", v);
      return {};
    } },
  LK_CONNECTION ("api-key", "KEY", "API key (LIVEKIT_API_KEY)", "api-key"),
  LK_CONNECTION ("api-secret", "SECRET", "API secret (LIVEKIT_API_SECRET)", "api-secret"),
  LK_CONNECTION ("room", "NAME", "The room; with a token it is the token's", "room"),
  LK_CONNECTION ("identity", "ID", "Who records (default: a unique one)", "identity"),
};

/// GOption's callback for every option: finds it by name.
gboolean
take (const char *option, const char *value, gpointer data, GError **error) noexcept {
  auto &draft = *static_cast<Draft *> (data);
  const bool letter = option[0] == '-' && option[1] != '-';
  const char *name = option + std::strspn (option, "-");
  Result<> set = usage ("unknown option");
  for (const auto &flag : kFlags)
    if (std::strcmp (flag.name, name) == 0) set = flag.set (draft);
  for (const auto &known : kValues)
    if (letter ? known.letter == *name : std::strcmp (known.name, name) == 0) set = known.set (draft, value);
  if (set) return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", option,
               set.error ().message.c_str ());
  return FALSE;
}

std::vector<GOptionEntry>
entries () {
  std::vector<GOptionEntry> all;
  // FILENAME keeps the bytes as they are; the conversion from the locale refuses UTF-8 under LC_ALL=C.
  for (const auto &value : kValues)
    all.push_back ({ value.name, value.letter, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), value.help, value.placeholder });
  for (const auto &flag : kFlags)
    all.push_back ({ flag.name, 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
                     reinterpret_cast<gpointer> (take), flag.help, nullptr });
  all.push_back ({});
  return all;
}

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
  request.hidden = !draft.visible && !draft.has_token && !(token && *token);
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
  using ContextPtr = std::unique_ptr<GOptionContext, Deleter<g_option_context_free>>;
  const ContextPtr context (g_option_context_new (nullptr));
  g_option_context_set_summary (context.get (), kSummary);
  g_option_context_set_description (context.get (), kDescription);
  GOptionGroup *group = g_option_group_new ("main", "", "", &draft, nullptr);
  g_option_group_add_entries (group, entries ().data ());
  g_option_context_set_main_group (context.get (), group);

  char **rest = g_strdupv (argv);
  GError *raw = nullptr;
  const bool parsed = g_option_context_parse_strv (context.get (), &rest, &raw);
  const ErrorPtr error (raw);
  const bool surplus = parsed && g_strv_length (rest) > 1;
  const std::string first = surplus ? rest[1] : "";
  g_strfreev (rest);
  if (!parsed) return usage (error->message);
  if (surplus) return usage ("'" + first + "' belongs to no option; a file name goes behind -o");
  return complete (std::move (draft));
}

} // namespace lk::recorder
