// Clients of the C API on sessions that the test makes.
#pragma once

#include "capi/entry.hpp"
#include "fakes/fake_remote.hpp"
#include "fakes/fake_session.hpp"
#include "fakes/wait.hpp"
#include "livekit_ffi.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lk::test {

using namespace std::chrono_literals;

inline constexpr char kUrl[] = "ws://localhost:7880", kToken[] = "e30.e30.e30";

/// The sessions that clients have made, in order.
class World {
public:
  World () { gst_init (nullptr, nullptr); }
  /// Called with each new session.
  std::function<void (FakeSession &)> prepare;

  LkClientHandle *
  create () {
    return capi::create_client ([this] {
      auto session = std::make_shared<FakeSession> ("");
      if (prepare) prepare (*session);
      std::lock_guard guard (lock_);
      sessions_.push_back (session);
      return session;
    });
  }
  std::shared_ptr<FakeSession>
  session (size_t number = 0) const {
    std::lock_guard guard (lock_);
    return number < sessions_.size () ? sessions_[number] : nullptr;
  }
  std::shared_ptr<FakeSession>
  newest () const {
    std::lock_guard guard (lock_);
    return sessions_.empty () ? nullptr : sessions_.back ();
  }
  void
  forget () {
    std::vector<std::shared_ptr<FakeSession>> gone;
    std::lock_guard guard (lock_);
    std::swap (gone, sessions_);
  }

private:
  mutable std::mutex lock_;
  std::vector<std::shared_ptr<FakeSession>> sessions_;
};

/// The code; the message goes back. A success without a message, an error with one.
inline int
code (LkResult result) {
  EXPECT_EQ (result.code == 0, result.message == nullptr);
  lk_free_str (const_cast<char *> (result.message));
  return result.code;
}

/// A client that lives as long as the scope.
struct Scoped {
  explicit Scoped (World &world) : handle (world.create ()) {}
  ~Scoped () { lk_client_destroy (handle); }
  operator LkClientHandle * () const { return handle; }
  LkClientHandle *const handle;
};

/// Keeps what one thread says and others read.
template <typename T> class Noted {
public:
  void
  add (T what) {
    std::lock_guard guard (lock_);
    all_.push_back (std::move (what));
  }
  std::vector<T>
  all () const {
    std::lock_guard guard (lock_);
    return all_;
  }
  size_t
  size () const {
    std::lock_guard guard (lock_);
    return all_.size ();
  }

private:
  mutable std::mutex lock_;
  std::vector<T> all_;
};

inline session::PacketReceived
packet (std::string payload, std::optional<std::string> topic = {},
        Reliability reliability = Reliability::Reliable) {
  session::PacketReceived event;
  event.from = { "them", "PA_them" };
  event.reliability = reliability;
  event.message.payload = std::move (payload);
  event.message.topic = std::move (topic);
  return event;
}

} // namespace lk::test
