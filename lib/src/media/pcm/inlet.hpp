// Where an application's threads leave samples and a pacing thread takes them: rings, one after another where
// the format changes.
#pragma once

#include "base/time.hpp"
#include "media/pcm/ring.hpp"

#include <atomic>
#include <memory>

namespace lk::media::pcm {

struct Format {
  int rate = 48000, channels = 1;
  bool operator== (const Format &) const = default;
};

/// 8–96 kHz, mono or stereo.
constexpr bool
usable (const Format &format) {
  return format.rate >= 8000 && format.rate <= 96000 && (format.channels == 1 || format.channels == 2);
}

struct InletStats {
  Format format;
  size_t capacity = 0, queued = 0; ///< frames of the newest format; of all formats
  uint64_t overruns = 0;
};

class Inlet {
public:
  explicit Inlet (Millis depth) : depth_ (depth) {}
  ~Inlet ();

  enum class Outcome { Taken, Cut, Busy }; ///< Cut: the tail did not fit
  /// Any thread. Waits at most 300 µs for another one that writes; allocates only where the format is a new
  /// one.
  Outcome write (const int16_t *pcm, size_t frames, Format format);
  InletStats stats () const;

  // The reader
  // -------------------------------------------------------------------------------------------------
  /// Of what comes next.
  Format format ();
  /// Frames of that format.
  size_t queued ();
  size_t read (int16_t *pcm, size_t frames);
  /// Another format follows: of this one no more will come.
  bool superseded ();
  /// Drops everything; a beginning.
  void forget ();
  /// Drops what has come since the beginning for want of a reader, and leaves what the application has put in
  /// at once, as its reserve.
  void catch_up ();

private:
  struct Stage {
    Stage (size_t frames, Format its_format) : ring (frames, its_format.channels), format (its_format) {}
    Ring ring;
    const Format format;
    std::atomic<Stage *> next{ nullptr };
  };
  Stage *head ();

  const Millis depth_;
  std::atomic_flag writing_ = ATOMIC_FLAG_INIT;
  Stage *newest_ = nullptr; // the writer's
  std::atomic<Stage *> first_{ nullptr };
  Stage *head_ = nullptr; // the reader's; owns what it is, and what follows
  std::atomic<int> stages_{ 0 }, rate_{ 0 }, channels_{ 0 };
  std::atomic<size_t> capacity_{ 0 }, queued_{ 0 };
  std::atomic<uint64_t> overruns_{ 0 };
  std::atomic<int64_t> begun_ns_{ 0 }; ///< of the first write since the beginning; 0 = none
  std::atomic<size_t> reserve_{ 0 };   ///< frames that came with it
};

} // namespace lk::media::pcm
