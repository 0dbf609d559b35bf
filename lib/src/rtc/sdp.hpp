// What stands between webrtcbin's SDP and the server's: pure functions over SDP text. docs/architecture.md
// has the reasons; each rule is held by a golden test over SDPs of a real server. Bad SDP gives
// Errc::Protocol, never an assertion.
//
//   publisher:   webrtcbin create-offer ─ prepare_publisher_offer ─▶ {local → set-local-description, remote →
//   server}
//                server answer ─ prepare_publisher_answer ─▶ set-remote-description
//   subscriber:  server offer ─ prepare_subscriber_offer ─▶ set-remote-description
//                webrtcbin create-answer ─ prepare_subscriber_answer ─▶ {local, remote}
#pragma once

#include "base/result.hpp"
#include "rtc/payload_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lk::rtc {

/// One of our sending sections, told by the mid that webrtcbin gave it.
struct SendSection {
  std::string mid;
  MediaKind kind = MediaKind::Audio;
  std::string stream, cid; ///< written as a=msid:<stream> <cid>
  std::string codec;       ///< short name
  bool active = true;      ///< false once unpublished: the server copy says recvonly
};

struct SdpPair {
  std::string local;  ///< for set-local-description
  std::string remote; ///< for the server
};

/// local: rtx payload types renumbered to media + 1, otherwise as created. remote: additionally a=msid, every
/// video section with all video codecs of the table (own first) with rtx and feedback, H264 as 42e01f, Opus
/// with minptime/useinbandfec, the header extensions that the payloader sends, sendonly or recvonly (then
/// without msid and ssrc), port 9 for every section. Sections with rid or simulcast lines keep them and lose
/// their ssrc lines.
/// @param sections  one for each audio and video section; Errc::Internal when one is missing or does not fit.
Result<SdpPair> prepare_publisher_offer (std::string_view created, const std::vector<SendSection> &sections);
/// Narrows each section of the server's answer to the codec that the local offer has; every direction becomes
/// recvonly. A section that the server refused is written as if it had taken it, since webrtcbin must go on
/// with all others: nothing plays there.
Result<std::string> prepare_publisher_answer (std::string_view answer, std::string_view local_offer);

/// One media section of a server offer.
struct ReceiveSection {
  std::string mid;
  MediaKind kind = MediaKind::Audio;
  bool active = false;   ///< carries a track now
  std::string track_sid; ///< empty when inactive
  std::string participant_sid;
  uint32_t ssrc = 0, rtx_ssrc = 0; ///< 0 = none
};
struct SubscriberOffer {
  std::string sdp; ///< every direction shown as sendonly, so that webrtcbin never sees a change; stopped
                   ///< sections shown alive
  std::vector<ReceiveSection> sections;
  std::string ice_ufrag; ///< a change from one offer to the next is an ICE restart
  bool has_application = false;
  int send_time_id = 0; ///< of the header extension abs-send-time on video, 0 = not offered
};
/// @param tracks  mid → track sid, as the server gives it beside the offer; a section that is not there is
/// known by its a=msid, which the server leaves empty on some reused sections.
Result<SubscriberOffer> prepare_subscriber_offer (std::string_view offer,
                                                  const std::map<std::string, std::string> &tracks = {});
/// Rebuilds each audio and video section of webrtcbin's answer from the offer: all codecs of `codecs` (short
/// names, those that can be depayloaded) with rtpmap, fmtp, feedback (no ccm fir), rtx and extmaps; never
/// red, no VP9 but profile 0. A section with none of them stays as created, at port 9. remote additionally
/// says inactive for sections without a track, and port 0 for stopped ones.
Result<SdpPair> prepare_subscriber_answer (std::string_view created, std::string_view server_offer,
                                           const std::vector<std::string> &codecs,
                                           const std::map<std::string, std::string> &tracks = {});

struct IceCredentials {
  std::string ufrag, pwd;
};
/// The credentials of the first section that has some.
std::optional<IceCredentials> ice_credentials (std::string_view sdp);
/// The same SDP with these credentials in every section.
std::string with_ice_credentials (std::string_view sdp, const IceCredentials &credentials);

} // namespace lk::rtc
