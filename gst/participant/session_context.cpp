#include "participant/session_context.hpp"

#include "base/ref.hpp"

#include <mutex>

namespace lk::gst {

namespace {

using PoolPtr = std::shared_ptr<session::SessionPool>;

// A shared_ptr as a boxed type, so that a GstStructure can hold it.
GType
pool_type () {
  static const GType type = g_boxed_type_register_static (
      "GstLiveKitSessionPool",
      [] (gpointer p) -> gpointer { return new PoolPtr (*static_cast<PoolPtr *> (p)); },
      [] (gpointer p) { delete static_cast<PoolPtr *> (p); });
  return type;
}

Ref<GstContext>
make_context (const PoolPtr &pool) {
  auto context = Ref<GstContext>::adopt (gst_context_new (kContextType, TRUE));
  gst_structure_set (gst_context_writable_structure (context.get ()), "pool", pool_type (), &pool, nullptr);
  return context;
}

PoolPtr
pool_of_element (GstElement *element) {
  auto context = Ref<GstContext>::adopt (gst_element_get_context (element, kContextType));
  return context ? pool_of_context (context.get ()) : nullptr;
}

} // namespace

PoolPtr
pool_of_context (GstContext *context) {
  if (!context || !gst_context_has_context_type (context, kContextType)) return nullptr;
  const GValue *value = gst_structure_get_value (gst_context_get_structure (context), "pool");
  if (!value || !G_VALUE_HOLDS (value, pool_type ())) return nullptr;
  return *static_cast<PoolPtr *> (g_value_get_boxed (value));
}

PoolPtr
find_or_announce_pool (GstElement *element) {
  auto parent = Ref<GstObject>::adopt (gst_object_get_parent (GST_OBJECT (element)));
  if (!parent) return std::make_shared<session::SessionPool> ();

  // Two elements of a pipeline may look at the same time; only one may make the pool.
  static std::recursive_mutex
      find_or_make; // an application may answer NEED_CONTEXT by starting another of our elements
  std::lock_guard guard (find_or_make);
  if (auto pool = pool_of_element (element)) return pool;
  // Answered synchronously by a bin (or the application) that has one, through set_context.
  gst_element_post_message (element, gst_message_new_need_context (GST_OBJECT (element), kContextType));
  if (auto pool = pool_of_element (element)) return pool;

  auto pool = std::make_shared<session::SessionPool> ();
  auto context = make_context (pool);
  gst_element_set_context (element, context.get ());
  gst_element_post_message (element, gst_message_new_have_context (GST_OBJECT (element), context.release ()));
  return pool;
}

const void *
top_level_of (GstElement *element) {
  auto object = Ref<GstObject>::retain (GST_OBJECT (element));
  while (auto parent = Ref<GstObject>::adopt (gst_object_get_parent (object.get ())))
    object = parent;
  return object.get ();
}

} // namespace lk::gst
