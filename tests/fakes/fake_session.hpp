// A session without a server: it connects and publishes when the test lets it, and keeps what elements did.
//
//   auto session = std::make_shared<FakeSession> ("");
//   pool->put ("", session);   // found by elements with that pool and session name
//   session->hold_publish = true;  …  session->release ();
//
// As in the real one, events come from a thread of its own, and nothing blocks.
#pragma once

#include "base/task_queue.hpp"
#include "fakes/fake_data.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>

namespace lk::test {

/// Keeps the newest frames.
class FakeFrameSender : public media::FrameSender {
public:
  struct Sent {
    GstClockTime pts;
    gsize size;
    bool key;
  };

  void
  set_caps (GstCaps *caps) override {
    std::lock_guard guard (lock_);
    caps_ = Ref<GstCaps>::retain (caps);
  }
  bool
  push (Ref<GstBuffer> frame) override {
    std::lock_guard guard (lock_);
    if (muted_) {
      stats_.dropped_paused++;
      return false;
    }
    stats_.frames++;
    stats_.bytes += gst_buffer_get_size (frame.get ());
    if (sent_.size () < 1000)
      sent_.push_back ({ GST_BUFFER_PTS (frame.get ()), gst_buffer_get_size (frame.get ()),
                         !GST_BUFFER_FLAG_IS_SET (frame.get (), GST_BUFFER_FLAG_DELTA_UNIT) });
    return true;
  }
  void
  set_muted (bool muted) override {
    std::lock_guard guard (lock_);
    muted_ = muted;
  }
  void
  set_keyframe_handler (std::function<void ()> handler) override {
    std::lock_guard guard (lock_);
    handler_ = std::move (handler);
  }
  media::FrameSenderStats
  stats () const override {
    std::lock_guard guard (lock_);
    return stats_;
  }
  bool
  wait_drained (GstClockTime) override {
    drain_asked = true;
    return true;
  }
  Result<Ref<GstElement>>
  make_source (bool) override {
    return Error{ Errc::Internal, Retry::Never, "not in a fake" };
  }
  void
  unbind () override {}

  // The test's side.
  std::string
  caps () const {
    std::lock_guard guard (lock_);
    return caps_ ? CString (gst_caps_to_string (caps_.get ())).get () : "";
  }
  std::vector<Sent>
  sent () const {
    std::lock_guard guard (lock_);
    return sent_;
  }
  void
  request_keyframe () {
    std::function<void ()> handler;
    {
      std::lock_guard guard (lock_);
      handler = handler_;
    }
    if (handler) handler ();
  }
  std::atomic<bool> drain_asked{ false };

private:
  mutable std::mutex lock_;
  Ref<GstCaps> caps_;
  std::vector<Sent> sent_;
  media::FrameSenderStats stats_;
  std::function<void ()> handler_;
  bool muted_ = false;
};

class FakeLocalTrack : public session::LocalTrack {
public:
  FakeLocalTrack (session::PublishSpec spec, std::string sid)
      : spec_ (std::move (spec)), sid_ (std::move (sid)), muted_ (spec_.muted) {}

  const session::PublishSpec &
  spec () const override {
    return spec_;
  }
  std::string
  sid () const override {
    return published_ ? sid_ : "";
  }
  bool
  published () const override {
    return published_;
  }
  bool
  muted () const override {
    return muted_;
  }
  void
  set_muted (bool muted) override {
    muted_ = muted;
    sender.set_muted (muted);
  }
  bool
  wanted () const override {
    return wanted_now;
  }
  void
  set_size (uint32_t width, uint32_t height) override {
    width_ = width;
    height_ = height;
  }
  void
  unpublish () override {
    published_ = false;
    unpublished = true;
  }
  media::FrameSender &
  frames () override {
    return sender;
  }
  Stats
  stats () const override {
    return { sender.stats (), {} };
  }

  // The test's side.
  std::pair<uint32_t, uint32_t>
  size () const {
    return { width_, height_ };
  }
  void
  set_published () {
    published_ = !unpublished;
  }
  FakeFrameSender sender;
  std::atomic<bool> unpublished{ false }, wanted_now{ true };

private:
  const session::PublishSpec spec_;
  const std::string sid_;
  std::atomic<bool> published_{ false }, muted_;
  std::atomic<uint32_t> width_{ 0 }, height_{ 0 };
};

class FakeSession : public session::Session, public std::enable_shared_from_this<FakeSession> {
public:
  using UserPtr = std::shared_ptr<session::User>;
  using TrackPtr = std::shared_ptr<FakeLocalTrack>;

  explicit FakeSession (std::string name) : name_ (std::move (name)) {}

  // What the test decides, before or while elements run.
  std::atomic<bool> hold_connect{ false }; ///< stay Connecting until release()
  std::atomic<bool> hold_publish{ false }; ///< tracks stay unpublished until release()
  std::atomic<int> latency_ms{ 0 };        ///< what latency() says
  std::optional<Error> attach_error, connect_error, publish_error; ///< set before elements start

  void
  release_connect () {
    hold_connect = false;
    thread_.queue ()->post ([this] {
      if (state_ == session::State::Connecting) connect ();
    });
  }
  /// Lets everything happen that was held back.
  void
  release () {
    hold_connect = hold_publish = false;
    thread_.queue ()->post ([this] {
      if (state_ == session::State::Connecting) connect ();
      publish_waiting ();
    });
  }
  /// The session ends by itself.
  void
  end (session::State to, Error cause) {
    thread_.queue ()->post ([this, to, cause] { change (to, cause); });
  }
  void
  emit_later (const session::SessionEvent &event) {
    thread_.queue ()->post ([this, event] { emit (event); });
  }
  /// Runs `fn` on the session thread.
  void
  on_thread (std::function<void ()> fn) {
    thread_.queue ()->post (std::move (fn));
  }
  /// Tracks in the order of publishing, ended ones included.
  std::vector<TrackPtr>
  tracks () const {
    std::lock_guard guard (lock_);
    return tracks_;
  }
  TrackPtr
  track (const std::string &name) const {
    for (const auto &track : tracks ())
      if (track->spec ().name == name && !track->unpublished) return track;
    return nullptr;
  }
  session::Settings
  settings () const {
    std::lock_guard guard (lock_);
    return settings_;
  }
  session::Needs
  needs () const {
    std::lock_guard guard (lock_);
    return needs_;
  }
  /// What was asked for by set_subscribed().
  std::vector<std::pair<std::string, bool>>
  requests () const {
    std::lock_guard guard (lock_);
    return requests_;
  }
  std::atomic<int> refreshes{ 0 }; ///< refresh_token() was called
  std::atomic<bool> refreshable{ false };
  /// What set_token() was given.
  std::vector<std::string>
  tokens () const {
    std::lock_guard guard (lock_);
    return tokens_;
  }
  /// Asks the elements as a session does that needs a token; false when none has anybody to answer.
  bool
  request_token (const std::function<void (std::string)> &answer) {
    std::vector<UserPtr> users;
    {
      std::lock_guard guard (lock_);
      users = users_;
    }
    return std::any_of (users.begin (), users.end (),
                        [&] (const auto &user) { return user->request_token (answer); });
  }
  size_t
  users () const {
    std::lock_guard guard (lock_);
    return users_.size ();
  }

  // Session -------------------------------------------------------------------------------------------------
  Result<>
  attach (const UserPtr &user, const session::Settings &settings, const session::Needs &needs) override {
    if (attach_error) return *attach_error;
    std::lock_guard guard (lock_);
    users_.push_back (user);
    settings_ = settings;
    needs_ = needs;
    return {};
  }
  void
  start (const UserPtr &) override {
    thread_.queue ()->post ([this] {
      if (state_ == session::State::Connected) return emit_joined ();
      if (state_ == session::State::Connecting) return;
      change (session::State::Connecting);
      if (connect_error) return change (session::State::Failed, *connect_error);
      if (!hold_connect) connect ();
    });
  }
  void
  detach (const UserPtr &user) override {
    bool last = false;
    {
      std::lock_guard guard (lock_);
      std::erase (users_, user);
      last = users_.empty ();
    }
    if (last) state_ = session::State::Disconnected;
    // As in the real one: no event comes after this.
    if (thread_.queue ()->is_current ()) return;
    auto passed = std::make_shared<std::promise<void>> ();
    if (thread_.queue ()->post ([passed] { passed->set_value (); })) passed->get_future ().wait ();
  }
  void
  set_filter (const UserPtr &, const session::TrackFilter &filter) override {
    std::lock_guard guard (lock_);
    needs_.subscribe = filter;
  }
  void
  set_subscribed (const std::string &sid, bool subscribed) override {
    std::lock_guard guard (lock_);
    requests_.emplace_back (sid, subscribed);
  }
  void
  set_latency (const UserPtr &, Millis latency) override {
    std::lock_guard guard (lock_);
    needs_.latency = latency;
  }
  session::LocalTrackPtr
  publish (const UserPtr &, const session::PublishSpec &spec) override {
    std::lock_guard guard (lock_);
    auto track = std::make_shared<FakeLocalTrack> (spec, "TR_" + std::to_string (tracks_.size ()));
    tracks_.push_back (track);
    thread_.queue ()->post ([this] { publish_waiting (); });
    return track;
  }
  void
  set_token (const UserPtr &, const Secret &token) override {
    std::lock_guard guard (lock_);
    tokens_.push_back (token.reveal ());
  }
  bool
  refresh_token () override {
    ++refreshes;
    return refreshable;
  }
  void
  update_metadata (const UpdateMetadata &, std::function<void (Result<>)> done) override {
    done ({});
  }
  void
  simulate (const SimulateScenario &) override {}
  session::State
  state () const override {
    return state_;
  }
  std::string
  name () const override {
    return name_;
  }
  RoomInfo
  room () const override {
    return {};
  }
  ParticipantInfo
  self () const override {
    return {};
  }
  std::vector<ParticipantInfo>
  participants () const override {
    return {};
  }
  session::SessionStats
  stats () const override {
    return {};
  }
  Millis
  latency () const override {
    return Millis (latency_ms);
  }
  bool
  is_reporter (const session::User *user, const void *) const override {
    std::lock_guard guard (lock_);
    return !users_.empty () && users_.front ().get () == user;
  }
  void
  set_group (const session::User *, const void *) override {}
  std::shared_ptr<session::DataPort>
  data () override {
    return port;
  }
  const std::shared_ptr<FakeDataPort> port = std::make_shared<FakeDataPort> ();

private:
  void
  connect () {
    change (session::State::Connected);
    emit_joined ();
    publish_waiting ();
  }
  void
  emit_joined () {
    emit (session::RoomJoined{});
  }
  void
  publish_waiting () {
    if (state_ != session::State::Connected || hold_publish) return;
    for (const auto &track : tracks ()) {
      if (track->published () || track->unpublished) continue;
      if (publish_error) {
        track->unpublish ();
        emit (session::LocalTrackEnded{ track, *publish_error });
        continue;
      }
      track->set_published ();
      emit (session::LocalTrackPublished{ track });
    }
  }
  void
  change (session::State to, std::optional<Error> cause = {}) {
    const auto from = state_.exchange (to);
    emit (session::StateChanged{ from, to, std::move (cause) });
  }
  void
  emit (const session::SessionEvent &event) {
    std::vector<UserPtr> users;
    {
      std::lock_guard guard (lock_);
      users = users_;
    }
    for (const auto &user : users)
      user->on_event (event);
  }

  const std::string name_;
  std::atomic<session::State> state_{ session::State::Disconnected };
  mutable std::mutex lock_;
  std::vector<UserPtr> users_;
  session::Settings settings_;
  session::Needs needs_;
  std::vector<std::pair<std::string, bool>> requests_;
  std::vector<std::string> tokens_;
  std::vector<TrackPtr> tracks_;
  SessionThread thread_{ "fake" }; // last: its tasks use the rest
};

} // namespace lk::test
