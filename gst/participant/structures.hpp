// Participants, tracks, rooms and statistics as GstStructure: what properties, messages and signals carry.
#pragma once

#include "base/ref.hpp"
#include "session/data.hpp"
#include "session/session.hpp"

namespace lk::gst {

/// "livekit/participant-info": sid, identity, name, metadata, attributes (array of key and value), state,
/// kind, joined-at-ms, is-publisher, permission (structure), tracks (array of track-info).
StructurePtr to_structure (const ParticipantInfo &participant);
/// "livekit/track-info": sid, name, kind, source, muted, width, height, mime-type, simulcast, stream,
/// encrypted, stereo, layers (array).
StructurePtr to_structure (const TrackInfo &track);
/// "livekit/room-info": sid, name, metadata, num-participants, num-publishers, max-participants,
/// creation-time-ms, active-recording.
StructurePtr to_structure (const RoomInfo &room);
/// "application/x-livekit-session-stats".
StructurePtr to_structure (const session::SessionStats &stats);
/// "application/x-livekit-publish-stats" and "application/x-livekit-receive-stats".
StructurePtr to_structure (const session::LocalTrack::Stats &stats);
StructurePtr to_structure (const session::RemoteTrack::Stats &stats);
/// "application/x-livekit-data-stats".
StructurePtr to_structure (const session::DataStats &stats);
/// "livekit/data-track": sid, name.
StructurePtr to_structure (const DataTrackInfo &track);
StructurePtr to_structure (const Attributes &attributes);
/// From a structure of strings; other types are skipped.
Attributes attributes_of (const GstStructure *structure);
/// "livekit/participants" with one array field "participants".
StructurePtr to_structure (const std::vector<ParticipantInfo> &participants);

/// Appends a structure to a GST_TYPE_ARRAY.
void append_structure (GValue *array, StructurePtr item);
/// Puts a structure into a field of another.
void set_field (GstStructure *into, const char *field, StructurePtr value);

} // namespace lk::gst
