#include "media/steady_audio.hpp"

#include "base/log.hpp"
#include "media/drift.hpp"
#include "media/pad_element.hpp"

#include <algorithm>

#define GST_CAT_DEFAULT lk::log::media ()

namespace lk::media {

namespace {

constexpr const char *kCaps
    = "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)48000, channels=(int)2";
constexpr guint64 kRate = 48'000, kFrameBytes = 4;
// What jitter may move time stamps by; a correction of more at once is audible. Less, if it stays, is drift.
constexpr guint64 kTolerance = kRate * 40 / 1000;
// A few samples in a shorter block are heard.
constexpr guint64 kLeastStretched = kRate / 100;
// Where lip-sync has moved the sound it must lie there.
constexpr guint64 kPlaced = kRate * 2 / 1000;
constexpr guint64 kSilenceBlock = kRate / 50;
// libopus conceals with less and less energy; after this long it is silence anyway.
constexpr GstClockTime kMaxConcealed = 120 * GST_MSECOND;
// A hole longer than this is a new start rather than an outage: memory and time for the silence would be
// without bound.
constexpr guint64 kMaxHole = kRate * 60;

guint64
to_samples (GstClockTime time) {
  return gst_util_uint64_scale_round (time, kRate, GST_SECOND);
}
GstClockTime
to_time (guint64 samples) {
  return gst_util_uint64_scale_round (samples, GST_SECOND, kRate);
}

class SteadyAudio : public PadHandler {
public:
  GstFlowReturn chain (Ref<GstBuffer> buffer) override;
  bool sink_event (Ref<GstEvent> event) override;
  void start () override;

  /// What arrives at the decoder's sink pad. Streaming thread.
  GstPadProbeReturn on_decoder_input (GstPad *pad, GstPadProbeInfo *info);

private:
  void begin (GstPad *decoder_sink);
  /// Silence for a GAP event. `decoder_sink`: null when the event came through the decoder.
  void fill_gap (GstPad *decoder_sink, GstClockTime start, GstClockTime duration);
  GstFlowReturn fill_until (guint64 position);
  /// Some samples longer or shorter, if the sound drifts away from its time stamps.
  void follow (Ref<GstBuffer> &buffer, guint64 start, guint64 &samples);
  GstFlowReturn push (Ref<GstBuffer> buffer, guint64 samples);

  // Streaming thread only
  bool has_caps_ = false, has_segment_ = false;
  bool has_position_ = false;
  guint64 position_ = 0; ///< the next sample, counted from PTS 0
  bool discont_ = true;
  // In-band FEC makes the decoder hold each packet until the next, 20 ms of latency: on from the first loss.
  bool fec_ = false;
  bool decoder_holds_ = false;
  // So many buffers are placed exactly: after lip-sync moved the sound, when the decoder may hold one from
  // before, and at the beginning, because an encoder's first packets overlap by its lookahead.
  int to_place_ = 0;
  Drift drift_;
  Ref<GstBuffer> silence_; ///< one block, shared by all that are pushed
};

void
SteadyAudio::start () {
  has_caps_ = has_segment_ = has_position_ = false;
  discont_ = true;
}

bool
SteadyAudio::sink_event (Ref<GstEvent> event) {
  switch (GST_EVENT_TYPE (event.get ())) {
  case GST_EVENT_STREAM_START:
    has_caps_ = false;
    break;
  case GST_EVENT_CAPS:
    if (std::exchange (has_caps_, true)) return true;
    break;
  case GST_EVENT_SEGMENT:
    has_segment_ = true;
    break;
  case GST_EVENT_FLUSH_STOP:
    has_segment_ = has_position_ = false;
    discont_ = true;
    break;
  case GST_EVENT_GAP: {
    // The decoder passes on what it could not conceal.
    GstClockTime start, duration;
    gst_event_parse_gap (event.get (), &start, &duration);
    fill_gap (nullptr, start, duration);
    return true;
  }
  default:
    break;
  }
  return PadHandler::sink_event (std::move (event));
}

GstFlowReturn
SteadyAudio::chain (Ref<GstBuffer> buffer) {
  guint64 samples = gst_buffer_get_size (buffer.get ()) / kFrameBytes;
  if (!GST_BUFFER_PTS_IS_VALID (buffer.get ())) {
    if (!has_position_) return GST_FLOW_OK;
    return push (std::move (buffer), samples);
  }
  guint64 start = to_samples (GST_BUFFER_PTS (buffer.get ()));
  if (!has_position_ || start > position_ + kMaxHole || start + kMaxHole < position_) {
    has_position_ = true;
    discont_ = true;
    position_ = start;
    to_place_ = 2;
  }
  const guint64 tolerance = to_place_ > 0 ? kPlaced : kTolerance;
  if (start > position_ + tolerance) {
    drift_.reset ();
    GstFlowReturn flow = fill_until (start);
    if (flow != GST_FLOW_OK) return flow;
  } else if (start + tolerance < position_) {
    drift_.reset ();
    // What lies before the position was replaced by silence already.
    guint64 late = std::min (position_ - start, samples);
    if (late == samples) return GST_FLOW_OK;
    buffer = Ref<GstBuffer>::adopt (gst_buffer_copy_region (
        buffer.get (), GST_BUFFER_COPY_ALL, late * kFrameBytes, (samples - late) * kFrameBytes));
    samples -= late;
  } else if (to_place_ > 0) {
    drift_.reset ();
  } else {
    follow (buffer, start, samples);
  }
  if (to_place_ > 0) --to_place_;
  return push (std::move (buffer), samples);
}

void
SteadyAudio::follow (Ref<GstBuffer> &buffer, guint64 start, guint64 &samples) {
  if (samples < kLeastStretched) return;
  const int more = drift_.correct (static_cast<gint64> (start) - static_cast<gint64> (position_));
  if (more == 0) return;
  const guint64 wanted = samples + static_cast<guint64> (more);
  auto stretched = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, wanted * kFrameBytes, nullptr));
  gst_buffer_copy_into (stretched.get (), buffer.get (),
                        GstBufferCopyFlags (GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_META), 0,
                        static_cast<gsize> (-1));
  GstMapInfo in, out;
  if (!gst_buffer_map (buffer.get (), &in, GST_MAP_READ)) return;
  if (gst_buffer_map (stretched.get (), &out, GST_MAP_WRITE)) {
    stretch (reinterpret_cast<const int16_t *> (in.data), samples, reinterpret_cast<int16_t *> (out.data),
             wanted);
    gst_buffer_unmap (stretched.get (), &out);
    samples = wanted;
  }
  gst_buffer_unmap (buffer.get (), &in);
  if (samples == wanted) buffer = std::move (stretched);
}

void
SteadyAudio::fill_gap (GstPad *decoder_sink, GstClockTime start, GstClockTime duration) {
  if (!GST_CLOCK_TIME_IS_VALID (start)) return;
  guint64 from = to_samples (start);
  guint64 to = GST_CLOCK_TIME_IS_VALID (duration) ? to_samples (start + duration) : from;
  if (decoder_sink) begin (decoder_sink);
  if (!has_position_ || from > position_ + kMaxHole || from + kMaxHole < position_) {
    has_position_ = true;
    discont_ = true;
    position_ = from;
  }
  fill_until (std::min (to, position_ + kMaxHole));
}

/// Before the decoder has seen any data it keeps the segment back and knows no caps.
void
SteadyAudio::begin (GstPad *decoder_sink) {
  if (!std::exchange (has_caps_, true)) {
    auto caps = Ref<GstCaps>::adopt (gst_caps_from_string (kCaps));
    gst_pad_push_event (src_pad, gst_event_new_caps (caps.get ()));
  }
  if (!std::exchange (has_segment_, true)) {
    auto segment = Ref<GstEvent>::adopt (gst_pad_get_sticky_event (decoder_sink, GST_EVENT_SEGMENT, 0));
    if (segment) gst_pad_push_event (src_pad, segment.release ());
  }
}

GstFlowReturn
SteadyAudio::fill_until (guint64 position) {
  GstFlowReturn flow = GST_FLOW_OK;
  while (position_ < position && flow == GST_FLOW_OK) {
    guint64 samples = std::min (position - position_, kSilenceBlock);
    if (!silence_) {
      silence_
          = Ref<GstBuffer>::adopt (gst_buffer_new_allocate (nullptr, kSilenceBlock * kFrameBytes, nullptr));
      gst_buffer_memset (silence_.get (), 0, 0, kSilenceBlock * kFrameBytes);
    }
    auto buffer = Ref<GstBuffer>::adopt (
        gst_buffer_copy_region (silence_.get (), GST_BUFFER_COPY_MEMORY, 0, samples * kFrameBytes));
    GST_BUFFER_FLAG_SET (buffer.get (), GST_BUFFER_FLAG_GAP);
    flow = push (std::move (buffer), samples);
  }
  return flow;
}

GstFlowReturn
SteadyAudio::push (Ref<GstBuffer> buffer, guint64 samples) {
  buffer = Ref<GstBuffer>::adopt (gst_buffer_make_writable (buffer.release ()));
  GstBuffer *b = buffer.get ();
  GST_BUFFER_PTS (b) = to_time (position_);
  GST_BUFFER_DURATION (b) = to_time (position_ + samples) - GST_BUFFER_PTS (b);
  GST_BUFFER_DTS (b) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET (b) = position_;
  GST_BUFFER_OFFSET_END (b) = position_ + samples;
  if (std::exchange (discont_, false))
    GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET (b, GST_BUFFER_FLAG_DISCONT);
  position_ += samples;
  return gst_pad_push (src_pad, buffer.release ());
}

GstPadProbeReturn
SteadyAudio::on_decoder_input (GstPad *pad, GstPadProbeInfo *info) {
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    decoder_holds_ = fec_;
    if (GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info), GST_BUFFER_FLAG_RESYNC))
      to_place_ = fec_ ? 2 : 1;
    return GST_PAD_PROBE_OK;
  }
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  if (GST_EVENT_TYPE (event) != GST_EVENT_GAP) return GST_PAD_PROBE_OK;
  GstClockTime start, duration;
  GstGapFlags flags = GstGapFlags (0);
  gst_event_parse_gap (event, &start, &duration);
  gst_event_parse_gap_flags (event, &flags);
  bool conceal = (flags & GST_GAP_FLAG_MISSING_DATA) && GST_CLOCK_TIME_IS_VALID (duration)
                 && duration <= kMaxConcealed;
  if (conceal) {
    if (!std::exchange (fec_, true)) {
      auto decoder = Ref<GstElement>::adopt (gst_pad_get_parent_element (pad));
      g_object_set (decoder.get (), "use-inband-fec", TRUE, nullptr);
    }
    return GST_PAD_PROBE_OK;
  }
  if (std::exchange (decoder_holds_, false)) {
    // It comes out when the next packet, or the lack of one, is known.
    GstEvent *flush = gst_event_new_gap (start, kSilenceBlock * GST_SECOND / kRate);
    gst_event_set_gap_flags (flush, GST_GAP_FLAG_MISSING_DATA);
    gst_pad_send_event (pad, flush);
  }
  fill_gap (pad, start, duration);
  return GST_PAD_PROBE_DROP;
}

} // namespace

Result<Ref<GstElement>>
make_steady_audio (GstPad *decoder_sink) {
  auto steady = std::make_shared<SteadyAudio> ();
  auto element = make_pad_element ("steady", steady, kCaps, kCaps);
  auto *data = new std::shared_ptr<SteadyAudio> (steady);
  gst_pad_add_probe (
      decoder_sink,
      static_cast<GstPadProbeType> (GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [] (GstPad *pad, GstPadProbeInfo *info, gpointer p) noexcept {
        return (*static_cast<std::shared_ptr<SteadyAudio> *> (p))->on_decoder_input (pad, info);
      },
      data, [] (gpointer p) { delete static_cast<std::shared_ptr<SteadyAudio> *> (p); });
  return element;
}

} // namespace lk::media
