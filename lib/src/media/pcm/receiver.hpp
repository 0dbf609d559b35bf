// A remote track's sound as samples in a format of the application's choice: decoded on the thread that
// brings the packets; silence where none come.
#pragma once

#include "media/frame_receiver.hpp"
#include "media/pcm/inlet.hpp"

#include <functional>
#include <memory>

namespace lk::media::pcm {

class Receiver : public FrameConsumer {
public:
  struct Hooks {
    /// Any thread, one call at a time.
    std::function<void (const int16_t *pcm, size_t frames, Format format)> sound;
    /// The format that the track is coded in.
    std::function<void (Format format)> coded;
    /// False while nobody listens: nothing is decoded.
    std::function<bool ()> wanted;
    std::function<void (const Error &error)> failed;
  };

  static std::shared_ptr<Receiver> create (Hooks hooks, Format output);

  // Any thread.
  virtual void set_output (Format output) = 0;
  /// Makes silence of what should have come up to `now` (CLOCK_MONOTONIC) less `latency`. At short intervals.
  virtual void fill (GstClockTime now, GstClockTime latency) = 0;
  /// No hook is called any more.
  virtual void close () = 0;
};

} // namespace lk::media::pcm
