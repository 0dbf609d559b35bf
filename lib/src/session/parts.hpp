// What a session is made of, behind one door: the real rooms below by default, fakes in unit tests.
#pragma once

#include "base/task_queue.hpp"
#include "media/frame_receiver.hpp"
#include "media/frame_sender.hpp"
#include "net/network.hpp"
#include "net/network_watch.hpp"
#include "net/tls_relay.hpp"
#include "rtc/publisher.hpp"
#include "rtc/subscriber.hpp"
#include "session/session.hpp"
#include "signal/signal_client.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lk::session {

/// A signalling connection as signal/signal_client.hpp describes it, with its network.
class Signalling {
public:
  virtual ~Signalling () = default;
  virtual void connect (const signal::ConnectParams &params) = 0;
  virtual void send (const SignalCommand &command) = 0;
  virtual void close () = 0;
  /// Asks for a sign of life: on_lost() when nothing at all comes within `limit`.
  virtual void probe (Millis limit) = 0;
  virtual signal::SignalClient::Stats stats () const = 0;
};

/// Session thread only, except warm_up(), missing_elements(), make_frame_sender() and publishable_codecs().
class Parts {
public:
  virtual ~Parts () = default;
  virtual void warm_up () = 0;
  virtual std::string missing_elements () = 0;
  virtual std::unique_ptr<net::Network> make_network (const net::Access &access) = 0;
  virtual std::unique_ptr<Signalling> make_signalling (const net::Access &access, Timers &timers,
                                                       Clock &clock, signal::SignalClient::Listener &listener)
      = 0;
  virtual std::unique_ptr<net::TlsRelay> make_tls_relay (const net::Access &access) = 0;
  virtual Result<std::shared_ptr<rtc::Publisher>> make_publisher (const rtc::PeerConfig &config,
                                                                  rtc::Publisher::Listener &listener)
      = 0;
  virtual Result<std::shared_ptr<rtc::Subscriber>> make_subscriber (const rtc::PeerConfig &config,
                                                                    rtc::Subscriber::Listener &listener)
      = 0;
  virtual std::shared_ptr<media::FrameSender> make_frame_sender (const media::Codec &codec) = 0;
  virtual std::shared_ptr<media::FrameReceiver> make_frame_receiver (media::FrameReceiver::Hooks hooks) = 0;
  virtual const std::vector<std::string> &publishable_codecs () = 0;
  /// Null when that cannot be seen.
  virtual std::unique_ptr<net::NetworkWatch> watch_network (std::function<void ()> changed) = 0;
};

struct Environment {
  std::shared_ptr<Parts> parts;
  Clock *clock = nullptr;
  Random *random = nullptr;
  std::function<std::string (const char *)> variable; ///< of the process's environment; "" = unset
};

Environment real_environment ();
/// Session::create() with another environment.
std::shared_ptr<Session> make_session (const std::string &name, Environment environment);

/// What everything on the session thread works with.
struct Context {
  Environment env;
  std::shared_ptr<TaskQueue> queue;
  Timers *timers = nullptr;
  std::string name; ///< of the session, for logs
};

} // namespace lk::session
