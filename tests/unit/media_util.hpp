// Generators and judges of audio and video for the media tests, and the two halves of a transport without a
// network.
#pragma once

#include "media/encode.hpp"
#include "media/frame_receiver.hpp"
#include "media/frame_sender.hpp"
#include "media/time_map.hpp"

#include <gst/check/gstharness.h>
#include <gst/gst.h>

#include <cmath>
#include <mutex>
#include <string>
#include <vector>

namespace lk::test {

using media::Frame;

inline void
init_gst () {
  static const bool once = (gst_init (nullptr, nullptr), true);
  (void)once;
}

/// GstHarness with an owner. Buffers come out without waiting for a clock.
class Harness {
public:
  explicit Harness (const Ref<GstElement> &element)
      : h_ (gst_harness_new_with_element (element.get (), "sink", "src")) {}
  ~Harness () { gst_harness_teardown (h_); }
  GstHarness *
  get () const {
    return h_;
  }
  void
  caps (const char *text) {
    gst_harness_set_src_caps_str (h_, text);
  }
  void
  caps (GstCaps *caps) {
    gst_harness_set_src_caps (h_, gst_caps_ref (caps));
  }
  GstFlowReturn
  push (Ref<GstBuffer> buffer) {
    return gst_harness_push (h_, buffer.release ());
  }
  bool
  event (GstEvent *event) {
    return gst_harness_push_event (h_, event);
  }
  Ref<GstBuffer>
  try_pull () {
    return Ref<GstBuffer>::adopt (gst_harness_try_pull (h_));
  }
  Ref<GstCaps>
  output_caps () const {
    auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (h_->element, "src"));
    return Ref<GstCaps>::adopt (gst_pad_get_current_caps (pad.get ()));
  }
  /// What came out, PTS as running time: some encoders (x264enc) move their segment.
  std::vector<Ref<GstBuffer>>
  drain () {
    std::vector<Ref<GstBuffer>> out;
    while (auto buffer = try_pull ()) {
      auto pad = Ref<GstPad>::adopt (gst_element_get_static_pad (h_->element, "src"));
      auto event = Ref<GstEvent>::adopt (gst_pad_get_sticky_event (pad.get (), GST_EVENT_SEGMENT, 0));
      const GstSegment *segment = nullptr;
      gst_event_parse_segment (event.get (), &segment);
      buffer = Ref<GstBuffer>::adopt (gst_buffer_make_writable (buffer.release ()));
      GST_BUFFER_PTS (buffer.get ())
          = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer.get ()));
      out.push_back (std::move (buffer));
    }
    return out;
  }

private:
  GstHarness *h_;
};

/// One block of a sine, S16 interleaved.
inline Ref<GstBuffer>
tone (double hz, int rate, int channels, guint64 first_sample, guint samples) {
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, samples * channels * 2, nullptr));
  GstMapInfo map;
  gst_buffer_map (buffer.get (), &map, GST_MAP_WRITE);
  auto *out = reinterpret_cast<gint16 *> (map.data);
  for (guint i = 0; i < samples; ++i)
    for (int c = 0; c < channels; ++c)
      *out++ = static_cast<gint16> (
          12000 * std::sin (2 * M_PI * hz * static_cast<double> (first_sample + i) / rate));
  gst_buffer_unmap (buffer.get (), &map);
  GST_BUFFER_PTS (buffer.get ()) = gst_util_uint64_scale (first_sample, GST_SECOND, rate);
  GST_BUFFER_DURATION (buffer.get ()) = gst_util_uint64_scale (samples, GST_SECOND, rate);
  return buffer;
}

/// Power at `hz` relative to all power (Goertzel); 1 for a pure tone.
inline double
tone_share (const std::vector<gint16> &samples, double hz, double rate) {
  if (samples.empty ()) return 0;
  double k = 2 * std::cos (2 * M_PI * hz / rate), s1 = 0, s2 = 0, total = 0;
  for (gint16 sample : samples) {
    double s = sample + k * s1 - s2;
    s2 = s1;
    s1 = s;
    total += static_cast<double> (sample) * sample;
  }
  double power = (s1 * s1 + s2 * s2 - k * s1 * s2) * 2 / static_cast<double> (samples.size ());
  return total > 0 ? power / total : 0;
}

/// The left channel of interleaved stereo S16.
inline void
append_left (std::vector<gint16> &to, GstBuffer *buffer) {
  GstMapInfo map;
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  auto *in = reinterpret_cast<const gint16 *> (map.data);
  for (gsize i = 0; i + 1 < map.size / 2; i += 2)
    to.push_back (in[i]);
  gst_buffer_unmap (buffer, &map);
}

/// Pictures that carry a number: eight columns, each black or white, over an I420 picture.
inline Ref<GstBuffer>
numbered_picture (int width, int height, guint number, GstClockTime pts) {
  gsize stride = (static_cast<gsize> (width) + 3) & ~gsize (3),
        chroma_stride = (static_cast<gsize> ((width + 1) / 2) + 3) & ~gsize (3);
  gsize even_height = (static_cast<gsize> (height) + 1) & ~gsize (1);
  auto buffer = Ref<GstBuffer>::adopt (
      gst_buffer_new_allocate (nullptr, stride * even_height + chroma_stride * even_height, nullptr));
  gst_buffer_memset (buffer.get (), 0, 128, gst_buffer_get_size (buffer.get ()));
  GstMapInfo map;
  gst_buffer_map (buffer.get (), &map, GST_MAP_WRITE);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      map.data[static_cast<gsize> (y) * stride + static_cast<gsize> (x)]
          = (number >> (x * 8 / width)) & 1 ? 230 : 25;
  gst_buffer_unmap (buffer.get (), &map);
  GST_BUFFER_PTS (buffer.get ()) = pts;
  GST_BUFFER_DURATION (buffer.get ()) = GST_SECOND / 30;
  return buffer;
}

/// The number in a decoded picture (luma plane with the default stride).
inline guint
read_number (GstBuffer *buffer, int width, int height) {
  gsize stride = (static_cast<gsize> (width) + 3) & ~gsize (3);
  GstMapInfo map;
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  guint number = 0;
  for (int i = 0; i < 8; ++i) {
    gsize at = static_cast<gsize> (height / 2) * stride + static_cast<gsize> ((2 * i + 1) * width / 16);
    if (at < map.size && map.data[at] > 128) number |= 1u << i;
  }
  gst_buffer_unmap (buffer, &map);
  return number;
}

inline Ref<GstCaps>
caps_of (const std::string &text) {
  return Ref<GstCaps>::adopt (gst_caps_from_string (text.c_str ()));
}

inline std::string
i420 (int width, int height) {
  return "video/x-raw,format=I420,width=" + std::to_string (width) + ",height=" + std::to_string (height)
         + ",framerate=30/1";
}

/// Keeps what it is given.
class Collector : public media::FrameConsumer {
public:
  void
  on_frame (const Frame &frame) override {
    std::lock_guard hold (lock_);
    frames_.push_back (frame);
  }
  void
  on_lost (GstClockTime, GstClockTime) override {
    std::lock_guard hold (lock_);
    ++losses_;
  }
  size_t
  count () const {
    std::lock_guard hold (lock_);
    return frames_.size ();
  }
  size_t
  losses () const {
    std::lock_guard hold (lock_);
    return losses_;
  }
  std::vector<Frame>
  frames () const {
    std::lock_guard hold (lock_);
    return frames_;
  }

private:
  mutable std::mutex lock_;
  std::vector<Frame> frames_;
  size_t losses_ = 0;
};

/// A sender's source and a receiver's sink, back to back in a pipeline of their own.
class Wire {
public:
  Wire (media::FrameSender &sender, media::FrameReceiver &receiver, const media::Codec &codec,
        bool audio_level = false) {
    source_ = sender.make_source (audio_level).value ();
    sink_ = receiver.make_sink (codec, codec.kind == media::MediaKind::Audio ? 48000 : 90000).value ();
    gst_bin_add_many (GST_BIN (pipeline_.get ()), source_.get (), sink_.get (), nullptr);
    linked_ = gst_element_link (source_.get (), sink_.get ());
    gst_element_set_base_time (pipeline_.get (), 0);
    gst_element_set_start_time (pipeline_.get (), GST_CLOCK_TIME_NONE);
    gst_element_set_state (pipeline_.get (), GST_STATE_PLAYING);
  }
  ~Wire () { gst_element_set_state (pipeline_.get (), GST_STATE_NULL); }
  bool
  linked () const {
    return linked_;
  }
  GstElement *
  source () const {
    return source_.get ();
  }
  GstElement *
  sink () const {
    return sink_.get ();
  }
  Ref<GstPad>
  rtp_pad () const {
    return Ref<GstPad>::adopt (gst_element_get_static_pad (source_.get (), "src"));
  }

private:
  Ref<GstElement> pipeline_ = Ref<GstElement>::sink (gst_pipeline_new (nullptr)), source_, sink_;
  bool linked_ = false;
};

} // namespace lk::test
