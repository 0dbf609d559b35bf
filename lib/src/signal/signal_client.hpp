// One signalling connection: join or resume, ping, in-order messages both ways. Session thread only.
//
//   connect() ──ws upgrade──▶ /rtc?protocol=17&…      (Authorization: Bearer)
//      on_event(JoinResponse | ReconnectResponse)  ◀── first message
//      on_event(…) / send(…)                       ◀─▶
//      on_lost(error)                              ◀── once, unless close() came first
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "net/network.hpp"
#include "net/url.hpp"
#include "proto/model.hpp"

#include <memory>
#include <string>

namespace lk::signal {

struct ConnectParams {
  net::Url url;
  Secret token;
  bool auto_subscribe = true;
  bool subscriber_allow_pause = false;
  Millis timeout{ 10000 };     ///< from the first byte to the first signalling message
  bool resume = false;         ///< reconnect=1
  std::string participant_sid; ///< with resume
  int reconnect_reason = 0;    ///< protocol's ReconnectReason
  /// With resume: what the join said, since the answer to a resume does not.
  std::chrono::seconds ping_interval{ 0 }, ping_timeout{ 0 };
  bool insist = false; ///< wait for a network that is away, as long as `timeout`
};

class SignalClient {
public:
  struct Listener {
    virtual ~Listener () = default;
    /// Every message but pongs. The first one is JoinResponse or ReconnectResponse (a Leave instead comes as
    /// on_elsewhere, and on_lost).
    virtual void on_event (SignalEvent event) = 0;
    /// Where the server sends us instead of letting us in.
    virtual void on_elsewhere (const std::vector<RegionInfo> &regions) = 0;
    /// The last call: refused, timed out, broken, or closed by the server. For a refused join the text of
    /// …/validate is in the message.
    virtual void on_lost (const Error &error) = 0;
  };
  static constexpr size_t kMaxQueued = 1000;

  struct Stats {
    uint64_t sent = 0, received = 0, unknown = 0, malformed = 0;
    Millis rtt{ 0 };
  };

  SignalClient (net::Network &network, Timers &timers, Clock &clock, Listener &listener);
  /// Drops the connection; no callback follows. Legal from inside a callback.
  ~SignalClient ();

  void connect (const ConnectParams &params);
  /// Queued (up to kMaxQueued) until the first message has come, then in order. Dropped (with a log line)
  /// after on_lost or close().
  void send (const SignalCommand &command);
  /// Sends what is queued, then the closing handshake; no callback follows.
  void close ();
  /// A ping at once, outside the interval; on_lost(SignalLost) when nothing at all arrives within `limit`.
  void probe (Millis limit);
  const Stats &stats () const;

private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// The WebSocket URL with all query parameters of a /rtc connection; no token in it.
std::string rtc_url (const ConnectParams &params);
/// What the user should read when the upgrade was answered with `status` and …/validate said `body`.
/// 401 → Unauthorized, 404 → NotFound or NotLiveKit, 500 "connection closed by media" → RoomFull, 503 →
/// ServerBusy …
Error explain_refusal (int status, const std::string &body);
/// What a Leave means for us: `action` decides what may be tried next, `reason` what the user reads.
Error error_of (const Leave &leave);

} // namespace lk::signal
