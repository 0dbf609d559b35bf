// What the HTTP and the WebSocket side of the libsoup implementation share; included by soup_*.cpp only.
#pragma once

#include "base/ref.hpp"
#include "base/task_queue.hpp"
#include "net/network.hpp"
#include "net/proxies.hpp"

#include <libsoup/soup.h>

namespace lk::net {

/// Calls `fn` on this thread's thread-default context after `delay`, unless the timer is destroyed before.
TimerPtr call_after (Millis delay, std::function<void ()> fn);

/// "host:port" for messages; never path, query or user info.
std::string where_of (SoupMessage *message);

/// Errors of GIO, its TLS backend and libsoup, before a response was there.
Error explain (const GError *error, const std::string &where);
Error timed_out (const std::string &where, Millis limit);

/// A message with everything that holds for all requests: no redirects, bearer token, trust. Null for a bad
/// URL.
Ref<SoupMessage> make_message (const char *method, const std::string &url, const Secret &bearer,
                               uint32_t tls_flags);

/// A SoupSession of one Access, for WebSockets or for requests, or why there is none (a CA file that cannot
/// be read).
enum class Purpose { Requests, WebSockets };
Result<Ref<SoupSession>> make_session (const Access &access, Purpose purpose);

/// The connection to use instead of a just opened `connection`, so that no incoming message, however it is
/// cut into frames, takes more than `max_bytes`. `connection` must outlive it.
Ref<SoupWebsocketConnection> limit_message_size (const Ref<SoupWebsocketConnection> &connection,
                                                 size_t max_bytes);

ExchangePtr start_exchange (const Result<Ref<SoupSession>> &session, const Request &request,
                            uint32_t tls_flags, std::function<void (Result<Response>)> done);
std::unique_ptr<WebSocket> start_websocket (const Result<Ref<SoupSession>> &session,
                                            const WebSocketRequest &request, uint32_t tls_flags,
                                            WebSocket::Listener &listener);

} // namespace lk::net
