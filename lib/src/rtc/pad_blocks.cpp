#include "rtc/pad_blocks.hpp"

#include "rtc/peer_transport.hpp"

namespace lk::rtc {

void
PadBlocks::block (GstPad *pad) {
  std::lock_guard lock (lock_);
  if (ended_ || blocks_.count (pad)) return;
  auto probe = gst_pad_add_probe (
      pad, GstPadProbeType (GST_PAD_PROBE_TYPE_BLOCK | kPackets),
      [] (GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  blocks_[pad] = { Ref<GstPad>::retain (pad), probe };
}

void
PadBlocks::release (GstPad *pad) {
  std::lock_guard lock (lock_);
  if (auto found = blocks_.extract (pad)) gst_pad_remove_probe (pad, found.mapped ().probe);
}

void
PadBlocks::end () {
  std::map<GstPad *, Block> blocks; // pads may die with it, after the lock is free
  std::lock_guard lock (lock_);
  ended_ = true;
  blocks.swap (blocks_);
  for (const auto &[pad, block] : blocks)
    gst_pad_remove_probe (pad, block.probe);
}

} // namespace lk::rtc
