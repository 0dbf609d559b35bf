// What every LiveKit element is besides its pads: connection properties, the shared session, and the
// translation of session events into property notifies, signals and bus messages. Held by value in an
// element's priv.
#pragma once

#include "base/ref.hpp"
#include "participant/data_actions.hpp"
#include "session/session.hpp"

#include <gst/gst.h>
#include <gst/livekit/enums.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace lk::gst {

struct ConnectionConfig;

class Participant {
public:
  struct Hooks {
    /// What the element will do with the session; asked at NULL→READY.
    std::function<session::Needs ()> needs;
    /// Every event, on the session thread with no lock held, before signals and messages. The element is
    /// alive during the call.
    std::function<void (const session::SessionEvent &)> on_event;
    /// The session ended and the `on-disconnect` policy asks for EOS. Session thread.
    std::function<void ()> send_eos;
    /// Adds the element's own figures to the property `stats`; may be empty.
    std::function<void (GstStructure *)> add_stats = {};
    /// The element emits "data-received" by itself.
    bool hears_data = false;
  };

  /// Installs the common properties as ids 1 … and the common signals; returns the first id free for the
  /// element's own properties.
  static guint install (GstElementClass *klass, GstLiveKitOnDisconnect what_auto_means_after_failure);

  /// Of an element of a class that install() was called for.
  static Participant *of (gpointer element);

  Participant (GstElement *element, Hooks hooks);
  ~Participant ();

  /// False when the id is not one of the common ones.
  bool set_property (guint id, const GValue *value);
  bool get_property (guint id, GValue *value) const;
  /// From the element's set_context.
  void set_context (GstContext *context);

  // State changes. ------------------------------------------------------------------------------------------
  /// NULL→READY: finds the session and attaches. False (error posted) on contradicting settings.
  bool attach ();
  /// READY→PAUSED.
  void start ();
  /// READY→NULL, and READY→PAUSED refused. Idempotent.
  void detach ();

  /// Null unless attached.
  std::shared_ptr<session::Session> session () const;
  std::shared_ptr<session::User> user () const;
  Millis connect_timeout () const;
  DataActions &
  actions () {
    return actions_;
  }

  /// Posts the error once per top-level pipeline, unless on-disconnect=none; for errors that are the
  /// element's alone use post_error().
  void report (const Error &error);
  /// An element message "livekit-<name>" with these fields; only the reporter of a session-wide event posts.
  void post_message (StructurePtr structure);

private:
  class UserImpl;
  static constexpr char kRequestToken[] = "request-token";

  /// What on-disconnect=auto means then.
  static GstLiveKitOnDisconnect after_failure (GType type);
  std::shared_ptr<session::SessionPool> pool ();
  void handle (const session::SessionEvent &event);
  void on_state (const session::StateChanged &change);
  void announce (const session::SessionEvent &event);
  void post_failure (const Error &error);
  bool is_reporter () const;

  GstElement *element_; // owner of this object
  Hooks hooks_;
  std::unique_ptr<ConnectionConfig> config_; // guarded by lock_
  mutable std::mutex lock_;                  // leaf
  std::shared_ptr<session::SessionPool> pool_;
  std::shared_ptr<session::Session> session_;
  std::shared_ptr<UserImpl> user_;
  bool was_connected_ = false; // session thread
  std::atomic<gint64> started_at_us_{ 0 };
  DataActions actions_;
  std::atomic<unsigned> run_{ 0 }; // counts starts and ends: what was meant for one is not for the next
};

} // namespace lk::gst
