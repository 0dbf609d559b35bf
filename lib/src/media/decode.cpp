#include "media/encode.hpp"
#include "media/row.hpp"
#include "media/stand_in.hpp"
#include "media/steady_audio.hpp"

namespace lk::media {

namespace {

struct Decoder {
  const char *codec, *factory, *settings;
};
// In order of preference. One thread each: frames of a call are small, and a second thread costs latency
// (frame threading) or more processor time than it saves.
constexpr Decoder kDecoders[] = {
  { "opus", "opusdec", "plc=true" },
  { "vp8", "vp8dec", "threads=1" },
  { "vp9", "vp9dec", "threads=1" },
  { "h264", "avdec_h264", "max-threads=1 output-corrupt=false" },
  { "h264", "openh264dec", "" },
  { "av1", "dav1ddec", "n-threads=1" },
  { "av1", "av1dec", "" },
  { "h265", "avdec_h265", "max-threads=1 output-corrupt=false" },
  { "h265", "libde265dec", "max-threads=1" },
};

Result<Ref<GstElement>>
make_decoder (const Codec &codec) {
  std::string missing;
  for (const Decoder &decoder : kDecoders) {
    if (std::string_view (decoder.codec) != codec.name) continue;
    auto element = make_element (decoder.factory, "decoder");
    if (element) {
      apply_settings (element->get (), decoder.settings);
      return element;
    }
    missing += (missing.empty () ? "" : " Or: ") + element.error ().message;
  }
  return Error{ Errc::MissingElement, Retry::Never, std::move (missing) };
}

} // namespace

Result<Ref<GstElement>>
make_decode_bin (const Codec &codec) {
  auto decoder = make_decoder (codec);
  if (!decoder) return decoder;
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (decoder->get (), "sink"));
  if (codec.kind == MediaKind::Video) {
    auto convert = make_element ("videoconvert");
    if (convert) g_object_set (convert->get (), "n-threads", 1, nullptr);
    return make_row ({ decoder, make_stand_in (sink.get ()), convert });
  }
  return make_row ({ decoder, make_steady_audio (sink.get ()), make_element ("audioconvert"),
                     make_element ("audioresample") });
}

} // namespace lk::media
