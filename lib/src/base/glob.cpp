#include "base/glob.hpp"

namespace lk {
namespace {

std::string_view
trim (std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  auto from = text.find_first_not_of (kBlank);
  if (from == text.npos) return {};
  return text.substr (from, text.find_last_not_of (kBlank) - from + 1);
}

/// The index after the UTF-8 character at `i`; a stray byte counts as one character.
size_t
next_character (std::string_view text, size_t i) {
  ++i;
  while (i < text.size () && (static_cast<unsigned char> (text[i]) & 0xc0) == 0x80)
    ++i;
  return i;
}

/// Backtracks to the last `*` only, so the cost is at most pattern × text whatever the pattern.
bool
matches (std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = pattern.npos, resume = 0;
  while (t < text.size ()) {
    if (p < pattern.size () && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size () && pattern[p] == '?') {
      ++p;
      t = next_character (text, t);
    } else if (p < pattern.size () && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = resume = next_character (text, resume);
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of ('*', p) == pattern.npos;
}

} // namespace

bool
matches_globs (std::string_view list, std::string_view text) {
  bool any_wanted = false, wanted = false;
  while (!list.empty ()) {
    auto comma = list.find (',');
    auto pattern = trim (list.substr (0, comma));
    list = comma == list.npos ? std::string_view () : list.substr (comma + 1);
    if (pattern.empty ()) continue;
    if (pattern.front () == '!') {
      if (matches (trim (pattern.substr (1)), text)) return false;
    } else {
      any_wanted = true;
      wanted = wanted || matches (pattern, text);
    }
  }
  return wanted || !any_wanted;
}

} // namespace lk
