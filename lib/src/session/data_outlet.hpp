// The way out: serialized packets become messages of the three channels. It outlives links; what is reliable
// waits for the next one, what is lossy is dropped.
//
//   reliable   sender blocks ─ while no channel is open, at most the connect time-out
//                            └ while the channel holds 256 kB or more
//   lossy      above 64 kB in the channel a short queue, of which the oldest are dropped
#pragma once

#include "base/result.hpp"
#include "data/replay_buffer.hpp"
#include "rtc/data_channel.hpp"
#include "session/data.hpp"
#include "session/lossy_queue.hpp"

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <unordered_set>

namespace lk::session {

class DataOutlet : public std::enable_shared_from_this<DataOutlet> {
public:
  using Channels = std::array<std::shared_ptr<rtc::DataChannel>, rtc::kChannelKinds>;

  /// `demand` is called, on any thread with no lock held, when something is sent and there is no channel.
  DataOutlet (Clock &clock, std::function<void ()> demand);

  // Session thread ------------------------------------------------------------------------------------------
  /// The session connects: what is reliable may wait `limit` for a channel.
  void begin (Millis limit);
  void bind (Channels channels);
  /// The link is gone. Sequences begin anew with the next one, and what this one may not have delivered is
  /// sent again (set_repeat_window()) or counted as unconfirmed.
  void unbind ();
  void write (SyncState &state) const;
  /// The same channels, and the server told how far it had come: the rest is sent again.
  void resume (uint32_t last_sequence);
  /// Nothing is sent any more until begin(); who waits gets `error`.
  void end (const Error &error);
  void set_allowed (bool allowed);
  /// How long what was sent may still need to arrive: nothing tells when SCTP has delivered it.
  Millis linger () const;

  // Any thread ----------------------------------------------------------------------------------------------
  /// One packet, serialized without a sequence. Blocks; see above. A part of a stream whose beginning went
  /// over a connection that is no more is refused with Errc::TransportLost.
  Result<> send (std::string packet, data::PacketRole role, const std::stop_token &stop);
  /// The same without blocking: what finds no room is refused with Errc::LimitExceeded.
  Result<> post (std::string packet, data::PacketRole role);
  /// How far back what was sent is repeated after a full reconnect; the largest that was asked for.
  void widen_repeat_window (Millis window);
  Result<> send_lossy (std::string packet, std::optional<Millis> max_latency);
  /// All packets of a frame, or none of them. False: dropped.
  bool send_frame (std::vector<std::string> packets, std::optional<Millis> max_latency);
  void count_dropped_frame ();
  void add_to (DataStats &stats) const;

private:
  using Lock = std::unique_lock<std::mutex>;

  rtc::DataChannel *open_channel (rtc::ChannelKind kind) const;
  std::optional<Error> refusal () const;
  void changed (rtc::ChannelKind kind);
  std::optional<uint64_t> room_in_channel () const;
  void put (std::string packet, data::PacketRole role, uint64_t buffered);
  void repeat (uint64_t buffered);
  std::optional<Error> broken (const data::PacketRole &role);
  /// Blocks until the channel has room; an error when it has none in time.
  Result<uint64_t> wait_for_room (Lock &lock, size_t size, const std::stop_token &stop);
  void flush_lossy (rtc::ChannelKind kind);
  bool send_item (rtc::ChannelKind kind, LossyQueue::Item item);
  void demand_channels (Lock &lock);

  Clock &clock_;
  const std::function<void ()> demand_;
  /// Held while a message is sequenced and handed over, so that sequences leave in order. Taken by the
  /// channels' callbacks, never while watch() is called.
  mutable std::mutex lock_;
  std::condition_variable_any wake_;
  uint64_t changes_ = 0; ///< whatever a waiting sender looks at
  Channels channels_;
  Millis limit_;
  std::optional<Error> ended_;
  bool allowed_ = true, demanded_ = false;
  data::ReplayBuffer replay_;
  struct Waiting {
    std::string packet;
    data::PacketRole role;
  };
  std::deque<Waiting> backlog_; ///< of post(), while no channel is open
  /// Of a connection that is no more, before anything else over the next one.
  std::deque<data::ReplayBuffer::Again> again_;
  Millis repeat_window_{ 0 };
  uint64_t in_channel_ = 0;  ///< as far as we saw
  uint32_t unconfirmed_ = 0; ///< of that connection; counts when there is a next one
  std::unordered_set<std::string> open_streams_, broken_streams_; ///< ids: begun and not ended; cut off
  size_t backlog_bytes_ = 0, waiting_bytes_ = 0;
  std::optional<Nanos> last_reliable_;
  std::array<LossyQueue, rtc::kChannelKinds> queues_; ///< the reliable one's stays empty
  DataStats stats_;
};

} // namespace lk::session
