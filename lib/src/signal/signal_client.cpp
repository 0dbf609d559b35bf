#include "signal/signal_client.hpp"

#include "base/log.hpp"
#include "proto/convert.hpp"
#include "signal/rtc_url.hpp"

#include <algorithm>
#include <deque>

namespace lk::signal {

using namespace std::chrono_literals;

namespace {

constexpr Millis kValidateLimit = 3s;
// A server that says nothing, or nonsense, about pings gets these.
constexpr std::chrono::seconds kPingInterval = 5s, kPingTimeout = 15s;
constexpr std::chrono::seconds kPingShortest = 1s, kPingLongest = 300s;

Millis
sane (std::chrono::seconds wanted, std::chrono::seconds fallback) {
  return wanted <= 0s ? fallback : std::clamp (wanted, kPingShortest, kPingLongest);
}

} // namespace

/// Held by the SignalClient and, during a callback, by itself: the owner may destroy the client from there.
struct SignalClient::Impl : net::WebSocket::Listener, std::enable_shared_from_this<Impl> {
  enum class Phase { Idle, Connecting, Joined, Over };

  net::Network &network;
  Timers &timers;
  Clock &clock;
  SignalClient::Listener *listener; // null once on_lost was called, after close(), or when the owner has gone
  Phase phase = Phase::Idle;
  ConnectParams params;
  Stats stats;
  std::unique_ptr<net::WebSocket> socket;
  net::ExchangePtr validation;
  std::deque<std::string> queue;
  std::optional<Leave> leave;
  TimerPtr join_limit, ping, silence, probe_limit;
  Nanos join_deadline{ 0 }, last_received{ 0 }, ping_sent{ 0 };
  int64_t ping_timestamp = 0;
  Millis ping_timeout = kPingTimeout;
  int refused_status = 0;
  bool open = false;

  Impl (net::Network &n, Timers &t, Clock &c, SignalClient::Listener &l)
      : network (n), timers (t), clock (c), listener (&l) {}

  // ---- the owner's calls
  // -----------------------------------------------------------------------------------

  void
  connect (const ConnectParams &wanted) {
    g_return_if_fail (phase == Phase::Idle);
    params = wanted;
    phase = Phase::Connecting;
    join_deadline = clock.now () + params.timeout;
    join_limit = timers.once (params.timeout, [this] { on_join_limit (); });
    GST_CAT_INFO (log::signal (), "%s %s", params.resume ? "resuming at" : "joining at",
                  params.url.websocket ().c_str ());
    net::WebSocketRequest request;
    request.url = rtc_url (params);
    request.bearer = params.token;
    request.timeout = params.timeout;
    request.insist = params.insist;
    socket = network.open (request, *this);
  }

  void
  send (const SignalCommand &command) {
    if (phase == Phase::Over) {
      GST_CAT_DEBUG (log::signal (), "connection is over, %s dropped", name_of (command));
      return;
    }
    std::string bytes = serialize_signal_request (command);
    if (phase == Phase::Joined) {
      send_now (bytes, name_of (command));
    } else if (queue.size () < kMaxQueued) {
      queue.push_back (std::move (bytes));
    } else {
      GST_CAT_WARNING (log::signal (), "%zu messages wait for the join already, %s dropped", queue.size (),
                       name_of (command));
    }
  }

  void
  send_now (const std::string &bytes, const char *name) {
    GST_CAT_DEBUG (log::signal (), "-> %s, %zu bytes", name, bytes.size ());
    ++stats.sent;
    socket->send (bytes);
  }

  void
  flush () {
    auto due = std::exchange (queue, {});
    for (const auto &bytes : due)
      send_now (bytes, "queued message");
  }

  void
  close () {
    listener = nullptr;
    if (phase == Phase::Over) return;
    phase = Phase::Over;
    stop_timers ();
    validation.reset ();
    if (!socket) return;
    if (open) flush ();
    queue.clear ();
    socket->close (); // its on_closed lets go of it
  }

  void
  drop () {
    listener = nullptr;
    phase = Phase::Over;
    stop_timers ();
    validation.reset ();
    socket.reset ();
    queue.clear ();
  }

  void
  probe (Millis limit) {
    if (phase != Phase::Joined) return;
    auto before = stats.received;
    send_ping ();
    probe_limit = timers.once (limit, [this, before, limit] {
      probe_limit.reset ();
      if (stats.received == before) lose (silent_for (limit));
    });
  }

  // ---- the WebSocket's
  // -------------------------------------------------------------------------------------

  void
  on_open () override {
    open = true;
  }

  void
  on_message (std::string_view bytes) override {
    auto keep = shared_from_this ();
    if (phase == Phase::Over) return;
    last_received = clock.now ();
    ++stats.received;
    auto parsed = parse_signal_response (bytes);
    if (!parsed.event) {
      bool unknown = parsed.problem == ParseProblem::Unknown;
      ++(unknown ? stats.unknown : stats.malformed);
      GST_CAT_INFO (log::signal (), "<- %s message ignored, %zu bytes", unknown ? "unknown" : "malformed",
                    bytes.size ());
      return;
    }
    GST_CAT_DEBUG (log::signal (), "<- %s, %zu bytes", name_of (*parsed.event), bytes.size ());
    if (auto *pong = std::get_if<Pong> (&*parsed.event))
      on_pong (*pong);
    else if (phase == Phase::Connecting)
      on_first (std::move (*parsed.event));
    else
      on_later (std::move (*parsed.event));
  }

  void
  on_closed (const Error &error, int http_status, int close_code) override {
    auto keep = shared_from_this ();
    socket.reset ();
    if (phase == Phase::Over) return;
    if (!open && http_status >= 200) return validate (http_status);
    if (leave) return lose (error_of (*leave));
    GST_CAT_DEBUG (log::signal (), "closed with code %d", close_code);
    lose (error);
  }

  // ---- joining
  // ---------------------------------------------------------------------------------------------

  void
  on_first (SignalEvent event) {
    if (auto *first_leave = std::get_if<Leave> (&event)) {
      if (!first_leave->regions.empty ()) listener->on_elsewhere (first_leave->regions);
      return lose (error_of (*first_leave));
    }
    if (auto *join = std::get_if<JoinResponse> (&event)) {
      joined (sane (join->ping_interval, kPingInterval), sane (join->ping_timeout, kPingTimeout));
    } else if (std::holds_alternative<ReconnectResponse> (event)) {
      joined (sane (params.ping_interval, kPingInterval), sane (params.ping_timeout, kPingTimeout));
    } else {
      ++stats.malformed;
      GST_CAT_WARNING (log::signal (), "%s before the join response, ignored", name_of (event));
      return;
    }
    // What was queued goes out before anything that the event makes the session send.
    flush ();
    listener->on_event (std::move (event));
  }

  void
  on_later (SignalEvent event) {
    if (std::holds_alternative<JoinResponse> (event) || std::holds_alternative<ReconnectResponse> (event)) {
      ++stats.malformed;
      GST_CAT_WARNING (log::signal (), "a second %s, ignored", name_of (event));
      return;
    }
    if (auto *told = std::get_if<Leave> (&event)) leave = *told;
    listener->on_event (std::move (event));
  }

  void
  joined (Millis interval, Millis timeout) {
    phase = Phase::Joined;
    join_limit.reset ();
    ping_timeout = std::max (timeout, interval); // a shorter one would end every connection
    ping = timers.every (interval, [this] { send_ping (); });
    watch_silence (ping_timeout);
  }

  void
  on_join_limit () {
    auto keep = shared_from_this ();
    if (refused_status) return lose (explain_refusal (refused_status, ""));
    std::string limit = std::to_string (params.timeout.count ()) + " ms";
    lose ({ Errc::Timeout, Retry::Resume,
            open ? "the server accepted the connection but sent no join response within " + limit
                 : "no answer from " + params.url.websocket () + " within " + limit
                       + "; check the URL and firewalls" });
  }

  /// The upgrade's answer has no text that we could read; the same request without upgrade does.
  void
  validate (int status) {
    refused_status = status;
    net::Request request;
    request.url = validate_url (params);
    request.bearer = params.token;
    auto left = std::chrono::duration_cast<Millis> (join_deadline - clock.now ());
    request.timeout = std::clamp (left, Millis (1), kValidateLimit);
    request.max_body_bytes = 64 * 1024;
    GST_CAT_DEBUG (log::signal (), "refused with HTTP %d, asking why", status);
    validation = network.fetch (request, [this] (Result<net::Response> result) {
      auto keep = shared_from_this ();
      lose (explain_refusal (refused_status, result ? result->body : ""));
    });
  }

  // ---- staying alive
  // ---------------------------------------------------------------------------------------

  void
  send_ping () {
    ping_sent = clock.now ();
    ping_timestamp = clock.wall ().count ();
    send (Ping{ ping_timestamp, stats.rtt.count () });
  }

  void
  on_pong (const Pong &pong) {
    // Only the answer to the latest ping measures anything; by our own clock, which does not jump.
    if (!ping_timestamp || pong.last_ping_timestamp_ms != ping_timestamp) return;
    stats.rtt = std::chrono::duration_cast<Millis> (clock.now () - ping_sent);
    ping_timestamp = 0;
  }

  void
  watch_silence (Millis wait) {
    silence = timers.once (wait, [this] {
      auto left = std::chrono::ceil<Millis> (last_received + ping_timeout - clock.now ());
      if (left.count () > 0) return watch_silence (left);
      lose (silent_for (ping_timeout));
    });
  }

  Error
  silent_for (Millis limit) const {
    return { Errc::SignalLost, Retry::Resume,
             "the server has sent nothing for " + std::to_string (limit.count ()) + " ms" };
  }

  // ---- the end
  // ---------------------------------------------------------------------------------------------

  void
  stop_timers () {
    join_limit.reset ();
    ping.reset ();
    silence.reset ();
    probe_limit.reset ();
  }

  void
  lose (Error error) {
    auto keep = shared_from_this ();
    auto *last = listener;
    drop ();
    GST_CAT_INFO (log::signal (), "lost: %s (%s, retry: %s)", error.message.c_str (), to_string (error.code),
                  to_string (error.retry));
    if (last) last->on_lost (error);
  }
};

SignalClient::SignalClient (net::Network &network, Timers &timers, Clock &clock, Listener &listener)
    : impl_ (std::make_shared<Impl> (network, timers, clock, listener)) {}

SignalClient::~SignalClient () {
  impl_->drop ();
}

void
SignalClient::connect (const ConnectParams &params) {
  impl_->connect (params);
}

void
SignalClient::send (const SignalCommand &command) {
  impl_->send (command);
}

void
SignalClient::close () {
  impl_->close ();
}

void
SignalClient::probe (Millis limit) {
  impl_->probe (limit);
}

const SignalClient::Stats &
SignalClient::stats () const {
  return impl_->stats;
}

} // namespace lk::signal
