// UTF-8 as the wire wants it: like GLib's, but NUL is a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lk {

bool is_utf8 (std::string_view text);
/// The same text with every wrong byte replaced by U+FFFD.
std::string to_utf8 (std::string_view text);
/// Length of the longest head of `text` that is at most `limit` bytes and does not cut a character in two.
/// Less than min(limit, size) by at most three; meant for valid UTF-8.
std::size_t utf8_head (std::string_view text, std::size_t limit);
/// Bytes at the end of `text` (0 to 3) that begin a character which is not all there.
std::size_t utf8_open_tail (std::string_view text);

} // namespace lk
