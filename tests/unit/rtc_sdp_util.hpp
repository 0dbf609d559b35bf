// Golden session descriptions and a look at single sections of them, for the tests of the SDP rules.
#pragma once

#include "rtc/sdp.hpp"
#include "rtc/sdp_text.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace lk::rtc {

/// tests/data/sdp/<name>.sdp
inline std::string
golden (const std::string &name) {
  std::ifstream file (std::string (LK_TEST_DATA) + "/sdp/" + name + ".sdp", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf ();
  EXPECT_FALSE (text.str ().empty ()) << "no golden " << name;
  return text.str ();
}

/// The section with that mid; an empty one, and a failure, when there is none.
inline SdpSection
section_of (const std::string &sdp, const std::string &mid) {
  auto parsed = SdpText::parse (sdp);
  if (parsed)
    for (const auto &section : parsed->sections)
      if (section.mid () == mid) return section;
  ADD_FAILURE () << "no section " << mid << " in\n" << sdp;
  return {};
}

inline bool
has_line (const SdpSection &section, std::string_view line) {
  return std::find (section.lines.begin (), section.lines.end (), line) != section.lines.end ();
}

inline size_t
count_of (std::string_view text, std::string_view part) {
  size_t count = 0;
  for (auto at = text.find (part); at != text.npos; at = text.find (part, at + part.size ()))
    ++count;
  return count;
}

inline std::string
replaced (std::string text, std::string_view from, std::string_view to) {
  size_t at = 0, count = 0;
  while ((at = text.find (from, at)) != text.npos) {
    text.replace (at, from.size (), to);
    at += to.size ();
    ++count;
  }
  EXPECT_GT (count, 0u) << "nothing to replace: " << from;
  return text;
}

inline std::string
formats_of (const std::string &sdp, const std::string &mid) {
  std::string joined;
  for (const auto &format : section_of (sdp, mid).formats)
    joined += (joined.empty () ? "" : " ") + format;
  return joined;
}

inline const std::vector<std::string> kAllCodecs{ "opus", "vp8", "vp9", "h264", "av1", "h265" };

} // namespace lk::rtc
