// Properties as a table: one row per property, so that specification, setter and getter cannot drift apart.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace lk::gst {

/// One property over settings S. A row without `set` is read-only, one without `get` a secret.
template <typename S> struct Prop {
  const char *name;
  std::function<GParamSpec *(const char *name)> spec;
  void (*set) (S &, const GValue *);
  void (*get) (const S &, GValue *);
};

inline constexpr auto kRead = GParamFlags (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
inline constexpr auto kReadWrite = GParamFlags (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
/// Read when the element goes to READY.
inline constexpr auto kReady = GParamFlags (kReadWrite | GST_PARAM_MUTABLE_READY);
inline constexpr auto kPlaying = GParamFlags (kReadWrite | GST_PARAM_MUTABLE_PLAYING);
/// Written, never read back: secrets.
inline constexpr auto kSecret
    = GParamFlags (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
inline constexpr auto kSecretPlaying
    = GParamFlags (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

/// The parts of a comma-separated list, without blanks around them.
inline std::vector<std::string>
words_of (const std::string &list) {
  std::vector<std::string> out;
  gchar **parts = g_strsplit (list.c_str (), ",", -1);
  for (gchar **part = parts; *part; part++)
    if (*g_strstrip (*part)) out.emplace_back (*part);
  g_strfreev (parts);
  return out;
}

inline std::string
string_of (const GValue *value) {
  const gchar *text = g_value_get_string (value);
  return text ? text : "";
}

// Rows for a value that S keeps at the end of a path of members, as text_prop<&S::wishes, &Wishes::name> (…).
// Its default is what a new S has; `flags` say when a change takes effect.

template <typename S, typename Value> S first_of (Value S::*);

template <auto First, auto... Rest, typename S>
auto &
follow (S &object) {
  if constexpr (sizeof...(Rest) == 0)
    return object.*First;
  else
    return follow<Rest...> (object.*First);
}

/// `specify` (name, default) makes the specification; `Read` and `Write` take the value from and to a GValue.
template <auto Read, auto Write, auto First, auto... Rest, typename Specify>
auto
kept_prop (const char *name, Specify specify) {
  using S = decltype (first_of (First));
  return Prop<S>{ name,
                  [specify] (const char *n) {
                    const S fresh{};
                    return specify (n, follow<First, Rest...> (fresh));
                  },
                  [] (S &s, const GValue *v) {
                    auto &field = follow<First, Rest...> (s);
                    field = std::remove_reference_t<decltype (field)> (Read (v));
                  },
                  [] (const S &s, GValue *v) { Write (v, follow<First, Rest...> (s)); } };
}

inline void
write_text (GValue *value, const std::string &text) {
  g_value_set_string (value, text.c_str ());
}

template <auto... Path>
auto
text_prop (const char *name, const char *nick, const char *blurb, GParamFlags flags) {
  return kept_prop<string_of, write_text, Path...> (name, [=] (const char *n, const std::string &fallback) {
    return g_param_spec_string (n, nick, blurb, fallback.c_str (), flags);
  });
}

template <auto... Path>
auto
switch_prop (const char *name, const char *nick, const char *blurb, GParamFlags flags) {
  return kept_prop<g_value_get_boolean, g_value_set_boolean, Path...> (
      name,
      [=] (const char *n, bool fallback) { return g_param_spec_boolean (n, nick, blurb, fallback, flags); });
}

template <auto... Path>
auto
uint_prop (const char *name, const char *nick, const char *blurb, guint least, guint most,
           GParamFlags flags) {
  return kept_prop<g_value_get_uint, g_value_set_uint, Path...> (name, [=] (const char *n, guint fallback) {
    return g_param_spec_uint (n, nick, blurb, least, most, fallback, flags);
  });
}

template <auto... Path>
auto
int_prop (const char *name, const char *nick, const char *blurb, gint least, gint most, GParamFlags flags) {
  return kept_prop<g_value_get_int, g_value_set_int, Path...> (name, [=] (const char *n, gint fallback) {
    return g_param_spec_int (n, nick, blurb, least, most, fallback, flags);
  });
}

template <auto... Path>
auto
double_prop (const char *name, const char *nick, const char *blurb, double least, double most,
             GParamFlags flags) {
  return kept_prop<g_value_get_double, g_value_set_double, Path...> (
      name, [=] (const char *n, double fallback) {
        return g_param_spec_double (n, nick, blurb, least, most, fallback, flags);
      });
}

/// @param type  of the enumeration; the member may be of another with the same numbers
template <auto... Path>
auto
enum_prop (const char *name, const char *nick, const char *blurb, GType type, GParamFlags flags) {
  return kept_prop<g_value_get_enum, [] (GValue *v, auto choice) { g_value_set_enum (v, gint (choice)); },
                   Path...> (name, [=] (const char *n, auto fallback) {
    return g_param_spec_enum (n, nick, blurb, type, gint (fallback), flags);
  });
}

/// Installs the rows as ids first, first + 1, …; returns the next free id.
template <typename S>
guint
install_props (GObjectClass *klass, std::span<const Prop<S>> rows, guint first) {
  for (const auto &row : rows)
    g_object_class_install_property (klass, first++, row.spec (row.name));
  return first;
}

/// The row of an id, or null when the id belongs to another table.
template <typename S>
const Prop<S> *
find_prop (std::span<const Prop<S>> rows, guint first, guint id) {
  return id >= first && id - first < rows.size () ? &rows[id - first] : nullptr;
}

} // namespace lk::gst
