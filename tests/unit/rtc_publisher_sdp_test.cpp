// What the server may see of our offers, and webrtcbin of its answers.
#include "rtc_sdp_util.hpp"

#include <set>

namespace lk::rtc {
namespace {

SendSection
sender (const std::string &mid, const std::string &codec, const std::string &cid, bool active = true) {
  return { mid, find_codec (codec)->kind, "strm", cid, codec, active };
}

const std::vector<SendSection> kThree{ sender ("audio0", "opus", "cid-0-opus"),
                                       sender ("video1", "vp8", "cid-1-vp8"),
                                       sender ("video2", "h264", "cid-2-h264") };
const std::vector<SendSection> kFour{ sender ("video0", "h264", "c-h264"),
                                      sender ("audio2", "opus", "c-opus"), sender ("video3", "vp9", "c-vp9"),
                                      sender ("video4", "vp8", "c-vp8") };

SdpPair
offer (const std::string &created, const std::vector<SendSection> &senders) {
  auto prepared = prepare_publisher_offer (created, senders);
  EXPECT_TRUE (prepared) << (prepared ? "" : prepared.error ().message);
  return prepared ? *prepared : SdpPair{};
}

std::string
answer (const std::string &text, const std::string &local) {
  auto prepared = prepare_publisher_answer (text, local);
  EXPECT_TRUE (prepared) << (prepared ? "" : prepared.error ().message);
  return prepared ? *prepared : "";
}

TEST (PayloadTypes, AreTheServersOwnNumbers) {
  const std::vector<std::tuple<const char *, int, int>> expected{ { "opus", 111, 0 }, { "vp8", 96, 97 },
                                                                  { "vp9", 98, 99 },  { "h264", 108, 109 },
                                                                  { "av1", 35, 36 },  { "h265", 116, 117 } };
  ASSERT_EQ (payload_types ().size (), expected.size ());
  for (const auto &[codec, payload, rtx] : expected) {
    const auto *row = find_codec (codec);
    ASSERT_TRUE (row) << codec;
    EXPECT_EQ (row->payload, payload) << codec;
    EXPECT_EQ (row->rtx, rtx) << codec;
  }
}

TEST (PayloadTypes, NoNumberMeansTwoThings) {
  std::set<int> seen;
  for (const auto &row : payload_types ()) {
    EXPECT_TRUE (seen.insert (row.payload).second) << row.codec;
    if (row.kind == MediaKind::Video) {
      EXPECT_TRUE (seen.insert (row.rtx).second) << row.codec;
    }
  }
}

TEST (PayloadTypes, AreFoundByMimeOrEncodingInAnyCase) {
  EXPECT_EQ (find_mime ("video/VP8"), find_codec ("vp8"));
  EXPECT_EQ (find_mime ("Audio/Opus"), find_codec ("opus"));
  EXPECT_EQ (find_mime ("h264"), find_codec ("h264"));
  for (const char *unknown : { "", "video/opus", "audio/vp8", "video/", "/VP8", "video/vp8/90000", "red" })
    EXPECT_EQ (find_mime (unknown), nullptr) << unknown;
  EXPECT_EQ (find_codec ("VP8"), nullptr) << "short names are lower case";
}

TEST (PublisherOffer, IsTheOneThatTheServerAccepted) {
  EXPECT_EQ (offer (golden ("webrtcbin-offer-opus-vp8-h264"), kThree).remote,
             golden ("accepted-offer-opus-vp8-h264"));
}

TEST (PublisherOffer, LocalCopyDiffersOnlyInTheNumbersOfRetransmissions) {
  auto created = golden ("webrtcbin-offer-opus-vp8-h264");
  auto expected = replaced (created, "SAVPF 108 98", "SAVPF 108 109");
  expected = replaced (expected, "a=rtpmap:98 rtx", "a=rtpmap:109 rtx");
  expected = replaced (expected, "a=fmtp:98 apt", "a=fmtp:109 apt");
  EXPECT_EQ (offer (created, kThree).local, expected);
}

TEST (PublisherOffer, EveryVideoSectionListsAllCodecsWithItsOwnFirst) {
  auto remote = offer (golden ("webrtcbin-offer-four-codecs"), kFour).remote;
  EXPECT_EQ (formats_of (remote, "video0"), "108 109 96 97 98 99 35 36 116 117");
  EXPECT_EQ (formats_of (remote, "audio2"), "111");
  EXPECT_EQ (formats_of (remote, "video3"), "98 99 96 97 108 109 35 36 116 117");
  EXPECT_EQ (formats_of (remote, "video4"), "96 97 98 99 108 109 35 36 116 117");
}

TEST (PublisherOffer, EveryVideoCodecHasFeedbackAndRetransmission) {
  auto section = section_of (
      offer (golden ("webrtcbin-offer-h264"), { sender ("video0", "h264", "c") }).remote, "video0");
  for (const auto &row : payload_types ()) {
    if (row.kind != MediaKind::Video) continue;
    auto payload = std::to_string (row.payload), rtx = std::to_string (row.rtx);
    EXPECT_TRUE (has_line (section, "a=rtpmap:" + payload + " " + row.encoding + "/90000"));
    for (const char *feedback : { "nack", "nack pli", "ccm fir", "transport-cc" })
      EXPECT_TRUE (has_line (section, "a=rtcp-fb:" + payload + " " + feedback)) << row.codec;
    EXPECT_TRUE (has_line (section, "a=rtpmap:" + rtx + " rtx/90000"));
    EXPECT_TRUE (has_line (section, "a=fmtp:" + rtx + " apt=" + payload));
  }
}

TEST (PublisherOffer, H264IsNever42c0) {
  auto created
      = replaced (golden ("webrtcbin-offer-h264"), "profile-level-id=42c015", "profile-level-id=42c01e");
  auto remote = offer (created, { sender ("video0", "h264", "c") }).remote;
  EXPECT_EQ (count_of (remote, "42c0"), 0u);
  EXPECT_TRUE (
      has_line (section_of (remote, "video0"),
                "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"));
}

TEST (PublisherOffer, AudioAsksForNoRetransmission) {
  // As webrtcbin writes it with do-nack on an audio transceiver.
  auto created = replaced (golden ("webrtcbin-offer-opus-vp8-h264"), "SAVPF 111\r\n", "SAVPF 111 96\r\n");
  created = replaced (created, "a=rtcp-fb:111 transport-cc",
                      "a=rtcp-fb:111 nack\r\na=rtpmap:96 rtx/48000\r\na=fmtp:96 apt=111");
  auto prepared = offer (created, kThree);
  EXPECT_EQ (formats_of (prepared.local, "audio0"), "111 112");
  EXPECT_EQ (formats_of (prepared.remote, "audio0"), "111");
  for (const auto &line : section_of (prepared.remote, "audio0").lines) {
    EXPECT_FALSE (attribute_value (line, "rtcp-fb")) << line;
    EXPECT_EQ (line.find ("rtx/"), line.npos) << line;
  }
}

TEST (PublisherOffer, OpusKeepsItsParametersAndGainsErrorCorrection) {
  auto created = replaced (golden ("webrtcbin-offer-opus-vp8-h264"),
                           "sprop-stereo=0;sprop-maxcapturerate=48000", "sprop-stereo=1; useinbandfec=0");
  EXPECT_TRUE (has_line (section_of (offer (created, kThree).remote, "audio0"),
                         "a=fmtp:111 sprop-stereo=1; useinbandfec=0;minptime=10"))
      << "what the payloader's caps decided stays";
}

TEST (PublisherOffer, StreamAndTrackAreNamedAlikeEverywhere) {
  auto remote = offer (golden ("webrtcbin-offer-four-codecs"), kFour).remote;
  for (const auto &track : kFour) {
    auto section = section_of (remote, track.mid);
    EXPECT_TRUE (has_line (section, "a=msid:strm " + track.cid)) << track.mid;
    for (const auto &line : section.lines)
      if (line.find (" msid:") != line.npos) {
        EXPECT_TRUE (line.ends_with (" msid:strm " + track.cid)) << line;
      }
  }
  EXPECT_EQ (count_of (remote, "webrtctransceiver"), 0u);
}

TEST (PublisherOffer, StreamNameOfTheUserBecomesAToken) {
  auto senders = kThree;
  senders[0].stream = "my stream\r\na=evil";
  senders[1].stream = "";
  auto remote = offer (golden ("webrtcbin-offer-opus-vp8-h264"), senders).remote;
  EXPECT_TRUE (has_line (section_of (remote, "audio0"), "a=msid:my_stream__a_evil cid-0-opus"));
  EXPECT_TRUE (has_line (section_of (remote, "video1"), "a=msid:- cid-1-vp8"));
}

TEST (PublisherOffer, EverySectionIsSendonlyAtPort9) {
  auto remote = SdpText::parse (offer (golden ("webrtcbin-offer-four-codecs"), kFour).remote);
  ASSERT_TRUE (remote);
  for (const auto &section : remote->sections) {
    EXPECT_EQ (section.port, "9");
    EXPECT_FALSE (section.attribute ("bundle-only"));
    if (section.is_rtp ()) {
      EXPECT_EQ (remote->direction_of (section), "sendonly");
    }
  }
}

TEST (PublisherOffer, UnpublishedSectionIsNotStoppedAndNamesNoTrack) {
  auto senders = kThree;
  senders[0].active = false;
  auto created = golden ("webrtcbin-offer-stopped-opus");
  auto prepared = offer (created, senders);
  auto section = section_of (prepared.remote, "audio0");
  EXPECT_TRUE (has_line (section, "a=recvonly")) << "inactive twice is for ever to the server";
  EXPECT_FALSE (has_line (section, "a=sendonly"));
  EXPECT_FALSE (section.attribute ("msid"));
  EXPECT_TRUE (std::none_of (section.lines.begin (), section.lines.end (),
                             [] (const auto &line) { return line.find (" msid:") != line.npos; }));
  EXPECT_TRUE (has_line (section, "a=ssrc:2829335191 cname:cname")) << "a late packet is no new track";
  EXPECT_TRUE (has_line (section_of (prepared.local, "audio0"), "a=sendonly")) << "webrtcbin sees no change";
  EXPECT_TRUE (has_line (section_of (prepared.remote, "video1"), "a=sendonly"));
}

TEST (PublisherOffer, LaterSectionFollowsTheDataSection) {
  auto senders = kThree;
  senders[0].active = false;
  senders.push_back (sender ("audio4", "opus", "cid-late"));
  auto remote = SdpText::parse (offer (golden ("webrtcbin-offer-late-opus"), senders).remote);
  ASSERT_TRUE (remote);
  ASSERT_EQ (remote->sections.size (), 5u);
  EXPECT_EQ (remote->sections[3].media, "application");
  EXPECT_EQ (remote->sections[4].attribute ("msid"), "strm cid-late");
}

TEST (PublisherOffer, ExtensionsOfThePayloaderStay) {
  auto remote = offer (golden ("webrtcbin-offer-opus-vp8-h264"), kThree).remote;
  EXPECT_TRUE (
      has_line (section_of (remote, "audio0"), "a=extmap:5 " + std::string (kExtAudioLevel.uri) + " vad=on"));
  EXPECT_TRUE (has_line (section_of (remote, "video2"), "a=extmap:4 " + std::string (kExtTransportCc.uri)));
}

TEST (PublisherOffer, SimulcastLinesSurviveAndDeclareNoSource) {
  auto created = replaced (golden ("webrtcbin-offer-h264"), "a=framerate:15",
                           "a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h");
  auto section = section_of (offer (created, { sender ("video0", "h264", "c") }).remote, "video0");
  for (const char *line : { "a=rid:q send", "a=rid:h send", "a=simulcast:send q;h", "a=msid:strm c" })
    EXPECT_TRUE (has_line (section, line)) << line;
  EXPECT_FALSE (section.attribute ("ssrc"));
  EXPECT_FALSE (section.attribute ("ssrc-group"));
}

TEST (PublisherOffer, MalformedCandidatesNeverReachTheServer) {
  auto created = replaced (golden ("webrtcbin-offer-h264"), "a=framerate:15",
                           "a=candidate:1 1 UDP 2015363327 192.0.2.2 42312 typ host\r\na=candidate:garbage");
  auto prepared = offer (created, { sender ("video0", "h264", "c") });
  EXPECT_EQ (count_of (prepared.remote, "garbage"), 0u);
  EXPECT_EQ (count_of (prepared.remote, "a=candidate:"), 1u);
}

TEST (PublisherOffer, PreparedAgainStaysTheSame) {
  for (const auto &[created, senders] : { std::pair{ "webrtcbin-offer-opus-vp8-h264", kThree },
                                          std::pair{ "webrtcbin-offer-four-codecs", kFour } }) {
    auto once = offer (golden (created), senders);
    EXPECT_EQ (offer (once.local, senders).local, once.local) << created;
    EXPECT_EQ (offer (once.local, senders).remote, once.remote) << created;
    EXPECT_EQ (offer (once.remote, senders).remote, once.remote) << created;
  }
}

TEST (PublisherOffer, RefusesSendersThatDoNotFitTheSections) {
  auto created = golden ("webrtcbin-offer-h264");
  const std::vector<std::pair<const char *, std::vector<SendSection>>> cases{
    { "nobody sends in the section", {} },
    { "another mid", { sender ("video9", "h264", "c") } },
    { "another codec", { sender ("video0", "vp8", "c") } },
    { "another kind", { sender ("video0", "opus", "c") } },
    { "no cid", { sender ("video0", "h264", "") } },
    { "a cid that would split the line", { sender ("video0", "h264", "a b") } },
    { "a cid with a line end", { sender ("video0", "h264", "a\r\na=x") } },
    { "a cid with a zero", { sender ("video0", "h264", std::string ("a\0b", 3)) } },
  };
  for (const auto &[why, senders] : cases) {
    auto prepared = prepare_publisher_offer (created, senders);
    ASSERT_FALSE (prepared) << why;
    EXPECT_EQ (prepared.error ().code, Errc::Internal) << why;
  }
}

TEST (PublisherAnswer, IsNarrowedToTheCodecThatWeSend) {
  auto local = offer (golden ("webrtcbin-offer-four-codecs"), kFour).local;
  auto prepared = answer (golden ("server-answer-four-codecs"), local);
  EXPECT_EQ (formats_of (prepared, "video0"), "108 109");
  EXPECT_EQ (formats_of (prepared, "audio2"), "111");
  EXPECT_EQ (formats_of (prepared, "video3"), "98 99");
  EXPECT_EQ (formats_of (prepared, "video4"), "96 97");
  auto section = section_of (prepared, "video4");
  EXPECT_TRUE (has_line (section, "a=rtcp-fb:96 nack"));
  EXPECT_TRUE (has_line (section, "a=fmtp:97 apt=96"));
}

TEST (PublisherAnswer, HidesThatATrackIsUnpublished) {
  auto senders = kThree;
  senders[0].active = false;
  auto text = golden ("server-answer-stopped-opus");
  ASSERT_TRUE (has_line (section_of (text, "audio0"), "a=inactive"));
  auto prepared = answer (text, offer (golden ("webrtcbin-offer-stopped-opus"), senders).local);
  for (const char *mid : { "audio0", "video1", "video2" }) {
    EXPECT_TRUE (has_line (section_of (prepared, mid), "a=recvonly")) << mid;
    EXPECT_FALSE (has_line (section_of (prepared, mid), "a=inactive")) << mid;
  }
}

TEST (PublisherAnswer, StandsInForARefusedSection) {
  auto local = offer (golden ("webrtcbin-offer-opus-h264"),
                      { sender ("audio0", "opus", "a"), sender ("video1", "h264", "v") });
  auto text = golden ("server-answer-refused-h264");
  ASSERT_EQ (count_of (text, "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n"), 1u) << "the server's way to refuse";
  auto prepared = answer (text, local.local);
  auto section = section_of (prepared, "video1");
  EXPECT_EQ (section.port, "9");
  EXPECT_EQ (formats_of (prepared, "video1"), "108 109");
  for (const char *line : { "a=recvonly", "a=setup:active", "a=rtcp-mux", "a=ice-ufrag:iQNAKluedcYdOmwi" })
    EXPECT_TRUE (has_line (section, line)) << line;
  EXPECT_EQ (count_of (prepared, "a=group:BUNDLE audio0 video1 application2\r\n"), 1u);
}

TEST (PublisherAnswer, ForeignExtensionsAreStripped) {
  auto local = offer (golden ("webrtcbin-offer-h264"), { sender ("video0", "h264", "c") }).local;
  auto text = replaced (golden ("webrtcbin-offer-h264"), "a=extmap:4", "a=extmap:3 urn:other\r\na=extmap:5");
  auto section = section_of (answer (text, local), "video0");
  EXPECT_FALSE (section.attribute ("extmap")) << "another id is another extension";
  auto kept = section_of (answer (golden ("webrtcbin-offer-h264"), local), "video0");
  EXPECT_TRUE (kept.attribute ("extmap"));
}

TEST (PublisherAnswer, ServersOwnNumbersBecomeOurs) {
  auto local = offer (golden ("webrtcbin-offer-four-codecs"), kFour).local;
  // Swapped with the numbers of another codec, so that renumbering one by one would mix them up.
  auto text = golden ("server-answer-four-codecs");
  for (const auto &[from, to] : { std::pair{ ":96 ", ":X96 " },
                                  { ":108 ", ":96 " },
                                  { ":X96 ", ":108 " },
                                  { "=96\r", "=X96\r" },
                                  { "=108\r", "=96\r" },
                                  { "=X96\r", "=108\r" } })
    text = replaced (text, from, to);
  auto prepared = answer (text, local);
  EXPECT_EQ (formats_of (prepared, "video4"), "96 97");
  EXPECT_TRUE (has_line (section_of (prepared, "video4"), "a=rtpmap:96 VP8/90000"));
  EXPECT_TRUE (has_line (section_of (prepared, "video4"), "a=fmtp:97 apt=96"));
  EXPECT_TRUE (has_line (section_of (prepared, "video0"), "a=rtpmap:108 H264/90000"));
}

TEST (PublisherAnswer, WithoutOwnRetransmissionNoneIsAnswered) {
  auto created = replaced (golden ("webrtcbin-offer-h264"), "SAVPF 108 96", "SAVPF 108");
  auto local = offer (created, { sender ("video0", "h264", "c") });
  EXPECT_EQ (formats_of (answer (local.remote, local.local), "video0"), "108");
}

TEST (PublisherAnswer, PreparedAgainStaysTheSame) {
  auto local = offer (golden ("webrtcbin-offer-opus-vp8-h264"), kThree).local;
  auto once = answer (golden ("server-answer-opus-vp8-h264"), local);
  EXPECT_EQ (answer (once, local), once);
}

TEST (PublisherAnswer, RefusesWhatDoesNotAnswerTheOffer) {
  auto local = offer (golden ("webrtcbin-offer-opus-vp8-h264"), kThree).local;
  auto good = golden ("server-answer-opus-vp8-h264");
  const std::vector<std::pair<const char *, std::string>> cases{
    { "nothing", "" },
    { "a section too few", good.substr (0, good.find ("m=application")) },
    { "a section too many", good + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\n" },
    { "another mid", replaced (good, "a=mid:video1", "a=mid:video7") },
    { "another kind", replaced (good, "m=audio", "m=video") },
    { "no transport", replaced (good, "a=ice-ufrag", "a=no-ufrag") },
    { "an answer to another offer", golden ("server-answer-four-codecs") },
  };
  for (const auto &[why, text] : cases) {
    auto prepared = prepare_publisher_answer (text, local);
    ASSERT_FALSE (prepared) << why;
    EXPECT_EQ (prepared.error ().code, Errc::Protocol) << why;
    EXPECT_EQ (prepared.error ().retry, Retry::Restart) << why;
  }
}

} // namespace
} // namespace lk::rtc
