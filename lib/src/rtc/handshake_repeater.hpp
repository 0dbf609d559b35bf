// Sends our part of the DTLS handshake twice. Internal to rtc.
#pragma once

#include "base/ref.hpp"
#include "base/task_queue.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace lk::rtc {

/// OpenSSL cuts its flights into datagrams of 256 bytes, a dozen in all, and waits 1, 2, 4 s before it
/// repeats one: with each fifth packet lost a handshake hardly ends within 5 s. A copy of each, a moment
/// later, makes that one in twenty-five; to the other end it is a repetition like any other (RFC 6347
/// §4.2.4).
class HandshakeRepeater : public std::enable_shared_from_this<HandshakeRepeater> {
public:
  HandshakeRepeater (std::shared_ptr<TaskQueue> queue, Timers &timers)
      : queue_ (std::move (queue)), timers_ (timers) {}

  /// Of everything that this webrtcbin will send. Session thread, as stop() is.
  void watch (GstElement *webrtc);
  void stop ();

private:
  struct Copy {
    Ref<GstPad> pad;
    Ref<GstBuffer> datagram;
  };
  static void on_element (GstBin *, GstBin *, GstElement *element, gpointer data) noexcept;
  static GstPadProbeReturn on_datagram (GstPad *pad, GstPadProbeInfo *info, gpointer data) noexcept;
  void add (Copy copy);
  void send ();

  const std::shared_ptr<TaskQueue> queue_;
  Timers &timers_;
  std::atomic<int> left_ = 128; // two handshakes, each repeated a few times
  bool stopped_ = false;
  std::vector<Copy> copies_;
  TimerPtr timer_;
};

} // namespace lk::rtc
