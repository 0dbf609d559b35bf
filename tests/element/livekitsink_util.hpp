// A livekitsink in a pipeline on a fake session.
#pragma once

#include "pipeline_case.hpp"

#include <gst/check/gstharness.h>
#include <gst/livekit/enums.h>

namespace lk::test {

class Sink : public PipelineCase {
protected:
  static void
  SetUpTestSuite () {
    gst_init (nullptr, nullptr);
    GST_ELEMENT_REGISTER (livekitsink, nullptr);
  }

  /// Parses; "livekitsink" is given the fake session and the name "s".
  GstElement *
  launch (std::string line) {
    const std::string element = "livekitsink";
    auto at = line.find (element);
    line.insert (at + element.size (), " name=s");
    build (line, "s");
    return pipeline_.get ();
  }
  Ref<GstElement>
  sink () {
    return named ("s");
  }
  Ref<GstPad>
  pad (const char *name) {
    return Ref<GstPad>::adopt (gst_element_get_static_pad (sink ().get (), name));
  }
  GstStateChangeReturn
  play (GstState state = GST_STATE_PLAYING) {
    return gst_element_set_state (pipeline_.get (), state);
  }
  /// True when the pipeline gets there.
  bool
  reaches (GstState state, std::chrono::milliseconds limit = 5s) {
    GstState now = GST_STATE_NULL;
    auto result = gst_element_get_state (pipeline_.get (), &now, nullptr,
                                         GstClockTime (limit.count ()) * GST_MSECOND);
    return result != GST_STATE_CHANGE_FAILURE && now == state && result != GST_STATE_CHANGE_ASYNC;
  }
  bool
  sends (const std::string &track, uint64_t frames, std::chrono::milliseconds limit = 5s) {
    return wait_until (
        [&] {
          auto t = session_->track (track);
          return t && t->sender.stats ().frames >= frames;
        },
        limit);
  }
};

inline bool
ends_in_eos (const Ref<GstMessage> &message) {
  return message && GST_MESSAGE_TYPE (message.get ()) == GST_MESSAGE_EOS;
}

inline constexpr const char *kPicture
    = "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=180,framerate=30/1";

/// Pushes by hand into a pad of the element.
class Feeder {
public:
  explicit Feeder (GstPad *to)
      : pad_ (Ref<GstPad>::sink (gst_pad_new ("src", GST_PAD_SRC))), to_ (Ref<GstPad>::retain (to)) {
    gst_pad_set_active (pad_.get (), TRUE);
    EXPECT_EQ (gst_pad_link (pad_.get (), to), GST_PAD_LINK_OK);
  }
  ~Feeder () {
    gst_pad_unlink (pad_.get (), to_.get ());
    gst_pad_set_active (pad_.get (), FALSE);
  }
  bool
  begin (const char *stream, const char *caps) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    return gst_pad_push_event (pad_.get (), gst_event_new_stream_start (stream))
           && gst_pad_push_event (
               pad_.get (), gst_event_new_caps (Ref<GstCaps>::adopt (gst_caps_from_string (caps)).get ()))
           && gst_pad_push_event (pad_.get (), gst_event_new_segment (&segment));
  }
  GstFlowReturn
  push (gsize size, GstClockTime pts, GstClockTime duration) {
    auto *buffer = gst_buffer_new_allocate (nullptr, size, nullptr);
    gst_buffer_memset (buffer, 0, 0, size);
    GST_BUFFER_PTS (buffer) = pts;
    GST_BUFFER_DURATION (buffer) = duration;
    return gst_pad_push (pad_.get (), buffer);
  }
  bool
  end () {
    return gst_pad_push_event (pad_.get (), gst_event_new_eos ());
  }

private:
  Ref<GstPad> pad_, to_;
};

inline constexpr const char *kSound = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";

} // namespace lk::test
