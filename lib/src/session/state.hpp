// The life of a session as one table. docs/threading.md shows the diagram; the static_asserts of state.cpp
// hold it.
#pragma once

#include <optional>

namespace lk::session {

/// Public connection states, in the order of the `connection-state` enumeration.
enum class State { Disconnected, Connecting, Connected, Reconnecting, Failed };

enum class Event {
  Start,     ///< the first element goes to PAUSED
  Joined,    ///< join response is in and the primary peer connection is up
  Refused,   ///< a connect attempt ended for good
  LinkLost,  ///< signalling or transport broke; a reconnect follows
  Recovered, ///< reconnected
  GivenUp,   ///< no (further) reconnect
  Ended,     ///< the server ended it: kicked, room closed, duplicate identity
  Stop,      ///< the last element left
};

constexpr std::optional<State>
next (State s, Event e) {
  switch (s) {
  case State::Disconnected:
  case State::Failed:
    if (e == Event::Start) return State::Connecting;
    if (e == Event::Stop) return State::Disconnected;
    break;
  case State::Connecting:
    if (e == Event::Joined) return State::Connected;
    if (e == Event::Refused || e == Event::GivenUp || e == Event::Ended) return State::Failed;
    if (e == Event::Stop) return State::Disconnected;
    break;
  case State::Connected:
    if (e == Event::LinkLost) return State::Reconnecting;
    if (e == Event::GivenUp) return State::Failed;
    if (e == Event::Ended || e == Event::Stop) return State::Disconnected;
    break;
  case State::Reconnecting:
    if (e == Event::Recovered) return State::Connected;
    if (e == Event::GivenUp || e == Event::Refused) return State::Failed;
    if (e == Event::Ended || e == Event::Stop) return State::Disconnected;
    break;
  }
  return std::nullopt;
}

static_assert (next (State::Disconnected, Event::Start) == State::Connecting);
static_assert (next (State::Connecting, Event::Joined) == State::Connected);
static_assert (next (State::Connected, Event::LinkLost) == State::Reconnecting);
static_assert (next (State::Reconnecting, Event::Recovered) == State::Connected);
static_assert (!next (State::Failed, Event::Joined));

const char *to_string (State state);
const char *to_string (Event event);

} // namespace lk::session
