// What webrtcbin may see of the server's offers, and the answers that both get.
#include "rtc_sdp_util.hpp"

namespace lk::rtc {
namespace {

SubscriberOffer
offer (const std::string &text) {
  auto prepared = prepare_subscriber_offer (text);
  EXPECT_TRUE (prepared) << (prepared ? "" : prepared.error ().message);
  return prepared ? *prepared : SubscriberOffer{};
}

/// The answer to golden "server-offer-<name>" from "webrtcbin-answer-<name>".
SdpPair
answer (const std::string &name, const std::vector<std::string> &codecs = kAllCodecs) {
  auto prepared = prepare_subscriber_answer (golden ("webrtcbin-answer-" + name),
                                             golden ("server-offer-" + name), codecs);
  EXPECT_TRUE (prepared) << (prepared ? "" : prepared.error ().message);
  return prepared ? *prepared : SdpPair{};
}

const ReceiveSection *
find (const SubscriberOffer &offer, const std::string &mid) {
  for (const auto &section : offer.sections)
    if (section.mid == mid) return &section;
  ADD_FAILURE () << "no section " << mid;
  static const ReceiveSection none;
  return &none;
}

const std::vector<std::string> kFourCodecs{ "opus", "vp8", "vp9", "h264" };

/// The server's offer with a reused section, whose msid it left empty, as some of its versions do.
std::string
nameless_offer () {
  auto text = golden ("server-offer-recycled");
  for (auto at = text.find ("msid:PA_xU6jLa5SNAeC"); at != text.npos; at = text.find ("msid:PA_xU6jLa5SNAeC"))
    text.erase (text.rfind ("\r\n", at), text.find ("\r\n", at) - text.rfind ("\r\n", at));
  return text;
}

TEST (SubscriberOffer, TheServersWordForTheTrackOfASectionCountsMoreThanItsName) {
  auto text = golden ("server-offer-recycled");
  auto by_name = prepare_subscriber_offer (text),
       told = prepare_subscriber_offer (text, { { "3", "TR_new" } });
  ASSERT_TRUE (by_name && told);
  EXPECT_EQ (find (*by_name, "3")->track_sid, "TR_VCGaypXfCzGAxv");
  EXPECT_EQ (find (*told, "3")->track_sid, "TR_new");
  EXPECT_EQ (find (*told, "2")->track_sid, find (*by_name, "2")->track_sid) << "not told: by its name";
}

TEST (SubscriberOffer, ASectionWithoutANameIsKnownByWhatTheServerSaysBesideTheOffer) {
  auto nobody = prepare_subscriber_offer (nameless_offer ());
  ASSERT_TRUE (nobody);
  EXPECT_FALSE (find (*nobody, "3")->active);
  const std::map<std::string, std::string> tracks{ { "3", "TR_new" } };
  auto told = prepare_subscriber_offer (nameless_offer (), tracks);
  ASSERT_TRUE (told);
  EXPECT_TRUE (find (*told, "3")->active);
  EXPECT_EQ (find (*told, "3")->track_sid, "TR_new");
  auto answered = prepare_subscriber_answer (golden ("webrtcbin-answer-recycled"), nameless_offer (),
                                             kAllCodecs, tracks);
  ASSERT_TRUE (answered);
  auto section = answered->remote.substr (answered->remote.find ("a=mid:3"));
  EXPECT_NE (section.substr (0, section.find ("m=video")).find ("a=recvonly"), section.npos);
}

TEST (SubscriberOffer, FirstOneHasOnlyDataAndCredentials) {
  auto prepared = offer (golden ("server-offer-data"));
  EXPECT_TRUE (prepared.sections.empty ());
  EXPECT_TRUE (prepared.has_application);
  EXPECT_EQ (prepared.ice_ufrag, ice_credentials (golden ("server-offer-data"))->ufrag);
  EXPECT_EQ (prepared.sdp, golden ("server-offer-data"));
}

TEST (SubscriberOffer, SectionsTellTrackParticipantAndSources) {
  auto prepared = offer (golden ("server-offer-tracks"));
  ASSERT_EQ (prepared.sections.size (), 4u);
  const auto *audio = find (prepared, "1"), *video = find (prepared, "2");
  EXPECT_EQ (audio->kind, MediaKind::Audio);
  EXPECT_EQ (video->kind, MediaKind::Video);
  for (const auto &section : prepared.sections) {
    EXPECT_TRUE (section.active) << section.mid;
    EXPECT_TRUE (section.track_sid.starts_with (section.kind == MediaKind::Audio ? "TR_AM" : "TR_VC"));
    EXPECT_TRUE (section.participant_sid.starts_with ("PA_"));
    EXPECT_EQ (section.participant_sid.find ('|'), std::string::npos);
    EXPECT_NE (section.ssrc, 0u);
    EXPECT_EQ (section.rtx_ssrc != 0, section.kind == MediaKind::Video);
  }
  auto group = "a=ssrc-group:FID " + std::to_string (video->ssrc) + " " + std::to_string (video->rtx_ssrc);
  EXPECT_TRUE (has_line (section_of (golden ("server-offer-tracks"), "2"), group));
  EXPECT_NE (find (prepared, "3")->participant_sid, find (prepared, "4")->participant_sid);
}

TEST (SubscriberOffer, UnpublishedSectionsCarryNoTrack) {
  auto prepared = offer (golden ("server-offer-unpublished"));
  for (const char *mid : { "1", "2" }) {
    const auto *section = find (prepared, mid);
    EXPECT_FALSE (section->active);
    EXPECT_EQ (section->track_sid, "");
    EXPECT_EQ (section->participant_sid, "");
    EXPECT_EQ (section->ssrc, 0u);
  }
  EXPECT_TRUE (find (prepared, "3")->active);
}

TEST (SubscriberOffer, RecycledSectionsCarryTheNewTrack) {
  auto before = offer (golden ("server-offer-tracks")), after = offer (golden ("server-offer-recycled"));
  for (const char *mid : { "1", "2" }) {
    EXPECT_TRUE (find (after, mid)->active);
    EXPECT_NE (find (after, mid)->track_sid, find (before, mid)->track_sid);
    EXPECT_NE (find (after, mid)->ssrc, find (before, mid)->ssrc);
  }
  EXPECT_EQ (find (after, "3")->track_sid, find (before, "3")->track_sid);
}

TEST (SubscriberOffer, WebrtcbinNeverSeesADirectionChange) {
  for (const char *name : { "server-offer-tracks", "server-offer-unpublished", "server-offer-recycled" }) {
    auto prepared = SdpText::parse (offer (golden (name)).sdp);
    ASSERT_TRUE (prepared);
    for (const auto &section : prepared->sections)
      if (section.is_rtp ()) {
        EXPECT_EQ (prepared->direction_of (section), "sendonly") << name << " " << section.mid ();
      }
  }
}

TEST (SubscriberOffer, OnlyDirectionsChange) {
  auto text = golden ("server-offer-tracks");
  auto lines = [] (const std::string &sdp) {
    std::multiset<std::string> all;
    std::stringstream stream (sdp);
    for (std::string line; std::getline (stream, line);)
      if (line.find ("a=send") != 0 && line.find ("a=recv") != 0) all.insert (line);
    return all;
  };
  EXPECT_EQ (lines (offer (text).sdp), lines (text));
}

TEST (SubscriberOffer, StreamIdsOfSyncedRoomsKeepTheParticipant) {
  auto track = find (offer (golden ("server-offer-first-audio")), "1")->track_sid;
  auto prepared
      = offer (replaced (golden ("server-offer-first-audio"), "|" + track + " " + track, "|camera " + track));
  EXPECT_EQ (find (prepared, "1")->track_sid, track);
  EXPECT_TRUE (find (prepared, "1")->participant_sid.starts_with ("PA_"));
  EXPECT_EQ (find (prepared, "1")->participant_sid.find ("camera"), std::string::npos);
}

TEST (SubscriberOffer, SectionWithoutTrackNameIsNotActive) {
  auto text = replaced (golden ("server-offer-first-audio"), "\r\na=msid:", "\r\na=other:");
  EXPECT_FALSE (find (offer (text), "1")->active);
}

TEST (SubscriberOffer, StoppedSectionIsShownAlive) {
  auto text = golden ("server-offer-tracks");
  auto start = text.find ("m=audio"), end = text.find ("m=video");
  text.replace (start, end - start,
                "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:1\r\n");
  text = replaced (text, "BUNDLE 0 1 2", "BUNDLE 0 2");
  auto prepared = offer (text);
  EXPECT_FALSE (find (prepared, "1")->active);
  auto section = section_of (prepared.sdp, "1");
  EXPECT_EQ (section.port, "9");
  EXPECT_EQ (formats_of (prepared.sdp, "1"), "111");
  for (const char *line : { "a=rtpmap:111 opus/48000/2", "a=sendonly", "a=rtcp-mux", "a=setup:actpass" })
    EXPECT_TRUE (has_line (section, line)) << line;
  EXPECT_TRUE (section.attribute ("ice-ufrag"));
  EXPECT_EQ (count_of (prepared.sdp, "a=group:BUNDLE 0 1 2 3 4\r\n"), 1u);

  auto created = offer (prepared.sdp).sdp; // stands for webrtcbin's answer: same sections, same mids
  auto answered = prepare_subscriber_answer (created, text, kAllCodecs);
  ASSERT_TRUE (answered);
  EXPECT_EQ (section_of (answered->local, "1").port, "9");
  EXPECT_EQ (section_of (answered->remote, "1").port, "0");
  EXPECT_EQ (count_of (answered->remote, "a=group:BUNDLE 0 2 3 4\r\n"), 1u);
}

TEST (SubscriberOffer, MalformedCandidatesNeverReachWebrtcbin) {
  auto text = replaced (golden ("server-offer-tracks"), "a=end-of-candidates",
                        "a=candidate:1 1 udp 1 evil.example 9 typ host\r\na=end-of-candidates");
  auto prepared = offer (text);
  EXPECT_EQ (count_of (prepared.sdp, "evil"), 0u);
  EXPECT_EQ (count_of (prepared.sdp, "a=candidate:"),
             count_of (golden ("server-offer-tracks"), "a=candidate:"));
}

TEST (SubscriberOffer, PreparedAgainStaysTheSame) {
  for (const char *name : { "server-offer-data", "server-offer-tracks", "server-offer-unpublished" }) {
    auto once = offer (golden (name)).sdp;
    EXPECT_EQ (offer (once).sdp, once) << name;
  }
}

TEST (SubscriberAnswer, IsTheOneThatTheServerAccepted) {
  EXPECT_EQ (answer ("tracks", kFourCodecs).remote, golden ("accepted-answer-tracks"));
  EXPECT_EQ (answer ("unpublished", kFourCodecs).remote, golden ("accepted-answer-unpublished"));
}

TEST (SubscriberAnswer, TakesEveryCodecWithItsRetransmission) {
  for (const auto &text : { answer ("first-video").local, answer ("first-video").remote })
    EXPECT_EQ (formats_of (text, "2"), "96 97 98 99 125 126 108 109 35 36 116 117")
        << "VP9 profile 1 is left out";
  auto section = section_of (answer ("first-video").local, "2");
  for (const char *line : { "a=rtpmap:108 H264/90000", "a=rtpmap:109 rtx/90000", "a=fmtp:109 apt=108",
                            "a=rtcp-fb:108 nack", "a=rtcp-fb:108 nack pli" })
    EXPECT_TRUE (has_line (section, line)) << line;
}

TEST (SubscriberAnswer, TakesOnlyCodecsThatCanBeDepayloaded) {
  EXPECT_EQ (formats_of (answer ("first-video", { "opus", "vp8" }).remote, "2"), "96 97");
  EXPECT_EQ (formats_of (answer ("first-video", { "h264", "opus" }).remote, "2"), "125 126 108 109");
}

TEST (SubscriberAnswer, NeverTakesRed) {
  ASSERT_EQ (formats_of (golden ("server-offer-first-audio"), "1"), "111 63 0 8");
  auto prepared = answer ("first-audio", { "opus", "red", "pcmu" });
  EXPECT_EQ (formats_of (prepared.local, "1"), "111");
  EXPECT_EQ (formats_of (prepared.remote, "1"), "111");
  EXPECT_EQ (count_of (prepared.remote, "red/48000"), 0u);
}

TEST (SubscriberAnswer, RedFirstDoesNotHideOpus) {
  auto text = replaced (golden ("server-offer-first-audio"), "111 63 0 8", "63 111 0 8");
  auto prepared = prepare_subscriber_answer (golden ("webrtcbin-answer-first-audio"), text, kAllCodecs);
  ASSERT_TRUE (prepared);
  EXPECT_EQ (formats_of (prepared->remote, "1"), "111");
}

TEST (SubscriberAnswer, LeavesOutFirAndForwardCorrection) {
  ASSERT_GT (count_of (golden ("server-offer-first-video"), "ccm fir"), 0u);
  auto text = replaced (golden ("server-offer-first-video"), "116 117\r\n", "116 117 50 51\r\n");
  text = replaced (
      text, "a=rtpmap:116 ",
      "a=rtpmap:50 ulpfec/90000\r\na=rtpmap:51 flexfec-03/90000\r\na=rtcp-fb:* ccm fir\r\na=rtpmap:116 ");
  auto prepared = prepare_subscriber_answer (golden ("webrtcbin-answer-first-video"), text, kAllCodecs);
  ASSERT_TRUE (prepared);
  for (const auto &sdp : { prepared->local, prepared->remote }) {
    EXPECT_EQ (count_of (sdp, "ccm fir"), 0u);
    EXPECT_EQ (count_of (sdp, "fec/"), 0u);
    EXPECT_EQ (count_of (sdp, "flexfec"), 0u);
  }
}

TEST (SubscriberAnswer, KeepsBandwidthFeedbackOfEitherKind) {
  auto remb = section_of (answer ("first-video").remote, "2");
  EXPECT_TRUE (has_line (remb, "a=rtcp-fb:96 goog-remb"));
  EXPECT_TRUE (has_line (remb, "a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"));
  auto twcc = section_of (answer ("transport-cc").remote, "2");
  EXPECT_TRUE (has_line (twcc, "a=rtcp-fb:96 transport-cc"));
  EXPECT_TRUE (has_line (twcc, "a=extmap:3 " + std::string (kExtTransportCc.uri)));
}

TEST (SubscriberAnswer, ServerHearsInactiveWhereWebrtcbinHearsRecvonly) {
  auto prepared = answer ("unpublished");
  for (const char *mid : { "1", "2", "3", "4" })
    EXPECT_TRUE (has_line (section_of (prepared.local, mid), "a=recvonly")) << mid;
  for (const char *mid : { "1", "2" }) {
    EXPECT_TRUE (has_line (section_of (prepared.remote, mid), "a=inactive")) << mid;
    EXPECT_FALSE (has_line (section_of (prepared.remote, mid), "a=recvonly")) << mid;
  }
  EXPECT_TRUE (has_line (section_of (prepared.remote, "3"), "a=recvonly"));
}

TEST (SubscriberAnswer, TransportIsWebrtcbins) {
  auto created = section_of (golden ("webrtcbin-answer-tracks"), "2");
  auto prepared = section_of (answer ("tracks").remote, "2");
  for (const char *name : { "ice-ufrag", "ice-pwd", "setup", "fingerprint", "mid" })
    EXPECT_EQ (prepared.attribute (name), created.attribute (name)) << name;
  EXPECT_TRUE (prepared.attribute ("rtcp-mux"));
  EXPECT_TRUE (prepared.attribute ("rtcp-rsize")) << "webrtcbin forgets it";
  EXPECT_EQ (count_of (answer ("tracks").remote, "a=group:BUNDLE 0 1 2 3 4\r\n"), 1u);
}

TEST (SubscriberAnswer, DataSectionIsUntouched) {
  EXPECT_EQ (answer ("data").local, golden ("webrtcbin-answer-data"));
  EXPECT_EQ (answer ("data").remote, golden ("webrtcbin-answer-data"));
  EXPECT_EQ (section_of (answer ("tracks").remote, "0").lines,
             section_of (golden ("webrtcbin-answer-tracks"), "0").lines);
}

TEST (SubscriberAnswer, SectionWithNoCodecOfOursIsAnsweredAsCreated) {
  auto prepared = answer ("first-video", { "opus" });
  auto section = section_of (prepared.remote, "2");
  EXPECT_EQ (section.port, "9");
  EXPECT_EQ (formats_of (prepared.remote, "2"), "96 97");
  EXPECT_EQ (formats_of (prepared.remote, "1"), "111") << "the others are as ever";

  auto refused = replaced (golden ("webrtcbin-answer-first-video"), "m=video 9", "m=video 0");
  auto again = prepare_subscriber_answer (refused, golden ("server-offer-first-video"), { "opus" });
  ASSERT_TRUE (again);
  EXPECT_EQ (section_of (again->remote, "2").port, "9");
  EXPECT_EQ (formats_of (again->remote, "2"), "96");
}

TEST (SubscriberAnswer, AnotherClockRateIsAnotherCodec) {
  auto text = replaced (golden ("server-offer-first-video"), "VP8/90000", "VP8/0");
  auto prepared = prepare_subscriber_answer (golden ("webrtcbin-answer-first-video"), text, { "vp8", "vp9" });
  ASSERT_TRUE (prepared);
  EXPECT_EQ (formats_of (prepared->remote, "2"), "98 99");
}

TEST (SubscriberAnswer, PreparedAgainStaysTheSame) {
  for (const char *name : { "tracks", "unpublished", "first-video", "first-audio" }) {
    auto once = answer (name);
    auto again
        = prepare_subscriber_answer (once.local, golden (std::string ("server-offer-") + name), kAllCodecs);
    ASSERT_TRUE (again);
    EXPECT_EQ (again->local, once.local) << name;
    EXPECT_EQ (again->remote, once.remote) << name;
  }
}

TEST (SubscriberAnswer, RefusesAnAnswerToAnotherOffer) {
  const std::vector<std::pair<std::string, std::string>> cases{
    { "", golden ("server-offer-data") },
    { golden ("webrtcbin-answer-data"), golden ("server-offer-tracks") },
    { golden ("webrtcbin-answer-tracks"), replaced (golden ("server-offer-tracks"), "a=mid:4", "a=mid:5") },
    { golden ("webrtcbin-answer-tracks"), replaced (golden ("server-offer-tracks"), "m=audio", "m=video") },
  };
  for (const auto &[created, text] : cases) {
    auto prepared = prepare_subscriber_answer (created, text, kAllCodecs);
    ASSERT_FALSE (prepared) << created;
    EXPECT_EQ (prepared.error ().code, Errc::Protocol);
  }
}

TEST (IceCredentials, AreThoseOfTheFirstSectionThatHasSome) {
  auto text = golden ("server-offer-tracks");
  auto credentials = ice_credentials (text);
  ASSERT_TRUE (credentials);
  EXPECT_TRUE (has_line (section_of (text, "0"), "a=ice-ufrag:" + credentials->ufrag));
  EXPECT_TRUE (has_line (section_of (text, "0"), "a=ice-pwd:" + credentials->pwd));
  auto at_session = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\n";
  ASSERT_TRUE (ice_credentials (at_session));
  EXPECT_EQ (ice_credentials (at_session)->ufrag, "abcd");
}

TEST (IceCredentials, AreNothingWhenAbsentOrMalformed) {
  auto text = golden ("server-offer-data");
  auto pwd = ice_credentials (text)->pwd;
  for (const auto &bad : { std::string (), std::string ("no sdp"), replaced (text, "a=ice-pwd", "a=no-pwd"),
                           replaced (text, "ice-pwd:" + pwd, "ice-pwd:short"),
                           replaced (text, "ice-pwd:" + pwd, "ice-pwd:" + pwd.substr (1) + "!") })
    EXPECT_FALSE (ice_credentials (bad));
}

TEST (IceCredentials, AreWrittenIntoEverySection) {
  const IceCredentials fresh{ "fresh+/1", "fresh00000000000000000" };
  auto text = with_ice_credentials (golden ("webrtcbin-answer-tracks"), fresh);
  EXPECT_EQ (count_of (text, "a=ice-ufrag:fresh+/1\r\n"), 5u);
  EXPECT_EQ (count_of (text, "a=ice-pwd:fresh00000000000000000\r\n"), 5u);
  EXPECT_EQ (count_of (text, "a=ice-ufrag:"), 5u);
  EXPECT_EQ (text.size () - golden ("webrtcbin-answer-tracks").size () + 5 * (32 + 32), 5 * (8 + 22))
      << "nothing else changes";
  auto added = with_ice_credentials ("v=0\r\nm=audio 9 X 0\r\n", fresh);
  EXPECT_EQ (ice_credentials (added)->ufrag, fresh.ufrag);
}

TEST (IceCredentials, MalformedOnesChangeNothing) {
  auto text = golden ("webrtcbin-answer-data");
  EXPECT_EQ (with_ice_credentials (text, { "abcd", "short" }), text);
  EXPECT_EQ (with_ice_credentials (text, { "ab\r\na=x", "0123456789012345678901" }), text);
  EXPECT_EQ (with_ice_credentials ("no sdp", { "abcd", "0123456789012345678901" }), "no sdp");
}

} // namespace
} // namespace lk::rtc
