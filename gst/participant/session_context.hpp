// How elements of one pipeline find each other: a GstContext "gst.livekit.sessions" that carries the
// pipeline's pool of sessions.
#pragma once

#include "session/session.hpp"

#include <gst/gst.h>
#include <memory>

namespace lk::gst {

inline constexpr const char *kContextType = "gst.livekit.sessions";

/// The pool in a context of our type; null for other contexts.
std::shared_ptr<session::SessionPool> pool_of_context (GstContext *context);
/// The element's context, else the pipeline's (NEED_CONTEXT), else a new one that is announced
/// (HAVE_CONTEXT). An element without a parent has a pool of its own. Never null.
std::shared_ptr<session::SessionPool> find_or_announce_pool (GstElement *element);
/// The outermost bin around an element (itself without a parent): what shares a pool and reports once. Only a
/// key, not a reference.
const void *top_level_of (GstElement *element);

} // namespace lk::gst
