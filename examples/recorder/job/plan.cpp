#include "plan.hpp"

#include "names.hpp"

namespace lk::record {

namespace {

constexpr Preset kPresets[] = {
  { "low", 1280, 720, 30, 1000000, 64000 },       { "medium", 1920, 1080, 30, 2000000, 128000 },
  { "high", 1920, 1080, 30, 4000000, 192000 },    { "720p30", 1280, 720, 30, 3000000, 128000 },
  { "720p60", 1280, 720, 60, 4500000, 128000 },   { "1080p30", 1920, 1080, 30, 4500000, 128000 },
  { "1080p60", 1920, 1080, 60, 6000000, 128000 },
};

Error
refuse (const std::string &message) {
  return { Errc::Settings, Retry::Never, message };
}

std::string
labels (const char *names) {
  std::string out;
  for (const Codec &codec : codecs ())
    if (has_word (names, codec.name)) out += (out.empty () ? "" : ", ") + std::string (codec.label);
  return out.empty () ? "none" : out;
}

Result<>
check_codec (const std::string &name, bool video, const Format *format) {
  if (name.empty ()) return {};
  const Codec *codec = find_codec (name);
  if (!codec || codec->video != video)
    return refuse ("there is no " + std::string (video ? "video" : "audio") + " codec '" + name + "'");
  if (format && !format->takes (*codec))
    return refuse (std::string (format->name) + " takes no " + codec->label + ": "
                   + labels (video ? format->video : format->audio));
  return {};
}

} // namespace

std::span<const Preset>
presets () {
  return kPresets;
}

const Preset *
find_preset (std::string_view name) {
  for (const Preset &preset : kPresets)
    if (name == preset.name) return &preset;
  return nullptr;
}

Result<PlannedOutput>
plan (const Output &output) {
  PlannedOutput planned{ output };
  auto &wanted = planned.output;
  if (wanted.location.empty ()) return refuse ("an output needs a file name: -o demo.mp4");
  const bool live = wanted.location.find ("://") != wanted.location.npos;
  if (!live)
    if (auto fine = check_template (wanted.location); !fine) return fine.error ();
  // Each track of its own may have the container that fits it.
  const bool by_track
      = wanted.scope == Scope::Track && wanted.format.empty () && names_field (wanted.location, "ext");
  if (!by_track) {
    auto format = find_format (wanted.format, wanted.location);
    if (!format) return format.error ();
    planned.format = *format;
    if (!planned.format->has_video ()) wanted.video = false;
    if (live && wanted.scope != Scope::Composite)
      return refuse ("only a composite can be sent to " + wanted.location);
    if (live != (planned.format->medium == Medium::Rtmp || planned.format->medium == Medium::Srt))
      return refuse ("the format " + std::string (planned.format->name) + " does not go to '"
                     + wanted.location + "'");
  }
  if (!wanted.audio && !wanted.video) return refuse ("neither sound nor pictures are left to record");
  if (wanted.scope == Scope::Composite && wanted.treatment == Treatment::Copy)
    return refuse ("a composite is always encoded: use --passthrough with --per-track or --per-participant");
  if (live && (wanted.segment.count () > 0 || wanted.segment_bytes > 0))
    return refuse ("a live output has no segments");
  auto &encoding = wanted.encoding;
  // What is said for all outputs is not said for those that have nothing of it.
  if (!wanted.video) encoding.video_codec.clear ();
  if (!wanted.audio) encoding.audio_codec.clear ();
  if (auto fine = check_codec (encoding.video_codec, true, planned.format); !fine) return fine.error ();
  if (auto fine = check_codec (encoding.audio_codec, false, planned.format); !fine) return fine.error ();
  if (encoding.width < 16 || encoding.width > 8192 || encoding.height < 16 || encoding.height > 8192
      || encoding.width % 2 || encoding.height % 2)
    return refuse ("a picture is 16x16 to 8192x8192, in even numbers");
  if (encoding.fps < 1 || encoding.fps > 120) return refuse ("a frame rate is 1 to 120");
  if (encoding.video_bps < 10000 || encoding.video_bps > 200000000)
    return refuse ("a video bit rate is 10k to 200M");
  if (encoding.audio_bps < 6000 || encoding.audio_bps > 510000)
    return refuse ("an audio bit rate is 6k to 510k");
  if (wanted.segment.count () != 0 && wanted.segment.count () < 1000)
    return refuse ("a segment is at least a second long");
  if (wanted.buffer.count () < 500 || wanted.buffer.count () > 300000)
    return refuse ("half a second to 5 minutes may wait for a disk");
  if (planned.format) {
    if (encoding.video_codec.empty ()) encoding.video_codec = planned.format->preferred (true);
    if (encoding.audio_codec.empty ()) encoding.audio_codec = planned.format->preferred (false);
  }
  return planned;
}

Result<std::vector<PlannedOutput>>
plan (const Request &request) {
  std::vector<PlannedOutput> all;
  for (const Output &output : request.outputs) {
    auto planned = plan (output);
    if (!planned) return planned.error ();
    for (const auto &other : all)
      if (other.output.location == planned->output.location)
        return refuse ("two outputs have the name " + other.output.location);
    all.push_back (std::move (*planned));
  }
  if (all.empty ()) return refuse ("nothing to write to: give -o demo.mp4");
  return all;
}

Result<Way>
way_of (const Output &output, const Format &format, const Codec &codec) {
  if (output.treatment != Treatment::Encode && format.copies (codec)) return Way{ &codec, true };
  if (output.treatment == Treatment::Copy)
    return Error{ Errc::UnsupportedCodec, Retry::Never,
                  std::string (codec.label) + " cannot be put into " + format.name
                      + " as it is (it copies: " + labels (codec.video ? format.copied : format.audio)
                      + "); leave out --passthrough to encode it, or use mkv" };
  const auto &chosen = codec.video ? output.encoding.video_codec : output.encoding.audio_codec;
  const Codec *target = find_codec (chosen.empty () ? format.preferred (codec.video) : chosen);
  if (!target || !format.takes (*target))
    return Error{ Errc::UnsupportedCodec, Retry::Never,
                  std::string (format.name) + " takes no " + (codec.video ? "video" : "audio") };
  return Way{ target, false };
}

} // namespace lk::record
