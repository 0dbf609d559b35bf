#include "mix_out.hpp"

#include "media/pad_element.hpp"

namespace lk::gst {

namespace {

class MixOut : public media::PadHandler {
public:
  GstFlowReturn
  chain (Ref<GstBuffer> buffer) override {
    const GstFlowReturn flow = gst_pad_push (src_pad, buffer.release ());
    return flow == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : flow;
  }
  bool
  sink_event (Ref<GstEvent> event) override {
    gst_pad_push_event (src_pad, event.release ());
    return true; // kept by the pad for what is linked later
  }
  bool
  src_event (Ref<GstEvent> event) override {
    return GST_EVENT_TYPE (event.get ()) != GST_EVENT_SEEK && PadHandler::src_event (std::move (event));
  }
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
