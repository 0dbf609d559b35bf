#include "livekitdatasink/outgoing_text.hpp"

#include <glib.h>

namespace lk::gst {

size_t
whole_characters (std::string_view bytes) {
  const gchar *end = nullptr;
  if (g_utf8_validate_len (bytes.data (), bytes.size (), &end)) return bytes.size ();
  const size_t good = size_t (end - bytes.data ());
  const auto rest = gssize (bytes.size () - good);
  return g_utf8_get_char_validated (end, rest) == gunichar (-2) ? good : std::string_view::npos;
}

size_t
part_of_text (std::string_view text, size_t limit) {
  if (text.size () <= limit) return text.size ();
  const gchar *end = g_utf8_find_prev_char (text.data (), text.data () + limit + 1);
  return end && end > text.data () ? size_t (end - text.data ()) : limit;
}

std::string_view
without_line_end (std::string_view text) {
  if (text.ends_with ('\n')) text.remove_suffix (1);
  if (text.ends_with ('\r')) text.remove_suffix (1);
  return text;
}

std::string
without_markup (std::string_view bytes) {
  const std::string whole = "<markup>" + std::string (bytes) + "</markup>";
  std::string text;
  GMarkupParser parser = {};
  parser.text = [] (GMarkupParseContext *, const gchar *part, gsize size, gpointer into, GError **) {
    static_cast<std::string *> (into)->append (part, size);
  };
  auto *context = g_markup_parse_context_new (&parser, GMarkupParseFlags (0), &text, nullptr);
  const bool parsed = g_markup_parse_context_parse (context, whole.data (), gssize (whole.size ()), nullptr)
                      && g_markup_parse_context_end_parse (context, nullptr);
  g_markup_parse_context_free (context);
  return parsed ? text : std::string (bytes);
}

} // namespace lk::gst
