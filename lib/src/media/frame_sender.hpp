// Encoded access units from the user's pipeline into the transport pipeline of the moment. Outlives
// transports: after a full reconnect make_source() builds the next RTP source and the frames go there.
// Nothing here ever blocks the pushing thread.
#pragma once

#include "media/codecs.hpp"

#include <functional>
#include <memory>

namespace lk::media {

struct FrameSenderStats {
  uint64_t frames = 0, bytes = 0; ///< handed to the transport
  uint64_t dropped_unbound = 0;   ///< no transport yet, or away
  uint64_t dropped_full = 0;      ///< the bounded queue (500 ms or 64 frames) was full
  uint64_t dropped_paused = 0;    ///< muted
  uint64_t keyframe_requests = 0;
  uint32_t queued = 0;
};

class FrameSender {
public:
  static std::shared_ptr<FrameSender> create (const Codec &codec);
  virtual ~FrameSender () = default;

  // User's side, any thread.
  /// New caps (bridge caps with size, parameter sets …). Resolution changes go through on the same RTP
  /// stream.
  virtual void set_caps (GstCaps *caps) = 0;
  /// One access unit, PTS in CLOCK_MONOTONIC time. False when it was dropped. After a drop, video waits for
  /// the next key frame and asks for one.
  virtual bool push (Ref<GstBuffer> frame) = 0;
  /// While muted frames are dropped; unmuting asks for a key frame.
  virtual void set_muted (bool muted) = 0;
  /// Called (any thread, no lock held) when the SFU wants a key frame; at most once in 100 ms.
  virtual void set_keyframe_handler (std::function<void ()> handler) = 0;
  virtual FrameSenderStats stats () const = 0;
  /// Blocks until what is queued has left the queue or `limit` passed (used for EOS). Not on the session
  /// thread.
  virtual bool wait_drained (GstClockTime limit) = 0;

  // Session's side, session thread.
  /// A bin with pad "src": feed → payloader (header extensions) → fixed RTP caps, for
  /// rtc::Publisher::add_sender. `audio_level`: write the client-audio-level extension from
  /// GstAudioLevelMeta. The previous source is unbound.
  virtual Result<Ref<GstElement>> make_source (bool audio_level) = 0;
  virtual void unbind () = 0;
};

} // namespace lk::media
