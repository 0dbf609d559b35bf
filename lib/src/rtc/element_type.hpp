// Registers the room's private elements. Internal to rtc.
#pragma once

#include <gst/gst.h>

#include <cstdio>

namespace lk::rtc {

/// The plugin, the public library and the C API each hold a copy of this code, and one process may load all
/// of them: a type name must therefore be different in each copy, which the address of a variable of the copy
/// is.
template <typename Instance>
GType
register_element (const char *name, GClassInitFunc class_init, GInstanceInitFunc instance_init) {
  static char copy;
  char unique[64];
  std::snprintf (unique, sizeof unique, "%s_%zx", name, reinterpret_cast<size_t> (&copy));
  GTypeInfo info{};
  info.class_size = sizeof (GstElementClass);
  info.class_init = class_init;
  info.instance_size = sizeof (Instance);
  info.instance_init = instance_init;
  return g_type_register_static (GST_TYPE_ELEMENT, unique, &info, GTypeFlags (0));
}

/// Pads "sink" and "src" of the template caps ANY, both with the caps and allocation of the other side.
struct PadPair {
  GstPad *sink = nullptr, *src = nullptr;
};
PadPair add_pad_pair (GstElement *element);
/// For class_init: metadata and the two templates of add_pad_pair().
void describe_element (gpointer element_class, const char *long_name, const char *description);

} // namespace lk::rtc
