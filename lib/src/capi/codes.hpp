// What the C API answers: one table of codes, and the LkResult made of them.
#pragma once

#include "base/result.hpp"
#include "livekit_ffi.h"

#include <string>

namespace lk::capi {

enum class Code {
  ConnectFailed,
  BadString, ///< NULL, empty, not UTF-8, no URL, no token
  ConnectTimeout,
  AlreadyConnected,
  Unauthorized,
  NotInRoom, ///< what only makes sense in a room
  LossyTooLarge,
  ReliableTooLarge,
  SendFailed,
  DataNotConnected,
  BadAudio, ///< pointer, rate, channels, length
  AudioNotConnected,
  AudioRefused, ///< by the role, the server or a missing encoder
  AudioBusy,    ///< too many threads at once
  NullHandle,   ///< or a destroyed one
  NullPointer,
  BadSetting,
  Destroyed, ///< while the call ran
  Internal,
};

/// By the documented ranges, or, with LK_COMPAT_CODES=legacy in the environment, as the existing
/// implementation numbers them.
int32_t number (Code code, bool legacy);
Code code_of (const Error &error);
/// LiveKit's DisconnectReason, for the connection callback; 0 without a cause.
int32_t reason_of (const Error &error);

LkResult ok ();
LkResult fail (Code code, const std::string &sentence);
inline LkResult
fail (const Error &error) {
  return fail (code_of (error), error.message);
}

} // namespace lk::capi
