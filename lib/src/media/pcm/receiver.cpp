#include "media/pcm/receiver.hpp"

#include "media/encode.hpp"
#include "media/opus.hpp"
#include "media/pcm/line.hpp"
#include "media/row.hpp"

#include <mutex>
#include <optional>

namespace lk::media::pcm {

namespace {

// Jitter of packets under way, not silence.
constexpr GstClockTime kSmallestGap = 40 * GST_MSECOND;
// A stereo coder sends single packets as mono; a second of them is a change.
constexpr GstClockTime kMonoFor = GST_SECOND;
// What a longer outage leaves is a new start.
constexpr GstClockTime kMostSilence = 5 * GST_SECOND;

class ReceiverImpl : public Receiver {
public:
  ReceiverImpl (Hooks hooks, Format output) : hooks_ (std::move (hooks)), output_ (output) {}
  ~ReceiverImpl () override { close (); }

  void on_frame (const Frame &frame) override;
  void on_lost (GstClockTime from, GstClockTime duration) override;
  void set_output (Format output) override;
  void fill (GstClockTime now, GstClockTime latency) override;
  void close () override;

private:
  bool build (const Ref<GstCaps> &caps);
  void tear_down ();
  void observe (GstBuffer *packet);
  void decoded (const Ref<GstBuffer> &buffer, const Ref<GstCaps> &caps);

  const Hooks hooks_;
  std::mutex lock_; // the stream: one thread at a time decodes, and hooks are called under it
  Format output_;
  Ref<GstElement> filter_;
  std::unique_ptr<Line> line_; // from decoder to application, while the track is heard
  bool broken_ = false, closed_ = false;
  GstClockTime covered_ = GST_CLOCK_TIME_NONE;
  std::optional<int> coded_channels_;
  GstClockTime mono_since_ = GST_CLOCK_TIME_NONE;
};

bool
ReceiverImpl::build (const Ref<GstCaps> &caps) {
  if (line_) return true;
  if (broken_ || !caps) return false;
  const Codec *codec = codec_of (caps.get ());
  auto decode = codec ? make_decode_bin (*codec)
                      : Result<Ref<GstElement>> (Error{ Errc::UnsupportedCodec, Retry::Never,
                                                        "there is no decoder for this track" });
  auto filter = make_filter ("audio/x-raw");
  const auto fail = [this] (const Error &error) {
    broken_ = true;
    hooks_.failed (error);
    return false;
  };
  if (!decode) return fail (decode.error ());
  if (!filter) return fail (filter.error ());
  g_object_set (filter->get (), "caps", caps_of (output_).get (), nullptr);
  auto line = Line::make ({ *decode, *filter },
                          [this] (Ref<GstBuffer> buffer, const Ref<GstCaps> &out) { decoded (buffer, out); });
  if (!line) return fail (line.error ());
  line_ = std::move (*line);
  filter_ = *filter;
  line_->set_caps (caps.get ());
  return true;
}

void
ReceiverImpl::decoded (const Ref<GstBuffer> &buffer, const Ref<GstCaps> &caps) {
  const GstStructure *s = caps ? gst_caps_get_structure (caps.get (), 0) : nullptr;
  Format format{ 0, 0 };
  GstMapInfo map;
  if (!s || !gst_structure_get_int (s, "rate", &format.rate)
      || !gst_structure_get_int (s, "channels", &format.channels) || format.channels <= 0
      || !gst_buffer_map (buffer.get (), &map, GST_MAP_READ))
    return;
  hooks_.sound (reinterpret_cast<const int16_t *> (map.data),
                map.size / sizeof (int16_t) / size_t (format.channels), format);
  gst_buffer_unmap (buffer.get (), &map);
}

void
ReceiverImpl::tear_down () {
  line_ = nullptr;
  filter_ = nullptr;
  covered_ = GST_CLOCK_TIME_NONE;
}

/// The packet itself says whether it is stereo (RFC 6716 §3.1, bit 2).
void
ReceiverImpl::observe (GstBuffer *packet) {
  guint8 toc = 0;
  // Up to two bytes are no sound: a pause of the sender.
  if (gst_buffer_get_size (packet) <= 2 || gst_buffer_extract (packet, 0, &toc, 1) != 1) return;
  const int channels = toc & 4 ? 2 : 1;
  const GstClockTime pts = GST_BUFFER_PTS (packet);
  if (channels == 2 || !coded_channels_) {
    mono_since_ = GST_CLOCK_TIME_NONE;
  } else if (*coded_channels_ == 2) {
    if (mono_since_ == GST_CLOCK_TIME_NONE) mono_since_ = pts;
    if (pts < mono_since_ + kMonoFor) return;
  }
  if (coded_channels_ == channels) return;
  coded_channels_ = channels;
  hooks_.coded ({ 48000, channels });
}

void
ReceiverImpl::on_frame (const Frame &frame) {
  std::lock_guard guard (lock_);
  if (closed_) return;
  observe (frame.buffer.get ());
  if (!hooks_.wanted ()) return tear_down ();
  const GstClockTime pts = GST_BUFFER_PTS (frame.buffer.get ());
  if (!GST_CLOCK_TIME_IS_VALID (pts)) return;
  // What lies behind a long hole is a new beginning, without the silence in between.
  if (covered_ != GST_CLOCK_TIME_NONE && pts > covered_ + kMostSilence) tear_down ();
  if (!build (frame.caps)) return;
  auto buffer = Ref<GstBuffer>::adopt (gst_buffer_copy (frame.buffer.get ()));
  GST_BUFFER_DTS (buffer.get ()) = GST_CLOCK_TIME_NONE;
  const GstClockTime duration = opus_duration (buffer.get ());
  const GstClockTime end = pts + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  covered_ = covered_ == GST_CLOCK_TIME_NONE ? end : std::max (covered_, end);
  line_->push (std::move (buffer));
}

void
ReceiverImpl::on_lost (GstClockTime from, GstClockTime duration) {
  std::lock_guard guard (lock_);
  if (closed_ || !line_ || !GST_CLOCK_TIME_IS_VALID (duration) || from + duration / 2 < covered_) return;
  covered_ = std::max (covered_, from + duration);
  auto *gap = gst_event_new_gap (from, duration);
  gst_event_set_gap_flags (gap, GST_GAP_FLAG_MISSING_DATA); // to be concealed
  line_->push_event (gap);
}

void
ReceiverImpl::set_output (Format output) {
  std::lock_guard guard (lock_);
  output_ = output;
  if (filter_) g_object_set (filter_.get (), "caps", caps_of (output_).get (), nullptr);
}

void
ReceiverImpl::fill (GstClockTime now, GstClockTime latency) {
  std::unique_lock guard (lock_, std::try_to_lock);
  if (!guard || closed_ || !line_ || covered_ == GST_CLOCK_TIME_NONE) return;
  if (!hooks_.wanted ()) return tear_down ();
  if (now < covered_ + latency + kSmallestGap) return;
  const GstClockTime until = now - latency,
                     from = std::max (covered_, until - std::min (until, kMostSilence));
  line_->push_event (gst_event_new_gap (from, until - from));
  covered_ = until;
}

void
ReceiverImpl::close () {
  std::lock_guard guard (lock_);
  closed_ = true;
  tear_down ();
}

} // namespace

std::shared_ptr<Receiver>
Receiver::create (Hooks hooks, Format output) {
  return std::make_shared<ReceiverImpl> (std::move (hooks), output);
}

} // namespace lk::media::pcm
