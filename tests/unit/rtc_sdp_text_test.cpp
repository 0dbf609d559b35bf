// Hostile session descriptions: an error or something sane, never a crash, an assertion or memory without
// bound.
#include "rtc_sdp_util.hpp"

#include <ctime>
#include <random>

namespace lk::rtc {
namespace {

const std::string kHead = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string kCredentials = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";

std::string
repeated (size_t count, const std::function<std::string (size_t)> &part) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += part (i);
  return text;
}

/// Every function of the room over one text, as an attacker can reach it; what comes out must parse again.
void
run_all (const std::string &text) {
  auto expect_parses = [&] (const std::string &sdp) {
    auto parsed = SdpText::parse (sdp);
    EXPECT_TRUE (parsed) << parsed.error ().message << " from\n" << text;
  };
  if (auto offer = prepare_subscriber_offer (text)) {
    expect_parses (offer->sdp);
    auto again = prepare_subscriber_offer (offer->sdp);
    ASSERT_TRUE (again) << again.error ().message << " from\n" << text;
    EXPECT_EQ (again->sdp, offer->sdp);
    if (auto answer = prepare_subscriber_answer (offer->sdp, text, kAllCodecs)) {
      expect_parses (answer->local);
      expect_parses (answer->remote);
    }
  }
  static const std::string local = golden ("webrtcbin-offer-opus-vp8-h264");
  if (auto answer = prepare_publisher_answer (text, local)) expect_parses (*answer);
  if (auto credentials = ice_credentials (text)) expect_parses (with_ice_credentials (text, *credentials));
}

TEST (SdpText, IsWrittenAsItWasRead) {
  for (const char *name :
       { "server-offer-tracks", "webrtcbin-offer-four-codecs", "server-answer-refused-h264" }) {
    auto parsed = SdpText::parse (golden (name));
    ASSERT_TRUE (parsed) << name;
    EXPECT_EQ (parsed->to_string (), golden (name));
  }
}

TEST (SdpText, BareLineFeedsAndAMissingLastOneAreAccepted) {
  auto text = golden ("server-offer-data");
  std::erase (text, '\r');
  text.pop_back ();
  auto parsed = SdpText::parse (text);
  ASSERT_TRUE (parsed);
  EXPECT_EQ (parsed->to_string (), golden ("server-offer-data"));
}

TEST (SdpText, RefusesWhatNoPeerConnectionSends) {
  const std::string audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
  const std::vector<std::pair<const char *, std::string>> cases{
    { "empty", "" },
    { "no section", kHead },
    { "no version", audio },
    { "another version", "v=1\r\n" + audio },
    { "carriage returns only", replaced (kHead + audio, "\r\n", "\r") },
    { "a carriage return inside a line", kHead + "a=x\ry\r\n" + audio },
    { "a zero byte", kHead + std::string ("a=x\0y\r\n", 7) + audio },
    { "no UTF-8", kHead + "a=\xff\xfe\r\n" + audio },
    { "a line without type", kHead + "hello\r\n" + audio },
    { "a blank before the line", kHead + " a=x\r\n" + audio },
    { "a short m= line", kHead + "m=audio 9 X\r\n" },
    { "an unknown kind", kHead + "m=text 9 X 0\r\n" },
    { "a port out of range", kHead + "m=audio 65536 X 0\r\n" },
    { "a negative port", kHead + "m=audio -1 X 0\r\n" },
    { "a payload type over 127", kHead + "m=audio 9 X 128\r\n" },
    { "a payload type that is no number", kHead + "m=audio 9 X 9a\r\n" },
    { "a payload type twice", kHead + "m=video 9 X 96 97 96\r\n" },
    { "a number that overflows", kHead + "m=audio 9 X 18446744073709551712\r\n" },
    { "a line of 10 MB", kHead + "a=" + std::string (10'000'000, 'x') + "\r\n" + audio },
    { "a line over 64 KiB", kHead + "a=" + std::string (65'536, 'x') + "\r\n" + audio },
    { "2049 sections", kHead + repeated (2049, [] (size_t) { return "m=audio 9 X 0\r\n"; }) },
    { "over 4 MiB of short lines", kHead + audio + repeated (1'000'000, [] (size_t) { return "a=x\r\n"; }) },
  };
  for (const auto &[why, text] : cases) {
    auto parsed = SdpText::parse (text);
    ASSERT_FALSE (parsed) << why;
    EXPECT_EQ (parsed.error ().code, Errc::Protocol) << why;
    EXPECT_LT (parsed.error ().message.size (), 200u) << why << ": hostile text does not fill the log";
    run_all (text);
  }
}

TEST (SdpText, SectionsNeedMidsOfTheirOwn) {
  for (const char *mids : { "a=mid:1\r\n", "", "a=mid:\r\n", "a=mid\r\n", "a=mid:0 1\r\n" }) {
    auto text = kHead + kCredentials + "m=audio 9 X 111\r\na=mid:1\r\nm=video 9 X 96\r\n" + mids;
    EXPECT_FALSE (prepare_subscriber_offer (text)) << mids;
    EXPECT_FALSE (prepare_publisher_offer (text, {})) << mids;
  }
}

TEST (SdpText, TwoThousandSectionsTakeNoQuadraticTime) {
  auto text
      = kHead + kCredentials + repeated (2000, [] (size_t i) {
          return "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:" + std::to_string (i)
                 + "\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=msid:PA_a|TR_"
                 + std::to_string (i) + " TR_" + std::to_string (i) + "\r\na=ssrc:" + std::to_string (i + 1)
                 + " cname:x\r\na=sendrecv\r\n";
        });
  auto start = std::clock ();
  auto offer = prepare_subscriber_offer (text);
  ASSERT_TRUE (offer);
  EXPECT_EQ (offer->sections.size (), 2000u);
  EXPECT_EQ (offer->sections[1999].track_sid, "TR_1999");
  ASSERT_TRUE (prepare_subscriber_answer (offer->sdp, text, kAllCodecs));
  EXPECT_LT (double (std::clock () - start) / CLOCKS_PER_SEC, 20.0)
      << "processor time; a fraction of a second without tools";
}

TEST (SdpText, OddButHarmlessLinesDoNotConfuse) {
  // What each line must not do is said by run_all(): crash, or come out as something that does not parse.
  for (const char *line : { "a=rtpmap:",
                            "a=rtpmap:96",
                            "a=rtpmap:96 ",
                            "a=rtpmap:96 VP8",
                            "a=rtpmap:96 VP8/",
                            "a=rtpmap:999 VP8/90000",
                            "a=rtpmap:96 rtx/90000",
                            "a=fmtp:96 apt=96",
                            "a=fmtp:97 apt=",
                            "a=fmtp:97 apt=128",
                            "a=fmtp:97 apt=97",
                            "a=fmtp:",
                            "a=rtcp-fb:* nack",
                            "a=rtcp-fb:x y",
                            "a=ssrc:",
                            "a=ssrc:4294967296 cname:x",
                            "a=ssrc: msid:a b",
                            "a=ssrc-group:",
                            "a=ssrc-group:FID",
                            "a=ssrc-group:FID 1",
                            "a=ssrc-group:FID x y",
                            "a=msid:",
                            "a=msid: ",
                            "a=msid:||| |",
                            "a=extmap:",
                            "a=extmap:1",
                            "a=group:BUNDLE",
                            "a=sendrecv:x",
                            "a=mid:2",
                            "a=candidate:",
                            "a=ice-ufrag",
                            "a=ice-ufrag:",
                            "a=",
                            "b=AS:1",
                            "k=" }) {
    run_all (replaced (golden ("server-offer-first-video"), "a=rtpmap:96 VP8/90000", line));
    run_all (replaced (golden ("server-answer-opus-vp8-h264"), "a=rtpmap:96 VP8/90000", line));
  }
}

TEST (SdpText, TruncatedAnywhereIsErrorOrSane) {
  auto text = golden ("server-offer-tracks");
  for (size_t size = 0; size < text.size (); size += 7)
    run_all (text.substr (0, size));
}

TEST (SdpText, MutatedGoldensAreErrorOrSane) {
  const std::vector<std::string> goldens{
    golden ("server-offer-first-video"),   golden ("server-offer-unpublished"),
    golden ("server-offer-recycled"),      golden ("server-answer-opus-vp8-h264"),
    golden ("server-answer-refused-h264"), golden ("webrtcbin-offer-opus-vp8-h264"),
  };
  const std::vector<std::string> words{
    "\r\n",   "\r",   "\n",         " ",        ":",  "=",        "0",
    "9",      "96",   "4294967295", "-1",       "a=", "m=video ", "m=audio 0 X 0\r\n",
    "a=mid:", "rtx/", "apt=",       "inactive", "|"
  };
  std::mt19937 random (20260);
  auto below = [&] (size_t limit) { return size_t (random () % limit); };
  for (int round = 0; round < 3000; ++round) {
    auto text = goldens[below (goldens.size ())];
    for (auto edits = 1 + below (4); edits > 0; --edits) {
      auto at = below (text.size () + 1);
      auto length = below (std::min<size_t> (text.size () - at, 40) + 1);
      switch (below (4)) {
      case 0:
        text.erase (at, length);
        break;
      case 1:
        text.insert (at, words[below (words.size ())]);
        break;
      case 2:
        text.insert (below (text.size () + 1), text.substr (at, length));
        break;
      default:
        if (at < text.size ()) text[at] = char (below (256));
      }
    }
    run_all (text);
    if (HasFailure ()) break; // the first one tells enough
  }
}

} // namespace
} // namespace lk::rtc
