// One SCTP channel of a peer connection. webrtcbin crashes when something is sent before `on-open` or after
// `on-close`: the channel knows and refuses.
#pragma once

#include "base/ref.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace lk::rtc {

enum class ChannelKind { Reliable = 0, Lossy = 1, DataTrack = 2 };
inline constexpr int kChannelKinds = 3;

/// The label on the wire: "_reliable", "_lossy", "_data_track".
const char *label_of (ChannelKind kind);

/// The sending side. Any thread; outlives its peer connection (then it is closed).
class DataChannel {
public:
  virtual ~DataChannel () = default;
  virtual bool open () const = 0;
  /// The SCTP stream; nothing before it is negotiated.
  virtual std::optional<uint32_t> stream () const = 0;
  /// Hands one message (≤ 65,535 bytes) to SCTP. Never blocks. False when the channel is not open.
  virtual bool send (Ref<GBytes> message) = 0;
  /// Bytes that SCTP has not taken yet; 0 when closed.
  virtual uint64_t buffered () const = 0;
  /// The other end has acknowledged what left SCTP, of all channels of its connection.
  virtual bool settled () const = 0;
  /// Called (any thread, no lock held) when the channel opens or closes, and when buffered() has fallen to
  /// `low` or below. An empty function ends it; after that call returned, none comes.
  virtual void watch (uint64_t low, std::function<void ()> changed) = 0;
};

} // namespace lk::rtc
