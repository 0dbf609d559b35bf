#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <array>
#include <glib.h>
#include <set>

namespace lk::rtc {

namespace {

constexpr size_t kMaxText = 4 * 1024 * 1024; // half of what one signalling message may have
constexpr size_t kMaxLine = 64 * 1024;       // a BUNDLE group of 2048 mids
constexpr size_t kMaxSections = 2048;
constexpr int kMaxPayload = 127;

constexpr std::array<std::string_view, 4> kDirections{ "sendrecv", "sendonly", "recvonly", "inactive" };

std::optional<std::string_view>
first_attribute (const std::vector<std::string> &lines, std::string_view name) {
  for (const auto &line : lines)
    if (auto value = attribute_value (line, name)) return value;
  return std::nullopt;
}

const std::string *
first_direction (const std::vector<std::string> &lines) {
  auto found = std::find_if (lines.begin (), lines.end (),
                             [] (const auto &line) { return is_direction_line (line); });
  return found == lines.end () ? nullptr : &*found;
}

/// "96", "97" … → 96; nothing for anything else.
std::optional<int>
parse_payload (std::string_view text) {
  auto number = parse_number (text, kMaxPayload);
  return number ? std::optional<int> (int (*number)) : std::nullopt;
}

Result<SdpSection>
parse_media_line (std::string_view line) {
  auto words = split_words (line.substr (2));
  if (words.size () < 4) return protocol_error ("SDP: incomplete m= line");
  SdpSection section{ std::string (words[0]), std::string (words[1]), std::string (words[2]), {}, {} };
  if (!section.is_rtp () && section.media != "application")
    return protocol_error ("SDP: unknown kind of media");
  if (!parse_number (section.port, 65535)) return protocol_error ("SDP: bad port in m= line");
  std::set<int> seen;
  for (size_t i = 3; i < words.size (); ++i) {
    if (section.is_rtp ()) {
      auto payload = parse_payload (words[i]);
      if (!payload || !seen.insert (*payload).second)
        return protocol_error ("SDP: bad payload type in m= line");
    }
    section.formats.emplace_back (words[i]);
  }
  return section;
}

/// The row of an rtpmap value, when its clock rate is the one of the table.
const PayloadType *
row_of (std::string_view rtpmap) {
  auto slash = rtpmap.find ('/');
  if (slash == rtpmap.npos) return nullptr;
  const auto *row = find_mime (rtpmap.substr (0, slash));
  auto rest = rtpmap.substr (slash + 1);
  auto clock_rate = parse_number (rest.substr (0, rest.find ('/')), G_MAXINT32);
  return row && clock_rate && int (*clock_rate) == row->clock_rate ? row : nullptr;
}

} // namespace

Error
protocol_error (std::string message) {
  return { Errc::Protocol, Retry::Restart, std::move (message) };
}

std::optional<std::string_view>
attribute_value (std::string_view line, std::string_view name) {
  if (!line.starts_with ("a=") || !line.substr (2).starts_with (name)) return std::nullopt;
  auto rest = line.substr (2 + name.size ());
  if (rest.empty ()) return rest;
  if (rest.front () != ':') return std::nullopt;
  return rest.substr (1);
}

std::optional<uint64_t>
parse_number (std::string_view text, uint64_t max) {
  if (text.empty () || text.size () > 19) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + uint64_t (c - '0');
  }
  return value <= max ? std::optional (value) : std::nullopt;
}

std::vector<std::string_view>
split_words (std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty ()) {
    auto blank = std::min (text.find (' '), text.size ());
    if (blank > 0) words.push_back (text.substr (0, blank));
    text.remove_prefix (std::min (blank + 1, text.size ()));
  }
  return words;
}

std::optional<PayloadLine>
payload_line (std::string_view line) {
  for (std::string_view name : { "rtpmap", "fmtp", "rtcp-fb" }) {
    auto value = attribute_value (line, name);
    if (!value) continue;
    auto blank = std::min (value->find (' '), value->size ());
    auto head = value->substr (0, blank);
    auto rest = value->substr (std::min (blank + 1, value->size ()));
    if (head == "*") return PayloadLine{ name, -1, rest };
    if (auto payload = parse_payload (head)) return PayloadLine{ name, *payload, rest };
    return std::nullopt;
  }
  return std::nullopt;
}

bool
is_codec_line (std::string_view line) {
  return attribute_value (line, "rtpmap") || attribute_value (line, "fmtp")
         || attribute_value (line, "rtcp-fb");
}

bool
is_direction_line (std::string_view line) {
  return std::any_of (kDirections.begin (), kDirections.end (), [&] (std::string_view name) {
    return line.starts_with ("a=") && line.substr (2) == name;
  });
}

bool
is_source_line (std::string_view line) {
  return attribute_value (line, "msid") || attribute_value (line, "ssrc")
         || attribute_value (line, "ssrc-group");
}

bool
is_transport_line (std::string_view line) {
  for (const char *name :
       { "setup", "ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "rtcp-mux", "rtcp-rsize" })
    if (attribute_value (line, name)) return true;
  return line.starts_with ("c=");
}

std::string
rtpmap_line (const PayloadType &row) {
  // The registered names: "opus", but "VP8".
  std::string encoding = row.kind == MediaKind::Audio ? row.codec : row.encoding;
  auto line
      = "a=rtpmap:" + std::to_string (row.payload) + " " + encoding + "/" + std::to_string (row.clock_rate);
  if (row.channels > 0) line += "/" + std::to_string (row.channels);
  return line;
}

std::optional<std::string_view>
SdpSection::attribute (std::string_view name) const {
  return first_attribute (lines, name);
}

std::vector<SectionCodec>
SdpSection::codecs () const {
  std::array<SectionCodec, kMaxPayload + 1> all;
  for (const auto &line : lines) {
    auto found = payload_line (line);
    if (!found || found->payload < 0) continue;
    auto &codec = all[size_t (found->payload)];
    if (found->name == "rtpmap") {
      codec.row = row_of (found->rest);
      codec.rtx = found->rest.starts_with ("rtx/") || found->rest.starts_with ("RTX/");
    } else if (found->name == "fmtp") {
      codec.fmtp = found->rest;
      if (found->rest.starts_with ("apt="))
        codec.apt = parse_payload (found->rest.substr (4, found->rest.find (';') - 4)).value_or (-1);
    }
  }
  std::vector<SectionCodec> codecs;
  for (const auto &format : formats) {
    auto payload = parse_payload (format);
    if (!payload) continue;
    codecs.push_back (all[size_t (*payload)]);
    codecs.back ().payload = *payload;
  }
  return codecs;
}

void
SdpSection::remove_attribute (std::string_view name) {
  remove_if ([&] (const auto &line) { return attribute_value (line, name).has_value (); });
}

void
SdpSection::set_direction (std::string_view direction) {
  remove_if (is_direction_line);
  add ("a=" + std::string (direction));
}

void
SdpSection::renumber (const std::map<int, int> &changes) {
  auto renumbered = [&] (int payload) {
    auto found = changes.find (payload);
    return std::to_string (found == changes.end () ? payload : found->second);
  };
  for (auto &format : formats)
    if (auto payload = parse_payload (format)) format = renumbered (*payload);
  for (auto &line : lines) {
    auto found = payload_line (line);
    if (!found || found->payload < 0) continue;
    std::string rest (found->rest);
    if (found->name == "fmtp" && rest.starts_with ("apt=")) {
      auto end = std::min (rest.find (';'), rest.size ());
      if (auto apt = parse_payload (std::string_view (rest).substr (4, end - 4)))
        rest = "apt=" + renumbered (*apt) + rest.substr (end);
    }
    line = "a=" + std::string (found->name) + ":" + renumbered (found->payload) + " " + rest;
  }
}

Result<SdpText>
SdpText::parse (std::string_view text) {
  if (text.size () > kMaxText) return protocol_error ("SDP: too long");
  if (!g_utf8_validate_len (text.data (), text.size (), nullptr)) return protocol_error ("SDP: not UTF-8");
  SdpText sdp;
  bool first = true;
  while (!text.empty ()) {
    auto end = std::min (text.find ('\n'), text.size ());
    auto line = text.substr (0, end);
    text.remove_prefix (std::min (end + 1, text.size ()));
    if (line.ends_with ('\r')) line.remove_suffix (1);
    if (line.empty ()) continue;
    if (line.size () > kMaxLine) return protocol_error ("SDP: line too long");
    if (std::any_of (line.begin (), line.end (), [] (unsigned char c) { return c < 0x20 || c == 0x7f; }))
      return protocol_error ("SDP: control character in a line");
    if (line.size () < 2 || line[0] < 'a' || line[0] > 'z' || line[1] != '=')
      return protocol_error ("SDP: a line is not of the form <letter>=<value>");
    if (std::exchange (first, false) && line != "v=0") return protocol_error ("SDP: does not start with v=0");
    if (line.starts_with ("m=")) {
      if (sdp.sections.size () == kMaxSections) return protocol_error ("SDP: too many sections");
      auto section = parse_media_line (line);
      if (!section) return section.error ();
      sdp.sections.push_back (std::move (*section));
    } else {
      (sdp.sections.empty () ? sdp.lines : sdp.sections.back ().lines).emplace_back (line);
    }
  }
  if (sdp.sections.empty ()) return protocol_error ("SDP: no media section");
  return sdp;
}

std::string
SdpText::to_string () const {
  std::string text;
  auto append = [&] (const std::vector<std::string> &all) {
    for (const auto &line : all)
      text.append (line).append ("\r\n");
  };
  append (lines);
  for (const auto &section : sections) {
    text += "m=" + section.media + " " + section.port + " " + section.protocol;
    for (const auto &format : section.formats)
      text += " " + format;
    text += "\r\n";
    append (section.lines);
  }
  return text;
}

std::optional<std::string_view>
SdpText::attribute (std::string_view name) const {
  return first_attribute (lines, name);
}

std::string
SdpText::direction_of (const SdpSection &section) const {
  if (const auto *line = first_direction (section.lines)) return line->substr (2);
  if (const auto *line = first_direction (lines)) return line->substr (2);
  return "sendrecv";
}

const SdpSection *
SdpText::live_section () const {
  auto found = std::find_if (sections.begin (), sections.end (), [] (const auto &section) {
    return section.port != "0" && section.attribute ("ice-ufrag") && section.attribute ("ice-pwd");
  });
  return found == sections.end () ? nullptr : &*found;
}

void
SdpText::replace_group (std::string line) {
  auto is_group = [] (const auto &other) { return other.starts_with ("a=group:BUNDLE"); };
  auto found = std::find_if (lines.begin (), lines.end (), is_group);
  if (found == lines.end ()) {
    lines.push_back (std::move (line));
    return;
  }
  *found = std::move (line);
  lines.erase (std::remove_if (found + 1, lines.end (), is_group), lines.end ());
}

Result<>
SdpText::require_mids () const {
  std::set<std::string> seen;
  for (const auto &section : sections) {
    auto mid = section.mid ();
    if (mid.empty () || mid.find (' ') != mid.npos) return protocol_error ("SDP: a section without a mid");
    if (!seen.insert (std::move (mid)).second) return protocol_error ("SDP: two sections with one mid");
  }
  return {};
}

} // namespace lk::rtc
