// ICE credentials inside SDP: read to notice a restart, written to make one.
#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <glib.h>

namespace lk::rtc {

namespace {

/// RFC 8839 §5.4: letters, digits, "+" and "/".
bool
is_ice_text (std::string_view text, size_t min) {
  constexpr size_t max = 256;
  return text.size () >= min && text.size () <= max
         && std::all_of (text.begin (), text.end (),
                         [] (unsigned char c) { return g_ascii_isalnum (c) || c == '+' || c == '/'; });
}

bool
replace (std::vector<std::string> &lines, std::string_view name, const std::string &value) {
  bool replaced = false;
  for (auto &line : lines) {
    if (!attribute_value (line, name)) continue;
    line = "a=" + std::string (name) + ":" + value;
    replaced = true;
  }
  return replaced;
}

} // namespace

std::optional<IceCredentials>
ice_credentials (std::string_view text) {
  auto sdp = SdpText::parse (text);
  if (!sdp) return std::nullopt;
  for (const auto &section : sdp->sections) {
    auto ufrag = section.attribute ("ice-ufrag"), pwd = section.attribute ("ice-pwd");
    if (!ufrag) ufrag = sdp->attribute ("ice-ufrag");
    if (!pwd) pwd = sdp->attribute ("ice-pwd");
    if (ufrag && pwd && is_ice_text (*ufrag, 4) && is_ice_text (*pwd, 22))
      return IceCredentials{ std::string (*ufrag), std::string (*pwd) };
  }
  return std::nullopt;
}

std::string
with_ice_credentials (std::string_view text, const IceCredentials &credentials) {
  auto sdp = SdpText::parse (text);
  if (!sdp || !is_ice_text (credentials.ufrag, 4) || !is_ice_text (credentials.pwd, 22))
    return std::string (text);
  replace (sdp->lines, "ice-ufrag", credentials.ufrag);
  replace (sdp->lines, "ice-pwd", credentials.pwd);
  for (auto &section : sdp->sections) {
    if (!replace (section.lines, "ice-ufrag", credentials.ufrag))
      section.add ("a=ice-ufrag:" + credentials.ufrag);
    if (!replace (section.lines, "ice-pwd", credentials.pwd)) section.add ("a=ice-pwd:" + credentials.pwd);
  }
  return sdp->to_string ();
}

} // namespace lk::rtc
