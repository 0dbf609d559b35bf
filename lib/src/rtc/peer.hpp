// What publisher and subscriber share: one webrtcbin in a pipeline of its own whose clock is the system clock
// and whose base time is 0, so that a buffer's PTS is CLOCK_MONOTONIC time. Session thread only; webrtcbin's
// threads only post.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/task_queue.hpp"
#include "base/time.hpp"
#include "rtc/ice.hpp"

#include <functional>
#include <memory>
#include <string>

namespace lk::rtc {

struct PeerConfig {
  std::string name; ///< for logs and dot files: "pub", "sub"
  IceServers ice_servers;
  bool relay_only = false;
  Millis latency{ 200 }; ///< jitter buffer, subscriber only
  std::shared_ptr<TaskQueue> queue;
  Timers *timers = nullptr;
};

/// What the transport really does, from DTLS and ICE together. Neither says when a path went silent:
/// PeerActivity does.
enum class PeerState { New, Connecting, Connected, Failed, Closed };

/// Packets seen so far: the session's detector of dead paths looks at their progress, since ICE states stay
/// `connected`.
struct PeerActivity {
  uint64_t rtp_in = 0, rtcp_in = 0, rtp_out = 0;
};

/// Makes the process's DTLS certificate on a background thread (once); without it the first negotiation waits
/// 0.1–0.3 s for it.
void warm_up_certificate ();
/// Has the end of the process wait, 2 s at most, for certificates being made and pipelines being stopped:
/// OpenSSL's exit handler takes away what they work on, which crashes. To be called once OpenSSL is
/// initialised, since exit handlers run in reverse order. The second call does nothing.
void finish_jobs_at_exit ();
/// gst_deinit() waits until `wait` returns, which has a bound: plugins and their factories vanish there under
/// threads that still work with them. Any thread; never blocks.
void hold_back_deinit (std::function<void ()> wait);
/// The elements without which no peer connection works, e.g. "webrtcbin (gstreamer1.0-plugins-bad)"; empty
/// when all are there.
std::string missing_transport_elements ();
/// Sets a pipeline to NULL on the reaper thread and calls `done` there; never blocks.
void retire (Ref<GstElement> pipeline, std::function<void ()> done = {});

} // namespace lk::rtc
