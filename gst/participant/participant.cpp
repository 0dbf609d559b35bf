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

GQuark
participant_quark () {
  static const GQuark quark = g_quark_from_static_string ("gst-livekit-participant");
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
    // Never having been in the room is an error for everyone: there is nothing to finalise.
    policy = clean ? GST_LIVEKIT_ON_DISCONNECT_EOS
                   : (was_connected_ ? after_failure (G_OBJECT_TYPE (element_))
                                     : GST_LIVEKIT_ON_DISCONNECT_ERROR);
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
