// What a sink pad of livekitsink takes, and what becomes of it: caps in, codec out. Pure but for a look at
// what is installed.
#pragma once

#include "media/codecs.hpp"

#include <gst/gst.h>

#include <string>

namespace lk::gst {

enum class SinkKind { Any, Audio, Video };

struct SinkFormat {
  const media::Codec *codec = nullptr;
  bool raw = false;               ///< we encode it
  uint32_t width = 0, height = 0; ///< 0 where the caps do not say
};

/// The template of a kind of pad.
Ref<GstCaps> sink_template_caps (SinkKind kind);
/// The same in the order in which a source should choose: what needs no conversion first.
Ref<GstCaps> sink_caps (SinkKind kind, bool stereo);

/// How fixed caps are published by the pad called `pad`; `codec`: what the user wants ("" = no opinion).
/// Errors name the pad and what to do: Errc::UnsupportedCodec, Errc::MissingElement.
Result<SinkFormat> decide_format (const GstCaps *caps, SinkKind kind, const std::string &codec,
                                  const std::string &pad);
/// What a parser found in encoded video: an error for pictures that receivers cannot show.
Result<> check_pictures (const GstCaps *caps, const std::string &pad);

} // namespace lk::gst
