// What the class of every LiveKit element has: connection properties, signals and actions.
#include "participant/connection_props.hpp"
#include "participant/errors.hpp"
#include "participant/participant.hpp"
#include "participant/structures.hpp"

namespace lk::gst {

namespace {

/// The first handler that has a token ends the emission.
gboolean
first_token (GSignalInvocationHint *, GValue *result, const GValue *value, gpointer) {
  const gchar *token = g_value_get_string (value);
  if (!token || !*token) return TRUE;
  g_value_set_string (result, token);
  return FALSE;
}

// What on-disconnect=auto means after a failure is a matter of the class: EOS for sources, ERROR for sinks.
GQuark
auto_quark () {
  static const GQuark quark = g_quark_from_static_string ("gst-livekit-auto-on-disconnect");
  return quark;
}

GstStructure *
get_participants (GstElement *element) {
  auto session = Participant::of (element)->session ();
  return to_structure (session ? session->participants () : std::vector<ParticipantInfo> ()).release ();
}

gboolean
refresh_token (GstElement *element) {
  auto session = Participant::of (element)->session ();
  return session && session->refresh_token ();
}

gboolean
update_metadata (GstElement *element, const GstStructure *changes) {
  auto session = Participant::of (element)->session ();
  if (!session || !changes) return FALSE;
  UpdateMetadata update;
  if (const gchar *text = gst_structure_get_string (changes, "metadata")) update.metadata = text;
  if (const gchar *text = gst_structure_get_string (changes, "name")) update.name = text;
  const GValue *attributes = gst_structure_get_value (changes, "attributes");
  if (attributes && GST_VALUE_HOLDS_STRUCTURE (attributes))
    update.attributes = attributes_of (gst_value_get_structure (attributes));
  Ref<GstElement> self = Ref<GstElement>::retain (element);
  session->update_metadata (update, [self] (Result<> result) {
    if (!result) post_warning (self.get (), result.error ());
  });
  return TRUE;
}

gboolean
simulate (GstElement *element, const gchar *scenario, gint64 value) {
  using Kind = SimulateScenario::Kind;
  static const std::pair<const char *, Kind> kinds[]
      = { { "speaker-update", Kind::SpeakerUpdate },
          { "node-failure", Kind::NodeFailure },
          { "migration", Kind::Migration },
          { "server-leave", Kind::ServerLeave },
          { "switch-protocol", Kind::SwitchProtocol },
          { "subscriber-bandwidth", Kind::SubscriberBandwidth },
          { "disconnect-on-resume", Kind::DisconnectOnResume },
          { "leave-full-reconnect", Kind::LeaveFullReconnect } };
  auto session = Participant::of (element)->session ();
  if (!session || !scenario) return FALSE;
  for (const auto &[name, kind] : kinds)
    if (g_str_equal (name, scenario)) {
      session->simulate ({ kind, value });
      return TRUE;
    }
  return FALSE;
}

void
add_signal (GType type, const char *name, std::initializer_list<GType> args) {
  std::vector<GType> types (args);
  g_signal_newv (name, type, G_SIGNAL_RUN_LAST, nullptr, nullptr, nullptr, nullptr, G_TYPE_NONE,
                 guint (types.size ()), types.data ());
}

} // namespace

guint
Participant::install (GstElementClass *klass, GstLiveKitOnDisconnect what_auto_means_after_failure) {
  const GType type = G_TYPE_FROM_CLASS (klass);
  g_type_set_qdata (type, auto_quark (), GINT_TO_POINTER (what_auto_means_after_failure));

  // docs/generate-elements.py reads these comments. Participant stands for each element.
  /**
   * Participant::participant-joined:
   * @info: "livekit/participant-info"
   *
   * Another participant is in the room, also one that was there before us. Session thread.
   */
  add_signal (type, "participant-joined", { GST_TYPE_STRUCTURE });
  /**
   * Participant::participant-left:
   * @info: "livekit/participant-info", as it was last
   *
   * Another participant left the room. Session thread.
   */
  add_signal (type, "participant-left", { GST_TYPE_STRUCTURE });
  /**
   * Participant::participant-changed:
   * @info: "livekit/participant-info", as it is now
   *
   * Name, metadata, attributes or permission of a participant changed. Session thread.
   */
  add_signal (type, "participant-changed", { GST_TYPE_STRUCTURE });
  /**
   * Participant::room-joined:
   * @room: "livekit/room-info"
   *
   * We are in the room. Session thread.
   */
  add_signal (type, "room-joined", { GST_TYPE_STRUCTURE });
  /**
   * Participant::room-changed:
   * @room: "livekit/room-info", as it is now
   *
   * The room's metadata or number of participants changed. Session thread.
   */
  add_signal (type, "room-changed", { GST_TYPE_STRUCTURE });
  /**
   * Participant::speakers-changed:
   * @speakers: a structure with the array `speakers` of "livekit/speaker" for those that changed: identity,
   * level (0 to 1), active
   *
   * Somebody began or stopped to speak, or speaks louder or softer. Session thread.
   */
  add_signal (type, "speakers-changed", { GST_TYPE_STRUCTURE });
  /**
   * Participant::connection-quality:
   * @identity: whose
   * @quality: lost, poor, good or excellent
   * @score: 0 to 5
   *
   * What the server thinks of a participant's connection. Session thread.
   */
  add_signal (type, "connection-quality", { G_TYPE_STRING, G_TYPE_STRING, G_TYPE_FLOAT });

  /**
   * Participant::request-token:
   *
   * A connect needs a token and none is left that has not run out: return a new one, for the same room and
   * identity. Emitted only while a handler is connected, on a thread of its own, where it may wait for the
   * network; an answer that takes longer than 10 s is too late. Elements that share a session are asked in
   * turn until one has a handler.
   *
   * Returns: the token, or NULL when there is none
   */
  g_signal_newv (kRequestToken, type, G_SIGNAL_RUN_LAST, nullptr, first_token, nullptr, nullptr,
                 G_TYPE_STRING, 0, nullptr);

  /**
   * Participant::refresh-token:
   *
   * Has token-file read, token-url or request-token asked, or a token made from key and secret, now. The next
   * connect takes the new one before all others, also before what the server pushed. When there is none after
   * all, or it is for another room or identity, a warning on the bus says so and the present one stays.
   *
   * Returns: FALSE when there is nobody to ask, or the element is below PAUSED
   */
  g_signal_new_class_handler ("refresh-token", type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (refresh_token), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 0);

  /**
   * Participant::get-participants:
   *
   * Who is in the room now, with their tracks.
   *
   * Returns: "livekit/participants" with the array "participants" of "livekit/participant-info"
   */
  g_signal_new_class_handler ("get-participants", type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (get_participants), nullptr, nullptr, nullptr, GST_TYPE_STRUCTURE,
                              0);
  /**
   * Participant::update-metadata:
   * @changes: any of the fields metadata, name (strings) and attributes (structure)
   *
   * Changes what others see of us. What the server refuses is told by a warning on the bus.
   *
   * Returns: FALSE below READY
   */
  g_signal_new_class_handler ("update-metadata", type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (update_metadata), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1,
                              GST_TYPE_STRUCTURE);
  /**
   * Participant::simulate:
   * @scenario: speaker-update, node-failure, migration, server-leave, switch-protocol, subscriber-bandwidth,
   * disconnect-on-resume or leave-full-reconnect
   * @value: seconds (speaker-update), protocol (switch-protocol), bit/s (subscriber-bandwidth), else 0
   *
   * Asks the server to act out a fault. For tests of applications.
   *
   * Returns: FALSE below READY, or when there is no such scenario
   */
  g_signal_new_class_handler ("simulate", type, GSignalFlags (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                              G_CALLBACK (simulate), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 2,
                              G_TYPE_STRING, G_TYPE_INT64);

  DataActions::install (type);

  return install_props<ConnectionConfig> (G_OBJECT_CLASS (klass), connection_props (), 1);
}

GstLiveKitOnDisconnect
Participant::after_failure (GType type) {
  return GstLiveKitOnDisconnect (GPOINTER_TO_INT (g_type_get_qdata (type, auto_quark ())));
}

} // namespace lk::gst
