// Text as livekitdatasink sends it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lk::gst {

/// How much of `bytes` is whole characters; npos when it is no UTF-8. A character cut at the end is left out.
size_t whole_characters (std::string_view bytes);
/// The largest beginning of `text` that has at most `limit` bytes and ends with a character.
size_t part_of_text (std::string_view text, size_t limit);
std::string_view without_line_end (std::string_view text);
/// Subtitles come with the markup of their styles, which is no text to others.
std::string without_markup (std::string_view bytes);

} // namespace lk::gst
