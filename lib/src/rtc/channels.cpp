#include "rtc/channels.hpp"

#include "base/log.hpp"

#include <string_view>

namespace lk::rtc {
namespace {

constexpr const char *kLabels[kChannelKinds] = { "_reliable", "_lossy", "_data_track" };
constexpr size_t kMaxMessage = 65535; // webrtcbin and the server discard longer ones without a word

// Waiting for the session thread, which takes microseconds per message: reached only when it is stuck or
// flooded.
constexpr size_t kMaxWaitingLossy = 4 * 1024 * 1024, kMaxWaiting = 64 * 1024 * 1024;
// Messages before other tasks of the session get their turn.
constexpr size_t kMaxTurn = 256;
// What a queued message costs beside its content.
constexpr size_t kOverhead = 128;

/// What the handlers of a received channel need.
struct Listening {
  std::shared_ptr<Inbox> inbox;
  ChannelKind kind;
};

void
on_data (GstWebRTCDataChannel *, GBytes *bytes, gpointer data) noexcept {
  auto &to = *static_cast<Listening *> (data);
  // An empty message has no bytes at all.
  to.inbox->push (to.kind,
                  bytes ? Ref<GBytes>::retain (bytes) : Ref<GBytes>::adopt (g_bytes_new (nullptr, 0)));
}

bool
is_ordered (GstWebRTCDataChannel *channel) {
  gboolean ordered = TRUE;
  g_object_get (channel, "ordered", &ordered, nullptr);
  return ordered;
}

/// LiveKit sends no text; what comes as text is looked at like the rest, and found malformed.
void
on_string (GstWebRTCDataChannel *, const gchar *text, gpointer data) noexcept {
  auto &to = *static_cast<Listening *> (data);
  to.inbox->push (to.kind, Ref<GBytes>::adopt (g_bytes_new (text, text ? strlen (text) : 0)));
}

} // namespace

const char *
label_of (ChannelKind kind) {
  return kLabels[int (kind)];
}

std::optional<ChannelKind>
kind_of (const char *label) {
  for (int i = 0; i < kChannelKinds; ++i)
    if (label && std::string_view (label) == kLabels[i]) return ChannelKind (i);
  return {};
}

// ---- sending

std::shared_ptr<SendChannel>
SendChannel::create (Ref<GstWebRTCDataChannel> channel, std::shared_ptr<const SctpWatch> sctp) {
  auto made = std::shared_ptr<SendChannel> (new SendChannel (std::move (channel), std::move (sctp)));
  // Weak: the channel object holds the handlers, and we hold the channel.
  auto add = [&] (const char *signal, GCallback handler) {
    made->handlers_.push_back (g_signal_connect_data (
        made->channel_.get (), signal, handler, new std::weak_ptr (made),
        [] (gpointer copy, GClosure *) { delete static_cast<std::weak_ptr<SendChannel> *> (copy); },
        GConnectFlags (0)));
  };
  add ("on-open", G_CALLBACK (on_open));
  add ("notify::ready-state", G_CALLBACK (on_state));
  add ("on-buffered-amount-low", G_CALLBACK (on_low));
  return made;
}

SendChannel::SendChannel (Ref<GstWebRTCDataChannel> channel, std::shared_ptr<const SctpWatch> sctp)
    : channel_ (std::move (channel)), sctp_ (std::move (sctp)), ordered_ (is_ordered (channel_.get ())) {}

SendChannel::~SendChannel () {
  for (auto handler : handlers_)
    g_signal_handler_disconnect (channel_.get (), handler);
}

void
SendChannel::on_open (GstWebRTCDataChannel *, gpointer data) noexcept {
  auto self = static_cast<std::weak_ptr<SendChannel> *> (data)->lock ();
  if (!self) return;
  self->ready_ = true;
  self->answered ();
}

void
SendChannel::answered () {
  const auto number = stream ();
  if (ready_ && (ordered_ || (number && sctp_->answered (*number)))) set_open (true);
}

void
SendChannel::on_state (GstWebRTCDataChannel *channel, GParamSpec *, gpointer data) noexcept {
  GstWebRTCDataChannelState state;
  g_object_get (channel, "ready-state", &state, nullptr);
  // Opened by `on-open` only: it comes after this notification, when everything is in place.
  if (state == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN) return;
  auto self = static_cast<std::weak_ptr<SendChannel> *> (data)->lock ();
  if (!self) return;
  self->ready_ = false;
  self->set_open (false);
}

void
SendChannel::on_low (GstWebRTCDataChannel *, gpointer data) noexcept {
  if (auto self = static_cast<std::weak_ptr<SendChannel> *> (data)->lock ()) self->notify ();
}

void
SendChannel::set_open (bool open) {
  {
    std::lock_guard lock (send_lock_);
    open = open && ready_; // an answer and the closing may meet
    if (shut_ || open == open_) return;
    open_ = open;
  }
  notify ();
}

void
SendChannel::shut () {
  {
    std::lock_guard lock (send_lock_);
    shut_ = true;
    open_ = false;
  }
  notify ();
}

void
SendChannel::notify () {
  std::lock_guard lock (watch_lock_);
  if (auto changed = changed_) changed ();
}

bool
SendChannel::send (Ref<GBytes> message) {
  auto size = g_bytes_get_size (message.get ());
  if (size == 0 || size > kMaxMessage) return false;
  std::lock_guard lock (send_lock_);
  if (!open_) return false;
  gst_webrtc_data_channel_send_data (channel_.get (), message.get ());
  return true;
}

std::optional<uint32_t>
SendChannel::stream () const {
  gint number = -1;
  g_object_get (channel_.get (), "id", &number, nullptr);
  return number < 0 ? std::nullopt : std::optional (uint32_t (number));
}

uint64_t
SendChannel::buffered () const {
  if (!open_) return 0;
  guint64 amount = 0;
  g_object_get (channel_.get (), "buffered-amount", &amount, nullptr);
  return amount;
}

void
SendChannel::watch (uint64_t low, std::function<void ()> changed) {
  g_object_set (channel_.get (), "buffered-amount-low-threshold", guint64 (low), nullptr);
  std::lock_guard lock (watch_lock_);
  changed_ = std::move (changed);
}

// ---- receiving

void
Inbox::listen (GstWebRTCDataChannel *channel, ChannelKind kind) {
  connect_with (channel, "on-message-data", on_data, Listening{ shared_from_this (), kind });
  connect_with (channel, "on-message-string", on_string, Listening{ shared_from_this (), kind });
}

void
Inbox::push (ChannelKind kind, Ref<GBytes> message) {
  auto size = g_bytes_get_size (message.get ()) + kOverhead;
  auto limit = kind == ChannelKind::Reliable ? kMaxWaiting : kMaxWaitingLossy;
  {
    std::lock_guard lock (lock_);
    if (bytes_ + size > limit) {
      ++dropped_;
      return;
    }
    messages_.emplace_back (kind, std::move (message));
    bytes_ += size;
    if (std::exchange (scheduled_, true)) return;
  }
  schedule ();
}

void
Inbox::schedule () {
  hop_.post ([self = shared_from_this ()] (PeerTransport &peer) { self->drain (peer); });
}

void
Inbox::drain (PeerTransport &peer) {
  std::deque<std::pair<ChannelKind, Ref<GBytes>>> turn;
  bool more = false;
  {
    std::lock_guard lock (lock_);
    if (messages_.size () <= kMaxTurn) {
      turn.swap (messages_);
      bytes_ = 0;
      scheduled_ = false;
    } else {
      for (size_t i = 0; i < kMaxTurn; ++i) {
        bytes_ -= g_bytes_get_size (messages_.front ().second.get ()) + kOverhead;
        turn.push_back (std::move (messages_.front ()));
        messages_.pop_front ();
      }
      more = true;
    }
  }
  // Before the delivery, which may close the peer.
  if (more) schedule ();
  for (auto &[kind, message] : turn)
    if (!deliver_ (peer, kind, std::move (message))) return;
}

} // namespace lk::rtc
