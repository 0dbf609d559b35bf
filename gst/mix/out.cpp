#include "mix/out.hpp"

#include "media/pad_element.hpp"

#include <atomic>
#include <chrono>
#include <mutex>

namespace lk::gst {

namespace {

// A sink that has not taken what it was given by then waits to play.
constexpr auto kMoment = std::chrono::milliseconds (300);

class MixOut : public media::PadHandler {
public:
  void
  start () override {
    stopped_ = false;
  }
  /// Stops the stream, also where a sink that waits to play would keep it for ever.
  void
  stop () override {
    stopped_ = true;
    if (std::unique_lock guard (push_lock_, kMoment); guard) return;
    gst_pad_push_event (src_pad, gst_event_new_flush_start ());
    gst_pad_push_event (src_pad, gst_event_new_flush_stop (FALSE));
  }
  GstFlowReturn
  chain (Ref<GstBuffer> buffer) override {
    std::lock_guard guard (push_lock_);
    if (stopped_) return GST_FLOW_FLUSHING;
    const GstFlowReturn flow = gst_pad_push (src_pad, buffer.release ());
    return flow == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : flow;
  }
  bool
  sink_event (Ref<GstEvent> event) override {
    std::unique_lock guard (push_lock_, std::defer_lock);
    const auto flags = gst_event_type_get_flags (GST_EVENT_TYPE (event.get ()));
    if (flags & GST_EVENT_TYPE_SERIALIZED) guard.lock (); // the last one waits like data
    gst_pad_push_event (src_pad, event.release ());
    return true; // kept by the pad for what is linked later
  }
  bool
  src_event (Ref<GstEvent> event) override {
    return GST_EVENT_TYPE (event.get ()) != GST_EVENT_SEEK && PadHandler::src_event (std::move (event));
  }

private:
  std::timed_mutex push_lock_; // while something is downstream
  std::atomic<bool> stopped_{ false };
};

} // namespace

Ref<GstElement>
make_mix_out () {
  auto element = media::make_pad_element ("end", std::make_shared<MixOut> (), "ANY", "ANY");
  for (const char *name : { "sink", "src" }) {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (element.get (), name));
    GST_PAD_SET_PROXY_CAPS (pad.get ());
    GST_PAD_SET_PROXY_ALLOCATION (pad.get ());
  }
  return element;
}

} // namespace lk::gst
