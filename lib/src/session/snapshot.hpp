// What any thread may ask of a session, copied out under one lock. Written by the session thread.
#pragma once

#include "session/roster.hpp"
#include "session/session.hpp"

#include <mutex>

namespace lk::session {

class Snapshot {
public:
  template <typename Fn>
  auto
  read (Fn fn) const {
    std::lock_guard lock (lock_);
    return fn (data_);
  }
  template <typename Fn>
  void
  write (Fn fn) {
    std::lock_guard lock (lock_);
    fn (data_);
  }

  struct Data {
    State state = State::Disconnected;
    RoomInfo room;
    ParticipantPtr self = std::make_shared<ParticipantInfo> ();
    std::unordered_map<std::string, ParticipantPtr> participants; ///< by identity
    std::unordered_map<std::string, Nanos> media_paths; ///< by participant sid; see DataPort::media_path()
    SessionStats stats;
    Millis latency{ 200 };
  };

private:
  mutable std::mutex lock_; // leaf
  Data data_;
};

} // namespace lk::session
