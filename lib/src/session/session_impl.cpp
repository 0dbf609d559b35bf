// The façade: any thread in front, the engine's thread behind. Calls take Users' or Snapshot's lock for a
// moment, or post.
#include "session/engine.hpp"
#include "session/users.hpp"

#include "base/log.hpp"
#include "rtc/peer.hpp"

#include <condition_variable>
#include <mutex>

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

constexpr Millis kLeaveLimit{ 500 };
constexpr Millis kBackgroundLimit{ 2000 };
// Elements of a pipeline start one after the other; a refusal may be quicker than that.
constexpr Millis kOneStart{ 1000 };

/// Opened once, awaited with a bound.
class Gate {
public:
  void
  open () {
    {
      std::lock_guard lock (lock_);
      open_ = true;
    }
    opened_.notify_all ();
  }
  bool
  wait_until (Users::Deadline deadline) {
    std::unique_lock lock (lock_);
    return opened_.wait_until (lock, deadline, [this] { return open_; });
  }

private:
  std::mutex lock_;
  std::condition_variable opened_;
  bool open_ = false;
};

/// What lives on the session thread. It keeps the thread object, because the last façade may die inside a
/// callback.
struct Core {
  Core (const Context &context, std::shared_ptr<SessionThread> own_thread, std::shared_ptr<Snapshot> snapshot,
        std::shared_ptr<Users> all_users)
      : thread (std::move (own_thread)), users (std::move (all_users)), clock (context.env.clock),
        engine (std::make_shared<Engine> (
            context, std::move (snapshot), [this] (const SessionEvent &event) { emit (event); },
            [this] (const auto &answer) { return users->request_token (answer); })) {}

  void
  emit (const SessionEvent &event) {
    auto *change = std::get_if<StateChanged> (&event);
    if (change && (change->to == State::Disconnected || change->to == State::Failed)) {
      users->set_running ({});
      latecomers.clear ();
      if (change->to == State::Failed) failure = { *change, clock->now () };
    }
    // With a token from outside room and identity are known only now.
    if (change && change->to == State::Connected) users->set_running (engine->effective ());
    users->deliver (event);
    if (std::holds_alternative<RoomJoined> (event) && engine->state () == State::Connected)
      tell_latecomers ();
  }

  /// Who started during an outage has missed what stood through it.
  void
  tell_latecomers () {
    for (const auto *user : std::exchange (latecomers, {}))
      for (const auto &event : engine->replay ())
        if (!std::holds_alternative<RoomJoined> (event)) users->deliver_to (user, event);
  }

  void
  start (const User *user) {
    if (!users->go_live (user)) return;
    if (engine->stopped ()) {
      if (failure && clock->now () - failure->at < kOneStart && users->any_live_beside (user))
        return users->deliver_again (user, failure->change);
      failure.reset ();
      demand_changed ();
      engine->start (users->settings (), users->wants_everything (), users->wants_data ());
      if (!engine->stopped ()) users->set_running (engine->effective ());
      return;
    }
    demand_changed ();
    if (engine->state () == State::Reconnecting) latecomers.push_back (user);
    if (users->wants_data ()) engine->want_data ();
    for (const auto &event : engine->replay ())
      users->deliver_to (user, event);
  }

  void
  user_gone (const void *user, const std::shared_ptr<Gate> &gate) {
    engine->publications ()->remove_owned (user);
    demand_changed ();
    std::erase (latecomers, user);
    if (users->any_live ()) return gate->open ();
    engine->stop ([gate] { gate->open (); });
  }

  void
  demand_changed () {
    engine->subscriptions ()->set_wanted (users->filters (), users->latency (), users->reappear ());
  }

  std::shared_ptr<SessionThread> thread;
  std::shared_ptr<Users> users;
  Clock *const clock;
  std::shared_ptr<Engine> engine;
  std::vector<const User *> latecomers; // compared only
  struct Failure {
    StateChanged change;
    Nanos at{ 0 };
  };
  std::optional<Failure> failure; // the last
};

class SessionImpl : public Session {
public:
  SessionImpl (const std::string &name, Environment environment)
      : name_ (name), environment_ (std::move (environment)), snapshot_ (std::make_shared<Snapshot> ()),
        users_ (std::make_shared<Users> ()) {}
  ~SessionImpl () override;

  Result<> attach (const std::shared_ptr<User> &user, const Settings &settings, const Needs &needs) override;
  void start (const std::shared_ptr<User> &user) override;
  void detach (const std::shared_ptr<User> &user) override;
  void set_filter (const std::shared_ptr<User> &user, const TrackFilter &filter) override;
  void set_subscribed (const std::string &track_sid, bool subscribed) override;
  void set_latency (const std::shared_ptr<User> &user, Millis latency) override;
  LocalTrackPtr publish (const std::shared_ptr<User> &user, const PublishSpec &spec) override;
  void set_token (const std::shared_ptr<User> &user, const Secret &token) override;
  bool refresh_token () override;
  void update_metadata (const UpdateMetadata &update, std::function<void (Result<>)> done) override;
  void simulate (const SimulateScenario &scenario) override;

  State
  state () const override {
    return snapshot_->read ([] (const Snapshot::Data &data) { return data.state; });
  }
  std::string
  name () const override {
    return name_;
  }
  RoomInfo
  room () const override {
    return snapshot_->read ([] (const Snapshot::Data &data) { return data.room; });
  }
  ParticipantInfo
  self () const override {
    return *snapshot_->read ([] (const Snapshot::Data &data) { return data.self; });
  }
  std::vector<ParticipantInfo> participants () const override;
  SessionStats stats () const override;
  Millis
  latency () const override {
    return snapshot_->read ([] (const Snapshot::Data &data) { return data.latency; });
  }
  bool
  is_reporter (const User *user, const void *group) const override {
    return users_->is_reporter (user, group);
  }
  void
  set_group (const User *user, const void *group) override {
    users_->set_group (user, group);
  }
  std::shared_ptr<DataPort>
  data () override {
    return core ()->engine->data ()->port ();
  }

private:
  std::shared_ptr<Core> core ();
  std::shared_ptr<Core> core_if () const;
  /// Runs `task (core)` on the session thread if there is one.
  template <typename Task> void post (Task task) const;

  const std::string name_;
  const Environment environment_;
  const std::shared_ptr<Snapshot> snapshot_;
  const std::shared_ptr<Users> users_;
  mutable std::mutex lock_; // leaf: guards core_, held to copy or make it
  std::shared_ptr<Core> core_;
};

SessionImpl::~SessionImpl () {
  auto core = std::move (core_);
  if (!core) return;
  auto thread = core->thread;
  // The core dies on its own thread, also when that is this one and we are inside one of its callbacks.
  thread->queue ()->post ([core = std::move (core)] { core->engine->shut_down (); });
  thread->stop ();
}

std::shared_ptr<Core>
SessionImpl::core () {
  std::lock_guard lock (lock_);
  if (!core_) {
    auto thread = std::make_shared<SessionThread> ("lk:" + name_);
    Context context{ environment_, thread->queue (), thread.get (), name_.empty () ? "session" : name_ };
    core_ = std::make_shared<Core> (context, thread, snapshot_, users_);
  }
  return core_;
}

std::shared_ptr<Core>
SessionImpl::core_if () const {
  std::lock_guard lock (lock_);
  return core_;
}

template <typename Task>
void
SessionImpl::post (Task task) const {
  auto core = core_if ();
  if (!core) return;
  // Weak, so that a forgotten task never keeps the core beyond its façade; locked on the thread on which it
  // may die.
  core->thread->queue ()->post ([weak = std::weak_ptr (core), task = std::move (task)] {
    if (auto self = weak.lock ()) task (*self);
  });
}

Result<>
SessionImpl::attach (const std::shared_ptr<User> &user, const Settings &settings, const Needs &needs) {
  if (auto ok = users_->attach (user, settings, needs); !ok) return ok.error ();
  environment_.parts->warm_up ();
  return {};
}

void
SessionImpl::start (const std::shared_ptr<User> &user) {
  if (!users_->want (user.get ())) return;
  core ();
  post ([user] (Core &c) { c.start (user.get ()); });
}

void
SessionImpl::detach (const std::shared_ptr<User> &user) {
  auto deadline = std::chrono::steady_clock::now () + kLeaveLimit;
  bool was_started = users_->detach (user, deadline);
  if (!was_started) return post ([] (Core &c) { c.demand_changed (); });
  auto gate = std::make_shared<Gate> ();
  post ([gone = user.get (), gate] (Core &c) { c.user_gone (gone, gate); });
  auto core = core_if ();
  if (!core || core->thread->queue ()->is_current () || users_->any_wanting ()) return;
  if (gate->wait_until (deadline)) return;
  GST_WARNING ("%s: leaving takes longer than %d ms, going on in the background", name_.c_str (),
               static_cast<int> (kLeaveLimit.count ()));
  rtc::hold_back_deinit ([gate, deadline] { gate->wait_until (deadline + kBackgroundLimit); });
}

void
SessionImpl::set_filter (const std::shared_ptr<User> &user, const TrackFilter &filter) {
  users_->set_filter (user.get (), filter);
  post ([] (Core &c) { c.demand_changed (); });
}

void
SessionImpl::set_latency (const std::shared_ptr<User> &user, Millis latency) {
  users_->set_latency (user.get (), latency);
  post ([] (Core &c) { c.demand_changed (); });
}

void
SessionImpl::set_subscribed (const std::string &track_sid, bool subscribed) {
  post ([track_sid, subscribed] (Core &c) {
    c.engine->subscriptions ()->set_subscribed (track_sid, subscribed);
  });
}

LocalTrackPtr
SessionImpl::publish (const std::shared_ptr<User> &user, const PublishSpec &spec) {
  auto core = this->core ();
  const auto *codec = media::find_codec (spec.codec);
  // An unknown codec is refused like any other that cannot be sent: by LocalTrackEnded. Until then its frames
  // are dropped.
  auto frames = environment_.parts->make_frame_sender (codec ? *codec : media::codecs ().front ());
  LocalTrackImpl::Port port{ core->thread->queue (), core->engine->publications (), environment_.clock };
  auto track
      = std::make_shared<LocalTrackImpl> (spec, environment_.random->token (), std::move (frames), port);
  post ([track, owner = user.get ()] (Core &c) { c.engine->publications ()->add (track, owner); });
  return track;
}

void
SessionImpl::set_token (const std::shared_ptr<User> &user, const Secret &token) {
  users_->set_token (user.get (), token);
  post ([token] (Core &c) { c.engine->set_token (token); });
}

bool
SessionImpl::refresh_token () {
  if (!users_->any_wanting () || !users_->can_renew_token ()) return false;
  post ([] (Core &c) { c.engine->refresh_token (); });
  return true;
}

void
SessionImpl::update_metadata (const UpdateMetadata &update, std::function<void (Result<>)> done) {
  core ();
  post ([update, done = std::move (done)] (Core &c) {
    c.engine->update_metadata (update, [done] (const Result<> &result) {
      if (done) done (result);
    });
  });
}

void
SessionImpl::simulate (const SimulateScenario &scenario) {
  post ([scenario] (Core &c) { c.engine->simulate (scenario); });
}

std::vector<ParticipantInfo>
SessionImpl::participants () const {
  // Shared under the lock, copied outside.
  auto shared = snapshot_->read ([] (const Snapshot::Data &data) {
    std::vector<ParticipantPtr> list;
    for (const auto &[identity, participant] : data.participants)
      list.push_back (participant);
    return list;
  });
  std::vector<ParticipantInfo> all;
  for (const auto &participant : shared)
    all.push_back (*participant);
  return all;
}

SessionStats
SessionImpl::stats () const {
  post ([] (Core &c) { c.engine->refresh_stats (); });
  return snapshot_->read ([] (const Snapshot::Data &data) { return data.stats; });
}

} // namespace

std::shared_ptr<Session>
make_session (const std::string &name, Environment environment) {
  return std::make_shared<SessionImpl> (name, std::move (environment));
}

} // namespace lk::session
