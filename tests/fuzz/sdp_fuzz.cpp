// Session descriptions and ICE lines from a hostile server. An input is one text, or two with a line "%%"
// between them where a rule needs a pair: what webrtcbin created and what the server sent.
#include "rtc/ice.hpp"
#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"

#include <cstdlib>

using namespace lk::rtc;

namespace {

/// What a rule puts out is read by webrtcbin or the server: it parses again, or the rule is broken.
void
require_parses (const std::string &sdp) {
  if (!SdpText::parse (sdp)) abort ();
}

void
require_parses (const SdpPair &pair) {
  require_parses (pair.local);
  require_parses (pair.remote);
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const std::vector<std::string> codecs{ "opus", "vp8", "vp9", "h264" };
  std::string_view input (reinterpret_cast<const char *> (data), size);
  auto split = input.find ("\n%%\n");
  auto first = input.substr (0, split == input.npos ? input.size () : split + 1);
  auto second = split == input.npos ? first : input.substr (split + 4);

  clean_local_candidate (first);
  clean_remote_candidate (first);
  convert_ice_servers (
      { { std::string (first), "user", "password" }, { "turn:host", std::string (first), "x" } });

  if (auto offer = prepare_subscriber_offer (second)) {
    require_parses (offer->sdp);
    auto again = prepare_subscriber_offer (offer->sdp);
    if (!again || again->sdp != offer->sdp) abort ();
    if (auto answer = prepare_subscriber_answer (first, second, codecs)) require_parses (*answer);
    if (auto answer = prepare_subscriber_answer (offer->sdp, second, codecs)) require_parses (*answer);
  }
  if (auto answer = prepare_publisher_answer (second, first)) require_parses (*answer);
  std::vector<SendSection> senders;
  if (auto created = SdpText::parse (first))
    for (const auto &section : created->sections)
      for (const auto &codec : section.codecs ())
        if (codec.row && senders.size () < 64)
          senders.push_back ({ section.mid (), section.kind (), "stream", "cid", codec.row->codec });
  if (auto offer = prepare_publisher_offer (first, senders)) require_parses (*offer);
  if (auto credentials = ice_credentials (first)) require_parses (with_ice_credentials (first, *credentials));
  return 0;
}
