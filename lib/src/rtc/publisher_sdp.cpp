// What we offer to the server and what webrtcbin may see of its answer.
#include "rtc/ice.hpp"
#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <glib.h>
#include <set>

namespace lk::rtc {

namespace {

/// The codec that a section of ours sends, and the payload type of its retransmissions (-1 = none).
struct OwnCodec {
  SectionCodec media;
  int rtx = -1;
};

std::optional<OwnCodec>
own_codec (const SdpSection &section) {
  auto codecs = section.codecs ();
  auto media = std::find_if (codecs.begin (), codecs.end (), [] (const auto &codec) { return codec.row; });
  if (media == codecs.end () || media->row->kind != section.kind ()) return std::nullopt;
  auto rtx = std::find_if (codecs.begin (), codecs.end (),
                           [&] (const auto &codec) { return codec.rtx && codec.apt == media->payload; });
  return OwnCodec{ *media, rtx == codecs.end () ? -1 : rtx->payload };
}

/// webrtcbin takes the lowest free number for rtx, so one payload type would mean different things in two
/// sections.
Result<>
number_retransmissions (SdpSection &section) {
  auto codecs = section.codecs ();
  std::set<int> taken;
  for (const auto &codec : codecs)
    if (!codec.rtx) taken.insert (codec.payload);
  std::map<int, int> changes;
  for (const auto &codec : codecs) {
    if (!codec.rtx || codec.apt < 0) continue;
    if (codec.apt == 127 || !taken.insert (codec.apt + 1).second)
      return Error{ Errc::Internal, Retry::Never,
                    "no free payload type for the retransmissions of " + section.mid () };
    changes[codec.payload] = codec.apt + 1;
  }
  section.renumber (changes);
  return {};
}

/// `written` with those parameters of `wanted` that it lacks.
std::string
merge_fmtp (std::string written, std::string_view wanted) {
  std::set<std::string, std::less<>> names;
  for (std::string_view rest = written; !rest.empty ();) {
    auto end = std::min (rest.find (';'), rest.size ());
    auto name = rest.substr (0, std::min (rest.find ('='), end));
    name.remove_prefix (std::min (name.find_first_not_of (' '), name.size ()));
    names.emplace (name);
    rest.remove_prefix (std::min (end + 1, rest.size ()));
  }
  for (; !wanted.empty ();) {
    auto end = std::min (wanted.find (';'), wanted.size ());
    auto parameter = wanted.substr (0, end);
    if (!names.contains (parameter.substr (0, parameter.find ('='))))
      written.append (written.empty () ? "" : ";").append (parameter);
    wanted.remove_prefix (std::min (end + 1, wanted.size ()));
  }
  return written;
}

void
add_codec (SdpSection &section, const PayloadType &row, const std::string &fmtp) {
  auto payload = std::to_string (row.payload);
  section.formats.push_back (payload);
  section.add (rtpmap_line (row));
  if (!fmtp.empty ()) section.add ("a=fmtp:" + payload + " " + fmtp);
  if (row.rtx == 0) return; // audio is never retransmitted
  for (const char *feedback : { "nack", "nack pli", "ccm fir", "transport-cc" })
    section.add ("a=rtcp-fb:" + payload + " " + feedback);
  auto rtx = std::to_string (row.rtx);
  section.formats.push_back (rtx);
  section.add ("a=rtpmap:" + rtx + " rtx/" + std::to_string (row.clock_rate));
  section.add ("a=fmtp:" + rtx + " apt=" + payload);
}

/// RFC 8830 takes token characters only; the stream name comes from the user.
std::string
msid_token (std::string_view text) {
  constexpr std::string_view special = "!#$%&'*+-.^_`{|}~";
  std::string token (text.substr (0, 64));
  for (char &c : token)
    if (!g_ascii_isalnum (c) && special.find (c) == special.npos) c = '_';
  return token.empty () ? "-" : token;
}

/// Writes the stream and track id everywhere alike: the server matches tracks by a=msid, its WebRTC library
/// also reads a=ssrc.
void
write_msid (SdpSection &section, const SendSection &sender) {
  // The cid is no token to repair: it must be the one of the AddTrack request.
  auto msid = msid_token (sender.stream) + " " + sender.cid;
  section.remove_attribute ("msid");
  for (auto &line : section.lines) {
    auto value = attribute_value (line, "ssrc");
    auto blank = value ? value->find (' ') : std::string_view::npos;
    if (blank == std::string_view::npos || !value->substr (blank + 1).starts_with ("msid:")) continue;
    line = "a=ssrc:" + std::string (value->substr (0, blank)) + " msid:" + msid;
  }
  section.add ("a=msid:" + msid);
}

bool
is_simulcast (const SdpSection &section) {
  return section.attribute ("simulcast") || section.attribute ("rid");
}

Result<>
write_server_section (SdpSection &section, const SendSection &sender) {
  auto own = own_codec (section);
  if (!own || sender.kind != section.kind () || sender.codec != own->media.row->codec)
    return Error{ Errc::Internal, Retry::Restart,
                  "section " + section.mid () + " does not offer its track's codec" };
  if (own->media.payload != own->media.row->payload)
    return Error{ Errc::Internal, Retry::Never,
                  "section " + section.mid () + " has a payload type of its own" };

  section.remove_if (is_codec_line);
  section.remove_attribute ("bundle-only"); // goes with port 0, which is not written here
  section.formats.clear ();
  // The server fixes its codecs at the first video section it ever sees: every one names them all.
  add_codec (section, *own->media.row,
             section.is_audio () ? merge_fmtp (own->media.fmtp, own->media.row->fmtp) : own->media.row->fmtp);
  for (const auto &row : payload_types ())
    if (section.is_video () && row.kind == MediaKind::Video && &row != own->media.row)
      add_codec (section, row, row.fmtp);

  // Not "inactive": the server's library stops the section for good at the second offer that says so, and a
  // later track of ours in it never starts. With "recvonly" the track ends just the same.
  section.set_direction (sender.active ? "sendonly" : "recvonly");
  if (!sender.active) {
    // The SSRC stays: a packet on its way would open a stream of its own at the server, which takes a source
    // that no section names for a new one, and the next track with that SSRC would get nothing.
    section.remove_if ([] (const auto &line) {
      return attribute_value (line, "msid")
             || (attribute_value (line, "ssrc") && line.find (" msid:") != line.npos);
    });
    return {};
  }
  if (sender.cid.empty () || sender.cid != msid_token (sender.cid))
    return Error{ Errc::Internal, Retry::Never, "a track's cid is no token" };
  if (is_simulcast (section)) // layers are told by rid; declared SSRCs would contradict that
    section.remove_if (is_source_line);
  write_msid (section, sender);
  return {};
}

void
drop_malformed_candidates (SdpSection &section) {
  section.remove_if (
      [] (const auto &line) { return attribute_value (line, "candidate") && !clean_local_candidate (line); });
}

const SectionCodec *
accepted_codec (const std::vector<SectionCodec> &answered, const OwnCodec &own) {
  const SectionCodec *accepted = nullptr;
  for (const auto &codec : answered) {
    if (codec.row != own.media.row) continue;
    if (codec.payload == own.media.payload) return &codec;
    if (!accepted) accepted = &codec;
  }
  return accepted;
}

void
keep_payloads (SdpSection &section, const std::vector<int> &payloads) {
  section.formats.clear ();
  for (int payload : payloads)
    section.formats.push_back (std::to_string (payload));
  section.remove_if ([&] (const auto &line) {
    if (!is_codec_line (line)) return false;
    auto found = payload_line (line);
    return !found || std::find (payloads.begin (), payloads.end (), found->payload) == payloads.end ();
  });
}

/// A section that the server refused, as if it had taken it: webrtcbin must go on with all others.
SdpSection
accepted_as_offered (const SdpSection &local, const OwnCodec &own, const SdpSection &model) {
  auto accepted = local;
  accepted.lines.clear ();
  for (const auto &line : model.lines)
    if (is_transport_line (line)) accepted.add (line);
  accepted.add ("a=mid:" + local.mid ());
  for (const auto &line : local.lines)
    if (is_codec_line (line) || attribute_value (line, "extmap")) accepted.add (line);
  keep_payloads (accepted,
                 own.rtx < 0 ? std::vector{ own.media.payload } : std::vector{ own.media.payload, own.rtx });
  return accepted;
}

void
narrow_section (SdpSection &answered, const SdpSection &local, const OwnCodec &own,
                const SectionCodec &accepted) {
  auto codecs = answered.codecs ();
  std::vector<int> payloads{ accepted.payload };
  std::map<int, int> changes{ { accepted.payload, own.media.payload } };
  for (const auto &codec : codecs) {
    if (!codec.rtx || codec.apt != accepted.payload || own.rtx < 0) continue;
    payloads.push_back (codec.payload);
    changes[codec.payload] = own.rtx;
    break;
  }
  keep_payloads (answered, payloads);
  answered.renumber (changes);
  // webrtcbin must not hear of an extension that its own offer lacks.
  answered.remove_if ([&] (const auto &line) {
    auto value = attribute_value (line, "extmap");
    if (!value) return false;
    auto words = split_words (*value);
    return std::none_of (local.lines.begin (), local.lines.end (), [&] (const auto &offered) {
      auto offered_words = split_words (attribute_value (offered, "extmap").value_or (""));
      return words.size () >= 2 && offered_words.size () >= 2 && words[1] == offered_words[1]
             && words[0].substr (0, words[0].find ('/'))
                    == offered_words[0].substr (0, offered_words[0].find ('/'));
    });
  });
}

} // namespace

Result<SdpPair>
prepare_publisher_offer (std::string_view created, const std::vector<SendSection> &senders) {
  auto local = SdpText::parse (created);
  if (!local) return local.error ();
  if (auto mids = local->require_mids (); !mids) return mids.error ();
  for (auto &section : local->sections)
    if (section.is_rtp ())
      if (auto numbered = number_retransmissions (section); !numbered) return numbered.error ();

  auto remote = *local;
  for (auto &section : remote.sections) {
    section.port = "9";
    drop_malformed_candidates (section);
    if (!section.is_rtp ()) {
      section.remove_attribute ("bundle-only");
      continue;
    }
    auto sender = std::find_if (senders.begin (), senders.end (),
                                [mid = section.mid ()] (const auto &other) { return other.mid == mid; });
    if (sender == senders.end ())
      return Error{ Errc::Internal, Retry::Restart, "nobody sends in section " + section.mid () };
    auto written = write_server_section (section, *sender);
    if (!written) return written.error ();
  }
  return SdpPair{ local->to_string (), remote.to_string () };
}

Result<std::string>
prepare_publisher_answer (std::string_view answer_text, std::string_view local_offer) {
  auto answer = SdpText::parse (answer_text);
  if (!answer) return answer.error ();
  auto local = SdpText::parse (local_offer);
  if (!local) return local.error ();
  if (answer->sections.size () != local->sections.size ())
    return protocol_error ("the answer has other sections than the offer");
  const auto *found = answer->live_section ();
  if (!found) return protocol_error ("the answer accepts nothing");
  const SdpSection model = *found;

  for (size_t i = 0; i < answer->sections.size (); ++i) {
    auto &section = answer->sections[i];
    const auto &offered = local->sections[i];
    auto mid = section.mid ();
    if (section.media != offered.media || (!mid.empty () && mid != offered.mid ()))
      return protocol_error ("the answer has other sections than the offer");
    if (!section.is_rtp ()) continue;
    auto own = own_codec (offered);
    if (!own)
      return Error{ Errc::Internal, Retry::Never,
                    "section " + offered.mid () + " was offered without a codec" };
    auto codecs = section.codecs ();
    const auto *accepted = section.port == "0" ? nullptr : accepted_codec (codecs, *own);
    if (accepted)
      narrow_section (section, offered, *own, *accepted);
    else
      section = accepted_as_offered (offered, *own, model);
    if (section.mid ().empty ()) section.add ("a=mid:" + offered.mid ());
    section.port = "9";
    section.set_direction ("recvonly");
  }
  if (auto mids = answer->require_mids (); !mids) return mids.error ();
  answer->write_bundle_group ([] (const auto &) { return true; });
  return answer->to_string ();
}

} // namespace lk::rtc
