// Pads that wait for their consumer, and the end of all waiting. Internal to rtc.
#pragma once

#include "base/ref.hpp"

#include <gst/gst.h>

#include <map>
#include <mutex>

namespace lk::rtc {

/// A thread that waits in a blocked pad holds the locks of all pads before it. A bin that stops frees those
/// in its pads first and then waits for the locks of what it contains: a pad that is added, and blocked, in
/// between would keep it from stopping for ever. Any thread.
class PadBlocks {
public:
  /// Packets wait at the pad; sticky events get through to it, where the next link finds them. Nothing after
  /// end().
  void block (GstPad *pad);
  /// Nothing when it was not blocked.
  void release (GstPad *pad);
  /// Releases all for good.
  void end ();

private:
  struct Block {
    Ref<GstPad> pad;
    gulong probe;
  };

  std::mutex lock_; // leaf
  bool ended_ = false;
  std::map<GstPad *, Block> blocks_;
};

} // namespace lk::rtc
