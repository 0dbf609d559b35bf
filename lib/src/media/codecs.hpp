// The one table of codecs as GStreamer knows them, and the elements that go with each.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "rtc/payload_types.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lk::media {

using rtc::MediaKind;

struct Codec {
  MediaKind kind;
  const char *name;        ///< "opus", "vp8", …
  const char *media_type;  ///< "video/x-h264": tells a pad's caps
  const char *bridge_caps; ///< what crosses between pipelines: whole access units, e.g. byte-stream H264 with
                           ///< in-band parameter sets
  const char *payloader, *depayloader;
  const char *parser; ///< "" when none is needed
};

std::span<const Codec> codecs ();
const Codec *find_codec (std::string_view name);
/// The codec of encoded caps, or null for raw and foreign ones.
const Codec *codec_of (const GstCaps *caps);

/// Short names of what this installation can payload / depayload. Computed once, at the first call after
/// gst_init.
const std::vector<std::string> &publishable_codecs ();
const std::vector<std::string> &receivable_codecs ();

/// gst_element_factory_make with an error that names the element and the Debian package to install
/// (Errc::MissingElement).
Result<Ref<GstElement>> make_element (const char *factory, const char *name = nullptr);

} // namespace lk::media
