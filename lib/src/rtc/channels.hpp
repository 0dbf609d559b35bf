// Both directions of webrtcbin's data channels. Internal to rtc.
#pragma once

#include "rtc/data_channel.hpp"
#include "rtc/peer_transport.hpp"
#include "rtc/sctp_watch.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>

namespace lk::rtc {

std::optional<ChannelKind> kind_of (const char *label);

/// A channel that we opened. Where messages may overtake each other it is open only when the other end has
/// accepted it (RFC 8832 §6.6): the server takes a message that overtakes webrtcbin's DATA_CHANNEL_OPEN for
/// the opening and then ignores the stream for good.
class SendChannel final : public DataChannel, public std::enable_shared_from_this<SendChannel> {
public:
  /// Of a channel that is not open yet.
  static std::shared_ptr<SendChannel> create (Ref<GstWebRTCDataChannel> channel,
                                              std::shared_ptr<const SctpWatch> sctp);
  ~SendChannel () override;

  bool
  open () const override {
    return open_;
  }
  std::optional<uint32_t> stream () const override;
  bool send (Ref<GBytes> message) override;
  uint64_t buffered () const override;
  bool
  settled () const override {
    return sctp_->settled ();
  }
  void watch (uint64_t low, std::function<void ()> changed) override;
  /// The other end may have accepted it. Any thread.
  void answered ();
  /// Its peer connection ends: nothing is sent from the moment on when this returned.
  void shut ();

private:
  SendChannel (Ref<GstWebRTCDataChannel> channel, std::shared_ptr<const SctpWatch> sctp);
  void set_open (bool open);
  void notify ();
  static void on_open (GstWebRTCDataChannel *, gpointer data) noexcept;
  static void on_state (GstWebRTCDataChannel *channel, GParamSpec *, gpointer data) noexcept;
  static void on_low (GstWebRTCDataChannel *, gpointer data) noexcept;

  const Ref<GstWebRTCDataChannel> channel_;
  const std::shared_ptr<const SctpWatch> sctp_;
  const bool ordered_;
  std::vector<gulong> handlers_;
  std::atomic<bool> ready_ = false; ///< webrtcbin takes messages
  /// Held while webrtcbin takes a message (it queues it, nothing more): closing waits for that, since
  /// webrtcbin crashes on what comes later.
  mutable std::mutex send_lock_;
  std::atomic<bool> open_ = false;
  bool shut_ = false; // guarded by send_lock_
  /// Held during a call of changed_, so that none runs on when watch() has returned. Recursive, as the call
  /// may change it.
  std::recursive_mutex watch_lock_;
  std::function<void ()> changed_;
};

/// What came in, on its way from webrtcbin's thread to the session thread. That way is bounded: past a limit
/// lossy messages are dropped and, much later, reliable ones.
class Inbox : public std::enable_shared_from_this<Inbox> {
public:
  /// Session thread; false ends the delivery: the peer is closed.
  using Deliver = bool (*) (PeerTransport &peer, ChannelKind kind, Ref<GBytes> message);

  Inbox (PeerTransport::Hop hop, Deliver deliver) : hop_ (std::move (hop)), deliver_ (deliver) {}

  /// Receives what comes on that channel from now on. Any thread.
  void listen (GstWebRTCDataChannel *channel, ChannelKind kind);
  uint64_t
  dropped () const {
    return dropped_;
  }
  /// Any thread.
  void push (ChannelKind kind, Ref<GBytes> message);

private:
  void drain (PeerTransport &peer);
  void schedule ();

  const PeerTransport::Hop hop_;
  const Deliver deliver_;
  std::mutex lock_; // leaf
  std::deque<std::pair<ChannelKind, Ref<GBytes>>> messages_;
  size_t bytes_ = 0;
  bool scheduled_ = false;
  std::atomic<uint64_t> dropped_ = 0;
};

} // namespace lk::rtc
