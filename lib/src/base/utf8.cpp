#include "base/utf8.hpp"

#include "base/ref.hpp"

namespace lk {

bool
is_utf8 (std::string_view text) {
  while (!text.empty ()) {
    const gchar *end = nullptr;
    if (g_utf8_validate_len (text.data (), text.size (), &end)) return true;
    if (*end != '\0') return false;
    text.remove_prefix (size_t (end - text.data ()) + 1); // GLib stops at a NUL
  }
  return true;
}

std::string
to_utf8 (std::string_view text) {
  if (is_utf8 (text)) return std::string (text);
  const CString valid (g_utf8_make_valid (text.data (), gssize (text.size ())));
  return valid.get ();
}

namespace {

bool
continues (char byte) {
  return (static_cast<unsigned char> (byte) & 0xc0) == 0x80;
}

} // namespace

std::size_t
utf8_head (std::string_view text, std::size_t limit) {
  if (text.size () <= limit) return text.size ();
  std::size_t head = limit;
  while (head > 0 && limit - head < 3 && continues (text[head]))
    head--;
  return head;
}

std::size_t
utf8_open_tail (std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size (); back++) {
    const auto byte = static_cast<unsigned char> (text[text.size () - back]);
    if (continues (char (byte))) continue;
    if (byte > 0xf4) return 0; // begins nothing
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

} // namespace lk
