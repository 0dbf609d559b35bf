// Reference ownership, globs, the task queue and the fake clock that other tests rely on.
#include "base/glob.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/task_queue.hpp"
#include "fakes/fake_time.hpp"
#include "fakes/wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

using namespace lk;
using namespace lk::test;
using namespace std::chrono_literals;

namespace {

int
refs (gpointer object) {
  return static_cast<int> (G_OBJECT (object)->ref_count);
}

/// Runs `fn` on the thread and waits for it.
template <typename Fn>
auto
on_thread (SessionThread &thread, Fn fn) {
  auto done = std::make_shared<std::promise<decltype (fn ())>> ();
  auto future = done->get_future ();
  EXPECT_TRUE (thread.queue ()->post ([done, fn] { done->set_value (fn ()); }));
  return future.get ();
}

} // namespace

TEST (Ref, AdoptTakesAndRetainAdds) {
  auto *object = static_cast<GObject *> (g_object_new (G_TYPE_OBJECT, nullptr));
  auto owner = Ref<GObject>::adopt (object);
  EXPECT_EQ (refs (object), 1);
  {
    auto second = Ref<GObject>::retain (object);
    EXPECT_EQ (refs (object), 2);
    EXPECT_TRUE (second == owner);
  }
  EXPECT_EQ (refs (object), 1);
}

TEST (Ref, CopyAddsMoveDoesNot) {
  auto *object = static_cast<GObject *> (g_object_new (G_TYPE_OBJECT, nullptr));
  auto a = Ref<GObject>::adopt (object);
  auto b = a;
  EXPECT_EQ (refs (object), 2);
  auto c = std::move (b);
  EXPECT_EQ (refs (object), 2);
  EXPECT_FALSE (b);
  c = nullptr;
  EXPECT_EQ (refs (object), 1);
  auto &alias = a;
  a = alias;
  EXPECT_EQ (refs (object), 1);
}

TEST (Ref, SinkOwnsAFloatingReference) {
  auto *object = static_cast<GObject *> (g_object_new (G_TYPE_INITIALLY_UNOWNED, nullptr));
  ASSERT_TRUE (g_object_is_floating (object));
  auto owner = Ref<GObject>::sink (object);
  EXPECT_FALSE (g_object_is_floating (object));
  EXPECT_EQ (refs (object), 1);
}

TEST (Ref, ReleaseHandsOverAndOutDropsTheOldOne) {
  auto *object = static_cast<GObject *> (g_object_new (G_TYPE_OBJECT, nullptr));
  auto owner = Ref<GObject>::retain (object);
  auto *released = owner.release ();
  EXPECT_FALSE (owner);
  EXPECT_EQ (refs (object), 2);
  g_object_unref (released);
  owner = Ref<GObject>::retain (object);
  *owner.out () = nullptr;
  EXPECT_EQ (refs (object), 1);
  g_object_unref (object);
}

TEST (Globs, MatchAsUsersExpect) {
  struct Row {
    const char *list, *text;
    bool expected;
  };
  const Row rows[] = {
    { "", "anyone", true },
    { "  ", "anyone", true },
    { ",,", "anyone", true },
    { "alice", "alice", true },
    { "alice", "alice2", false },
    { "Alice", "alice", false },
    { "cam-*", "cam-1", true },
    { "cam-*", "cam-", true },
    { "cam-*", "a cam-1", false },
    { "*", "", true },
    { "?", "", false },
    { "?", "ü", true }, // one character, two bytes
    { "??", "ü", false },
    { "b?b", "bob", true },
    { "*a*b", "xaxxb", true },
    { "*a*b", "xaxxbc", false },
    { "alice, bob", "bob", true },
    { "alice ,bob", "alice", true },
    { "alice,bob", "carol", false },
    { "!bob", "alice", true },
    { "!bob", "bob", false },
    { "!bob,!al*", "alice", false },
    { "*,!bob", "bob", false },
    { "!bob,*", "bob", false }, // order does not matter
    { "b*,!bob", "bert", true },
    { "b*,!bob", "alice", false },
    { "! bob", "bob", false },
  };
  for (const auto &row : rows)
    EXPECT_EQ (matches_globs (row.list, row.text), row.expected) << row.list << " on " << row.text;
}

TEST (Globs, ManyStarsStayCheap) {
  std::string pattern, text (20'000, 'a');
  for (int i = 0; i < 200; ++i)
    pattern += "a*";
  auto start = std::chrono::steady_clock::now ();
  EXPECT_FALSE (matches_globs (pattern + "b", text));
  EXPECT_LT (std::chrono::steady_clock::now () - start, 5s);
}

TEST (ErrorNames, AreDistinctForEveryCode) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int> (Errc::Internal); ++i)
    names.insert (to_string (static_cast<Errc> (i)));
  EXPECT_EQ (names.size (), static_cast<size_t> (Errc::Internal) + 1);
  EXPECT_STREQ (to_string (Errc::NotAllowed), "not-allowed");
  EXPECT_STREQ (to_string (Retry::Resume), "resume");
}

TEST (Secret, RedactedFormShowsNoneOfIt) {
  EXPECT_EQ (Secret ("hunter2").redacted (), "(7 bytes)");
  EXPECT_EQ (Secret ().redacted (), "(none)");
}

TEST (SystemRandom, TokensAre32FreshHexDigits) {
  auto a = system_random ().token (), b = system_random ().token ();
  EXPECT_EQ (a.size (), 32u);
  EXPECT_EQ (a.find_first_not_of ("0123456789abcdef"), a.npos);
  EXPECT_NE (a, b);
  double draw = system_random ().uniform ();
  EXPECT_GE (draw, 0);
  EXPECT_LT (draw, 1);
}

TEST (SystemClock, MovesForward) {
  auto before = system_clock ().now ();
  EXPECT_TRUE (wait_until ([&] { return system_clock ().now () > before; }, 5s));
  EXPECT_GT (system_clock ().wall (), Millis (1'600'000'000'000));
}

TEST (TaskQueue, RunsTasksInTheOrderTheyWerePosted) {
  SessionThread thread ("lk:test");
  auto seen = std::make_shared<std::vector<int>> ();
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE (thread.queue ()->post ([seen, i] { seen->push_back (i); }));
  auto copy = on_thread (thread, [seen] { return *seen; });
  ASSERT_EQ (copy.size (), 1000u);
  EXPECT_TRUE (std::is_sorted (copy.begin (), copy.end ()));
}

TEST (TaskQueue, KeepsTheOrderOfEachOfManyPosters) {
  SessionThread thread ("lk:test");
  auto seen = std::make_shared<std::vector<std::pair<int, int>>> ();
  std::vector<std::thread> posters;
  for (int poster = 0; poster < 4; ++poster)
    posters.emplace_back ([&, poster] {
      for (int i = 0; i < 500; ++i)
        thread.queue ()->post ([seen, poster, i] { seen->emplace_back (poster, i); });
    });
  for (auto &poster : posters)
    poster.join ();
  auto copy = on_thread (thread, [seen] { return *seen; });
  ASSERT_EQ (copy.size (), 2000u);
  int next[4] = {};
  for (auto [poster, i] : copy)
    EXPECT_EQ (i, next[poster]++);
}

TEST (TaskQueue, NeverRunsATaskInsideThePost) {
  SessionThread thread ("lk:test");
  auto nested = on_thread (thread, [&thread] {
    auto ran = std::make_shared<bool> (false);
    thread.queue ()->post ([ran] { *ran = true; });
    return *ran;
  });
  EXPECT_FALSE (nested);
}

TEST (TaskQueue, ATaskThatPostsItselfDoesNotStarveTimers) {
  SessionThread thread ("lk:test");
  auto fired = std::make_shared<std::atomic<bool>> (false);
  std::function<void ()> again = [&] {
    if (!*fired) thread.queue ()->post (again);
  };
  auto timer = std::make_shared<TimerPtr> ();
  on_thread (thread, [&] {
    *timer = thread.once (1ms, [fired] { *fired = true; });
    return 0;
  });
  thread.queue ()->post (again);
  EXPECT_TRUE (wait_until ([&] { return fired->load (); }, 10s));
  thread.stop ();
}

TEST (TaskQueue, CloseRefusesNewTasksAndRunsOldOnes) {
  SessionThread thread ("lk:test");
  std::promise<void> go;
  std::atomic<int> ran = 0;
  thread.queue ()->post ([wait = go.get_future ().share ()] { wait.wait (); });
  thread.queue ()->post ([&] { ++ran; });
  thread.queue ()->close ();
  EXPECT_FALSE (thread.queue ()->post ([&] { ran += 100; }));
  go.set_value ();
  thread.stop ();
  EXPECT_EQ (ran, 1);
}

TEST (TaskQueue, ARefusedTaskIsDestroyedOutsideTheLock) {
  SessionThread thread ("lk:test");
  thread.stop ();
  auto queue = thread.queue ();
  bool destroyed = false;
  // Its destructor posts again: with the lock held this would never return.
  std::shared_ptr<int> guard (new int (0), [&destroyed, queue] (int *p) {
    delete p;
    destroyed = true;
    queue->post ([] {});
  });
  EXPECT_FALSE (queue->post ([held = std::move (guard)] {}));
  EXPECT_TRUE (destroyed);
}

TEST (TaskQueue, OutlivesItsThread) {
  std::shared_ptr<TaskQueue> queue;
  {
    SessionThread thread ("lk:test");
    queue = thread.queue ();
  }
  EXPECT_FALSE (queue->post ([] { FAIL (); }));
  EXPECT_FALSE (queue->is_current ());
}

TEST (TaskQueue, IsFreedAlthoughNobodyElseHoldsIt) {
  auto context = Ref<GMainContext>::adopt (g_main_context_new ());
  auto queue = std::make_shared<TaskQueue> (context.get ());
  std::weak_ptr<TaskQueue> watch = queue;
  bool ran = false;
  queue->post ([&] { ran = true; });
  queue.reset ();
  EXPECT_FALSE (watch.expired ()); // a queued task is a promise
  while (g_main_context_iteration (context.get (), FALSE)) {
  }
  EXPECT_TRUE (ran);
  EXPECT_TRUE (watch.expired ());
}

TEST (SessionThread, KnowsItsOwnThread) {
  SessionThread thread ("lk:test");
  EXPECT_FALSE (thread.queue ()->is_current ());
  EXPECT_TRUE (on_thread (thread, [&] { return thread.queue ()->is_current (); }));
  EXPECT_TRUE (on_thread (thread, [&] { return g_main_context_get_thread_default () == thread.context (); }));
}

TEST (SessionThread, StopRunsWhatIsQueued) {
  std::atomic<int> ran = 0;
  SessionThread thread ("lk:test");
  for (int i = 0; i < 100; ++i)
    thread.queue ()->post ([&] { ++ran; });
  thread.stop ();
  EXPECT_EQ (ran, 100);
  thread.stop ();
}

TEST (SessionThread, StopsEvenBeforeItsLoopRuns) {
  for (int i = 0; i < 200; ++i) {
    SessionThread thread ("lk:test");
    thread.stop ();
  }
}

TEST (SessionThread, LosesNoTaskToTheRaceWithStop) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> accepted = 0, ran = 0;
    {
      SessionThread thread ("lk:test");
      std::thread poster ([&accepted, &ran, queue = thread.queue ()] {
        while (queue->post ([&ran] { ++ran; }))
          ++accepted;
      });
      thread.stop ();
      poster.join ();
    }
    ASSERT_EQ (accepted, ran);
  }
}

TEST (SessionThread, MayBeDestroyedOnItself) {
  auto gone = std::make_shared<std::promise<bool>> ();
  auto future = gone->get_future ();
  auto owner = std::make_shared<std::unique_ptr<SessionThread>> (std::make_unique<SessionThread> ("lk:test"));
  auto queue = (*owner)->queue ();
  queue->post ([owner, queue, gone] {
    owner->reset ();
    gone->set_value (!queue->post ([] {}));
  });
  owner.reset ();
  ASSERT_EQ (future.wait_for (10s), std::future_status::ready);
  EXPECT_TRUE (future.get ());
  std::weak_ptr<TaskQueue> watch = queue;
  queue.reset ();
  EXPECT_TRUE (wait_until ([&] { return watch.expired (); }, 10s)); // the detached thread ended
}

TEST (SessionThread, TimersFireOnItAndStopWhenDestroyed) {
  SessionThread thread ("lk:test");
  std::atomic<int> once = 0, many = 0, never = 0;
  std::atomic<bool> right_thread = true;
  TimerPtr a, b;
  on_thread (thread, [&] {
    a = thread.once (1ms, [&] {
      ++once;
      right_thread = right_thread && thread.queue ()->is_current ();
    });
    b = thread.every (1ms, [&] {
      if (++many == 3) b.reset (); // from inside its own call
    });
    auto dropped = thread.once (0ms, [&] { ++never; });
    return 0;
  });
  EXPECT_TRUE (wait_until ([&] { return once == 1 && many == 3; }, 10s));
  on_thread (thread, [&] {
    EXPECT_FALSE (b);
    a.reset ();
    return 0;
  });
  EXPECT_TRUE (right_thread);
  EXPECT_EQ (never, 0);
}

TEST (SessionThread, ATimerMayOutliveIt) {
  TimerPtr timer;
  {
    SessionThread thread ("lk:test");
    on_thread (thread, [&] {
      timer = thread.once (1h, [] { FAIL (); });
      return 0;
    });
  }
  timer.reset ();
}

TEST (FakeTimers, FireInOrderAtTheirOwnTime) {
  FakeClock clock;
  FakeTimers timers (clock);
  auto start = clock.now ();
  std::vector<std::pair<char, Millis>> seen;
  auto note = [&] (char name) {
    return [&seen, &clock, start, name] {
      seen.emplace_back (name, std::chrono::duration_cast<Millis> (clock.now () - start));
    };
  };
  auto a = timers.once (30ms, note ('a'));
  auto b = timers.every (20ms, note ('b'));
  auto c = timers.once (30ms, note ('c'));
  auto d = timers.once (25ms, note ('d'));
  d.reset ();
  timers.advance (50ms);
  std::vector<std::pair<char, Millis>> expected{ { 'b', 20ms }, { 'a', 30ms }, { 'c', 30ms }, { 'b', 40ms } };
  EXPECT_EQ (seen, expected);
  EXPECT_EQ (clock.now () - start, 50ms);
  EXPECT_EQ (timers.pending (), 1u);
  EXPECT_EQ (timers.until_next (), 10ms);
}

TEST (FakeTimers, ATimerMayDestroyItselfAndStartOthers) {
  FakeClock clock;
  FakeTimers timers (clock);
  int fired = 0;
  TimerPtr timer;
  timer = timers.once (10ms, [&] {
    ++fired;
    timer = timers.once (10ms, [&] {
      ++fired;
      timer.reset ();
    });
  });
  timers.advance (30ms);
  EXPECT_EQ (fired, 2);
  EXPECT_EQ (timers.until_next (), -1ms);
}
