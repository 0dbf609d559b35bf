#include "mix/floor.hpp"

#include <algorithm>

namespace lk::gst {

namespace {

constexpr GstClockTime kAttack = 500 * GST_MSECOND; ///< shorter sounds are no speech
constexpr GstClockTime kHold = 2 * GST_SECOND;      ///< nobody is looked at for less
constexpr GstClockTime kInterrupt = 3 * GST_SECOND; ///< who talks over a speaker for so long is the speaker

} // namespace

const Floor::Voice *
Floor::voice (const std::string &identity) const {
  auto it = voices_.find (identity);
  return it == voices_.end () ? nullptr : &it->second;
}

void
Floor::heard (const std::string &identity, float level, bool active, GstClockTime now) {
  if (!active && !voices_.contains (identity)) return;
  auto &voice = voices_[identity];
  if (voice.active != active) voice.since = now;
  voice.active = active;
  voice.level = level;
}

void
Floor::left (const std::string &identity) {
  voices_.erase (identity);
}

void
Floor::clear () {
  voices_.clear ();
  holder_.clear ();
}

bool
Floor::speaks (const std::string &identity) const {
  const auto *v = voice (identity);
  return v && v->active;
}

GstClockTime
Floor::last_heard (const std::string &identity, GstClockTime now) const {
  const auto *v = voice (identity);
  return !v ? 0 : v->active ? now : v->since;
}

std::string
Floor::holder (const std::vector<std::string> &present, GstClockTime now) {
  std::string loudest, latest;
  for (const auto &identity : present) {
    const auto *v = voice (identity);
    if (v && v->active && identity != holder_ && now >= v->since + kAttack
        && (loudest.empty () || v->level > voice (loudest)->level))
      loudest = identity;
    if (latest.empty () || last_heard (identity, now) > last_heard (latest, now)) latest = identity;
  }
  if (std::find (present.begin (), present.end (), holder_) == present.end ()) {
    holder_ = loudest.empty () ? latest : loudest;
    taken_ = now;
    return holder_;
  }
  if (loudest.empty ()) return holder_;
  const auto *v = voice (holder_), *challenger = voice (loudest);
  const bool free = !v || (!v->active && now >= v->since + kAttack);
  const bool overruled = v && challenger->level > v->level && now >= challenger->since + kInterrupt;
  // Who holds the floor without ever having spoken was only the first to come.
  if ((free && (!v || now >= taken_ + kHold)) || (overruled && now >= taken_ + kInterrupt)) {
    holder_ = loudest;
    taken_ = now;
  }
  return holder_;
}

} // namespace lk::gst
