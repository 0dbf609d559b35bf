#include "rtc/element_type.hpp"

#include <initializer_list>

namespace lk::rtc {

namespace {

GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

} // namespace

PadPair
add_pad_pair (GstElement *element) {
  PadPair pads{ gst_pad_new_from_static_template (&sink_template, "sink"),
                gst_pad_new_from_static_template (&src_template, "src") };
  for (GstPad *pad : { pads.sink, pads.src }) {
    GST_PAD_SET_PROXY_CAPS (pad);
    GST_PAD_SET_PROXY_ALLOCATION (pad);
  }
  gst_element_add_pad (element, pads.sink);
  gst_element_add_pad (element, pads.src);
  return pads;
}

void
describe_element (gpointer element_class, const char *long_name, const char *description) {
  auto *klass = GST_ELEMENT_CLASS (element_class);
  gst_element_class_add_static_pad_template (klass, &sink_template);
  gst_element_class_add_static_pad_template (klass, &src_template);
  gst_element_class_set_metadata (klass, long_name, "Generic/Network/RTP", description, "gst-livekit");
}

} // namespace lk::rtc
