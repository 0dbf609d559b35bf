// Each encoder's settings for real time, and its unit of bitrate.
#pragma once

#include "media/codecs.hpp"

#include <cstdint>

namespace lk::media {

struct EncodeSpec;

struct Encoder {
  const char *codec, *factory;
  const char *bitrate_property;
  uint32_t bitrate_unit_bps;
  const char *settings; ///< "property=value" pairs, blank-separated; those this version lacks are skipped
};

/// All of a codec, in order of preference.
std::vector<const Encoder *> encoders_of (std::string_view codec);
/// The first that is installed, set up; or one error that names all missing ones.
Result<Ref<GstElement>> make_encoder (std::string_view codec, const Encoder *&chosen);
/// In the encoder's own unit.
int64_t get_bitrate (GstElement *element, const Encoder &encoder);
void set_bitrate (GstElement *element, const Encoder &encoder, uint32_t bitrate_bps);

} // namespace lk::media
