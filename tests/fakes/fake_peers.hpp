// What a session is made of, without network and media: a signalling connection, peer connections and frame
// bridges that keep what they were told and say what the test makes them say. All of it on the thread that
// runs the session.
//
//   auto parts = std::make_shared<FakeParts> ();
//   …start…
//   parts->signal ().deliver (JoinResponse{…});              // the server speaks
//   parts->signal ().sent_of<AddTrack> ()                    // what we said
//   parts->subscriber ().connect ();                         // ICE and DTLS are up
#pragma once

#include "fakes/fake_network.hpp"
#include "session/parts.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <set>

namespace lk::test {

/// One signalling connection as the server sees it. Readable after the session has dropped it.
class FakeSignal {
public:
  signal::ConnectParams params;
  std::vector<SignalCommand> sent;
  bool closed = false, dropped = false;
  std::vector<Millis> probes;
  signal::SignalClient::Stats stats;

  void
  deliver (const SignalEvent &event) {
    ++stats.received;
    if (listener_) listener_->on_event (event);
  }
  /// A Leave instead of a welcome.
  void
  redirect (const std::vector<RegionInfo> &regions, const Error &error) {
    if (listener_) listener_->on_elsewhere (regions);
    lose (error);
  }
  void
  lose (const Error &error) {
    if (auto *listener = std::exchange (listener_, nullptr)) listener->on_lost (error);
  }
  /// All commands of one kind, in order.
  template <typename T>
  std::vector<T>
  sent_of () const {
    std::vector<T> found;
    for (const auto &command : sent)
      if (auto *match = std::get_if<T> (&command)) found.push_back (*match);
    return found;
  }

private:
  friend class FakeParts;
  signal::SignalClient::Listener *listener_ = nullptr;
};

/// A data channel whose other end is the test. Any thread.
class FakeChannel : public rtc::DataChannel {
public:
  bool
  open () const override {
    return open_;
  }
  std::optional<uint32_t>
  stream () const override {
    return 0;
  }
  bool
  send (Ref<GBytes> message) override {
    std::lock_guard guard (lock_);
    if (!open_) return false;
    gsize size = 0;
    auto *bytes = static_cast<const char *> (g_bytes_get_data (message.get (), &size));
    sent_.emplace_back (bytes, size);
    if (keep) buffered_ += size;
    return true;
  }
  uint64_t
  buffered () const override {
    return open_ ? buffered_.load () : 0;
  }
  bool
  settled () const override {
    return acknowledged;
  }
  void
  watch (uint64_t low, std::function<void ()> changed) override {
    std::lock_guard guard (watch_lock_);
    low_ = low;
    changed_ = std::move (changed);
  }

  // The test's side.
  std::atomic<bool> keep{ false }; ///< what is sent stays buffered until drain()
  std::atomic<bool> acknowledged{ true };
  std::vector<std::string>
  sent () const {
    std::lock_guard guard (lock_);
    return sent_;
  }
  void
  set_open (bool open) {
    open_ = open;
    if (!open) buffered_ = 0;
    notify ();
  }
  /// SCTP takes all but `left` bytes.
  void
  drain (uint64_t left = 0) {
    uint64_t before = buffered_.exchange (left);
    if (before > low_ && left <= low_) notify ();
  }

private:
  void
  notify () {
    std::lock_guard guard (watch_lock_);
    if (auto changed = changed_) changed ();
  }
  mutable std::mutex lock_;
  std::vector<std::string> sent_;
  std::atomic<bool> open_{ false };
  std::atomic<uint64_t> buffered_{ 0 }, low_{ 0 };
  std::recursive_mutex watch_lock_;
  std::function<void ()> changed_;
};

class FakePublisher : public rtc::Publisher {
public:
  struct Sender {
    rtc::SenderSpec spec;
    bool removed = false;
  };
  std::vector<Sender> senders; // the id of a sender is its index + 1
  std::vector<std::string> candidates;
  std::vector<uint32_t> answers;
  int negotiations = 0, restarts = 0;
  bool suspended = false;
  rtc::PeerActivity traffic;
  bool lost_address = false;
  bool closed = false, hold_close = false;
  std::function<void ()> finish_close; // set by close() with hold_close
  std::array<std::shared_ptr<FakeChannel>, rtc::kChannelKinds> channels{ std::make_shared<FakeChannel> (),
                                                                         std::make_shared<FakeChannel> (),
                                                                         std::make_shared<FakeChannel> () };

  explicit FakePublisher (Listener &listener) : listener_ (&listener) {}

  Result<rtc::SenderId>
  add_sender (const rtc::SenderSpec &spec, Ref<GstElement>) override {
    senders.push_back ({ spec, false });
    return rtc::SenderId (senders.size ());
  }
  void
  remove_sender (rtc::SenderId id) override {
    senders.at (id - 1).removed = true;
  }
  void
  negotiate () override {
    ++negotiations;
  }
  void
  set_answer (const std::string &, uint32_t id) override {
    answers.push_back (id);
    negotiating_ = false;
    if (listener_) listener_->on_publisher_negotiated ();
  }
  void
  add_candidate (const std::string &candidate) override {
    candidates.push_back (candidate);
  }
  void
  suspend () override {
    suspended = true;
    negotiating_ = false;
  }
  void
  restart () override {
    suspended = false;
    ++restarts;
  }
  rtc::PeerState
  state () const override {
    return state_;
  }
  rtc::PeerActivity
  activity () const override {
    return traffic;
  }
  bool
  stranded () const override {
    return lost_address;
  }
  void
  sender_stats (rtc::SenderId id, std::function<void (const rtc::SenderStats &)> done) override {
    rtc::SenderStats stats;
    stats.packets = 100 + id;
    done (stats);
  }
  bool
  negotiating () const override {
    return negotiating_;
  }
  std::shared_ptr<rtc::DataChannel>
  channel (rtc::ChannelKind kind) override {
    return channels[size_t (kind)];
  }
  uint64_t
  dropped_messages () const override {
    return 0;
  }
  void
  close (std::function<void ()> done) override {
    closed = true;
    for (const auto &channel : channels)
      channel->set_open (false);
    listener_ = nullptr;
    if (hold_close)
      finish_close = std::move (done);
    else
      done ();
  }

  // The test's side.
  /// The offer that the last negotiate() asked for, with the cids of all present senders.
  void
  offer () {
    std::string sdp = "v=0\r\n";
    for (const auto &sender : senders)
      if (!sender.removed) sdp += "a=msid:" + sender.spec.stream + " " + sender.spec.cid + "\r\n";
    negotiating_ = true;
    if (listener_) listener_->on_publisher_offer (sdp, ++offers_);
  }
  void
  set_state (rtc::PeerState state) {
    state_ = state;
    if (listener_) listener_->on_publisher_state (state);
  }
  void
  open_channels () {
    for (const auto &channel : channels)
      channel->set_open (true);
  }
  FakeChannel &
  reliable () {
    return *channels[0];
  }
  FakeChannel &
  lossy () {
    return *channels[1];
  }
  FakeChannel &
  data_track () {
    return *channels[2];
  }
  void
  message (rtc::ChannelKind kind, const std::string &bytes) {
    if (listener_)
      listener_->on_publisher_message (kind, Ref<GBytes>::adopt (g_bytes_new (bytes.data (), bytes.size ())));
  }
  void
  fail (const Error &error) {
    if (listener_) listener_->on_publisher_failed (error);
  }
  void
  emit_candidate (const std::string &candidate) {
    if (listener_) listener_->on_publisher_candidate (candidate);
  }

private:
  Listener *listener_;
  rtc::PeerState state_ = rtc::PeerState::New;
  uint32_t offers_ = 0;
  bool negotiating_ = false;
};

class FakeSubscriber : public rtc::Subscriber {
public:
  std::vector<uint32_t> offers, attached, ignored, detached, keyframes;
  std::map<uint32_t, bool> dropping;
  std::map<std::string, std::string> offered_tracks;
  std::vector<std::string> candidates;
  std::optional<Error> attach_error;
  Millis latency{ 0 };
  rtc::PeerActivity traffic;
  bool lost_address = false;
  bool closed = false;
  bool hold_answers = false; ///< until answer()

  explicit FakeSubscriber (Listener &listener) : listener_ (&listener) {}

  void
  handle_offer (const std::string &sdp, uint32_t id,
                const std::map<std::string, std::string> &tracks) override {
    offers.push_back (id);
    offered_tracks = tracks;
    if (hold_answers)
      held_.emplace_back (sdp, id);
    else if (listener_)
      listener_->on_subscriber_answer ("answer to " + sdp, id);
  }
  void
  add_candidate (const std::string &candidate) override {
    candidates.push_back (candidate);
  }
  Result<>
  attach (const rtc::Incoming &incoming, Ref<GstElement>) override {
    if (attach_error) return *attach_error;
    attached.push_back (incoming.ssrc);
    return {};
  }
  void
  ignore (const rtc::Incoming &incoming) override {
    ignored.push_back (incoming.ssrc);
  }
  void
  detach (uint32_t ssrc) override {
    detached.push_back (ssrc);
  }
  void
  set_dropping (uint32_t ssrc, bool drop) override {
    dropping[ssrc] = drop;
  }
  void
  request_keyframe (uint32_t ssrc) override {
    keyframes.push_back (ssrc);
  }
  void
  set_latency (Millis value) override {
    latency = value;
  }
  rtc::PeerState
  state () const override {
    return state_;
  }
  rtc::PeerActivity
  activity () const override {
    return traffic;
  }
  bool
  stranded () const override {
    return lost_address;
  }
  uint64_t
  dropped_messages () const override {
    return 0;
  }
  void
  receiver_stats (uint32_t ssrc, std::function<void (const rtc::ReceiverStats &)> done) override {
    rtc::ReceiverStats stats;
    stats.packets = ssrc;
    done (stats);
  }
  void
  close (std::function<void ()> done) override {
    closed = true;
    listener_ = nullptr;
    done ();
  }

  // The test's side.
  void
  set_state (rtc::PeerState state) {
    state_ = state;
    if (listener_) listener_->on_subscriber_state (state);
  }
  void
  connect () {
    set_state (rtc::PeerState::Connected);
  }
  void
  answer () {
    for (const auto &[sdp, id] : std::exchange (held_, {}))
      if (listener_) listener_->on_subscriber_answer ("answer to " + sdp, id);
  }
  void
  sections (const std::vector<rtc::ReceiveSection> &sections) {
    if (listener_) listener_->on_subscriber_sections (sections);
  }
  void
  incoming (const std::string &mid, uint32_t ssrc, const std::string &codec) {
    rtc::Incoming incoming;
    incoming.mid = mid;
    incoming.ssrc = ssrc;
    incoming.codec = codec;
    if (listener_) listener_->on_incoming (incoming);
  }
  void
  message (rtc::ChannelKind kind, const std::string &bytes) {
    if (listener_)
      listener_->on_subscriber_message (kind,
                                        Ref<GBytes>::adopt (g_bytes_new (bytes.data (), bytes.size ())));
  }
  void
  report (uint32_t ssrc, uint64_t ntp_time, uint32_t rtp_time) {
    if (listener_) listener_->on_sender_report ({ ssrc, rtp_time, ntp_time, Nanos (0) });
  }
  void
  fail (const Error &error) {
    if (listener_) listener_->on_subscriber_failed (error);
  }

private:
  Listener *listener_;
  std::vector<std::pair<std::string, uint32_t>> held_;
  rtc::PeerState state_ = rtc::PeerState::New;
};

/// The sending side of a frame bridge.
class FakeSource : public media::FrameSender {
public:
  std::atomic<bool> muted{ false };
  std::atomic<int> sources{ 0 }; ///< made so far
  std::atomic<bool> bound{ false };
  std::optional<Error> source_error;

  void
  set_caps (GstCaps *) override {}
  bool
  push (Ref<GstBuffer>) override {
    return bound;
  }
  void
  set_muted (bool value) override {
    muted = value;
  }
  void
  set_keyframe_handler (std::function<void ()>) override {}
  media::FrameSenderStats
  stats () const override {
    return {};
  }
  bool
  wait_drained (GstClockTime) override {
    return true;
  }
  Result<Ref<GstElement>>
  make_source (bool) override {
    if (source_error) return *source_error;
    ++sources;
    bound = true;
    return Ref<GstElement>::sink (gst_bin_new (nullptr));
  }
  void
  unbind () override {
    bound = false;
  }
};

/// The receiving side of one.
class FakeDrain : public media::FrameReceiver {
public:
  explicit FakeDrain (Hooks h) : hooks (std::move (h)) {}
  const Hooks hooks;
  bool bound = false;
  int sinks = 0;
  std::optional<media::RtpPoint> point;
  Nanos delay{ 0 };
  uint64_t reports = 0;
  std::optional<Error> sink_error;

  void
  add_consumer (std::shared_ptr<media::FrameConsumer>) override {}
  void
  remove_consumer (const std::shared_ptr<media::FrameConsumer> &) override {}
  media::FrameReceiverStats
  stats () const override {
    return {};
  }
  void
  set_delay (Nanos value) override {
    delay = value;
  }
  void
  request_keyframe () override {
    hooks.request_keyframe ();
  }
  Result<Ref<GstElement>>
  make_sink (const media::Codec &, int) override {
    if (sink_error) return *sink_error;
    ++sinks;
    bound = true;
    return Ref<GstElement>::sink (gst_bin_new (nullptr));
  }
  void
  unbind () override {
    bound = false;
  }
  void
  set_sender_report (uint64_t, uint32_t) override {
    ++reports;
  }
  std::optional<media::RtpPoint>
  last_point () const override {
    return point;
  }
};

class FakeParts : public session::Parts {
public:
  std::string missing;
  std::vector<std::string> codecs{ "opus", "vp8", "h264" };
  std::optional<Error> publisher_error, subscriber_error;
  std::vector<std::shared_ptr<FakeSignal>> signals;
  std::vector<std::shared_ptr<FakePublisher>> publishers;
  std::vector<std::shared_ptr<FakeSubscriber>> subscribers;
  std::vector<rtc::PeerConfig> peer_configs;
  int relays = 0;
  std::vector<std::string> tls_servers; ///< that a TLS relay was asked to lead to, at ports 9001, 9002, …
  std::vector<std::shared_ptr<FakeSource>> sources;
  std::vector<std::shared_ptr<FakeDrain>> drains;
  net::Access access;
  FakeNetwork *network = nullptr; ///< of make_network(); owned by the session
  std::atomic<int> warmed_up{ 0 };
  std::function<void (FakeSignal &)> on_connect; ///< called in connect()
  std::set<std::shared_ptr<std::function<void ()>>> network_watches;

  FakeParts () { gst_init (nullptr, nullptr); }

  void
  change_network () {
    for (const auto &watch : std::vector (network_watches.begin (), network_watches.end ()))
      (*watch) ();
  }

  FakeSignal &
  signal () {
    return *signals.back ();
  }
  FakePublisher &
  publisher () {
    return *publishers.back ();
  }
  FakeSubscriber &
  subscriber () {
    return *subscribers.back ();
  }

  void
  warm_up () override {
    ++warmed_up;
  }
  std::string
  missing_elements () override {
    return missing;
  }
  std::unique_ptr<net::Network>
  make_network (const net::Access &) override {
    auto made = std::make_unique<FakeNetwork> ();
    network = made.get ();
    return made;
  }
  std::unique_ptr<session::Signalling>
  make_signalling (const net::Access &with, Timers &, Clock &,
                   signal::SignalClient::Listener &listener) override {
    access = with;
    auto signal = std::make_shared<FakeSignal> ();
    signal->listener_ = &listener;
    signals.push_back (signal);
    return std::make_unique<Connection> (*this, signal);
  }
  std::unique_ptr<net::TlsRelay>
  make_tls_relay (const net::Access &) override {
    ++relays;
    return std::make_unique<Relay> (tls_servers);
  }
  Result<std::shared_ptr<rtc::Publisher>>
  make_publisher (const rtc::PeerConfig &config, rtc::Publisher::Listener &listener) override {
    if (publisher_error) return *publisher_error;
    peer_configs.push_back (config);
    publishers.push_back (std::make_shared<FakePublisher> (listener));
    return std::shared_ptr<rtc::Publisher> (publishers.back ());
  }
  Result<std::shared_ptr<rtc::Subscriber>>
  make_subscriber (const rtc::PeerConfig &config, rtc::Subscriber::Listener &listener) override {
    if (subscriber_error) return *subscriber_error;
    peer_configs.push_back (config);
    subscribers.push_back (std::make_shared<FakeSubscriber> (listener));
    return std::shared_ptr<rtc::Subscriber> (subscribers.back ());
  }
  std::shared_ptr<media::FrameSender>
  make_frame_sender (const media::Codec &) override {
    std::lock_guard lock (sources_lock_); // publish() calls this on any thread
    sources.push_back (std::make_shared<FakeSource> ());
    return sources.back ();
  }
  std::shared_ptr<media::FrameReceiver>
  make_frame_receiver (media::FrameReceiver::Hooks hooks) override {
    drains.push_back (std::make_shared<FakeDrain> (std::move (hooks)));
    return drains.back ();
  }
  const std::vector<std::string> &
  publishable_codecs () override {
    return codecs;
  }
  std::unique_ptr<net::NetworkWatch>
  watch_network (std::function<void ()> changed) override {
    struct Watch : net::NetworkWatch {
      explicit Watch (FakeParts &p, std::function<void ()> f)
          : parts (p), changed (std::make_shared<std::function<void ()>> (std::move (f))) {
        parts.network_watches.insert (changed);
      }
      ~Watch () override { parts.network_watches.erase (changed); }
      FakeParts &parts;
      const std::shared_ptr<std::function<void ()>> changed;
    };
    return std::make_unique<Watch> (*this, std::move (changed));
  }

private:
  std::mutex sources_lock_;

  class Relay : public net::TlsRelay {
  public:
    explicit Relay (std::vector<std::string> &servers) : servers_ (servers) {}
    Result<uint16_t>
    forward (const std::string &host, uint16_t port) override {
      servers_.push_back (host + ":" + std::to_string (port));
      return static_cast<uint16_t> (9000 + servers_.size ());
    }
    std::string
    problem () const override {
      return "";
    }

  private:
    std::vector<std::string> &servers_;
  };

  class Connection : public session::Signalling {
  public:
    Connection (FakeParts &parts, std::shared_ptr<FakeSignal> signal)
        : parts_ (parts), signal_ (std::move (signal)) {}
    ~Connection () override {
      signal_->dropped = true;
      signal_->listener_ = nullptr;
    }
    void
    connect (const signal::ConnectParams &params) override {
      signal_->params = params;
      if (parts_.on_connect) parts_.on_connect (*signal_);
    }
    void
    send (const SignalCommand &command) override {
      signal_->sent.push_back (command);
      ++signal_->stats.sent;
    }
    void
    probe (Millis limit) override {
      signal_->probes.push_back (limit);
    }
    void
    close () override {
      signal_->closed = true;
      signal_->listener_ = nullptr;
    }
    signal::SignalClient::Stats
    stats () const override {
      return signal_->stats;
    }

  private:
    FakeParts &parts_;
    std::shared_ptr<FakeSignal> signal_;
  };
};

} // namespace lk::test
