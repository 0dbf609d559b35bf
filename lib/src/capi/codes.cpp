#include "capi/codes.hpp"

#include <glib.h>

#include <cstdlib>
#include <cstring>

namespace lk::capi {

namespace {

struct Row {
  Code code;
  int32_t documented, legacy;
};
constexpr Row kRows[] = {
  { Code::ConnectFailed, 101, 3 },   { Code::BadString, 102, 2 },
  { Code::ConnectTimeout, 103, 3 },  { Code::AlreadyConnected, 104, 104 },
  { Code::Unauthorized, 105, 3 },    { Code::NotInRoom, 106, 6 },
  { Code::LossyTooLarge, 201, 201 }, { Code::ReliableTooLarge, 202, 202 },
  { Code::SendFailed, 203, 203 },    { Code::DataNotConnected, 203, 6 },
  { Code::BadAudio, 301, 5 },        { Code::AudioRefused, 302, 7 },
  { Code::AudioBusy, 303, 8 },       { Code::AudioNotConnected, 304, 6 },
  { Code::NullHandle, 401, 1 },      { Code::NullPointer, 402, 4 },
  { Code::BadSetting, 403, 5 },      { Code::Destroyed, 404, 1 },
  { Code::Internal, 500, 500 },
};

bool
legacy_wanted () {
  static const bool legacy = [] {
    const char *value = std::getenv ("LK_COMPAT_CODES");
    return value && std::strcmp (value, "legacy") == 0;
  }();
  return legacy;
}

} // namespace

int32_t
number (Code code, bool legacy) {
  for (const Row &row : kRows)
    if (row.code == code) return legacy ? row.legacy : row.documented;
  return 500;
}

Code
code_of (const Error &error) {
  switch (error.code) {
  case Errc::InvalidUrl:
  case Errc::InvalidToken:
  case Errc::Settings:
    return Code::BadString;
  case Errc::Timeout:
    return Code::ConnectTimeout;
  case Errc::Unauthorized:
  case Errc::NotAllowed:
    return Code::Unauthorized;
  case Errc::Internal:
    return Code::Internal;
  default:
    return Code::ConnectFailed;
  }
}

int32_t
reason_of (const Error &error) {
  switch (error.code) {
  case Errc::DuplicateIdentity:
    return 2;
  case Errc::ServerShutdown:
    return 3;
  case Errc::Removed:
    return 4;
  case Errc::RoomClosed:
    return 5;
  case Errc::SignalLost:
    return 9;
  case Errc::Timeout:
    return 14;
  case Errc::TransportLost:
  case Errc::MediaFailed:
    return 15;
  default:
    return 7; // the join failed
  }
}

LkResult
ok () {
  return { 0, nullptr };
}

LkResult
fail (Code code, const std::string &sentence) {
  return { number (code, legacy_wanted ()), g_strdup (sentence.c_str ()) };
}

} // namespace lk::capi
