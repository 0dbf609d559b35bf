// The link's two peer connections, and what they tell.
#include "session/link.hpp"

namespace lk::session {
namespace {

// For the server's word about it to arrive after a peer connection broke: on a busy machine the two come
// apart.
constexpr Millis kLastWords{ 500 };

} // namespace

rtc::PeerConfig
Link::peer_config (const char *name) const {
  rtc::PeerConfig config;
  config.name = name;
  config.ice_servers = ice_servers_;
  config.relay_only = relay_only_;
  config.latency = settings_.latency;
  config.queue = context_.queue;
  config.timers = context_.timers;
  return config;
}

rtc::Publisher *
Link::publisher () {
  if (!publisher_ && joined_ && listener_) {
    auto made = context_.env.parts->make_publisher (peer_config ("pub"), *this);
    if (made) {
      publisher_ = *made;
      if (phase_ == Phase::Lost || phase_ == Phase::Resuming) publisher_->suspend ();
      publisher_due_ = phase_ == Phase::Restarting;
      listener_->on_publisher_made (*publisher_);
    } else {
      lose_later (made.error ());
    }
  }
  return listener_ ? publisher_.get () : nullptr;
}

/// Made at the first need after the join; false when the link is over.
bool
Link::ensure_subscriber () {
  if (!listener_) return false;
  if (!subscriber_) {
    auto made = context_.env.parts->make_subscriber (peer_config ("sub"), *this);
    if (!made) {
      broken_ = true;
      give_up (Cause::Subscriber, made.error ());
      return false;
    }
    subscriber_ = *made;
  }
  return true;
}

void
Link::make_peers () {
  if (!ensure_subscriber ()) return;
  if (data_wanted_) open_data ();
  // With the publisher as primary nothing but our offer starts the connection.
  if (!subscriber_primary_ && !data_wanted_)
    if (auto *publisher = this->publisher ()) publisher->negotiate ();
}

void
Link::open_data () {
  data_wanted_ = true;
  // The subscriber comes first: it is what makes us a participant.
  if (publisher_ || !subscriber_) return;
  if (auto *publisher = this->publisher ()) publisher->negotiate ();
}

/// A server that ends a session closes DTLS as well as it says so: whichever is heard first, the reason that
/// it says is the one to tell.
void
Link::peer_failed (PeerTarget target, Error error) {
  add_tls_problem (error);
  auto cause = target == PeerTarget::Publisher ? Cause::Publisher : Cause::Subscriber;
  if (error.retry != Retry::Resume) broken_ = true;
  if (!connected_ || (phase_ == Phase::Restarting && broken_)) return give_up (cause, error);
  // A failed path is what a resume repairs.
  if (!listener_ || grace_timer_ || (phase_ != Phase::Live && !broken_)) return;
  grace_timer_ = context_.timers->once (kLastWords, [this, cause, error] { give_up (cause, error); });
}

void
Link::lose_later (const Error &error) {
  broken_ = true;
  context_.queue->post ([weak = weak_from_this (), error] {
    if (auto self = weak.lock ()) self->give_up (Cause::Publisher, error);
  });
}

void
Link::peer_state (PeerTarget target, rtc::PeerState state) {
  if (!listener_) return;
  auto self = shared_from_this ();
  bool publisher = target == PeerTarget::Publisher;
  if (state == rtc::PeerState::Failed) {
    peer_failed (
        target,
        Error{ Errc::TransportLost, Retry::Resume,
               std::string ("the ") + (publisher ? "publishing" : "receiving")
                   + " media connection failed: check that UDP or TCP to the server's media ports is open" });
  } else if (state == rtc::PeerState::Connected) {
    if (!connected_ && publisher != subscriber_primary_) {
      connected_ = true;
      listener_->on_link_connected ();
    }
    if (publisher && listener_) listener_->on_publisher_up ();
    if (phase_ == Phase::Restarting && listener_) {
      (publisher ? publisher_due_ : subscriber_due_) = false;
      maybe_resumed ();
    }
  }
}

void
Link::on_publisher_offer (const std::string &sdp, uint32_t id) {
  if (!listener_) return;
  listener_->on_offered (sdp);
  send (SessionDescription{ SessionDescription::Type::Offer, sdp, id, {} });
}

void
Link::on_publisher_candidate (const std::string &candidate) {
  reachable_ = true;
  if (listener_) send (Trickle{ PeerTarget::Publisher, candidate, false });
}

void
Link::on_publisher_state (rtc::PeerState state) {
  peer_state (PeerTarget::Publisher, state);
}

void
Link::on_publisher_negotiated () {
  if (listener_) listener_->on_negotiated ();
}

void
Link::on_publisher_message (rtc::ChannelKind kind, Ref<GBytes> message) {
  if (listener_) listener_->on_message (kind, std::move (message));
}

void
Link::on_publisher_failed (const Error &error) {
  peer_failed (PeerTarget::Publisher, error);
}

void
Link::on_subscriber_answer (const std::string &sdp, uint32_t id) {
  if (!listener_) return;
  last_answer_ = SessionDescription{ SessionDescription::Type::Answer, sdp, id, {} };
  if (open_offers_ > 0) --open_offers_;
  // The server does not wait for an answer to what it offered on a connection that is lost.
  if (stale_offers_ > 0)
    --stale_offers_;
  else
    send (*last_answer_);
}

void
Link::on_subscriber_candidate (const std::string &candidate) {
  reachable_ = true;
  if (listener_) send (Trickle{ PeerTarget::Subscriber, candidate, false });
}

void
Link::on_subscriber_state (rtc::PeerState state) {
  peer_state (PeerTarget::Subscriber, state);
}

void
Link::on_subscriber_sections (const std::vector<rtc::ReceiveSection> &sections) {
  if (listener_) listener_->on_sections (sections);
}

void
Link::on_incoming (const rtc::Incoming &incoming) {
  if (listener_) listener_->on_incoming (incoming);
}

void
Link::on_sender_report (const rtc::SenderReport &report) {
  if (listener_) listener_->on_sender_report (report);
}

void
Link::on_subscriber_message (rtc::ChannelKind kind, Ref<GBytes> message) {
  if (listener_) listener_->on_message (kind, std::move (message));
}

void
Link::on_subscriber_failed (const Error &error) {
  peer_failed (PeerTarget::Subscriber, error);
}

} // namespace lk::session
