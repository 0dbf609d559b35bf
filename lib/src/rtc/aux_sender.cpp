#include "rtc/aux_sender.hpp"

#include "base/log.hpp"
#include "base/ref.hpp"
#include "rtc/element_type.hpp"
#include "rtc/loss_watch.hpp"
#include "rtc/payload_types.hpp"

#include <gst/video/video.h>

#include <array>
#include <atomic>
#include <mutex>

namespace lk::rtc {

namespace {

struct AuxSender {
  struct State {
    PadPair pads;
    std::atomic<uint64_t> feedbacks = 0, reported = 0, lost = 0, keyframes = 0;
    std::mutex lock; // leaf: between streaming threads and the RTCP thread
    LossWatch losses;
  };
  static constexpr const char *kType = "LkAuxSender", *kName = "LiveKit aux sender",
                              *kDescription
                              = "Reads transport feedback and repairs caps before the RTP session";
  static PadFunctions functions ();
};
using Element = PassingElement<AuxSender>;

AuxSender::State &
state_of (gpointer element) {
  return Element::state_of (element);
}

bool
is_retransmission (GstBuffer *packet) {
  static const auto table = [] {
    std::array<bool, 128> rtx{};
    for (const auto &row : payload_types ())
      if (row.rtx > 0) rtx[row.rtx] = true;
    return rtx;
  }();
  uint8_t second = 0;
  return gst_buffer_extract (packet, 1, &second, 1) == 1 && table[second & 0x7f];
}

void
note_packet (AuxSender::State &state, GstBuffer *packet) {
  const bool again = is_retransmission (packet);
  std::lock_guard lock (state.lock);
  state.losses.sent (system_clock ().now ());
  if (again) state.losses.retransmitted ();
}

GstFlowReturn
chain (GstPad *, GstObject *parent, GstBuffer *buffer) noexcept {
  auto &state = state_of (parent);
  note_packet (state, buffer);
  return gst_pad_push (state.pads.src, buffer);
}

GstFlowReturn
chain_list (GstPad *, GstObject *parent, GstBufferList *list) noexcept {
  auto &state = state_of (parent);
  for (guint i = 0; i < gst_buffer_list_length (list); ++i)
    note_packet (state, gst_buffer_list_get (list, i));
  return gst_pad_push_list (state.pads.src, list);
}

/// The same caps with the transport-cc id, whichever input they come from.
Ref<GstCaps>
with_transport_cc (GstCaps *caps) {
  auto changed = Ref<GstCaps>::adopt (gst_caps_copy (caps));
  char field[16];
  g_snprintf (field, sizeof field, "extmap-%d", kExtTransportCc.id);
  gst_caps_set_simple (changed.get (), field, G_TYPE_STRING, kExtTransportCc.uri, nullptr);
  return changed;
}

gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps (event, &caps);
    GstEvent *changed = gst_event_new_caps (with_transport_cc (caps).get ());
    gst_event_set_seqnum (changed, gst_event_get_seqnum (event));
    gst_event_unref (event);
    event = changed;
  }
  return gst_pad_event_default (pad, parent, event);
}

/// Packets and losses in one transport-cc report.
std::pair<uint32_t, uint32_t>
count_report (const GstStructure *report) {
  uint32_t packets = 0, lost = 0;
  // Not g_value_get_boxed on a field of another type: the event is GStreamer's own, but its shape is not
  // documented.
  const GValue *array = gst_structure_get_value (report, "packets");
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  if (!array || !G_VALUE_HOLDS (array, g_value_array_get_type ())) return { 0, 0 };
  auto *values = static_cast<GValueArray *> (g_value_get_boxed (array));
  for (guint i = 0; values && i < values->n_values; ++i) {
    const GValue *value = g_value_array_get_nth (values, i);
    if (!GST_VALUE_HOLDS_STRUCTURE (value)) continue;
    gboolean is_lost = FALSE;
    gst_structure_get_boolean (gst_value_get_structure (value), "lost", &is_lost);
    ++packets;
    lost += is_lost ? 1 : 0;
  }
  G_GNUC_END_IGNORE_DEPRECATIONS
  return { packets, lost };
}

void
handle_report (GstObject *parent, const GstStructure *report) {
  auto &state = state_of (parent);
  auto [packets, lost] = count_report (report);
  ++state.feedbacks;
  state.reported += packets;
  state.lost += lost;
  bool due;
  {
    std::lock_guard lock (state.lock);
    auto now = system_clock ().now ();
    state.losses.reported (now, lost);
    due = state.losses.keyframe_due (now);
  }
  if (!due) return;
  ++state.keyframes;
  GST_CAT_INFO_OBJECT (log::rtc (), parent, "packets lost for good: asking for a key frame");
  // Without an SSRC rtpfunnel hands it to all inputs; audio ignores it.
  gst_pad_push_event (state.pads.sink,
                      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
}

gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
  const GstStructure *structure = gst_event_get_structure (event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM && structure
      && gst_structure_has_name (structure, "RTPTWCCPackets")) {
    handle_report (parent, structure);
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

PadFunctions
AuxSender::functions () {
  return { chain, chain_list, sink_event, src_event };
}

} // namespace

GstElement *
aux_sender_new () {
  return Element::make (nullptr);
}

AuxSenderStats
aux_sender_stats (GstElement *aux_sender) {
  const auto &state = state_of (aux_sender);
  return { state.feedbacks, state.reported, state.lost, state.keyframes };
}

} // namespace lk::rtc
