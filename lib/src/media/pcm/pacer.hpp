// What is taken from an inlet every 10 ms. Pure: the caller has the clock.
#pragma once

#include "media/pcm/inlet.hpp"

#include <atomic>
#include <vector>

namespace lk::media::pcm {

inline constexpr Millis kBlock{ 10 };

class Pacer {
public:
  explicit Pacer (Inlet &inlet) : inlet_ (inlet) {}

  struct Block {
    Format format;
    const int16_t *pcm = nullptr; ///< until the next call
    size_t frames = 0;
    bool silence = false; ///< nothing had come
  };
  /// The next 10 ms; what is missing is silence. Samples that have waited longer than they must, because the
  /// application hung for a while or its clock is fast, are dropped after a second of that: what it has put
  /// in beforehand stays ahead.
  Block next ();
  uint64_t
  underruns () const {
    return underruns_;
  }

private:
  void watch_level (size_t before);

  Inlet &inlet_;
  std::vector<int16_t> block_;
  Format format_;
  uint64_t number_ = 0; ///< of the block within the format
  std::atomic<uint64_t> underruns_{ 0 };

  bool begun_ = false; ///< samples come; not during a pause
  size_t idle_ = 0;    ///< blocks since the last sample
  size_t lowest_ = 0, watched_ = 0;
  size_t lead_ = 0;
  bool lead_known_ = false;
};

} // namespace lk::media::pcm
