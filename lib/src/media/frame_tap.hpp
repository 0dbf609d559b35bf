// A received track inside the transport pipeline: intake → depayloader → parser → tap. No flow error travels
// upstream, because webrtcbin stops all tracks on one branch's error, and no EOS downstream, because the
// section may carry another track later.
#pragma once

#include "media/codecs.hpp"
#include "media/pad_element.hpp"

namespace lk::media {

/// The tap; its address tells one transport's calls from another's.
class FrameTap : public PadHandler {
public:
  /// Called on the jitter buffer's thread with no lock held.
  class Listener {
  public:
    virtual ~Listener () = default;
    /// Each RTP packet before it is depayloaded.
    virtual void on_packet (const FrameTap *tap, uint32_t rtp_time, GstClockTime pts) = 0;
    /// The jitter buffer gave packets up.
    virtual void on_loss (const FrameTap *tap, GstClockTime from, GstClockTime duration) = 0;
    virtual void on_frame (const FrameTap *tap, Ref<GstBuffer> buffer, const Ref<GstCaps> &caps) = 0;
  };

  explicit FrameTap (std::weak_ptr<Listener> listener) : listener_ (std::move (listener)) {}

  const std::weak_ptr<Listener> &
  listener () const {
    return listener_;
  }

  GstFlowReturn chain (Ref<GstBuffer> buffer) override;
  bool sink_event (Ref<GstEvent> event) override;
  bool
  src_event (Ref<GstEvent>) override {
    return true;
  }

private:
  const std::weak_ptr<Listener> listener_;
  Ref<GstCaps> caps_; // streaming thread
};

/// The bin with pad "sink" that ends in `tap`.
Result<Ref<GstElement>> make_tap_bin (const Codec &codec, const std::shared_ptr<FrameTap> &tap);

} // namespace lk::media
