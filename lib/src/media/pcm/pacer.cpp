#include "media/pcm/pacer.hpp"

#include <algorithm>

namespace lk::media::pcm {

namespace {

constexpr size_t kSecond = 100; // blocks
// Beyond the lead: a block that waits its turn, and what the application's own rhythm adds.
constexpr size_t kSpareBlocks = 2;

} // namespace

Pacer::Block
Pacer::next () {
  if (const Format format = inlet_.format (); format != format_) {
    format_ = format;
    number_ = 0;
    lead_known_ = begun_ = false;
  }
  const size_t rate = size_t (format_.rate), blocks = kSecond;
  const size_t at = number_ % blocks;
  ++number_;
  // 22,050 Hz has no whole number of frames in 10 ms: the sum is exact after each second.
  const size_t frames = (at + 1) * rate / blocks - at * rate / blocks;
  const size_t channels = size_t (format_.channels);
  block_.resize (frames * channels);

  const size_t waiting = inlet_.queued ();
  // Chunks that are shorter than a block would begin with holes.
  const bool hold = !begun_ && waiting < frames && !inlet_.superseded ();
  const size_t got = hold ? 0 : inlet_.read (block_.data (), frames);
  std::fill (block_.begin () + std::ptrdiff_t (got * channels), block_.end (), int16_t (0));
  if (got > 0) {
    if (!begun_) {
      begun_ = true;
      lead_known_ = false;
      lowest_ = SIZE_MAX;
      watched_ = 0;
    }
    idle_ = 0;
  } else if (begun_ && ++idle_ >= kSecond) {
    begun_ = false; // it is a pause, not a lack
  }
  if (begun_ && got < frames) ++underruns_;
  if (begun_) watch_level (waiting);
  return { format_, block_.data (), frames, got == 0 };
}

void
Pacer::watch_level (size_t before) {
  const size_t block = size_t (format_.rate) / kSecond;
  lowest_ = std::min (lowest_, before > block ? before - block : 0);
  if (++watched_ < kSecond) return;
  if (!lead_known_) {
    lead_ = lowest_;
    lead_known_ = true;
  } else if (lowest_ > lead_ + kSpareBlocks * block) {
    inlet_.read (nullptr, lowest_ - lead_);
  }
  lead_ = std::min (lead_, lowest_);
  lowest_ = SIZE_MAX;
  watched_ = 0;
}

} // namespace lk::media::pcm
