// An application's samples as Opus: a thread takes 10 ms at a time, at the pace of the clock, and encodes
// them.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "media/encode.hpp"
#include "media/pcm/pacer.hpp"

#include <functional>
#include <memory>

namespace lk::media::pcm {

class Sender {
public:
  struct Hooks {
    /// Before the first block.
    std::function<void ()> begin;
    /// One packet, PTS in CLOCK_MONOTONIC time.
    std::function<void (Ref<GstBuffer> packet, const Ref<GstCaps> &caps)> packet;
    /// There is no encoder. Nothing follows.
    std::function<void (const Error &error)> failed;
  };

  static std::unique_ptr<Sender> create (Millis depth);
  virtual ~Sender () = default;

  // Any thread.
  virtual Inlet::Outcome write (const int16_t *pcm, size_t frames, Format format) = 0;
  virtual InletStats stats () const = 0;
  virtual uint64_t underruns () const = 0;
  virtual void set_bitrate (uint32_t bitrate_bps) = 0;

  // One thread at a time; not from a hook. Hooks are called on the sender's own thread.
  /// What is in the ring is dropped.
  virtual void start (EncodeSpec spec, Hooks hooks) = 0;
  /// No hook is called any more.
  virtual void stop () = 0;
};

} // namespace lk::media::pcm
