#include "participant/participant.hpp"

#include "base/time.hpp"
#include "participant/announcement.hpp"
#include "participant/connection_props.hpp"
#include "participant/errors.hpp"
#include "participant/session_context.hpp"
#include "participant/structures.hpp"

namespace lk::gst {

namespace {

// An error that comes while the application is still inside set_state() can be lost: gst-launch 1.22 stops
// its main loop before it runs it, and then hangs. Within this time after the start errors wait.
constexpr gint64 kQuietStartUs = 100'000;

constexpr char kRequestToken[] = "request-token";

/// The first handler that has a token ends the emission.
gboolean
first_token (GSignalInvocationHint *, GValue *result, const GValue *value, gpointer) {
  const gchar *token = g_value_get_string (value);
  if (!token || !*token) return TRUE;
  g_value_set_string (result, token);
  return FALSE;
}

GQuark
participant_quark () {
  static const GQuark quark = g_quark_from_static_string ("gst-livekit-participant");
  return quark;
}

// What on-disconnect=auto means after a failure is a matter of the class: EOS for sources, ERROR for sinks.
GQuark
auto_quark () {
  static const GQuark quark = g_quark_from_static_string ("gst-livekit-auto-on-disconnect");
  return quark;
}

} // namespace

// ---- the session's view of the element

/// Holds the element weakly: an event takes a reference for its duration, so a handler may stop or drop the
/// element.
class Participant::UserImpl : public session::User {
public:
  UserImpl (Participant *owner, GstElement *element) : owner_ (owner), name_ (GST_OBJECT_NAME (element)) {
    g_weak_ref_init (&element_, element);
  }
  ~UserImpl () override { g_weak_ref_clear (&element_); }

  std::string
  user_name () const override {
    return name_;
  }
  void
  on_event (const session::SessionEvent &event) override {
    auto element = Ref<GstElement>::adopt (static_cast<GstElement *> (g_weak_ref_get (&element_)));
    if (element) owner_->handle (event);
  }
  /// The answer may take its time, so it is not made on the session's thread.
  bool
  request_token (std::function<void (std::string)> answer) override {
    using Answer = decltype (answer);
    auto element = Ref<GstElement>::adopt (static_cast<GstElement *> (g_weak_ref_get (&element_)));
    if (!element) return false;
    if (!asked (element.get ())) return false;
    gst_element_call_async (
        element.get (),
        [] (GstElement *self, gpointer data) {
          gchar *token = nullptr;
          g_signal_emit_by_name (self, kRequestToken, &token);
          const CString held (token);
          (*static_cast<Answer *> (data)) (token ? token : "");
        },
        new Answer (std::move (answer)), [] (gpointer data) { delete static_cast<Answer *> (data); });
    return true;
  }

  bool
  answers_tokens () const override {
    auto element = Ref<GstElement>::adopt (static_cast<GstElement *> (g_weak_ref_get (&element_)));
    return element && asked (element.get ());
  }

private:
  /// Somebody is there to answer.
  static bool
  asked (GstElement *element) {
    const guint signal = g_signal_lookup (kRequestToken, G_OBJECT_TYPE (element));
    return g_signal_has_handler_pending (element, signal, 0, TRUE);
  }

  Participant *owner_; // lives as long as the element
  mutable GWeakRef element_;
  const std::string name_;
};

// ---- class

namespace {

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

// ---- element side

Participant *
Participant::of (gpointer element) {
  return static_cast<Participant *> (g_object_get_qdata (G_OBJECT (element), participant_quark ()));
}

Participant::Participant (GstElement *element, Hooks hooks)
    : element_ (element), hooks_ (std::move (hooks)), config_ (std::make_unique<ConnectionConfig> ()),
      actions_ (this, element) {
  g_object_set_qdata (G_OBJECT (element), participant_quark (), this);
}

Participant::~Participant () {
  g_object_set_qdata (G_OBJECT (element_), participant_quark (), nullptr);
}

bool
Participant::set_property (guint id, const GValue *value) {
  const auto *row = find_prop<ConnectionConfig> (connection_props (), 1, id);
  if (!row) return false;
  std::shared_ptr<session::Session> session;
  std::shared_ptr<UserImpl> user;
  {
    std::lock_guard guard (lock_);
    row->set (*config_, value);
    session = session_;
    user = user_;
  }
  if (session && g_str_equal (row->name, kTokenProperty))
    session->set_token (user, Secret (string_of (value)));
  return true;
}

bool
Participant::get_property (guint id, GValue *value) const {
  const auto *row = find_prop<ConnectionConfig> (connection_props (), 1, id);
  if (!row) return false;
  ConnectionConfig copy;
  {
    std::lock_guard guard (lock_);
    copy = *config_;
    copy.session = session_;
    copy.add_stats = &hooks_.add_stats;
  }
  row->get (copy, value);
  return true;
}

void
Participant::set_context (GstContext *context) {
  if (auto pool = pool_of_context (context)) {
    std::lock_guard guard (lock_);
    pool_ = std::move (pool);
  }
}

std::shared_ptr<session::SessionPool>
Participant::pool () {
  {
    std::lock_guard guard (lock_);
    if (pool_) return pool_;
  }
  auto found = find_or_announce_pool (element_);
  std::lock_guard guard (lock_);
  if (!pool_) pool_ = std::move (found);
  return pool_;
}

bool
Participant::attach () {
  ConnectionConfig config;
  {
    std::lock_guard guard (lock_);
    if (session_) return true;
    config = *config_;
  }
  auto session = pool ()->find_or_make (config.session_name);
  auto user = std::make_shared<UserImpl> (this, element_);
  auto attached = session->attach (user, config.settings, hooks_.needs ());
  if (!attached) {
    post_error (element_, attached.error (), config.session_name.c_str ());
    return false;
  }
  session->set_group (user.get (), top_level_of (element_));
  if (auto serves = actions_.attach (session, words_of (config.rpc_methods), !hooks_.hears_data); !serves) {
    session->detach (user);
    post_error (element_, serves.error (), config.session_name.c_str ());
    return false;
  }
  std::lock_guard guard (lock_);
  session_ = std::move (session);
  user_ = std::move (user);
  return true;
}

void
Participant::start () {
  std::shared_ptr<session::Session> session;
  std::shared_ptr<UserImpl> user;
  {
    std::lock_guard guard (lock_);
    session = session_;
    user = user_;
  }
  ++run_;
  started_at_us_ = g_get_monotonic_time ();
  if (session) session->start (user);
}

void
Participant::detach () {
  std::shared_ptr<session::Session> session;
  std::shared_ptr<UserImpl> user;
  {
    std::lock_guard guard (lock_);
    session = std::move (session_);
    user = std::move (user_);
    // A bin keeps the context it was given longer than the element stays in it.
    pool_.reset ();
  }
  ++run_;
  actions_.detach ();
  if (session) session->detach (user);
  was_connected_ = false;
}

std::shared_ptr<session::Session>
Participant::session () const {
  std::lock_guard guard (lock_);
  return session_;
}

std::shared_ptr<session::User>
Participant::user () const {
  std::lock_guard guard (lock_);
  return user_;
}

Millis
Participant::connect_timeout () const {
  std::lock_guard guard (lock_);
  return config_->settings.connect_timeout.value_or (Millis (kDefaultConnectTimeoutMs));
}

bool
Participant::is_reporter () const {
  std::shared_ptr<session::Session> session;
  std::shared_ptr<UserImpl> user;
  {
    std::lock_guard guard (lock_);
    session = session_;
    user = user_;
  }
  return session && user && session->is_reporter (user.get (), top_level_of (element_));
}

void
Participant::report (const Error &error) {
  if (is_reporter ()) post_error (element_, error);
}

void
Participant::post_message (StructurePtr structure) {
  gst_element_post_message (element_, gst_message_new_element (GST_OBJECT (element_), structure.release ()));
}

// ---- events, session thread

void
Participant::handle (const session::SessionEvent &event) {
  hooks_.on_event (event);
  announce (event);
  if (const auto *change = std::get_if<session::StateChanged> (&event)) on_state (*change);
  const auto *unusable = std::get_if<session::TokenUnusable> (&event);
  if (unusable && is_reporter ()) post_warning (element_, unusable->error);
}

void
Participant::on_state (const session::StateChanged &change) {
  if (change.to == session::State::Connected) was_connected_ = true;
  const bool ended
      = (change.to == session::State::Failed || change.to == session::State::Disconnected) && change.cause;
  if (!ended) return;
  const Error &cause = *change.cause;
  const bool clean = cause.code == Errc::RoomClosed || cause.code == Errc::Closed;
  auto policy = GST_LIVEKIT_ON_DISCONNECT_AUTO;
  {
    std::lock_guard guard (lock_);
    policy = config_->on_disconnect;
  }
  if (policy == GST_LIVEKIT_ON_DISCONNECT_AUTO) {
    const auto after_failure = GstLiveKitOnDisconnect (
        GPOINTER_TO_INT (g_type_get_qdata (G_OBJECT_TYPE (element_), auto_quark ())));
    // Never having been in the room is an error for everyone: there is nothing to finalise.
    policy = clean ? GST_LIVEKIT_ON_DISCONNECT_EOS
                   : (was_connected_ ? after_failure : GST_LIVEKIT_ON_DISCONNECT_ERROR);
  }
  switch (policy) {
  case GST_LIVEKIT_ON_DISCONNECT_ERROR:
    if (is_reporter ()) post_failure (cause);
    break;
  case GST_LIVEKIT_ON_DISCONNECT_EOS:
    if (!clean && is_reporter ()) post_warning (element_, cause);
    hooks_.send_eos ();
    break;
  default:
    if (is_reporter ()) post_warning (element_, cause);
    break;
  }
}

void
Participant::post_failure (const Error &error) {
  const gint64 due = started_at_us_ + kQuietStartUs;
  if (g_get_monotonic_time () >= due) return post_error (element_, error);
  struct Later {
    Error error;
    gint64 due;
    unsigned run;
  };
  gst_element_call_async (
      element_,
      [] (GstElement *element, gpointer data) {
        const auto &later = *static_cast<Later *> (data);
        const gint64 left = later.due - g_get_monotonic_time ();
        if (left > 0) g_usleep (gulong (left));
        if (Participant::of (element)->run_ == later.run) post_error (element, later.error);
      },
      new Later{ error, due, run_ }, [] (gpointer data) { delete static_cast<Later *> (data); });
}

void
Participant::announce (const session::SessionEvent &event) {
  auto session = this->session ();
  if (!session) return;
  auto announcement = announcement_of (*session, event);

  if (std::holds_alternative<session::StateChanged> (event))
    g_object_notify (G_OBJECT (element_), "connection-state");
  if (announcement.signal)
    g_signal_emit_by_name (element_, announcement.signal, announcement.argument.get ());
  if (const auto *q = std::get_if<session::QualityChanged> (&event))
    g_signal_emit_by_name (element_, "connection-quality", q->identity.c_str (), to_string (q->quality),
                           q->score);
  if (announcement.message && is_reporter ()) post_message (std::move (announcement.message));
}

} // namespace lk::gst
