// The one table of codecs as SDP knows them, with payload types that never change.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace lk::rtc {

enum class MediaKind { Audio, Video };

struct PayloadType {
  MediaKind kind;
  const char *codec;    ///< our short name: "opus", "vp8", "h264", "vp9", "av1", "h265"
  const char *encoding; ///< as in a=rtpmap and in RTP caps: "OPUS", "VP8", …
  int payload;          ///< media payload type
  int rtx;              ///< payload + 1 for video, 0 for audio (audio is never retransmitted)
  int clock_rate;
  int channels;     ///< 2 for Opus, 0 for video
  const char *fmtp; ///< "" when the codec has none
};

/// In the order in which offers list them.
std::span<const PayloadType> payload_types ();
const PayloadType *find_codec (std::string_view codec);
/// "video/VP8", "audio/opus" or "VP8", any case → the row, or null.
const PayloadType *find_mime (std::string_view mime_or_encoding);

/// RTP header extensions with the ids that we offer.
struct HeaderExtension {
  int id;
  const char *uri;
};
inline constexpr HeaderExtension kExtMid{ 1, "urn:ietf:params:rtp-hdrext:sdes:mid" };
inline constexpr HeaderExtension kExtRid{ 2, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" };
inline constexpr HeaderExtension kExtRepairedRid{ 3,
                                                  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" };
inline constexpr HeaderExtension kExtTransportCc{
  4, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
};
inline constexpr HeaderExtension kExtAudioLevel{ 5, "urn:ietf:params:rtp-hdrext:ssrc-audio-level" };

} // namespace lk::rtc
