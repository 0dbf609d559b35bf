// An element as somebody else's thread holds it: weakly.
#pragma once

#include "base/ref.hpp"

#include <memory>

namespace lk::gst {

/// Copies share one GWeakRef.
class ElementRef {
public:
  explicit ElementRef (GstElement *element)
      : ref_ (new GWeakRef, [] (GWeakRef *ref) {
          g_weak_ref_clear (ref);
          delete ref;
        }) {
    g_weak_ref_init (ref_.get (), element);
  }
  /// Null when the element is going or gone.
  Ref<GstElement>
  lock () const {
    return Ref<GstElement>::adopt (static_cast<GstElement *> (g_weak_ref_get (ref_.get ())));
  }

private:
  std::shared_ptr<GWeakRef> ref_;
};

} // namespace lk::gst
