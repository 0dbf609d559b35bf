// Errors that a caller branches on, and the Result that carries them.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace lk {

/// What went wrong, in terms of what the user can do about it.
enum class Errc {
  InvalidUrl,        ///< the server URL cannot be used
  InvalidToken,      ///< the token is malformed or contradicts room/identity
  Settings,          ///< two settings contradict each other, or one is missing
  ResolveFailed,     ///< the host name does not resolve
  ConnectFailed,     ///< refused port, unreachable network
  TlsFailed,         ///< certificate or handshake
  Timeout,           ///< nothing came within the time limit
  NotLiveKit,        ///< something answers there, but no LiveKit server
  Unauthorized,      ///< HTTP 401/403: bad secret, expired token, missing grant
  NotFound,          ///< HTTP 404: the room does not exist and is not made automatically
  RoomFull,          ///< the server refused the join of an otherwise valid participant
  ServerBusy,        ///< HTTP 503 or another temporary refusal
  NotAllowed,        ///< the permission for one operation is missing (publish, subscribe, update)
  LimitExceeded,     ///< metadata, attributes, message … over a limit
  Protocol,          ///< the server sent what cannot be understood
  SignalLost,        ///< the signalling connection broke
  TransportLost,     ///< a peer connection failed or fell silent
  DuplicateIdentity, ///< another participant with this identity joined
  Removed,           ///< an administrator removed the participant
  RoomClosed,        ///< the room was deleted or closed
  ServerShutdown,    ///< the server is going down
  UnsupportedCodec,  ///< no payloader, encoder or decoder for a format
  MissingElement,    ///< a GStreamer element (and its package) is not installed
  MediaFailed,       ///< an element of the transport pipeline failed
  Closed,            ///< the object was closed by its owner
  Internal,          ///< our own fault
};

/// What the session may try next. Nobody parses the message for it.
enum class Retry {
  Never,   ///< final: bad settings, refused credentials, kicked
  Resume,  ///< the link was lost; the participant may still be there
  Restart, ///< join again from scratch
};

/// Lower-case, dash-separated name of a code, as used in message details ("not-allowed").
const char *to_string (Errc code);
const char *to_string (Retry retry);

struct Error {
  Errc code = Errc::Internal;
  Retry retry = Retry::Never;
  std::string message; ///< one sentence that says what to do; never contains a secret
};

template <typename T = void> class [[nodiscard]] Result {
public:
  Result (T value) : v_ (std::in_place_index<0>, std::move (value)) {}
  Result (Error error) : v_ (std::in_place_index<1>, std::move (error)) {}
  explicit operator bool () const { return v_.index () == 0; }
  T &
  value () & {
    return std::get<0> (v_);
  }
  const T &
  value () const & {
    return std::get<0> (v_);
  }
  T &&
  value () && {
    return std::get<0> (std::move (v_));
  }
  T &
  operator* () & {
    return value ();
  }
  const T &
  operator* () const & {
    return value ();
  }
  T *
  operator->() {
    return &value ();
  }
  const T *
  operator->() const {
    return &value ();
  }
  const Error &
  error () const {
    return std::get<1> (v_);
  }

private:
  std::variant<T, Error> v_;
};

template <> class [[nodiscard]] Result<void> {
public:
  Result () = default;
  Result (Error error) : error_ (std::move (error)), ok_ (false) {}
  explicit operator bool () const { return ok_; }
  const Error &
  error () const {
    return error_;
  }

private:
  Error error_;
  bool ok_ = true;
};

} // namespace lk
