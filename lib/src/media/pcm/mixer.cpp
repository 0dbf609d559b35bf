#include "media/pcm/mixer.hpp"

#include <algorithm>

namespace lk::media::pcm {

namespace {

constexpr Millis kEnough{ 40 }, kTooMuch{ 120 };

} // namespace

void
Mixer::set_format (Format format) {
  if (format == format_) return;
  format_ = format;
  number_ = 0;
  sources_.clear ();
}

void
Mixer::add (Source source, const int16_t *pcm, size_t frames) {
  auto &queue = sources_[source];
  queue.samples.insert (queue.samples.end (), pcm, pcm + frames * size_t (format_.channels));
  if (queue.samples.size () > samples_in (kTooMuch))
    queue.samples.erase (queue.samples.begin (),
                         queue.samples.end () - std::ptrdiff_t (samples_in (kEnough)));
  if (queue.samples.size () >= samples_in (kEnough)) queue.playing = true;
}

void
Mixer::remove (Source source) {
  sources_.erase (source);
}

const std::vector<int16_t> &
Mixer::mix () {
  const size_t rate = size_t (format_.rate), at = number_++ % 100;
  const size_t count = ((at + 1) * rate / 100 - at * rate / 100) * size_t (format_.channels);
  sum_.assign (count, 0);
  for (auto &[source, queue] : sources_) {
    if (!queue.playing) continue;
    const size_t have = std::min (count, queue.samples.size ());
    for (size_t i = 0; i < have; ++i)
      sum_[i] += queue.samples[i];
    queue.samples.erase (queue.samples.begin (), queue.samples.begin () + std::ptrdiff_t (have));
    if (have < count) queue.playing = false;
  }
  block_.resize (count);
  std::transform (sum_.begin (), sum_.end (), block_.begin (),
                  [] (int32_t sample) { return int16_t (std::clamp (sample, -32768, 32767)); });
  return block_;
}

} // namespace lk::media::pcm
