// Whether the other end of an ICE connection answers at all. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "base/time.hpp"

#include <deque>
#include <gio/gio.h>
#include <map>
#include <optional>
#include <string>

namespace lk::rtc {

/// Sends connectivity checks from sockets of its own, because libnice keeps to itself what it did not ask
/// for. Whatever the other end checks in return stays without an answer, so no media ever comes here.
class PathProbe {
public:
  /// As on a network: what cannot be sent is lost.
  void send (const std::string &check, GSocketAddress *to, Nanos now);
  /// The round trip of an answer, at most, if one has come.
  std::optional<Nanos> receive (Nanos now);

private:
  GSocket *socket (GSocketFamily family);

  std::map<GSocketFamily, Ref<GSocket>> sockets_;
  std::deque<std::pair<std::string, Nanos>> asked_; // transaction, when
};

} // namespace lk::rtc
