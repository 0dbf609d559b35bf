// What webrtcbin may see of the server's offer, and the answer that both get.
#include "rtc/ice.hpp"
#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <set>

namespace lk::rtc {

namespace {

constexpr std::string_view kSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

uint32_t
parse_ssrc (std::string_view text) {
  return uint32_t (parse_number (text, UINT32_MAX).value_or (0));
}

void
read_sources (const SdpSection &section, ReceiveSection &out) {
  for (const auto &line : section.lines) {
    if (auto group = attribute_value (line, "ssrc-group")) {
      auto words = split_words (*group);
      if (words.size () < 3 || words[0] != "FID") continue;
      out.ssrc = parse_ssrc (words[1]);
      out.rtx_ssrc = parse_ssrc (words[2]);
      return;
    }
  }
  if (auto first = section.attribute ("ssrc")) out.ssrc = parse_ssrc (first->substr (0, first->find (' ')));
}

/// "PA_x|TR_y TR_y": the participant's sid leads the stream name, the track's sid stands alone.
void
read_msid (const SdpSection &section, ReceiveSection &out) {
  auto words = split_words (section.attribute ("msid").value_or (""));
  if (words.empty ()) return;
  out.participant_sid = words[0].substr (0, words[0].find ('|'));
  if (words.size () > 1) out.track_sid = words[1];
}

ReceiveSection
read_section (const SdpText &sdp, const SdpSection &section,
              const std::map<std::string, std::string> &tracks) {
  ReceiveSection empty;
  empty.mid = section.mid ();
  empty.kind = section.kind ();
  auto direction = sdp.direction_of (section);
  if (section.port == "0" || (direction != "sendrecv" && direction != "sendonly")) return empty;
  auto out = empty;
  read_msid (section, out);
  if (auto told = tracks.find (out.mid); told != tracks.end ()) out.track_sid = told->second;
  read_sources (section, out);
  // A track without a name belongs to nobody: the section is kept alive, its packets are not expected.
  out.active = !out.track_sid.empty ();
  return out.active ? out : empty;
}

/// A section that the server stopped may come without codecs and transport, which webrtcbin would refuse as a
/// whole.
void
complete_stopped_section (SdpSection &section, const SdpSection *model) {
  section.port = "9";
  auto codecs = section.codecs ();
  if (std::none_of (codecs.begin (), codecs.end (), [] (const auto &codec) { return codec.row; })) {
    const auto &row = *find_codec (section.is_audio () ? "opus" : "vp8");
    section.formats = { std::to_string (row.payload) };
    section.remove_if (is_codec_line);
    section.add (rtpmap_line (row));
  }
  if (!model || section.attribute ("ice-ufrag")) return;
  section.remove_if (is_transport_line);
  for (const auto &line : model->lines)
    if (is_transport_line (line)) section.add (line);
  for (const char *flag : { "rtcp-mux", "rtcp-rsize" })
    if (!section.attribute (flag)) section.add (std::string ("a=") + flag);
}

void
drop_malformed_candidates (SdpSection &section) {
  section.remove_if ([] (const auto &line) {
    return attribute_value (line, "candidate") && !clean_remote_candidate (line);
  });
}

/// Payload types of the offered section that we take, in its order: those of `codecs` and what retransmits
/// them.
std::vector<int>
wanted_payloads (const SdpSection &offered, const std::vector<std::string> &codecs) {
  auto all = offered.codecs ();
  std::set<int> media;
  for (const auto &codec : all) {
    if (!codec.row || codec.row->kind != offered.kind ()) continue;
    if (std::find (codecs.begin (), codecs.end (), codec.row->codec) == codecs.end ()) continue;
    // VP9 profile 1 and up (other chroma, more bits) is not what our decoders are chosen for.
    if (codec.fmtp.find ("profile-id=") != codec.fmtp.npos && std::string_view (codec.row->codec) == "vp9"
        && codec.fmtp.find ("profile-id=0") == codec.fmtp.npos)
      continue;
    media.insert (codec.payload);
  }
  std::vector<int> wanted;
  for (const auto &codec : all)
    if (media.contains (codec.payload) || (codec.rtx && media.contains (codec.apt)))
      wanted.push_back (codec.payload);
  return wanted;
}

bool
is_fir (const PayloadLine &line) {
  return line.name == "rtcp-fb" && line.rest.starts_with ("ccm fir");
}

/// What the answer takes over from the offer: codec lines of the wanted payload types and all header
/// extensions.
void
copy_media_lines (const SdpSection &offered, const std::vector<int> &wanted, SdpSection &answered) {
  answered.formats.clear ();
  for (int payload : wanted)
    answered.formats.push_back (std::to_string (payload));
  for (const auto &line : offered.lines) {
    if (attribute_value (line, "extmap")) answered.add (line);
    auto found = payload_line (line);
    if (!found) continue;
    bool ours
        = found->payload < 0 || std::find (wanted.begin (), wanted.end (), found->payload) != wanted.end ();
    // With ccm fir GStreamer asks for key frames by FIR, in a form that the server ignores: video freezes for
    // good after a loss.
    if (ours && !is_fir (*found)) answered.add (line);
  }
}

/// None of the offered codecs is ours: the section is answered as webrtcbin did, so that the offer as a whole
/// is.
void
keep_created_codec (const SdpSection &offered, SdpSection &answered) {
  answered.remove_if ([] (const auto &line) {
    auto found = payload_line (line);
    return found && is_fir (*found);
  });
  if (answered.port != "0" && !answered.formats.empty ()) return;
  auto codecs = offered.codecs ();
  if (codecs.empty ()) return;
  copy_media_lines (offered, { codecs.front ().payload }, answered);
}

void
write_answer_section (SdpSection &answered, const SdpSection &offered,
                      const std::vector<std::string> &codecs) {
  auto wanted = wanted_payloads (offered, codecs);
  if (wanted.empty ()) {
    keep_created_codec (offered, answered);
  } else {
    answered.remove_if (
        [] (const auto &line) { return is_codec_line (line) || attribute_value (line, "extmap"); });
    copy_media_lines (offered, wanted, answered);
  }
  answered.remove_if (is_source_line);
  // webrtcbin leaves it out, and then sends every NACK and PLI inside a full compound packet.
  answered.remove_attribute ("rtcp-rsize");
  if (offered.attribute ("rtcp-rsize")) answered.add ("a=rtcp-rsize");
  answered.port = "9";
  answered.set_direction ("recvonly");
}

/// RFC 8285 §5; 0 when it is not there.
int
extension_id (const SdpSection &section, std::string_view uri) {
  for (const auto &line : section.lines) {
    auto value = attribute_value (line, "extmap");
    if (!value) continue;
    auto words = split_words (*value);
    if (words.size () < 2 || words[1] != uri) continue;
    auto number = words[0].substr (0, words[0].find ('/'));
    return static_cast<int> (parse_number (number, 14).value_or (0));
  }
  return 0;
}

} // namespace

Result<SubscriberOffer>
prepare_subscriber_offer (std::string_view offer, const std::map<std::string, std::string> &tracks) {
  auto sdp = SdpText::parse (offer);
  if (!sdp) return sdp.error ();
  if (auto mids = sdp->require_mids (); !mids) return mids.error ();

  SubscriberOffer out;
  const auto *model = sdp->live_section ();
  for (auto &section : sdp->sections) {
    drop_malformed_candidates (section);
    if (!section.is_rtp ()) {
      out.has_application = true;
      continue;
    }
    out.sections.push_back (read_section (*sdp, section, tracks));
    if (out.send_time_id == 0 && section.media == "video")
      out.send_time_id = extension_id (section, kSendTime);
    if (section.port == "0") complete_stopped_section (section, model);
    section.set_direction ("sendonly");
  }
  sdp->write_bundle_group ([] (const auto &) { return true; });
  out.sdp = sdp->to_string ();
  auto credentials = ice_credentials (out.sdp);
  if (!credentials) return protocol_error ("the offer has no ICE credentials");
  out.ice_ufrag = credentials->ufrag;
  return out;
}

Result<SdpPair>
prepare_subscriber_answer (std::string_view created, std::string_view server_offer,
                           const std::vector<std::string> &codecs,
                           const std::map<std::string, std::string> &tracks) {
  auto local = SdpText::parse (created);
  if (!local) return local.error ();
  auto offer = SdpText::parse (server_offer);
  if (!offer) return offer.error ();
  if (auto mids = local->require_mids (); !mids) return mids.error ();
  if (local->sections.size () != offer->sections.size ())
    return protocol_error ("the answer has other sections than the offer");

  for (size_t i = 0; i < local->sections.size (); ++i) {
    auto &section = local->sections[i];
    const auto &offered = offer->sections[i];
    if (section.media != offered.media || section.mid () != offered.mid ())
      return protocol_error ("the answer has other sections than the offer");
    if (section.is_rtp ()) write_answer_section (section, offered, codecs);
  }

  auto remote = *local;
  for (size_t i = 0; i < remote.sections.size (); ++i) {
    auto &section = remote.sections[i];
    const auto &offered = offer->sections[i];
    if (!section.is_rtp () || read_section (*offer, offered, tracks).active) continue;
    section.set_direction ("inactive");
    if (offered.port == "0") section.port = "0";
  }
  remote.write_bundle_group ([] (const auto &section) { return section.port != "0"; });
  return SdpPair{ local->to_string (), remote.to_string () };
}

} // namespace lk::rtc
