// Interleaved samples between one thread that writes and one that reads. No locks, no memory of its own after
// it was made.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lk::media::pcm {

class Ring {
public:
  Ring (size_t frames, int channels)
      : channels_ (size_t (channels)), samples_ (frames * channels_), capacity_ (frames) {}

  size_t
  capacity () const {
    return capacity_;
  }
  /// Frames in it. Any thread.
  size_t
  queued () const {
    // The reader's place first: it only grows, and must not be ahead of the writer's.
    const size_t read = read_.load (std::memory_order_acquire);
    return written_.load (std::memory_order_acquire) - read;
  }
  /// The writer. Frames that fitted.
  size_t write (const int16_t *pcm, size_t frames);
  /// The reader. Frames that were there; null skips them.
  size_t read (int16_t *pcm, size_t frames);

private:
  const size_t channels_;
  std::vector<int16_t> samples_;
  const size_t capacity_;
  std::atomic<size_t> written_{ 0 }, read_{ 0 }; ///< frames since the beginning
};

} // namespace lk::media::pcm
