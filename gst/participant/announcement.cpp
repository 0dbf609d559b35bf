#include "participant/announcement.hpp"

#include "participant/structures.hpp"

namespace lk::gst {

StructurePtr
new_message (const char *name, const session::Session &session) {
  const auto room = session.room ();
  return StructurePtr (gst_structure_new (name, "session", G_TYPE_STRING, session.name ().c_str (), "room",
                                          G_TYPE_STRING, room.name.c_str (), nullptr));
}

void
add_fields (GstStructure *into, const GstStructure *from) {
  gst_structure_foreach (
      from,
      [] (GQuark field, const GValue *value, gpointer data) -> gboolean {
        gst_structure_id_set_value (static_cast<GstStructure *> (data), field, value);
        return TRUE;
      },
      into);
}

namespace {

Announcement
about_participant (const char *signal, const session::Session &session, const ParticipantInfo &p) {
  Announcement a;
  a.signal = signal;
  a.message = new_message ((std::string ("livekit-") + signal).c_str (), session);
  gst_structure_set (a.message.get (), "sid", G_TYPE_STRING, p.sid.c_str (), "identity", G_TYPE_STRING,
                     p.identity.c_str (), nullptr);
  a.argument = to_structure (p);
  set_field (a.message.get (), "participant", to_structure (p));
  return a;
}

StructurePtr
about_track (const char *name, const session::Session &session, const ParticipantInfo &p,
             const TrackInfo &t) {
  auto message = new_message (name, session);
  gst_structure_set (message.get (), "sid", G_TYPE_STRING, t.sid.c_str (), "identity", G_TYPE_STRING,
                     p.identity.c_str (), nullptr);
  set_field (message.get (), "track", to_structure (t));
  return message;
}

StructurePtr
about_local (const char *name, const session::Session &session, const session::LocalTrack &track) {
  auto message = new_message (name, session);
  gst_structure_set (message.get (), "sid", G_TYPE_STRING, track.sid ().c_str (), "track-name", G_TYPE_STRING,
                     track.spec ().name.c_str (), nullptr);
  return message;
}

StructurePtr
speakers_structure (const session::ActiveSpeakers &speakers) {
  GValue array = G_VALUE_INIT;
  g_value_init (&array, GST_TYPE_ARRAY);
  for (const auto &entry : speakers.changed)
    append_structure (
        &array, StructurePtr (gst_structure_new ("livekit/speaker", "identity", G_TYPE_STRING,
                                                 entry.identity.c_str (), "level", G_TYPE_FLOAT, entry.level,
                                                 "active", G_TYPE_BOOLEAN, entry.active, nullptr)));
  StructurePtr s (gst_structure_new_empty ("livekit/speakers"));
  gst_structure_take_value (s.get (), "speakers", &array);
  return s;
}

/// The visitor that names every event.
struct Announcer {
  const session::Session &session;

  Announcement
  operator() (const session::StateChanged &e) const {
    auto message = new_message ("livekit-connection-state", session);
    gst_structure_set (message.get (), "from", G_TYPE_STRING, to_string (e.from), "to", G_TYPE_STRING,
                       to_string (e.to), nullptr);
    if (e.cause)
      gst_structure_set (message.get (), "code", G_TYPE_STRING, to_string (e.cause->code), "reason",
                         G_TYPE_STRING, e.cause->message.c_str (), nullptr);
    if (e.recovery)
      gst_structure_set (message.get (), "resumed", G_TYPE_BOOLEAN, gboolean (e.recovery->resumed),
                         "outage-ms", G_TYPE_UINT64, guint64 (e.recovery->outage.count ()), nullptr);
    return { std::move (message) };
  }
  Announcement
  room (const char *signal, const RoomInfo &info) const {
    Announcement a{ new_message ((std::string ("livekit-") + signal).c_str (), session), signal,
                    to_structure (info) };
    set_field (a.message.get (), "room-info", to_structure (info));
    return a;
  }
  Announcement
  operator() (const session::RoomJoined &e) const {
    auto a = room ("room-joined", e.room);
    gst_structure_set (a.message.get (), "sid", G_TYPE_STRING, e.self.sid.c_str (), "identity", G_TYPE_STRING,
                       e.self.identity.c_str (), "server-version", G_TYPE_STRING, e.server.version.c_str (),
                       nullptr);
    return a;
  }
  Announcement
  operator() (const session::RoomChanged &e) const {
    return room ("room-changed", e.room);
  }
  Announcement
  operator() (const session::ParticipantJoined &e) const {
    return about_participant ("participant-joined", session, e.participant);
  }
  Announcement
  operator() (const session::ParticipantLeft &e) const {
    return about_participant ("participant-left", session, e.participant);
  }
  Announcement
  operator() (const session::ParticipantChanged &e) const {
    return about_participant ("participant-changed", session, e.participant);
  }
  Announcement
  operator() (const session::RemoteTrackPublished &e) const {
    return { about_track ("livekit-track-published", session, e.participant, e.track) };
  }
  Announcement
  operator() (const session::RemoteTrackUnpublished &e) const {
    return { about_track ("livekit-track-unpublished", session, e.participant, e.track) };
  }
  Announcement
  operator() (const session::RemoteTrackSubscribed &e) const {
    return { about_track ("livekit-track-subscribed", session, e.track->participant (), e.track->info ()) };
  }
  Announcement
  operator() (const session::RemoteTrackUnsubscribed &e) const {
    return { about_track ("livekit-track-unsubscribed", session, e.track->participant (), e.track->info ()) };
  }
  Announcement
  operator() (const session::RemoteTrackChanged &e) const {
    auto message = about_track ("livekit-track-changed", session, e.track->participant (), e.track->info ());
    gst_structure_set (message.get (), "paused", G_TYPE_BOOLEAN, e.track->paused (), nullptr);
    return { std::move (message) };
  }
  Announcement
  operator() (const session::SubscriptionFailed &e) const {
    auto message = new_message ("livekit-subscription-failed", session);
    gst_structure_set (message.get (), "sid", G_TYPE_STRING, e.track_sid.c_str (), "code", G_TYPE_STRING,
                       to_string (e.error.code), "reason", G_TYPE_STRING, e.error.message.c_str (), nullptr);
    return { std::move (message) };
  }
  Announcement
  operator() (const session::LocalTrackPublished &e) const {
    return { about_local ("livekit-local-track-published", session, *e.track) };
  }
  StructurePtr
  unpublished (const session::LocalTrack &track, const Error &error) const {
    auto message = about_local ("livekit-local-track-unpublished", session, track);
    gst_structure_set (message.get (), "code", G_TYPE_STRING, to_string (error.code), "reason", G_TYPE_STRING,
                       error.message.c_str (), nullptr);
    return message;
  }
  Announcement
  operator() (const session::LocalTrackSuspended &e) const {
    return { unpublished (*e.track, e.error) };
  }
  Announcement
  operator() (const session::LocalTrackEnded &e) const {
    return { unpublished (*e.track, e.error) };
  }
  Announcement
  operator() (const session::LocalTrackMuted &e) const {
    auto message = about_local ("livekit-local-track-muted", session, *e.track);
    gst_structure_set (message.get (), "muted", G_TYPE_BOOLEAN, e.muted, nullptr);
    return { std::move (message) };
  }
  Announcement
  operator() (const session::LocalTrackSubscribed &e) const {
    return { about_local ("livekit-local-track-subscribed", session, *e.track) };
  }
  Announcement
  operator() (const session::ActiveSpeakers &e) const {
    Announcement a{ new_message ("livekit-speakers-changed", session), "speakers-changed",
                    speakers_structure (e) };
    set_field (a.message.get (), "speakers", speakers_structure (e));
    return a;
  }
  Announcement
  operator() (const session::QualityChanged &e) const {
    auto message = new_message ("livekit-connection-quality", session);
    gst_structure_set (message.get (), "identity", G_TYPE_STRING, e.identity.c_str (), "quality",
                       G_TYPE_STRING, to_string (e.quality), "score", G_TYPE_FLOAT, e.score, nullptr);
    return { std::move (message) };
  }
  Announcement
  operator() (const session::LatencyChanged &) const {
    return {};
  }
  Announcement
  operator() (const session::TokenUnusable &) const {
    return {}; // a warning
  }
};

} // namespace

Announcement
announcement_of (const session::Session &session, const session::SessionEvent &event) {
  return std::visit (Announcer{ session }, event);
}

} // namespace lk::gst
