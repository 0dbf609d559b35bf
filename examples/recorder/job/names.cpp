#include "names.hpp"

#include "base/ref.hpp"

#include <vector>

namespace lk::record {

namespace {

constexpr size_t kMaxPiece = 80;

std::string
date (const NameFields &fields, const char *format) {
  GDateTime *local = g_date_time_new_from_unix_local (fields.time);
  if (!local) return "0";
  const CString text (g_date_time_format (local, format));
  g_date_time_unref (local);
  return text.get ();
}

struct Field {
  const char *name;
  std::string (*value) (const NameFields &);
};

#define LK_NAME_FIELD(field)                                                                                 \
  {                                                                                                          \
#field, [](const NameFields &f) { return harmless (f.field); }                                           \
  }

const Field kFields[] = {
  LK_NAME_FIELD (room),
  LK_NAME_FIELD (participant),
  LK_NAME_FIELD (name),
  LK_NAME_FIELD (track),
  LK_NAME_FIELD (sid),
  LK_NAME_FIELD (source),
  LK_NAME_FIELD (kind),
  LK_NAME_FIELD (codec),
  LK_NAME_FIELD (ext),
  { "time", [] (const NameFields &f) { return date (f, "%Y%m%d-%H%M%S"); } },
  { "date", [] (const NameFields &f) { return date (f, "%Y%m%d"); } },
  { "part",
    [] (const NameFields &f) { return CString (g_strdup_printf ("%03u", f.part)).get () + std::string (); } },
};

const Field *
find_field (const std::string &name) {
  for (const Field &field : kFields)
    if (name == field.name) return &field;
  return nullptr;
}

/// Calls `text` and `field` for the pieces of a template, in order. False: a brace without its other half.
bool
walk (const std::string &name, const std::function<void (std::string)> &text,
      const std::function<void (std::string)> &field) {
  size_t at = 0;
  while (at < name.size ()) {
    const auto open = name.find ('{', at);
    text (name.substr (at, open == name.npos ? open : open - at));
    if (open == name.npos) return true;
    const auto close = name.find ('}', open);
    if (close == name.npos) return false;
    field (name.substr (open + 1, close - open - 1));
    at = close + 1;
  }
  return true;
}

std::string
with_number (const std::string &name, unsigned number) {
  const auto slash = name.rfind ('/');
  auto dot = name.rfind ('.');
  if (dot == name.npos || (slash != name.npos && dot < slash)) dot = name.size ();
  return name.substr (0, dot) + "-" + std::to_string (number) + name.substr (dot);
}

} // namespace

std::string
harmless (const std::string &text) {
  std::string out;
  for (char c : text)
    out += (static_cast<unsigned char> (c) < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == ':') ? '_'
                                                                                                     : c;
  if (!out.empty () && out[0] == '.') out[0] = '_';
  if (out.size () > kMaxPiece) {
    const gchar *end = nullptr;
    out.resize (kMaxPiece);
    g_utf8_validate (out.c_str (), gssize (out.size ()), &end);
    out.resize (size_t (end - out.c_str ())); // no half character
  }
  return out.empty () ? "unknown" : out;
}

Result<>
check_template (const std::string &name) {
  std::string unknown;
  const bool whole = walk (
      name, [] (const std::string &) {},
      [&] (const std::string &field) {
        if (!find_field (field)) unknown = field;
      });
  std::string known;
  for (const Field &field : kFields)
    known += (known.empty () ? "{" : ", {") + std::string (field.name) + "}";
  if (!whole) return Error{ Errc::Settings, Retry::Never, "'" + name + "' has a { without a }" };
  if (!unknown.empty ())
    return Error{ Errc::Settings, Retry::Never,
                  "a file name cannot have {" + unknown + "}: there are " + known };
  return {};
}

bool
names_field (const std::string &name, const std::string &fields) {
  bool found = false;
  (void)walk (
      name, [] (const std::string &) {},
      [&] (const std::string &field) {
        found |= ("," + fields + ",").find ("," + field + ",") != std::string::npos;
      });
  return found;
}

std::string
expand (const std::string &name, const NameFields &fields) {
  std::string out;
  (void)walk (
      name, [&] (const std::string &text) { out += text; },
      [&] (const std::string &field) {
        if (const Field *known = find_field (field)) out += known->value (fields);
      });
  if (fields.part > 1 && !names_field (name, "part,time")) return with_number (out, fields.part);
  return out;
}

std::string
free_name (const std::string &name, const std::function<bool (const std::string &)> &taken) {
  std::string out = name;
  for (unsigned number = 2; taken (out); number++)
    out = with_number (name, number);
  return out;
}

} // namespace lk::record
