// Containers and codecs: what goes into what, and the elements that do it.
#pragma once

#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>

namespace lk::record {

struct Codec {
  const char *name;
  bool video;
  const char *label;  ///< as people write it
  const char *caps;   ///< of the frames inside a job
  const char *parser; ///< between those and a muxer; "" = none
};

std::span<const Codec> codecs ();
const Codec *find_codec (std::string_view name);
/// By media type of caps, as "video/x-vp8"; null for raw video and what is not known.
const Codec *codec_of_media_type (std::string_view media_type);

enum class Medium { File, Rtmp, Srt, Hls };

struct Format {
  const char *name;
  const char *endings; ///< of file names, blank-separated, the first is given to files; or URL schemes
  Medium medium;
  const char *muxer, *settings; ///< as media::apply_settings takes them
  const char *video, *audio;    ///< codecs, blank-separated, the preferred one first
  const char *copied;           ///< those of `video` that may be copied
  const char *h264;             ///< stream format that the muxer is given
  bool cut_at_keys;             ///< its pieces begin with key frames, which have to be asked for

  bool takes (const Codec &codec) const;
  /// Without being encoded again.
  bool copies (const Codec &codec) const;
  bool
  has_video () const {
    return *video;
  }
  /// The first of `video` or `audio`.
  std::string preferred (bool of_video) const;
  std::string
  ending () const {
    std::string_view all = endings;
    return std::string (all.substr (0, all.find (' ')));
  }
};

std::span<const Format> formats ();
/// By name, or where that is empty by the ending or scheme of the location.
Result<const Format *> find_format (std::string_view name, std::string_view location);
/// The format for copying one track when none was asked for; null = there is none.
const Format *natural_format (const Codec &codec);

/// Whether a blank-separated list has the word.
bool has_word (std::string_view list, std::string_view word);

} // namespace lk::record
