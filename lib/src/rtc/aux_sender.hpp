// The element that stands between retransmission and RTP session of a publisher. Internal to rtc.
#pragma once

#include <gst/gst.h>

#include <cstdint>

namespace lk::rtc {

/// An element "sink" → "src" for webrtcbin's `request-aux-sender`: it sees every outgoing packet in wire
/// order and all transport-cc feedback, and is where pacing and bandwidth estimation belong. For now it
///   - writes the transport-cc extension id into each CAPS event: rtpfunnel merges the caps of its inputs
///   without a lock and loses the
///     id when audio and video start together, after which the feedback is worthless for the whole
///     connection;
///   - consumes the feedback and asks for a key frame when packets were lost and not retransmitted, at most
///   every 2 s: the server gives
///     up repeating its NACKs without a PLI, and receivers ask for a key frame only after 3 s.
/// Floating reference.
GstElement *aux_sender_new ();

struct AuxSenderStats {
  uint64_t feedbacks = 0, reported = 0, lost = 0; ///< transport-cc: reports, packets in them, packets lost
  uint64_t keyframes = 0;                         ///< asked for by this element
};
AuxSenderStats aux_sender_stats (GstElement *aux_sender);

} // namespace lk::rtc
