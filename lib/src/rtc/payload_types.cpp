#include "rtc/payload_types.hpp"

#include <array>

namespace lk::rtc {

namespace {

// The server's own numbers, so that a codec has one payload type in both directions.
constexpr std::array kTable{
  PayloadType{ MediaKind::Audio, "opus", "OPUS", 111, 0, 48000, 2, "minptime=10;useinbandfec=1" },
  PayloadType{ MediaKind::Video, "vp8", "VP8", 96, 97, 90000, 0, "" },
  PayloadType{ MediaKind::Video, "vp9", "VP9", 98, 99, 90000, 0, "profile-id=0" },
  // 42c01e, which x264enc's caps lead to, makes the server answer the section without any codec.
  PayloadType{ MediaKind::Video, "h264", "H264", 108, 109, 90000, 0,
               "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" },
  PayloadType{ MediaKind::Video, "av1", "AV1", 35, 36, 90000, 0, "" },
  PayloadType{ MediaKind::Video, "h265", "H265", 116, 117, 90000, 0, "" },
};

constexpr char
lower (char c) {
  return c >= 'A' && c <= 'Z' ? char (c + ('a' - 'A')) : c;
}

bool
equals_ignoring_case (std::string_view a, std::string_view b) {
  if (a.size () != b.size ()) return false;
  for (size_t i = 0; i < a.size (); ++i)
    if (lower (a[i]) != lower (b[i])) return false;
  return true;
}

} // namespace

std::span<const PayloadType>
payload_types () {
  return kTable;
}

const PayloadType *
find_codec (std::string_view codec) {
  for (const auto &row : kTable)
    if (codec == row.codec) return &row;
  return nullptr;
}

const PayloadType *
find_mime (std::string_view mime_or_encoding) {
  std::optional<std::string_view> kind;
  std::string_view encoding = mime_or_encoding;
  if (auto slash = encoding.find ('/'); slash != encoding.npos) {
    kind = encoding.substr (0, slash);
    encoding = encoding.substr (slash + 1);
  }
  for (const auto &row : kTable) {
    if (!equals_ignoring_case (encoding, row.encoding)) continue;
    if (kind && !equals_ignoring_case (*kind, row.kind == MediaKind::Audio ? "audio" : "video")) continue;
    return &row;
  }
  return nullptr;
}

} // namespace lk::rtc
