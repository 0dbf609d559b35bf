#include "formats.hpp"

#include <algorithm>

namespace lk::record {

namespace {

constexpr Codec kCodecs[] = {
  { "vp8", true, "VP8", "video/x-vp8", "" },
  { "vp9", true, "VP9", "video/x-vp9", "vp9parse" },
  { "h264", true, "H264", "video/x-h264,stream-format=byte-stream,alignment=au", "h264parse" },
  { "h265", true, "H265", "video/x-h265,stream-format=byte-stream,alignment=au", "h265parse" },
  { "av1", true, "AV1", "video/x-av1,stream-format=obu-stream,alignment=tu", "av1parse" },
  { "opus", false, "Opus", "audio/x-opus", "opusparse" },
  { "aac", false, "AAC", "audio/mpeg,mpegversion=4,stream-format=raw", "" },
  { "pcm", false, "PCM",
    "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)3", "" },
};

// The header of MP4 comes first and each second is complete in itself, so a file that was never finished
// plays. Not first-moov-then-finalise: what 1.22 writes there before it is finished can often not be read.
// avc3 has its parameter sets in the stream, where a publisher may change them.
constexpr char kMp4[] = "fragment-duration=1000";

constexpr Format kFormats[] = {
  { "mp4", "mp4 m4v mov", Medium::File, "mp4mux", kMp4, "h264 h265 av1 vp9", "aac opus", "h264 h265 av1 vp9",
    "avc3", false },
  { "mkv", "mkv", Medium::File, "matroskamux", "", "h264 vp8 vp9 av1 h265", "opus aac pcm",
    "h264 vp8 vp9 av1 h265", "avc3", false },
  { "webm", "webm", Medium::File, "webmmux", "", "vp8 vp9 av1", "opus", "vp8 vp9 av1", "", false },
  { "ogg", "ogg opus oga", Medium::File, "oggmux", "max-delay=500000000 max-page-delay=500000000", "", "opus",
    "", "", false },
  { "wav", "wav", Medium::File, "wavenc", "", "", "pcm", "", "", false },
  { "m4a", "m4a", Medium::File, "mp4mux", kMp4, "", "aac opus", "", "", false },
  { "mka", "mka", Medium::File, "matroskamux", "", "", "opus aac pcm", "", "", false },
  { "ts", "ts m2ts mts", Medium::File, "mpegtsmux", "", "h264 h265", "aac opus", "h264 h265", "byte-stream",
    false },
  { "hls", "m3u8", Medium::Hls, "hlssink2", "target-duration=4 playlist-length=0 max-files=0", "h264", "aac",
    "h264", "byte-stream", true },
  { "rtmp", "rtmp:// rtmps://", Medium::Rtmp, "flvmux", "streamable=true", "h264", "aac", "", "avc", false },
  { "srt", "srt://", Medium::Srt, "mpegtsmux", "alignment=7", "h264 h265", "aac opus", "h264 h265",
    "byte-stream", false },
};

std::string
known_endings () {
  std::string all;
  for (const Format &format : kFormats)
    all += (all.empty () ? "" : ", ") + format.ending ();
  return all;
}

} // namespace

bool
has_word (std::string_view list, std::string_view word) {
  while (!list.empty ()) {
    const auto end = list.find (' ');
    if (list.substr (0, end) == word) return true;
    list = end == list.npos ? std::string_view () : list.substr (end + 1);
  }
  return false;
}

std::span<const Codec>
codecs () {
  return kCodecs;
}

const Codec *
find_codec (std::string_view name) {
  const auto *it = std::find_if (std::begin (kCodecs), std::end (kCodecs),
                                 [&] (const Codec &codec) { return name == codec.name; });
  return it == std::end (kCodecs) ? nullptr : it;
}

const Codec *
codec_of_media_type (std::string_view media_type) {
  for (const Codec &codec : kCodecs) {
    const std::string_view caps = codec.caps;
    if (caps.substr (0, caps.find (',')) == media_type) return &codec;
  }
  return nullptr;
}

bool
Format::takes (const Codec &codec) const {
  return has_word (codec.video ? video : audio, codec.name);
}

bool
Format::copies (const Codec &codec) const {
  // Participants send no PCM: theirs is always decoded.
  return std::string_view (codec.name) != "pcm" && has_word (codec.video ? copied : audio, codec.name);
}

std::string
Format::preferred (bool of_video) const {
  const std::string_view all = of_video ? video : audio;
  return std::string (all.substr (0, all.find (' ')));
}

std::span<const Format>
formats () {
  return kFormats;
}

Result<const Format *>
find_format (std::string_view name, std::string_view location) {
  for (const Format &format : kFormats) {
    if (!name.empty ()) {
      if (name == format.name) return &format;
      continue;
    }
    if (const auto scheme = location.find ("://"); scheme != location.npos) {
      if (has_word (format.endings, location.substr (0, scheme + 3))) return &format;
      continue;
    }
    const auto dot = location.rfind ('.');
    if (dot != location.npos && has_word (format.endings, location.substr (dot + 1))) return &format;
  }
  return Error{ Errc::Settings, Retry::Never,
                name.empty ()
                    ? "'" + std::string (location) + "' does not tell a format: end it with one of "
                          + known_endings () + ", or give --format"
                    : "there is no format '" + std::string (name) + "': use one of " + known_endings () };
}

const Format *
natural_format (const Codec &codec) {
  for (std::string_view name : { "ogg", "webm", "mp4" })
    if (auto format = find_format (name, ""); format && (*format)->copies (codec)) return *format;
  return nullptr;
}

} // namespace lk::record
