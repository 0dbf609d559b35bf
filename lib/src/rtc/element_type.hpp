// What the room's private elements have in common. Internal to rtc.
#pragma once

#include <gst/gst.h>

#include <cstdio>

namespace lk::rtc {

/// Pads "sink" and "src" of the template caps ANY, both with the caps and allocation of the other side.
struct PadPair {
  GstPad *sink = nullptr, *src = nullptr;
};
PadPair add_pad_pair (GstElement *element);
/// For class_init: metadata and the two templates of add_pad_pair().
void describe_element (gpointer element_class, const char *long_name, const char *description);

/// What an element does at its pads.
struct PadFunctions {
  GstPadChainFunction chain;
  GstPadChainListFunction chain_list;
  GstPadEventFunction sink_event, src_event;
};

/// An element between two pads. `Kind` names it and has
///   struct State { PadPair pads; … };      what an instance keeps
///   static const char *const kType, *const kName, *const kDescription;
///   static PadFunctions functions ();
template <typename Kind> class PassingElement {
public:
  static GstElement *
  make (const char *name) {
    static const GType type = register_type ();
    return GST_ELEMENT_CAST (g_object_new (type, "name", name, nullptr));
  }
  static auto &
  state_of (gpointer element) {
    return *static_cast<Instance *> (element)->state;
  }

private:
  struct Instance {
    GstElement parent;
    typename Kind::State *state; // from init to finalize
  };

  /// The plugin, the public library and the C API each hold a copy of this code, and one process may load all
  /// of them: a type name must therefore be different in each copy, which the address of a variable of the
  /// copy is.
  static GType
  register_type () {
    static char copy;
    char unique[64];
    std::snprintf (unique, sizeof unique, "%s_%zx", Kind::kType, reinterpret_cast<size_t> (&copy));
    GTypeInfo info{};
    info.class_size = sizeof (GstElementClass);
    info.class_init = class_init;
    info.instance_size = sizeof (Instance);
    info.instance_init = init;
    return g_type_register_static (GST_TYPE_ELEMENT, unique, &info, GTypeFlags (0));
  }
  static void
  class_init (gpointer klass, gpointer) noexcept {
    parent_class = g_type_class_peek_parent (klass);
    G_OBJECT_CLASS (klass)->finalize = finalize;
    describe_element (klass, Kind::kName, Kind::kDescription);
  }
  static void
  init (GTypeInstance *instance, gpointer) noexcept {
    auto &state = *(reinterpret_cast<Instance *> (instance)->state = new typename Kind::State);
    state.pads = add_pad_pair (GST_ELEMENT_CAST (instance));
    const PadFunctions functions = Kind::functions ();
    gst_pad_set_chain_function (state.pads.sink, functions.chain);
    gst_pad_set_chain_list_function (state.pads.sink, functions.chain_list);
    gst_pad_set_event_function (state.pads.sink, functions.sink_event);
    gst_pad_set_event_function (state.pads.src, functions.src_event);
  }
  static void
  finalize (GObject *object) noexcept {
    delete reinterpret_cast<Instance *> (object)->state;
    G_OBJECT_CLASS (parent_class)->finalize (object);
  }

  static inline gpointer parent_class = nullptr;
};

} // namespace lk::rtc
