#include "mix/channels.hpp"

#include <algorithm>
#include <utility>

namespace lk::gst {

void
Channels::update (const std::vector<std::string> &present, const std::map<std::string, unsigned> &pinned) {
  auto there = [&] (const std::string &identity) {
    return !identity.empty () && std::find (present.begin (), present.end (), identity) != present.end ();
  };
  for (auto &slot : slots_)
    slot.pinned = false;
  for (const auto &[identity, channel] : pinned) {
    if (channel >= slots_.size () || slots_[channel].pinned) continue; // the first one has it
    for (auto &slot : slots_)
      if (slot.owner == identity) slot = {};
    slots_[channel] = { identity, there (identity), true, 0 };
  }
  for (auto &slot : slots_)
    if (std::exchange (slot.present, there (slot.owner)) && !slot.present) slot.left = ++leavings_;
  for (const auto &identity : present)
    if (!of (identity)) give (identity);
}

void
Channels::give (const std::string &identity) {
  Slot *best = nullptr;
  for (auto &slot : slots_) {
    if (slot.present || slot.pinned) continue;
    const bool better = !best || (slot.owner.empty () && !best->owner.empty ())
                        || (slot.owner.empty () == best->owner.empty () && slot.left < best->left);
    if (better) best = &slot;
  }
  if (best) *best = { identity, true, false, 0 };
}

std::optional<unsigned>
Channels::of (const std::string &identity) const {
  for (size_t i = 0; i < slots_.size (); i++)
    if (slots_[i].present && slots_[i].owner == identity) return unsigned (i);
  return std::nullopt;
}

} // namespace lk::gst
