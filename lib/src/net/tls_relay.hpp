// TURN inside TLS for an ICE agent that speaks TURN over bare TCP only: a port of this machine whose
// connections go on, encrypted, to the TURN server.
//
//   libnice ──TCP──▶ 127.0.0.1:port ──TLS (SNI, certificate checked, through the proxy)──▶ turn server
#pragma once

#include "net/network.hpp"

namespace lk::net {

/// Runs on a thread of its own, since all media may pass through it. Destroying it ends every connection, in
/// bounded time.
class TlsRelay {
public:
  /// More are refused: an ICE agent wants one for each of its addresses and peer connections.
  static constexpr int kMaxConnections = 32;
  /// A server that names more is hostile.
  static constexpr size_t kMaxServers = 4;

  virtual ~TlsRelay () = default;
  /// The port on 127.0.0.1 that leads to that server; the same again for the same server.
  /// @param host  a name, or an address without brackets.
  virtual Result<uint16_t> forward (const std::string &host, uint16_t port) = 0;
  /// Why the last connection could not be made; empty when none failed. Any thread.
  virtual std::string problem () const = 0;
};

/// Trust and proxy as for signalling. Never null; a CA file that cannot be read is an error of forward().
std::unique_ptr<TlsRelay> make_tls_relay (const Access &access);

} // namespace lk::net
