#include "rtc/flow_guard.hpp"

#include "base/log.hpp"
#include "rtc/element_type.hpp"

#include <atomic>

namespace lk::rtc {

namespace {

struct FlowGuard {
  struct State {
    PadPair pads;
    std::atomic<bool> open = true;
    std::atomic<uint64_t> dropped = 0, refused = 0;
  };
  static constexpr const char *kType = "LkFlowGuard", *kName = "LiveKit flow guard",
                              *kDescription = "Keeps flow errors of one stream from its transport";
  static PadFunctions functions ();
};
using Element = PassingElement<FlowGuard>;

FlowGuard::State &
state_of (gpointer element) {
  return Element::state_of (element);
}

template <typename Data>
GstFlowReturn
pass (GstObject *parent, Data *data, GstFlowReturn (*push) (GstPad *, Data *)) {
  auto &state = state_of (parent);
  if (!state.open) {
    gst_mini_object_unref (GST_MINI_OBJECT_CAST (data));
    ++state.dropped;
    return GST_FLOW_OK;
  }
  auto flow = push (state.pads.src, data);
  // Closed meanwhile: the other side is being taken away, which is no error.
  if (flow != GST_FLOW_OK && state.open && state.refused++ == 0)
    GST_CAT_WARNING_OBJECT (log::rtc (), parent, "stream refused (%s); it goes on without this branch",
                            gst_flow_get_name (flow));
  return GST_FLOW_OK;
}

GstFlowReturn
chain (GstPad *, GstObject *parent, GstBuffer *buffer) noexcept {
  return pass (parent, buffer, &gst_pad_push);
}

GstFlowReturn
chain_list (GstPad *, GstObject *parent, GstBufferList *list) noexcept {
  return pass (parent, list, &gst_pad_push_list);
}

gboolean
sink_event (GstPad *, GstObject *parent, GstEvent *event) noexcept {
  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_EOS:
  case GST_EVENT_FLUSH_START:
  case GST_EVENT_FLUSH_STOP:
    gst_event_unref (event);
    break;
  default:
    // A refused CAPS event shows in the next buffer; answering FALSE here would be the flow error that we
    // keep.
    gst_pad_push_event (state_of (parent).pads.src, event);
  }
  return TRUE;
}

gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    gst_event_unref (event);
    return FALSE;
  }
  return gst_pad_event_default (pad, parent, event);
}

PadFunctions
FlowGuard::functions () {
  return { chain, chain_list, sink_event, src_event };
}

} // namespace

GstElement *
flow_guard_new (const char *name) {
  return Element::make (name);
}

void
flow_guard_set_open (GstElement *guard, bool open) {
  state_of (guard).open = open;
}

FlowGuardStats
flow_guard_stats (GstElement *guard) {
  const auto &state = state_of (guard);
  return { state.dropped, state.refused };
}

} // namespace lk::rtc
