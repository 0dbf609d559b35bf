#include "session/parts.hpp"

#include "auth/crypto.hpp"
#include "media/codecs.hpp"

#include <glib.h>

namespace lk::session {
namespace {

class RealSignalling : public Signalling {
public:
  RealSignalling (const net::Access &access, Timers &timers, Clock &clock,
                  signal::SignalClient::Listener &listener)
      : network_ (net::make_soup_network (access)), client_ (*network_, timers, clock, listener) {}
  void
  connect (const signal::ConnectParams &params) override {
    client_.connect (params);
  }
  void
  send (const SignalCommand &command) override {
    client_.send (command);
  }
  void
  close () override {
    client_.close ();
  }
  void
  probe (Millis limit) override {
    client_.probe (limit);
  }
  signal::SignalClient::Stats
  stats () const override {
    return client_.stats ();
  }

private:
  std::unique_ptr<net::Network> network_; // outlives the client
  signal::SignalClient client_;
};

class RealParts : public Parts {
public:
  void
  warm_up () override {
    auth::init_crypto ();
    rtc::finish_jobs_at_exit ();
    rtc::warm_up_certificate ();
  }
  std::string
  missing_elements () override {
    return rtc::missing_transport_elements ();
  }

  std::unique_ptr<net::Network>
  make_network (const net::Access &access) override {
    return net::make_soup_network (access);
  }
  std::unique_ptr<Signalling>
  make_signalling (const net::Access &access, Timers &timers, Clock &clock,
                   signal::SignalClient::Listener &listener) override {
    return std::make_unique<RealSignalling> (access, timers, clock, listener);
  }
  std::unique_ptr<net::TlsRelay>
  make_tls_relay (const net::Access &access) override {
    return net::make_tls_relay (access);
  }
  Result<std::shared_ptr<rtc::Publisher>>
  make_publisher (const rtc::PeerConfig &config, rtc::Publisher::Listener &listener) override {
    return rtc::Publisher::create (config, listener);
  }
  Result<std::shared_ptr<rtc::Subscriber>>
  make_subscriber (const rtc::PeerConfig &config, rtc::Subscriber::Listener &listener) override {
    return rtc::Subscriber::create (config, media::receivable_codecs (), listener);
  }
  std::shared_ptr<media::FrameSender>
  make_frame_sender (const media::Codec &codec) override {
    return media::FrameSender::create (codec);
  }
  std::shared_ptr<media::FrameReceiver>
  make_frame_receiver (media::FrameReceiver::Hooks hooks) override {
    return media::FrameReceiver::create (std::move (hooks));
  }
  const std::vector<std::string> &
  publishable_codecs () override {
    return media::publishable_codecs ();
  }
  std::unique_ptr<net::NetworkWatch>
  watch_network (std::function<void ()> changed) override {
    return net::watch_network (std::move (changed));
  }
};

} // namespace

Environment
real_environment () {
  return Environment{ std::make_shared<RealParts> (), &system_clock (), &system_random (),
                      [] (const char *name) {
                        const char *value = g_getenv (name);
                        return std::string (value ? value : "");
                      } };
}

std::shared_ptr<Session>
Session::create (const std::string &name) {
  return make_session (name, real_environment ());
}

} // namespace lk::session
