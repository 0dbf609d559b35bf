#include "media/pcm/line.hpp"

#include "media/pad_element.hpp"

namespace lk::media::pcm {

/// The way in: has no thread of its own.
class Line::Head : public PadHandler {
public:
  bool
  has_task () const override {
    return false;
  }
  bool
  src_query (GstQuery *query) override {
    if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY) return false;
    gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
    return true;
  }
  GstPad *
  pad () const {
    return src_pad;
  }
};

/// And the way out.
class Line::Tail : public PadHandler {
public:
  explicit Tail (Out out) : out_ (std::move (out)) {}
  GstFlowReturn
  chain (Ref<GstBuffer> buffer) override {
    out_ (std::move (buffer), caps_);
    return GST_FLOW_OK;
  }
  bool
  sink_event (Ref<GstEvent> event) override {
    if (GST_EVENT_TYPE (event.get ()) == GST_EVENT_CAPS) {
      GstCaps *caps = nullptr;
      gst_event_parse_caps (event.get (), &caps);
      caps_ = Ref<GstCaps>::retain (caps);
    }
    return true;
  }

private:
  const Out out_;
  Ref<GstCaps> caps_;
};

Result<std::unique_ptr<Line>>
Line::make (const std::vector<Ref<GstElement>> &elements, Out out) {
  std::unique_ptr<Line> line (new Line);
  line->head_ = std::make_shared<Head> ();
  line->bin_ = Ref<GstElement>::sink (gst_bin_new (nullptr));
  std::vector<Ref<GstElement>> row{ make_pad_element (nullptr, line->head_, nullptr, "ANY") };
  row.insert (row.end (), elements.begin (), elements.end ());
  row.push_back (make_pad_element (nullptr, std::make_shared<Tail> (std::move (out)), "ANY", nullptr));
  bool linked = true;
  for (size_t i = 0; i < row.size (); i++) {
    gst_bin_add (GST_BIN (line->bin_.get ()), row[i].get ());
    if (i > 0) linked = linked && gst_element_link (row[i - 1].get (), row[i].get ());
  }
  if (!linked || gst_element_set_state (line->bin_.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return Error{ Errc::MediaFailed, Retry::Never, "elements for sound did not start" };
  return line;
}

Line::~Line () {
  gst_element_set_state (bin_.get (), GST_STATE_NULL);
}

void
Line::set_caps (GstCaps *caps) {
  if (!begun_) push_event (gst_event_new_stream_start ("pcm"));
  push_event (gst_event_new_caps (caps));
  if (begun_) return;
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  push_event (gst_event_new_segment (&segment));
  begun_ = true;
}

void
Line::push (Ref<GstBuffer> buffer) {
  gst_pad_push (head_->pad (), buffer.release ());
}

void
Line::push_event (GstEvent *event) {
  gst_pad_push_event (head_->pad (), event);
}

Ref<GstCaps>
caps_of (Format format) {
  return Ref<GstCaps>::adopt (gst_caps_new_simple (
      "audio/x-raw", "format", G_TYPE_STRING, G_BYTE_ORDER == G_LITTLE_ENDIAN ? "S16LE" : "S16BE", "layout",
      G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, format.rate, "channels", G_TYPE_INT, format.channels,
      nullptr));
}

} // namespace lk::media::pcm
