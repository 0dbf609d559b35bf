// Sound whose clock is not ours drifts away from where it belongs. It is brought back by blocks that are some
// samples longer or shorter, so little that nobody hears it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lk::media {

/// How many samples a block is to be longer. Not thread-safe.
class Drift {
public:
  /// `late`: samples by which what is put out is behind where the block belongs, at 48 kHz. For each block of
  /// 10 ms or more.
  int correct (int64_t late);
  /// The sound was moved on purpose.
  void reset ();

private:
  double off_ = 0; ///< filtered
  bool moving_ = false;
};

/// Interpolates `count` stereo samples to `wanted`; the first and the last stay as they are, so that blocks
/// fit together.
void stretch (const int16_t *in, size_t count, int16_t *out, size_t wanted);

} // namespace lk::media
