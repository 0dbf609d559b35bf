// The session as elements use it: from any thread, with a real session thread behind it and fakes for server
// and media.
#include "base/log.hpp"
#include "fakes/wait.hpp"
#include "session_util.hpp"

#include <condition_variable>
#include <fstream>
#include <future>

using namespace lk;
using namespace lk::session;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

class FakeUser : public User {
public:
  explicit FakeUser (std::string name) : name_ (std::move (name)) {}
  std::string
  user_name () const override {
    return name_;
  }
  void
  on_event (const SessionEvent &event) override {
    std::function<void (const SessionEvent &)> hook;
    {
      std::lock_guard lock (lock_);
      events_.push_back (event);
      hook = hook_;
    }
    if (hook) hook (event);
  }
  void
  set_hook (std::function<void (const SessionEvent &)> hook) {
    std::lock_guard lock (lock_);
    hook_ = std::move (hook);
  }
  template <typename T>
  size_t
  count () const {
    std::lock_guard lock (lock_);
    return size_t (std::count_if (events_.begin (), events_.end (),
                                  [] (const auto &event) { return std::holds_alternative<T> (event); }));
  }
  size_t
  total () const {
    std::lock_guard lock (lock_);
    return events_.size ();
  }

private:
  const std::string name_;
  mutable std::mutex lock_;
  std::vector<SessionEvent> events_;
  std::function<void (const SessionEvent &)> hook_;
};

/// Runs once on the thread of `context`.
void
invoke_later (GMainContext *context, std::function<void ()> fn) {
  auto *source = g_idle_source_new ();
  g_source_set_callback (
      source,
      [] (gpointer data) -> gboolean {
        (*static_cast<std::function<void ()> *> (data)) ();
        return G_SOURCE_REMOVE;
      },
      new std::function<void ()> (std::move (fn)),
      [] (gpointer data) { delete static_cast<std::function<void ()> *> (data); });
  g_source_attach (source, context);
  g_source_unref (source);
}

class Facade : public ::testing::Test {
protected:
  Facade () {
    // A server that lets everybody in and acknowledges nothing.
    parts_->on_connect = [this] (FakeSignal &) {
      auto *context = g_main_context_get_thread_default ();
      {
        std::lock_guard lock (lock_);
        context_ = Ref<GMainContext>::retain (context);
      }
      if (!let_in_) return;
      invoke_later (context, [this, signal = parts_->signals.back ()] {
        auto before = parts_->subscribers.size ();
        JoinResponse join;
        join.room.name = "room";
        join.participant = make_participant ("me");
        join.others = { make_participant ("alice", { make_track ("TR_1") }) };
        join.subscriber_primary = true;
        signal->deliver (join);
        // The subscriber is made in the next turn, unless the session has given up meanwhile.
        invoke_later (g_main_context_get_thread_default (), [this, before] {
          if (parts_->subscribers.size () > before) parts_->subscriber ().connect ();
        });
      });
    };
    session_ = make ();
  }

  std::shared_ptr<Session>
  make () {
    return make_session ("test",
                         { parts_, &system_clock (), &system_random (), [] (const char *) { return ""; } });
  }
  static Settings
  settings () {
    Settings s;
    s.url = "ws://example.test";
    s.room = "room";
    s.api_key = "key";
    s.api_secret = Secret ("secret-secret-secret-secret-secret");
    return s;
  }
  std::shared_ptr<FakeUser>
  attach (const std::string &name, Needs needs = {}) {
    auto user = std::make_shared<FakeUser> (name);
    auto ok = session_->attach (user, settings (), needs);
    EXPECT_TRUE (ok) << ok.error ().message;
    return user;
  }
  std::shared_ptr<FakeUser>
  attach_and_connect (const std::string &name) {
    auto user = attach (name);
    session_->start (user);
    EXPECT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
    // Everything that belongs to the join was told in the same turn.
    on_thread ([] {});
    return user;
  }
  /// Runs on the session thread and waits for it.
  void
  on_thread (std::function<void ()> fn) {
    Ref<GMainContext> context;
    {
      std::lock_guard lock (lock_);
      context = context_;
    }
    ASSERT_TRUE (context);
    auto done = std::make_shared<std::promise<void>> ();
    invoke_later (context.get (), [fn = std::move (fn), done] {
      fn ();
      done->set_value ();
    });
    ASSERT_EQ (done->get_future ().wait_for (5s), std::future_status::ready);
  }

  std::atomic<bool> let_in_{ true };
  std::mutex lock_;
  Ref<GMainContext> context_;
  std::shared_ptr<FakeParts> parts_ = std::make_shared<FakeParts> ();
  std::shared_ptr<Session> session_;
};

TEST_F (Facade, TheFirstToStartConnectsAndTheSnapshotsAreFilled) {
  auto user = attach ("a");
  EXPECT_EQ (parts_->warmed_up, 1);
  EXPECT_EQ (session_->state (), State::Disconnected);
  session_->start (user);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
  EXPECT_EQ (session_->room ().name, "room");
  EXPECT_EQ (session_->self ().identity, "me");
  ASSERT_EQ (session_->participants ().size (), 1u);
  EXPECT_EQ (session_->participants ()[0].identity, "alice");
  EXPECT_EQ (session_->latency (), 200ms);
  session_->detach (user);
}

TEST_F (Facade, TheLastToDetachLeavesBeforeTheCallReturns) {
  auto a = attach_and_connect ("a"), b = attach ("b");
  session_->start (b);
  session_->detach (a);
  EXPECT_EQ (session_->state (), State::Connected);
  session_->detach (b);
  EXPECT_EQ (session_->state (), State::Disconnected);
  on_thread ([&] {
    EXPECT_EQ (parts_->signal ().sent_of<LeaveRequest> ().size (), 1u);
    EXPECT_TRUE (parts_->signal ().closed);
  });
}

TEST_F (Facade, WhoOnlyAttachedNeitherConnectsNorHearsAnything) {
  auto a = attach ("a"), b = attach_and_connect ("b");
  EXPECT_EQ (a->total (), 0u);
  session_->detach (a);
  EXPECT_EQ (session_->state (), State::Connected);
  session_->detach (b);
}

TEST_F (Facade, ALateStarterAloneGetsWhatIsThere) {
  auto a = attach_and_connect ("a");
  auto before = a->total ();
  auto b = attach ("b");
  session_->start (b);
  ASSERT_TRUE (wait_until ([&] { return b->count<RemoteTrackPublished> () == 1; }, 5s));
  EXPECT_EQ (b->count<RoomJoined> (), 1u);
  EXPECT_EQ (b->count<ParticipantJoined> (), 1u);
  EXPECT_EQ (a->total (), before);
  session_->detach (a);
  session_->detach (b);
}

TEST_F (Facade, AfterDetachNoEventComes) {
  auto a = attach_and_connect ("a"), b = attach_and_connect ("b");
  session_->detach (a);
  auto before = a->total ();
  on_thread ([&] { parts_->signal ().deliver (ParticipantUpdate{ { make_participant ("bob") } }); });
  EXPECT_EQ (b->count<ParticipantJoined> (), 2u);
  EXPECT_EQ (a->total (), before);
  session_->detach (b);
}

TEST_F (Facade, DetachWaitsForACallbackThatIsRunning) {
  auto a = attach_and_connect ("a"), b = attach_and_connect ("b");
  std::promise<void> inside, go_on;
  std::atomic<bool> returned{ false };
  a->set_hook ([&] (const SessionEvent &event) {
    if (!std::holds_alternative<ParticipantJoined> (event)) return;
    inside.set_value ();
    go_on.get_future ().wait ();
    returned = true;
  });
  std::thread server ([&] {
    on_thread ([&] { parts_->signal ().deliver (ParticipantUpdate{ { make_participant ("bob") } }); });
  });
  inside.get_future ().wait ();
  auto detached = std::async (std::launch::async, [&] {
    session_->detach (a);
    return returned.load ();
  });
  // It cannot return while the callback runs; if it did, `returned` would still be false.
  EXPECT_EQ (detached.wait_for (50ms), std::future_status::timeout);
  go_on.set_value ();
  EXPECT_TRUE (detached.get ());
  server.join ();
  session_->detach (b);
}

TEST_F (Facade, DetachGivesUpOnACallbackThatHangs) {
  auto a = attach_and_connect ("a"), b = attach_and_connect ("b");
  std::promise<void> inside, go_on;
  auto released = go_on.get_future ().share ();
  a->set_hook ([&, once = std::make_shared<bool> (false)] (const SessionEvent &) {
    if (std::exchange (*once, true)) return;
    inside.set_value ();
    released.wait ();
  });
  std::thread server ([&] {
    on_thread ([&] { parts_->signal ().deliver (ParticipantUpdate{ { make_participant ("bob") } }); });
  });
  inside.get_future ().wait ();
  session_->detach (a); // returns although the callback does not: an element's lock may be what it waits for
  go_on.set_value ();
  server.join ();
  session_->detach (b);
}

TEST_F (Facade, DetachInsideACallbackReturnsAndIsTheLastEvent) {
  auto user = attach ("a");
  std::atomic<bool> detached{ false };
  std::atomic<int> after{ 0 };
  user->set_hook ([&, raw = user.get ()] (const SessionEvent &event) {
    if (detached) ++after;
    if (!std::holds_alternative<RoomJoined> (event)) return;
    session_->detach (std::shared_ptr<User> (user));
    detached = true;
  });
  session_->start (user);
  ASSERT_TRUE (wait_until ([&] { return detached && session_->state () == State::Disconnected; }, 5s));
  on_thread ([] {});
  EXPECT_EQ (after, 0);
  EXPECT_EQ (user->count<ParticipantJoined> (), 0u) << "alice was told after RoomJoined";
}

TEST_F (Facade, TheLastReferenceMayDieInsideACallback) {
  auto user = attach ("a");
  std::promise<void> gone;
  user->set_hook ([&] (const SessionEvent &event) {
    if (!std::holds_alternative<RoomJoined> (event)) return;
    session_.reset ();
    gone.set_value ();
  });
  session_->start (user);
  EXPECT_EQ (gone.get_future ().wait_for (5s), std::future_status::ready);
  // The thread ends by itself and drops the connection.
  EXPECT_TRUE (wait_until ([&] { return parts_.use_count () == 1; }, 5s));
}

TEST_F (Facade, DestroyingWithoutDetachEndsEverything) {
  auto user = attach_and_connect ("a");
  session_.reset ();
  EXPECT_EQ (parts_.use_count (), 1);
  EXPECT_TRUE (parts_->signal ().dropped);
}

TEST_F (Facade, StartAgainAfterLeavingMakesAFreshConnection) {
  auto user = attach_and_connect ("a");
  session_->detach (user);
  user = attach_and_connect ("a");
  EXPECT_EQ (session_->stats ().joins, 2u);
  session_->detach (user);
}

TEST_F (Facade, ContradictingSettingsAreRefusedAndForgottenWithTheirOwner) {
  auto a = attach ("a");
  auto other = settings ();
  other.room = "elsewhere";
  auto b = std::make_shared<FakeUser> ("b");
  auto refused = session_->attach (b, other, {});
  ASSERT_FALSE (refused);
  EXPECT_EQ (refused.error ().code, Errc::Settings);
  session_->detach (a);
  EXPECT_TRUE (session_->attach (b, other, {}));
  session_->detach (b);
}

TEST_F (Facade, ALateComerCannotChangeTheIdentityOfARunningSession) {
  auto a = attach_and_connect ("a"); // with a unique identity
  auto other = settings ();
  other.identity = "somebody";
  auto b = std::make_shared<FakeUser> ("b");
  auto refused = session_->attach (b, other, {});
  ASSERT_FALSE (refused);
  EXPECT_NE (refused.error ().message.find ("identity"), std::string::npos);
  session_->detach (a);
  EXPECT_TRUE (session_->attach (b, other, {})) << "nothing runs any more";
  session_->detach (b);
}

TEST_F (Facade, TheServerSubscribesByItselfOnlyIfSomebodyWantsEverything) {
  auto auto_subscribe = [&] (std::optional<TrackFilter> filter) {
    auto user = std::make_shared<FakeUser> ("a");
    Needs needs;
    needs.subscribe = filter;
    EXPECT_TRUE (session_->attach (user, settings (), needs));
    session_->start (user);
    EXPECT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
    bool value = false;
    on_thread ([&] { value = parts_->signal ().params.auto_subscribe; });
    session_->detach (user);
    return value;
  };
  EXPECT_FALSE (auto_subscribe ({}));
  EXPECT_TRUE (auto_subscribe (TrackFilter{}));
  EXPECT_FALSE (auto_subscribe (TrackFilter{ "alice", "", "", "" }));
  EXPECT_FALSE (auto_subscribe (TrackFilter{ "", "", "", "", false }));
}

TEST_F (Facade, AFilterAndALatencyChangeReachTheServer) {
  Needs needs;
  needs.subscribe = TrackFilter{ "nobody", "", "", "" };
  auto user = attach ("a", needs);
  session_->start (user);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
  session_->set_filter (user, TrackFilter{ "alice", "", "", "" });
  session_->set_latency (user, 350ms);
  on_thread ([&] {
    EXPECT_EQ (parts_->signal ().sent_of<UpdateSubscription> ().size (), 1u);
    EXPECT_EQ (parts_->subscriber ().latency, 350ms);
  });
  EXPECT_EQ (session_->latency (), 350ms);
  session_->detach (user);
}

TEST_F (Facade, ATrackPublishedBeforeTheStartWaitsAndGoesWithItsUser) {
  auto user = attach ("a");
  PublishSpec spec;
  spec.codec = "opus";
  spec.name = "mic";
  auto track = session_->publish (user, spec);
  ASSERT_TRUE (track);
  EXPECT_FALSE (track->published ());
  session_->start (user);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
  on_thread ([&] { EXPECT_EQ (parts_->signal ().sent_of<AddTrack> ().size (), 1u); });
  session_->detach (user);
  track->set_muted (true);
  track->unpublish (); // late calls are harmless
  session_.reset ();
  track->set_muted (false);
  EXPECT_EQ (track->stats ().rtp.packets, 0u);
}

TEST_F (Facade, WhoStartsRightAfterAFailureOfItsPipelineSharesItAndDoesNotReportItAgain) {
  int one = 0, two = 0;
  auto first = attach ("first"), second = attach ("second"), other = attach ("other");
  session_->set_group (first.get (), &one);
  session_->set_group (second.get (), &one);
  session_->set_group (other.get (), &two);
  let_in_ = false;
  session_->start (second);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connecting; }, 5s));
  on_thread ([&] { parts_->signal ().lose ({ Errc::Unauthorized, Retry::Never, "join refused" }); });
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Failed; }, 5s));
  std::atomic<int> told = 0;
  first->set_hook ([&] (const SessionEvent &event) {
    auto *change = std::get_if<StateChanged> (&event);
    if (!change || change->to != State::Failed) return;
    EXPECT_FALSE (session_->is_reporter (first.get (), &one));
    ++told;
  });
  session_->start (first);
  ASSERT_TRUE (wait_until ([&] { return told == 1; }, 5s));
  on_thread ([&] { EXPECT_EQ (parts_->signals.size (), 1u); });
  session_->start (other); // of another pipeline: it asked for a try of its own
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connecting; }, 5s));
  on_thread ([&] { EXPECT_EQ (parts_->signals.size (), 2u); });
}

TEST_F (Facade, EventsAndErrorsHaveOneReporterPerPipeline) {
  int one, two;
  auto a = attach ("a"), b = attach ("b"), c = attach ("c");
  session_->set_group (a.get (), &one);
  session_->set_group (b.get (), &one);
  session_->set_group (c.get (), &two);
  EXPECT_TRUE (session_->is_reporter (a.get (), &one));
  EXPECT_FALSE (session_->is_reporter (b.get (), &one));
  EXPECT_TRUE (session_->is_reporter (c.get (), &two));
  EXPECT_FALSE (session_->is_reporter (c.get (), &one));
  session_->start (b);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
  EXPECT_TRUE (session_->is_reporter (b.get (), &one)) << "a gets no events, so it cannot report them";
  session_->detach (b);
  EXPECT_TRUE (session_->is_reporter (a.get (), &one));
  session_->detach (a);
  session_->detach (c);
}

TEST_F (Facade, DetachDuringTheConnectEndsIt) {
  let_in_ = false;
  auto user = attach ("a");
  session_->start (user);
  ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connecting; }, 5s));
  session_->detach (user);
  EXPECT_EQ (session_->state (), State::Disconnected);
}

int
threads () {
  std::ifstream status ("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "Threads:") {
      int count = 0;
      status >> count;
      return count;
    }
  return 0;
}

TEST_F (Facade, ManyRoundsLeaveNoThreadBehind) {
  session_->detach (attach_and_connect ("a"));
  session_.reset ();
  int before = threads ();
  for (int round = 0; round < 50; ++round) {
    session_ = make ();
    auto user = attach ("a");
    session_->start (user);
    if (round % 2) {
      ASSERT_TRUE (wait_until ([&] { return session_->state () == State::Connected; }, 5s));
    }
    if (round % 3) session_->detach (user);
    session_.reset ();
  }
  EXPECT_TRUE (wait_until ([&] { return threads () <= before; }, 5s)) << before << " -> " << threads ();
}

TEST_F (Facade, AnyCallFromAnyThreadAtAnyMomentIsSafe) {
  std::vector<std::thread> crowd;
  for (int i = 0; i < 4; ++i)
    crowd.emplace_back ([this, i] {
      for (int round = 0; round < 25; ++round) {
        auto user = std::make_shared<FakeUser> ("u" + std::to_string (i));
        Needs needs;
        if (i % 2) needs.subscribe = TrackFilter{};
        ASSERT_TRUE (session_->attach (user, settings (), needs));
        session_->start (user);
        PublishSpec spec;
        spec.codec = i % 2 ? "opus" : "vp8";
        auto track = session_->publish (user, spec);
        track->set_muted (true);
        track->stats ();
        session_->set_latency (user, Millis (100 + i));
        session_->set_filter (user, TrackFilter{ "alice", "", "", "" });
        session_->participants ();
        session_->stats ();
        session_->update_metadata ({}, [] (const Result<> &) {});
        if (round % 2) track->unpublish ();
        session_->detach (user);
      }
    });
  for (auto &one : crowd)
    one.join ();
  EXPECT_TRUE (wait_until ([&] { return session_->state () == State::Disconnected; }, 5s));
}

TEST (SessionPool, ANameIsSharedBetweenPoolsAndTheEmptyOneIsNot) {
  SessionPool a, b;
  auto named = a.find_or_make ("studio");
  EXPECT_EQ (named, a.find_or_make ("studio"));
  EXPECT_EQ (named, b.find_or_make ("studio"));
  EXPECT_EQ (named->name (), "studio");
  auto unnamed = a.find_or_make ("");
  EXPECT_EQ (unnamed, a.find_or_make (""));
  EXPECT_NE (unnamed, b.find_or_make (""));
}

TEST (SessionPool, ASessionThatNobodyHoldsIsMadeAnew) {
  SessionPool pool;
  std::weak_ptr<Session> first = pool.find_or_make ("studio");
  EXPECT_TRUE (first.expired ());
  EXPECT_TRUE (pool.find_or_make ("studio"));
}

} // namespace
