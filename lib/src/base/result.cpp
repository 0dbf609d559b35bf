#include "base/result.hpp"

namespace lk {

const char *
to_string (Errc code) {
  switch (code) {
  case Errc::InvalidUrl:
    return "invalid-url";
  case Errc::InvalidToken:
    return "invalid-token";
  case Errc::Settings:
    return "settings";
  case Errc::ResolveFailed:
    return "resolve-failed";
  case Errc::ConnectFailed:
    return "connect-failed";
  case Errc::TlsFailed:
    return "tls-failed";
  case Errc::Timeout:
    return "timeout";
  case Errc::NotLiveKit:
    return "not-livekit";
  case Errc::Unauthorized:
    return "unauthorized";
  case Errc::NotFound:
    return "not-found";
  case Errc::RoomFull:
    return "room-full";
  case Errc::ServerBusy:
    return "server-busy";
  case Errc::NotAllowed:
    return "not-allowed";
  case Errc::LimitExceeded:
    return "limit-exceeded";
  case Errc::Protocol:
    return "protocol";
  case Errc::SignalLost:
    return "signal-lost";
  case Errc::TransportLost:
    return "transport-lost";
  case Errc::DuplicateIdentity:
    return "duplicate-identity";
  case Errc::Removed:
    return "removed";
  case Errc::RoomClosed:
    return "room-closed";
  case Errc::ServerShutdown:
    return "server-shutdown";
  case Errc::UnsupportedCodec:
    return "unsupported-codec";
  case Errc::MissingElement:
    return "missing-element";
  case Errc::MediaFailed:
    return "media-failed";
  case Errc::Closed:
    return "closed";
  case Errc::Internal:
    return "internal";
  }
  return "internal";
}

const char *
to_string (Retry retry) {
  switch (retry) {
  case Retry::Never:
    return "never";
  case Retry::Resume:
    return "resume";
  case Retry::Restart:
    return "restart";
  }
  return "never";
}

} // namespace lk
