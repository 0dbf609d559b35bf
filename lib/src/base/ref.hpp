// Owning references to GObject, GstMiniObject and boxed types. Every reference has an owner from birth:
// adopt = transfer full, retain = transfer none, sink = floating.
#pragma once

#include <gst/gst.h>
#include <memory>
#include <utility>

namespace lk {

/// How to take and drop a reference of T; the default fits GObject and what derives from it.
template <typename T> struct RefTraits {
  static void
  ref (T *p) {
    g_object_ref (p);
  }
  static void
  unref (T *p) {
    g_object_unref (p);
  }
};

#define LK_REF_TRAITS(Type, ref_fn, unref_fn)                                                                \
  template <> struct RefTraits<Type> {                                                                       \
    static void                                                                                              \
    ref (Type *p) {                                                                                          \
      ref_fn (p);                                                                                            \
    }                                                                                                        \
    static void                                                                                              \
    unref (Type *p) {                                                                                        \
      unref_fn (p);                                                                                          \
    }                                                                                                        \
  }

LK_REF_TRAITS (GstCaps, gst_caps_ref, gst_caps_unref);
LK_REF_TRAITS (GstBuffer, gst_buffer_ref, gst_buffer_unref);
LK_REF_TRAITS (GstEvent, gst_event_ref, gst_event_unref);
LK_REF_TRAITS (GstMessage, gst_message_ref, gst_message_unref);
LK_REF_TRAITS (GstQuery, gst_query_ref, gst_query_unref);
LK_REF_TRAITS (GstSample, gst_sample_ref, gst_sample_unref);
LK_REF_TRAITS (GstPromise, gst_promise_ref, gst_promise_unref);
LK_REF_TRAITS (GstContext, gst_context_ref, gst_context_unref);
LK_REF_TRAITS (GstTagList, gst_tag_list_ref, gst_tag_list_unref);
LK_REF_TRAITS (GBytes, g_bytes_ref, g_bytes_unref);
LK_REF_TRAITS (GMainContext, g_main_context_ref, g_main_context_unref);
LK_REF_TRAITS (GMainLoop, g_main_loop_ref, g_main_loop_unref);

template <typename T> class Ref {
public:
  Ref () = default;
  Ref (std::nullptr_t) {}
  Ref (const Ref &o) : ptr_ (o.ptr_) {
    if (ptr_) RefTraits<T>::ref (ptr_);
  }
  Ref (Ref &&o) noexcept : ptr_ (std::exchange (o.ptr_, nullptr)) {}
  ~Ref () {
    if (ptr_) RefTraits<T>::unref (ptr_);
  }
  Ref &
  operator= (Ref o) noexcept {
    std::swap (ptr_, o.ptr_);
    return *this;
  }

  static Ref
  adopt (T *p) {
    Ref r;
    r.ptr_ = p;
    return r;
  }
  static Ref
  retain (T *p) {
    if (p) RefTraits<T>::ref (p);
    return adopt (p);
  }
  /// Takes over a floating reference (or adds one when it is not floating).
  static Ref
  sink (T *p) {
    if (p) g_object_ref_sink (p);
    return adopt (p);
  }

  T *
  get () const {
    return ptr_;
  }
  /// Hands the reference to the caller (for transfer-full arguments).
  [[nodiscard]] T *
  release () {
    return std::exchange (ptr_, nullptr);
  }
  void
  reset () {
    *this = Ref ();
  }
  T *
  operator->() const {
    return ptr_;
  }
  explicit operator bool () const { return ptr_ != nullptr; }
  bool
  operator== (const Ref &o) const {
    return ptr_ == o.ptr_;
  }
  /// For out-parameters that return a full reference.
  T **
  out () {
    reset ();
    return &ptr_;
  }

private:
  T *ptr_ = nullptr;
};

template <auto Fn> struct Deleter {
  template <typename T>
  void
  operator() (T *p) const {
    Fn (p);
  }
};

using CString = std::unique_ptr<gchar, Deleter<g_free>>;
using StructurePtr = std::unique_ptr<GstStructure, Deleter<gst_structure_free>>;
using ErrorPtr = std::unique_ptr<GError, Deleter<g_error_free>>;

} // namespace lk
