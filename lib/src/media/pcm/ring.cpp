#include "media/pcm/ring.hpp"

#include <algorithm>
#include <cstring>

namespace lk::media::pcm {

size_t
Ring::write (const int16_t *pcm, size_t frames) {
  const size_t at = written_.load (std::memory_order_relaxed);
  const size_t count = std::min (frames, capacity_ - (at - read_.load (std::memory_order_acquire)));
  const size_t place = at % capacity_, first = std::min (count, capacity_ - place);
  std::memcpy (samples_.data () + place * channels_, pcm, first * channels_ * sizeof *pcm);
  if (count > first)
    std::memcpy (samples_.data (), pcm + first * channels_, (count - first) * channels_ * sizeof *pcm);
  written_.store (at + count, std::memory_order_release);
  return count;
}

size_t
Ring::read (int16_t *pcm, size_t frames) {
  const size_t at = read_.load (std::memory_order_relaxed);
  const size_t count = std::min (frames, written_.load (std::memory_order_acquire) - at);
  const size_t place = at % capacity_, first = std::min (count, capacity_ - place);
  if (pcm && first) {
    std::memcpy (pcm, samples_.data () + place * channels_, first * channels_ * sizeof *pcm);
    if (count > first)
      std::memcpy (pcm + first * channels_, samples_.data (), (count - first) * channels_ * sizeof *pcm);
  }
  read_.store (at + count, std::memory_order_release);
  return count;
}

} // namespace lk::media::pcm
