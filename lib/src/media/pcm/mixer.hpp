// Several sounds as one. Pure: the caller has the clock, and locks.
#pragma once

#include "media/pcm/inlet.hpp"

#include <deque>
#include <map>
#include <vector>

namespace lk::media::pcm {

class Mixer {
public:
  using Source = const void *;

  explicit Mixer (Format format) : format_ (format) {}
  Format
  format () const {
    return format_;
  }
  /// Drops what is waiting.
  void set_format (Format format);
  /// Samples in the mixer's format. A source begins when 40 ms of it are there; more than 120 ms lose their
  /// oldest.
  void add (Source source, const int16_t *pcm, size_t frames);
  void remove (Source source);
  bool
  empty () const {
    return sources_.empty ();
  }
  /// The next 10 ms, interleaved; the sum is cut off at full scale.
  const std::vector<int16_t> &mix ();

private:
  struct Queue {
    std::deque<int16_t> samples;
    bool playing = false;
  };
  size_t
  samples_in (Millis time) const {
    return size_t (format_.rate) * size_t (time.count ()) / 1000 * size_t (format_.channels);
  }

  Format format_;
  uint64_t number_ = 0;
  std::map<Source, Queue> sources_;
  std::vector<int32_t> sum_;
  std::vector<int16_t> block_;
};

} // namespace lk::media::pcm
