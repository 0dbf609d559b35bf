// Every session event as the outside sees it: the structure of its bus message and, where there is one, its
// signal. No state.
#pragma once

#include "base/ref.hpp"
#include "session/session.hpp"

namespace lk::gst {

/// One event as a signal (name and arguments) and as the structure of a bus message.
struct Announcement {
  StructurePtr message;
  const char *signal = nullptr;
  StructurePtr argument; ///< for signals with one structure
};

/// An empty message of a session: its fields `session` and `room`.
StructurePtr new_message (const char *name, const session::Session &session);
/// Adds all fields of `from`.
void add_fields (GstStructure *into, const GstStructure *from);

/// Without a message the event is told to nobody outside.
Announcement announcement_of (const session::Session &session, const session::SessionEvent &event);

} // namespace lk::gst
