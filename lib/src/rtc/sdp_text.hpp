// SDP text as sections of lines, with the few look-ups and edits that the rules of sdp.hpp need. Internal to
// rtc; pure and bounded.
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

/// The value after "a=<name>:", "" for "a=<name>", nothing when the line is another one.
std::optional<std::string_view> attribute_value (std::string_view line, std::string_view name);
/// Decimal digits only, at most `max`.
std::optional<uint64_t> parse_number (std::string_view text, uint64_t max);
/// At blanks; no empty parts.
std::vector<std::string_view> split_words (std::string_view text);

/// "a=rtpmap:96 VP8/90000" → name "rtpmap", payload 96, rest "VP8/90000"; also fmtp and rtcp-fb, whose "*" is
/// payload -1.
struct PayloadLine {
  std::string_view name;
  int payload = -1;
  std::string_view rest;
};
std::optional<PayloadLine> payload_line (std::string_view line);

/// One payload type of a section.
struct SectionCodec {
  int payload = -1;
  const PayloadType *row = nullptr; ///< our codec, when encoding and clock rate are those of the table
  bool rtx = false;
  int apt = -1; ///< rtx only: what it repairs
  std::string fmtp;
};

struct SdpSection {
  std::string media, port, protocol; ///< of the m= line
  std::vector<std::string> formats;
  std::vector<std::string> lines; ///< what follows the m= line, without line ends

  bool
  is_audio () const {
    return media == "audio";
  }
  bool
  is_video () const {
    return media == "video";
  }
  bool
  is_rtp () const {
    return is_audio () || is_video ();
  }
  MediaKind
  kind () const {
    return is_audio () ? MediaKind::Audio : MediaKind::Video;
  }

  /// Value of the first such attribute of the section.
  std::optional<std::string_view> attribute (std::string_view name) const;
  std::string
  mid () const {
    return std::string (attribute ("mid").value_or (""));
  }
  /// Its formats in order; those without an rtpmap have no row.
  std::vector<SectionCodec> codecs () const;

  void
  add (std::string line) {
    lines.push_back (std::move (line));
  }
  template <typename Pred>
  void
  remove_if (Pred pred) {
    std::erase_if (lines, pred);
  }
  void remove_attribute (std::string_view name);
  void set_direction (std::string_view direction);
  /// Changes payload types everywhere at once, so that a swap is possible.
  void renumber (const std::map<int, int> &changes);
};

struct SdpText {
  std::vector<std::string> lines; ///< session level
  std::vector<SdpSection> sections;

  /// Refuses what no SDP of a peer connection contains: over 4 MiB, 2048 sections or 64 KiB a line, control
  /// characters (so no line can be smuggled in), invalid UTF-8, other media than audio, video and
  /// application, payload types over 127 or twice in a section.
  static Result<SdpText> parse (std::string_view text);
  std::string to_string () const;

  std::optional<std::string_view> attribute (std::string_view name) const;
  /// The section's direction, "sendrecv" when none is written.
  std::string direction_of (const SdpSection &section) const;
  /// Puts the mids of all sections for which `included` holds into one BUNDLE group.
  template <typename Pred>
  void
  write_bundle_group (Pred included) {
    std::string group = "a=group:BUNDLE";
    for (const auto &section : sections)
      if (included (section)) group += " " + section.mid ();
    replace_group (std::move (group));
  }
  /// The first section that was not refused and has a transport of its own, for others to go by; null when
  /// there is none.
  const SdpSection *live_section () const;
  /// Every section has a mid of its own.
  Result<> require_mids () const;

private:
  void replace_group (std::string line);
};

Error protocol_error (std::string message);

/// rtpmap, fmtp or rtcp-fb.
bool is_codec_line (std::string_view line);
/// One of the four direction attributes.
bool is_direction_line (std::string_view line);
/// a=msid, a=ssrc, a=ssrc-group.
bool is_source_line (std::string_view line);
/// What carries the media of a section, as opposed to what describes it: c=, ICE, DTLS, RTCP.
bool is_transport_line (std::string_view line);
/// "a=rtpmap:…" for a row of the table.
std::string rtpmap_line (const PayloadType &row);

} // namespace lk::rtc
