#include "session/state.hpp"

namespace lk::session {

static_assert (next (State::Connecting, Event::Refused) == State::Failed);
static_assert (next (State::Connecting, Event::Stop) == State::Disconnected);
static_assert (next (State::Connected, Event::Ended) == State::Disconnected);
static_assert (next (State::Reconnecting, Event::GivenUp) == State::Failed);
static_assert (next (State::Failed, Event::Start) == State::Connecting);
static_assert (!next (State::Connected, Event::Start));
static_assert (!next (State::Disconnected, Event::LinkLost));

const char *
to_string (State state) {
  switch (state) {
  case State::Disconnected:
    return "disconnected";
  case State::Connecting:
    return "connecting";
  case State::Connected:
    return "connected";
  case State::Reconnecting:
    return "reconnecting";
  case State::Failed:
    return "failed";
  }
  return "unknown";
}

const char *
to_string (Event event) {
  switch (event) {
  case Event::Start:
    return "start";
  case Event::Joined:
    return "joined";
  case Event::Refused:
    return "refused";
  case Event::LinkLost:
    return "link-lost";
  case Event::Recovered:
    return "recovered";
  case Event::GivenUp:
    return "given-up";
  case Event::Ended:
    return "ended";
  case Event::Stop:
    return "stop";
  }
  return "unknown";
}

} // namespace lk::session
