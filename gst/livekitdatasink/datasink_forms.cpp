// The forms in which livekitdatasink sends a buffer: packet, stream, part of a stream, chat message, segment
// of a transcription, frame of a data track.
#include "livekitdatasink/datasink.hpp"

#include "livekitdatasink/outgoing_text.hpp"
#include "participant/errors.hpp"

namespace lk::gst {

namespace {

// One chunk of a stream: a write of at most this is either done or not, so it can be repeated after a pause.
constexpr size_t kPart = 15000;

} // namespace

Result<>
DataSink::send_packet (const SendSettings &settings, const Outgoing &out, std::string_view bytes,
                       std::stop_token stop) {
  auto data = port ();
  if (!data) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
  session::OutgoingPacket packet;
  packet.reliability
      = out.reliability == GST_LIVEKIT_RELIABILITY_LOSSY ? Reliability::Lossy : Reliability::Reliable;
  packet.payload = bytes;
  if (!out.topic.empty ()) packet.topic = out.topic;
  packet.destinations = out.destinations;
  packet.max_latency = settings.max_latency ();
  if (settings.send_time) packet.start_time = out.time_us;
  auto sent = data->send (std::move (packet), stop);
  if (sent) sent_++, sent_bytes_ += bytes.size ();
  return sent;
}

Progress
DataSink::progress_of (const Outgoing &out, const std::string &id, std::optional<uint64_t> total) {
  return Progress (&participant,
                   { .direction = "out", .id = id, .topic = out.topic, .name = out.name, .total = total });
}

Result<>
DataSink::send_stream (const SendSettings &settings, const Outgoing &out, std::string_view bytes,
                       std::stop_token stop) {
  auto data = port ();
  if (!data) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
  auto spec = out.stream (settings.mode == GST_LIVEKIT_DATA_KIND_TEXT);
  spec.total_length = bytes.size ();
  if (spec.id.empty ()) spec.id = system_random ().token ();
  const bool large = bytes.size () > kPart;
  while (true) {
    auto progress = progress_of (out, spec.id, bytes.size ());
    const auto sent = data->send_stream (spec, bytes, stop, [&] (uint64_t taken) {
      if (large && taken < bytes.size ()) progress.at (taken);
    });
    if (sent) {
      if (large) progress.done (bytes.size ());
      break;
    }
    if (sent.error ().code != Errc::TransportLost || stop.stop_requested ()) return sent.error ();
    // The connection was replaced in the middle: its receivers gave up what they had of it.
    if (large) progress.failed (0, sent.error ().message);
    spec.id = system_random ().token ();
  }
  sent_++;
  sent_bytes_ += bytes.size ();
  return {};
}

/// Takes off `bytes` what has been sent, so that a pause in between repeats nothing.
Result<>
DataSink::send_part (const SendSettings &settings, const Outgoing &out, std::string_view &bytes,
                     std::stop_token stop) {
  const bool text = settings.mode == GST_LIVEKIT_DATA_KIND_TEXT;
  if (std::exchange (new_stream_, false) && writer_) {
    if (auto ended = end_stream (stop); !ended) {
      new_stream_ = true;
      return ended;
    }
  }
  if (!writer_) {
    auto data = port ();
    if (!data) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
    auto spec = out.stream (text);
    spec.total_length = upstream_size ();
    const auto total = spec.total_length;
    counted_ = total.has_value ();
    auto opened = data->open_stream (std::move (spec), stop);
    if (!opened) return opened.error ();
    writer_ = std::move (*opened);
    writer_progress_ = progress_of (out, writer_->id (), total);
    written_ = 0;
  }
  while (!bytes.empty ()) {
    const auto part = bytes.substr (0, text ? part_of_text (bytes, kPart) : kPart);
    if (auto written = writer_->write (part, stop); !written) {
      if (stop.stop_requested ()) return written;
      writer_progress_.failed (written_, written.error ().message);
      writer_.reset ();
      // A text or a log goes on as another stream; of a file the rest alone is worth nothing.
      if (written.error ().code != Errc::TransportLost || counted_) return written;
      post_warning (GST_ELEMENT (element_), written.error ());
      return send_part (settings, out, bytes, stop);
    }
    bytes.remove_prefix (std::min (part.size (), bytes.size ()));
    written_ += part.size ();
    sent_bytes_ += part.size ();
    writer_progress_.at (written_);
  }
  return {};
}

Result<>
DataSink::end_stream (std::stop_token stop) {
  auto closed = writer_->close ({}, stop);
  if (!closed && stop.stop_requested ()) return closed;
  if (closed) {
    writer_progress_.done (written_);
    sent_++;
  } else {
    writer_progress_.failed (written_, closed.error ().message);
  }
  writer_.reset ();
  if (closed || closed.error ().code != Errc::TransportLost || counted_) return closed;
  post_warning (GST_ELEMENT (element_), closed.error ());
  return {};
}

Result<>
DataSink::send_chat (const Outgoing &out, std::string_view bytes, std::stop_token stop) {
  auto data = port ();
  if (!data) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
  ChatMessage message;
  message.id = out.id;
  message.text = bytes;
  message.timestamp_ms
      = out.time_us ? int64_t (*out.time_us / 1000) : int64_t (system_clock ().wall ().count ());
  const auto sent = data->send_chat (std::move (message), out.destinations, stop);
  if (!sent) return sent.error ();
  sent_++;
  sent_bytes_ += bytes.size ();
  return {};
}

Result<>
DataSink::send_transcription (const Outgoing &out, GstBuffer *buffer, std::string_view bytes,
                              std::stop_token stop) {
  auto data = port ();
  if (!data) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
  const auto attribute = [&out] (const char *name) {
    auto it = out.attributes.find (name);
    return it == out.attributes.end () ? std::string () : it->second;
  };
  TranscriptionSegment segment;
  segment.id = !out.id.empty () ? out.id : attribute ("lk.segment_id");
  if (segment.id.empty ()) segment.id = system_random ().token ();
  segment.text = bytes;
  segment.language = attribute ("gst.language");
  segment.final = attribute ("lk.transcription_final") != "false";
  const GstClockTime start = running_time (buffer);
  if (GST_CLOCK_TIME_IS_VALID (start)) {
    segment.start_time_ms = start / GST_MSECOND;
    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      segment.end_time_ms = (start + GST_BUFFER_DURATION (buffer)) / GST_MSECOND;
  }
  Transcription transcription;
  transcription.track_sid = attribute ("lk.transcribed_track_id");
  transcription.timestamp_ms = int64_t (capture_time_us (out, buffer) / 1000);
  transcription.segments.push_back (std::move (segment));
  auto sent = data->send_transcription (std::move (transcription), stop);
  if (sent) sent_++, sent_bytes_ += bytes.size ();
  return sent;
}

Result<>
DataSink::send_frame (const SendSettings &, const Outgoing &out, GstBuffer *buffer, std::string_view bytes) {
  if (!track_) return Error{ Errc::Closed, Retry::Never, "the element is stopped" };
  if (auto ended = track_->ended ()) return *ended;
  const uint64_t captured = capture_time_us (out, buffer);
  // docs/data-time.md: the units that the SDKs read and write.
  const auto ticks = uint32_t (captured / 100 * 9 + captured % 100 * 9 / 100);
  if (track_->push (bytes, ticks, captured / 1000))
    sent_++, sent_bytes_ += bytes.size ();
  else
    dropped_++; // before the room is joined, and when the network is slow, this is how a track behaves
  return {};
}

// ---- what is known of a buffer and its source ---------------------------------------------------

GstClockTime
DataSink::running_time (GstBuffer *buffer) const {
  if (element_->segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (&element_->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

/// Wall time of the moment that the buffer's time stamp means.
uint64_t
DataSink::capture_time_us (const Outgoing &out, GstBuffer *buffer) const {
  if (out.time_us) return *out.time_us;
  const auto wall = uint64_t (g_get_real_time ());
  const GstClockTime running = running_time (buffer),
                     now = gst_element_get_current_running_time (GST_ELEMENT (element_));
  if (!GST_CLOCK_TIME_IS_VALID (running) || !GST_CLOCK_TIME_IS_VALID (now)) return wall;
  return uint64_t (int64_t (wall) + GST_CLOCK_DIFF (now, running) / int64_t (GST_USECOND));
}

/// Only a source itself knows how much is to come: what stands between may make it more or less.
std::optional<uint64_t>
DataSink::upstream_size () const {
  auto peer = Ref<GstPad>::adopt (gst_pad_get_peer (GST_BASE_SINK_PAD (element_)));
  auto parent = peer ? Ref<GstObject>::adopt (gst_pad_get_parent (peer.get ())) : nullptr;
  gint64 size = -1;
  const bool is_source = parent && GST_IS_ELEMENT (parent.get ())
                         && GST_OBJECT_FLAG_IS_SET (parent.get (), GST_ELEMENT_FLAG_SOURCE)
                         && !GST_IS_BIN (parent.get ());
  if (!is_source || !gst_pad_query_duration (peer.get (), GST_FORMAT_BYTES, &size) || size < 0)
    return std::nullopt;
  return uint64_t (size);
}

} // namespace lk::gst
