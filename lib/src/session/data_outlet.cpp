#include "session/data_outlet.hpp"

#include "base/log.hpp"
#include "data/message.hpp"

#define GST_CAT_DEFAULT lk::log::session ()

namespace lk::session {
namespace {

using rtc::ChannelKind;

constexpr Millis kConnectTimeout{ 10000 };
// Measured on webrtcbin: a larger mark is no faster on UDP, no mark lowers the latency at saturation.
constexpr uint64_t kReliableHigh = 256 * 1024, kReliableLow = 64 * 1024;
constexpr uint64_t kLossyHigh = 64 * 1024, kLossyLow = 16 * 1024;
constexpr size_t kLossyQueue = 256 * 1024, kTrackQueue = 4 * 1024 * 1024;
// For callers that cannot wait.
constexpr uint64_t kPostHigh = 16 * 1024 * 1024;
constexpr size_t kMaxBacklog = 4 * 1024 * 1024;
// All blocked senders together.
constexpr size_t kMaxWaiting = 16 * 1024 * 1024;

// A path can be dead for so long before it is noticed.
constexpr Millis kUnsure{ 30000 };

// A few round trips; a leaving element waits 500 ms for everything.
constexpr Millis kLinger{ 150 };

Error
stopped () {
  return { Errc::Closed, Retry::Never, "stopped" };
}

} // namespace

DataOutlet::DataOutlet (Clock &clock, std::function<void ()> demand)
    : clock_ (clock), demand_ (std::move (demand)),
      limit_ (kConnectTimeout), queues_{ LossyQueue (0), LossyQueue (kLossyQueue),
                                         LossyQueue (kTrackQueue) } {}

// ---- session thread

void
DataOutlet::begin (Millis limit) {
  std::lock_guard lock (lock_);
  limit_ = limit;
  ended_.reset ();
  allowed_ = true; // until the server says otherwise
}

void
DataOutlet::bind (Channels channels) {
  constexpr uint64_t low[rtc::kChannelKinds] = { kReliableLow, kLossyLow, kLossyLow };
  {
    std::lock_guard lock (lock_);
    channels_ = channels;
    stats_.unconfirmed += std::exchange (unconfirmed_, 0);
  }
  for (int i = 0; i < rtc::kChannelKinds; ++i) {
    auto kind = ChannelKind (i);
    channels[size_t (i)]->watch (low[i], [weak = weak_from_this (), kind] {
      if (auto self = weak.lock ()) self->changed (kind);
    });
    changed (kind); // it may be open already
  }
}

void
DataOutlet::unbind () {
  Channels gone;
  {
    std::lock_guard lock (lock_);
    gone = std::exchange (channels_, {});
    auto now = clock_.now ();
    auto restart = replay_.restart (now - repeat_window_, std::exchange (in_channel_, 0), now - kUnsure);
    if (ended_) restart = {}; // there is no next one
    unconfirmed_ += restart.unconfirmed;
    for (const auto &entry : restart.again)
      if (entry.role.opens) open_streams_.erase (entry.role.stream);
    // Nobody who hears the rest of them has heard their beginning.
    broken_streams_.merge (open_streams_);
    open_streams_.clear ();
    std::ranges::move (restart.again, std::back_inserter (again_));
    stats_.lossy_dropped += queues_[size_t (ChannelKind::Lossy)].clear ();
    stats_.track_dropped += queues_[size_t (ChannelKind::DataTrack)].clear ();
    demanded_ = false;
    ++changes_;
  }
  for (const auto &channel : gone)
    if (channel) channel->watch (0, {});
  wake_.notify_all ();
}

void
DataOutlet::write (SyncState &state) const {
  std::lock_guard lock (lock_);
  for (int i = 0; i < rtc::kChannelKinds; ++i) {
    auto kind = ChannelKind (i);
    auto *channel = open_channel (kind);
    if (auto stream = channel ? channel->stream () : std::nullopt)
      state.data_channels.push_back ({ rtc::label_of (kind), *stream, PeerTarget::Publisher });
  }
}

void
DataOutlet::resume (uint32_t last_sequence) {
  std::lock_guard lock (lock_);
  auto *channel = open_channel (ChannelKind::Reliable);
  if (!channel) return;
  auto rest = replay_.resume (last_sequence);
  for (const auto &message : rest.messages)
    channel->send (message);
  stats_.reliable_dropped += rest.lost;
  GST_INFO ("resumed after %u: %zu packets sent again, %u lost", last_sequence, rest.messages.size (),
            rest.lost);
}

void
DataOutlet::end (const Error &error) {
  {
    std::lock_guard lock (lock_);
    ended_ = error;
    stats_.reliable_dropped += backlog_.size () + again_.size ();
    backlog_.clear ();
    again_.clear ();
    backlog_bytes_ = 0;
    broken_streams_.clear ();
    unconfirmed_ = 0;
    ++changes_;
  }
  wake_.notify_all ();
}

void
DataOutlet::set_allowed (bool allowed) {
  {
    std::lock_guard lock (lock_);
    allowed_ = allowed;
    ++changes_;
  }
  wake_.notify_all ();
}

Millis
DataOutlet::linger () const {
  std::lock_guard lock (lock_);
  auto *channel = open_channel (ChannelKind::Reliable);
  if (!channel || !last_reliable_) return Millis (0);
  bool recent = clock_.now () - *last_reliable_ < kLinger;
  return recent || channel->buffered () > 0 || !channel->settled () ? kLinger : Millis (0);
}

// ---- any thread

rtc::DataChannel *
DataOutlet::open_channel (ChannelKind kind) const {
  const auto &channel = channels_[size_t (kind)];
  return channel && channel->open () ? channel.get () : nullptr;
}

std::optional<Error>
DataOutlet::refusal () const {
  if (ended_) return ended_;
  if (!allowed_)
    return Error{ Errc::NotAllowed, Retry::Never,
                  "the server does not let this participant send data: the token lacks canPublishData" };
  return {};
}

/// Lets the lock go for the call.
void
DataOutlet::demand_channels (Lock &lock) {
  if (std::exchange (demanded_, true)) return;
  lock.unlock ();
  demand_ ();
  lock.lock ();
}

void
DataOutlet::changed (ChannelKind kind) {
  {
    std::lock_guard lock (lock_);
    ++changes_;
    if (kind == ChannelKind::Reliable) {
      if (auto *channel = open_channel (kind)) {
        repeat (channel->buffered ());
        while (!backlog_.empty ()) {
          auto next = std::move (backlog_.front ());
          backlog_.pop_front ();
          if (!broken (next.role)) put (std::move (next.packet), std::move (next.role), channel->buffered ());
        }
        backlog_bytes_ = 0;
        in_channel_ = channel->buffered ();
        replay_.trim (in_channel_, clock_.now () - repeat_window_);
      }
    } else {
      flush_lossy (kind);
    }
  }
  wake_.notify_all ();
}

/// What the channel holds when it is open and has room.
std::optional<uint64_t>
DataOutlet::room_in_channel () const {
  auto *channel = open_channel (ChannelKind::Reliable);
  if (!channel) return {};
  auto buffered = channel->buffered ();
  return buffered < kReliableHigh ? std::optional (buffered) : std::nullopt;
}

/// What an earlier connection may not have delivered, in front of all that is new.
void
DataOutlet::repeat (uint64_t buffered) {
  auto again = std::exchange (again_, {});
  for (auto &entry : again) {
    ++stats_.repeated;
    buffered += entry.packet.size ();
    put (std::move (entry.packet), std::move (entry.role), buffered);
  }
}

/// @param buffered  what the channel held a moment ago
void
DataOutlet::put (std::string packet, data::PacketRole role, uint64_t buffered) {
  if (!again_.empty ()) repeat (buffered);
  if (role.opens)
    open_streams_.insert (role.stream);
  else if (role.ends)
    open_streams_.erase (role.stream);
  auto now = clock_.now ();
  auto message = replay_.push (std::move (packet), std::move (role), now);
  auto size = g_bytes_get_size (message.get ());
  ++stats_.reliable_sent;
  stats_.reliable_sent_bytes += size;
  last_reliable_ = now;
  // Closed just now: it stays kept for a resume, as what is on its way does.
  channels_[size_t (ChannelKind::Reliable)]->send (std::move (message));
  in_channel_ = buffered + size;
  replay_.trim (in_channel_, now - repeat_window_);
}

std::optional<Error>
DataOutlet::broken (const data::PacketRole &role) {
  if (role.stream.empty () || broken_streams_.empty ()) return {};
  auto it = broken_streams_.find (role.stream);
  if (it == broken_streams_.end ()) return {};
  if (role.ends) broken_streams_.erase (it);
  return Error{ Errc::TransportLost, Retry::Never,
                "the connection was replaced while this stream was under way: its receivers have lost it" };
}

Result<uint64_t>
DataOutlet::wait_for_room (Lock &lock, size_t size, const std::stop_token &stop) {
  if (waiting_bytes_ + size > kMaxWaiting)
    return Error{ Errc::LimitExceeded, Retry::Never, "too much data waits for the channel already" };
  waiting_bytes_ += size;
  Result<uint64_t> result = stopped ();
  using Moment = std::chrono::steady_clock::time_point;
  constexpr auto kNone = Moment::max ();
  Moment deadline = kNone;
  while (!stop.stop_requested ()) {
    if (auto refused = refusal ()) {
      result = *refused;
      break;
    }
    if (auto buffered = room_in_channel ()) {
      result = *buffered;
      break;
    }
    auto seen = changes_;
    auto changed = [&] { return changes_ != seen; };
    if (open_channel (ChannelKind::Reliable)) {
      deadline = kNone;
      wake_.wait (lock, stop, changed);
      continue;
    }
    if (deadline == kNone) deadline = std::chrono::steady_clock::now () + limit_;
    demand_channels (lock);
    if (!wake_.wait_until (lock, stop, deadline, changed) && !stop.stop_requested ()
        && std::chrono::steady_clock::now () >= deadline) {
      result = Error{ Errc::Timeout, Retry::Restart,
                      "no data channel within " + std::to_string (limit_.count ())
                          + " ms: check that the session connects and that UDP or TCP to the server's media "
                            "ports is open" };
      break;
    }
  }
  waiting_bytes_ -= size;
  return result;
}

Result<>
DataOutlet::send (std::string packet, data::PacketRole role, const std::stop_token &stop) {
  Lock lock (lock_);
  if (auto lost = broken (role)) return *lost;
  auto buffered = room_in_channel ();
  if (!buffered || refusal () || stop.stop_requested ()) {
    auto waited = wait_for_room (lock, packet.size (), stop);
    if (!waited) {
      ++stats_.reliable_dropped;
      return waited.error ();
    }
    buffered = *waited;
    if (auto lost = broken (role)) return *lost;
  }
  put (std::move (packet), std::move (role), *buffered);
  return {};
}

Result<>
DataOutlet::post (std::string packet, data::PacketRole role) {
  Lock lock (lock_);
  if (auto lost = broken (role)) return *lost;
  auto refused = refusal ();
  auto *channel = open_channel (ChannelKind::Reliable);
  if (!refused && channel) {
    if (auto buffered = channel->buffered (); buffered <= kPostHigh) {
      put (std::move (packet), std::move (role), buffered);
      return {};
    }
  }
  if (!refused && (channel || backlog_bytes_ + packet.size () > kMaxBacklog))
    refused = Error{ Errc::LimitExceeded, Retry::Never, "the data channel is full" };
  if (refused) {
    ++stats_.reliable_dropped;
    return *refused;
  }
  backlog_bytes_ += packet.size ();
  backlog_.push_back ({ std::move (packet), std::move (role) });
  demand_channels (lock);
  return {};
}

void
DataOutlet::widen_repeat_window (Millis window) {
  std::lock_guard lock (lock_);
  repeat_window_ = std::max (repeat_window_, window);
}

Result<>
DataOutlet::send_lossy (std::string packet, std::optional<Millis> max_latency) {
  Lock lock (lock_);
  if (auto refused = refusal ()) {
    ++stats_.lossy_dropped;
    return *refused;
  }
  if (!open_channel (ChannelKind::Lossy)) {
    ++stats_.lossy_dropped;
    demand_channels (lock);
    return {};
  }
  LossyQueue::Item item;
  item.bytes = packet.size ();
  item.messages.push_back (data::to_message (std::move (packet)));
  if (max_latency) item.expires = clock_.now () + *max_latency;
  send_item (ChannelKind::Lossy, std::move (item));
  return {};
}

bool
DataOutlet::send_frame (std::vector<std::string> packets, std::optional<Millis> max_latency) {
  Lock lock (lock_);
  if (refusal () || !open_channel (ChannelKind::DataTrack)) {
    ++stats_.track_dropped;
    demand_channels (lock);
    return false;
  }
  LossyQueue::Item item;
  for (auto &packet : packets) {
    item.bytes += packet.size ();
    item.messages.push_back (data::to_message (std::move (packet)));
  }
  if (max_latency) item.expires = clock_.now () + *max_latency;
  return send_item (ChannelKind::DataTrack, std::move (item));
}

void
DataOutlet::count_dropped_frame () {
  std::lock_guard lock (lock_);
  ++stats_.track_dropped;
}

/// False when it was dropped itself.
bool
DataOutlet::send_item (ChannelKind kind, LossyQueue::Item item) {
  auto &queue = queues_[size_t (kind)];
  auto &dropped = kind == ChannelKind::Lossy ? stats_.lossy_dropped : stats_.track_dropped;
  bool kept = item.bytes <= (kind == ChannelKind::Lossy ? kLossyQueue : kTrackQueue);
  dropped += queue.push (std::move (item), clock_.now ());
  flush_lossy (kind);
  return kept;
}

void
DataOutlet::flush_lossy (ChannelKind kind) {
  auto &queue = queues_[size_t (kind)];
  bool lossy = kind == ChannelKind::Lossy;
  auto &dropped = lossy ? stats_.lossy_dropped : stats_.track_dropped;
  dropped += queue.expire (clock_.now ());
  auto *channel = open_channel (kind);
  while (channel && !queue.empty () && channel->buffered () < kLossyHigh) {
    auto item = queue.pop ();
    bool sent = true;
    for (auto &message : item->messages)
      sent = sent && channel->send (std::move (message));
    if (!sent) {
      ++dropped;
      continue;
    }
    ++(lossy ? stats_.lossy_sent : stats_.track_sent);
    (lossy ? stats_.lossy_sent_bytes : stats_.track_sent_bytes) += item->bytes;
  }
}

void
DataOutlet::add_to (DataStats &stats) const {
  std::lock_guard lock (lock_);
  auto sum = [&] (uint64_t DataStats::*field) { stats.*field += stats_.*field; };
  for (auto field : { &DataStats::reliable_sent, &DataStats::reliable_sent_bytes,
                      &DataStats::reliable_dropped, &DataStats::repeated, &DataStats::unconfirmed,
                      &DataStats::lossy_sent, &DataStats::lossy_sent_bytes, &DataStats::lossy_dropped,
                      &DataStats::track_sent, &DataStats::track_sent_bytes, &DataStats::track_dropped })
    sum (field);
  auto *channel = open_channel (ChannelKind::Reliable);
  stats.buffered += channel ? channel->buffered () : 0;
  stats.settled = !channel || channel->settled ();
}

} // namespace lk::session
