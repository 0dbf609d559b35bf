// Properties as a table: one row per property, so that specification, setter and getter cannot drift apart.
#pragma once

#include <gst/gst.h>
#include <span>
#include <string>
#include <vector>

namespace lk::gst {

/// One property over settings S. A row without `set` is read-only. `flags` say when a change takes effect.
template <typename S> struct Prop {
  const char *name;
  GParamSpec *(*spec) (const char *name);
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

} // namespace lk::gst
