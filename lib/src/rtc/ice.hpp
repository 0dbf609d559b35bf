// ICE candidates and servers in the forms of LiveKit, libnice and webrtcbin. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lk::rtc {

/// A local candidate as the server accepts it ("candidate:…"), or nothing for those it must not see: empty,
/// malformed (one malformed line ends the session), mDNS names, TCP passive.
std::optional<std::string> clean_local_candidate (std::string_view line);
/// A server candidate as webrtcbin accepts it, or nothing when it is empty, malformed or names a host instead
/// of an address (a name would be a DNS query on the server's behalf).
std::optional<std::string> clean_remote_candidate (std::string_view line);

struct IceServerUrl {
  std::string url, username, credential;
};
struct IceServers {
  std::string stun;              ///< "stun://host:port" or empty: only the first is used
  std::vector<std::string> turn; ///< "turn://user:pass@host:port?transport=udp", percent-encoded
  size_t unusable
      = 0; ///< malformed URLs, TURN without credentials, what is beyond 16 TURN servers, turns: without a way
};
/// The port on 127.0.0.1 from where bare TCP goes on inside TLS to a TURN server, or nothing. libnice 0.1.21
/// takes turns: URLs and then speaks without TLS to that port.
using TlsForward = std::function<std::optional<uint16_t> (const std::string &host, uint16_t port)>;
/// From stun:/turn:/turns: URLs (RFC 7064, 7065) with credentials apart, or already in webrtcbin's form.
IceServers convert_ice_servers (const std::vector<IceServerUrl> &servers, const TlsForward &tls = {});

} // namespace lk::rtc
