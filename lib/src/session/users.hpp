// The elements of a session: what they want, who reports, and delivery of events with the promise that none
// comes after detach(). Any thread.
#pragma once

#include "session/session.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace lk::session {

class Users {
public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Errc::Settings when `settings` contradict those of another user, or those that the session runs with.
  Result<> attach (const std::shared_ptr<User> &user, const Settings &settings, const Needs &needs);
  /// Returns whether it had been started. Afterwards no event comes; a running callback on another thread is
  /// awaited until `deadline`.
  bool detach (const std::shared_ptr<User> &user, Deadline deadline);

  /// Wants the session connected; false when it is not attached.
  bool want (const User *user);
  /// Gets events from now on (session thread). False when it was detached meanwhile.
  bool go_live (const User *user);
  bool any_live () const;
  /// Another of its group is live.
  bool any_live_beside (const User *user) const;
  bool any_wanting () const;
  bool attached (const User *user) const;

  void set_filter (const User *user, const TrackFilter &filter);
  void set_latency (const User *user, Millis latency);
  void set_group (const User *user, const void *group);
  /// The one that the session has from now on, for those who come later.
  void set_token (const User *user, const Secret &token);
  /// Asks the first live user that has somebody to answer; false when none has. Session thread.
  bool request_token (const std::function<void (std::string)> &answer);
  /// Whether a token can be had anew, by settings or from a user.
  bool can_renew_token () const;
  bool is_reporter (const User *user, const void *group) const;

  // All of them together.
  Settings settings () const;
  std::vector<TrackFilter> filters () const;
  Millis latency () const;
  Millis reappear () const;
  /// Somebody wants everything, so the server may subscribe us by itself.
  bool wants_everything () const;
  /// Somebody will send data.
  bool wants_data () const;
  /// The room and identity that the session runs with, for attach(); empty when it does not run.
  void set_running (std::optional<Settings> effective);

  /// To every live user, in order of attaching; session thread, no lock held during the calls.
  void deliver (const SessionEvent &event);
  void deliver_to (const User *user, const SessionEvent &event);
  /// The same where another of its group was told already and has reported it.
  void deliver_again (const User *user, const SessionEvent &event);

private:
  struct Entry {
    const User *key = nullptr;
    std::weak_ptr<User> user;
    Settings settings;
    Needs needs;
    const void *group = nullptr;
    bool wanting = false, live = false;
    bool reports = true;     ///< may be its group's reporter
    std::thread::id running; // a callback runs there; guarded by lock_
  };
  using EntryPtr = std::shared_ptr<Entry>;

  EntryPtr find (const User *user) const;                                                // lock held
  Result<Settings> merged (const Settings *extra, const std::string &extra_owner) const; // lock held
  void call (const EntryPtr &entry, const SessionEvent &event);

  mutable std::mutex lock_; // leaf: never held while a user is called
  std::condition_variable returned_;
  std::vector<EntryPtr> entries_; // in order of attaching
  std::optional<Settings> running_;
};

} // namespace lk::session
