#include "session/reconnect_policy.hpp"

#include <algorithm>

namespace lk::session {

Millis
Backoff::next (Millis age, Random &random) {
  if (attempts_++ == 0) return Millis (0);
  auto initial = std::max (1.0, double (policy_.initial.count ()));
  auto limit = std::max (initial, double (policy_.max.count ()));
  if (age < kYoungOutage) limit = std::min (limit, std::max (initial, double (kYoungCeiling.count ())));
  ceiling_ms_ = ceiling_ms_ == 0 ? initial : ceiling_ms_ * std::max (1.0, policy_.multiplier);
  ceiling_ms_ = std::min (ceiling_ms_, limit);
  return Millis (int64_t (ceiling_ms_ * (0.5 + random.uniform () / 2)));
}

bool
worth_another_try (const Error &error) {
  switch (error.code) {
  case Errc::RoomFull:
  case Errc::NotLiveKit:
  case Errc::NotFound:
    return true;
  case Errc::Unauthorized:
  case Errc::InvalidToken:
  case Errc::InvalidUrl:
  case Errc::Settings:
  case Errc::MissingElement:
    return false;
  default:
    return error.retry != Retry::Never;
  }
}

} // namespace lk::session
