// The running time of the room's pipeline, and what time of day that was.
#pragma once

#include "base/ref.hpp"

#include <cstdint>
#include <utility>

namespace lk::record {

/// A copy outlives the room: streams go on asking for the time until the last of them has been stopped. Any
/// thread.
class RoomClock {
public:
  explicit RoomClock (Ref<GstElement> pipeline) : pipeline_ (std::move (pipeline)) {}

  /// 0 when it does not run.
  GstClockTime now () const;
  /// Milliseconds since 1970.
  int64_t wall_ms (GstClockTime running) const;

private:
  Ref<GstElement> pipeline_;
};

} // namespace lk::record
