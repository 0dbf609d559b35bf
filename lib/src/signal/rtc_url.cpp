#include "signal/rtc_url.hpp"

namespace lk::signal {
namespace {

#if defined(_WIN32)
constexpr const char kOs[] = "windows";
#elif defined(__APPLE__)
constexpr const char kOs[] = "macos";
#else
constexpr const char kOs[] = "linux";
#endif

constexpr const char kProtocol[] = "17";
// RPC in streams, and whole streams in one packet.
constexpr const char kClientProtocol[] = "2";
constexpr const char kCapabilities[] = "CAP_COMPRESSION_DEFLATE_RAW";
// A name that the server does not know: for those it knows it changes the payload type of a live track in
// place, which a receiver that negotiated one codec per section cannot follow.
constexpr const char kSdk[] = "gstreamer";

net::Query
query_of (const ConnectParams &params) {
  auto flag = [] (bool on) { return on ? "1" : "0"; };
  net::Query query{
    { "protocol", kProtocol },
    { "client_protocol", kClientProtocol },
    { "capabilities", kCapabilities },
    { "sdk", kSdk },
    { "version", LK_VERSION },
    { "os", kOs },
    { "auto_subscribe", flag (params.auto_subscribe) },
    { "subscriber_allow_pause", flag (params.subscriber_allow_pause) },
  };
  if (params.resume) {
    query.emplace_back ("reconnect", "1");
    query.emplace_back ("reconnect_reason", std::to_string (params.reconnect_reason));
    query.emplace_back ("sid", params.participant_sid);
  }
  return query;
}

} // namespace

std::string
rtc_url (const ConnectParams &params) {
  return params.url.websocket () + "/rtc" + net::encode_query (query_of (params));
}

std::string
validate_url (const ConnectParams &params) {
  return params.url.http () + "/rtc/validate" + net::encode_query (query_of (params));
}

} // namespace lk::signal
