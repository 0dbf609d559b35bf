#include "datasink.hpp"

#include "announcement.hpp"
#include "errors.hpp"

#include <gst/livekit/data_meta.h>

#include <condition_variable>

GST_DEBUG_CATEGORY_EXTERN (livekit_data_sink_debug);
#define GST_CAT_DEFAULT livekit_data_sink_debug

namespace lk::gst {

namespace {

// One chunk of a stream: a write of at most this is either done or not, so it can be repeated after a pause.
constexpr size_t kPart = 15000;
// From the channel through the server to the others: some times as long as the sender was held up, within
// these. An SDK on a busy machine was seen to be half a second behind after 2 MB.
constexpr std::chrono::nanoseconds kShortWay = std::chrono::milliseconds (300),
                                   kLongWay = std::chrono::seconds (3);

std::string
text_of_limit (size_t size, bool lossy) {
  const size_t limit = lossy ? session::kMaxLossyPayload : session::kMaxReliablePayload;
  return "a buffer of " + std::to_string (size) + " bytes is larger than the " + std::to_string (limit)
         + " bytes that a " + (lossy ? "lossy" : "reliable")
         + " packet may have: send less at a time, or set oversize=stream, or mode=bytes";
}

/// How much of `bytes` is whole characters; npos when it is no UTF-8. A character cut at the end is left out.
size_t
whole_characters (std::string_view bytes) {
  const gchar *end = nullptr;
  if (g_utf8_validate_len (bytes.data (), bytes.size (), &end)) return bytes.size ();
  const size_t good = size_t (end - bytes.data ());
  const auto rest = gssize (bytes.size () - good);
  return g_utf8_get_char_validated (end, rest) == gunichar (-2) ? good : std::string_view::npos;
}

/// The largest beginning of `text` that has at most `limit` bytes and ends with a character.
size_t
part_of_text (std::string_view text, size_t limit) {
  if (text.size () <= limit) return text.size ();
  const gchar *end = g_utf8_find_prev_char (text.data (), text.data () + limit + 1);
  return end && end > text.data () ? size_t (end - text.data ()) : limit;
}

std::string_view
without_line_end (std::string_view text) {
  if (text.ends_with ('\n')) text.remove_suffix (1);
  if (text.ends_with ('\r')) text.remove_suffix (1);
  return text;
}

/// Subtitles come with the markup of their styles, which is no text to others.
std::string
without_markup (std::string_view bytes) {
  const std::string whole = "<markup>" + std::string (bytes) + "</markup>";
  std::string text;
  GMarkupParser parser = {};
  parser.text = [] (GMarkupParseContext *, const gchar *part, gsize size, gpointer into, GError **) {
    static_cast<std::string *> (into)->append (part, size);
  };
  auto *context = g_markup_parse_context_new (&parser, GMarkupParseFlags (0), &text, nullptr);
  const bool parsed = g_markup_parse_context_parse (context, whole.data (), gssize (whole.size ()), nullptr)
                      && g_markup_parse_context_end_parse (context, nullptr);
  g_markup_parse_context_free (context);
  return parsed ? text : std::string (bytes);
}

bool
is_text (GstLiveKitDataKind mode) {
  return mode == GST_LIVEKIT_DATA_KIND_TEXT || mode == GST_LIVEKIT_DATA_KIND_CHAT
         || mode == GST_LIVEKIT_DATA_KIND_TRANSCRIPTION;
}

} // namespace

DataSink::DataSink (GstBaseSink *element)
    : participant (GST_ELEMENT (element), { .needs =
                                                [] {
                                                  session::Needs needs;
                                                  needs.data = true;
                                                  return needs;
                                                },
                                            .on_event = [this] (const auto &event) { on_event (event); },
                                            .send_eos = [this] { end_by_room (); },
                                            .add_stats = [this] (GstStructure *into) { add_stats (into); } }),
      element_ (element) {}

SendSettings
DataSink::settings () const {
  std::lock_guard guard (lock_);
  return settings_;
}

void
DataSink::change_settings (const std::function<void (SendSettings &)> &change) {
  std::lock_guard guard (lock_);
  change (settings_);
}

std::shared_ptr<session::DataPort>
DataSink::port () const {
  auto session = participant.session ();
  return session ? session->data () : nullptr;
}

std::stop_token
DataSink::stop_token () const {
  std::lock_guard guard (lock_);
  return stop_.get_token ();
}

// ---- life ---------------------------------------------------------------------------------------

void
DataSink::start () {
  const auto settings = this->settings ();
  {
    std::lock_guard guard (lock_);
    stop_ = std::stop_source ();
    told_.clear ();
    begun_ = false;
  }
  ended_ = false;
  sent_ = sent_bytes_ = dropped_ = unsent_bytes_ = 0;
  tail_.clear ();
  new_stream_ = markup_ = false;
  last_sent_ = {};
  held_up_ = {};
  auto data = port ();
  if (data) data->widen_repeat_window (Millis (settings.resend_window_ms));
  if (data && settings.mode == GST_LIVEKIT_DATA_KIND_TRACK)
    track_ = data->publish_track ({ .name = settings.topic }, settings.max_latency ());
}

void
DataSink::stop () {
  writer_.reset (); // the receivers are told that it is incomplete
  track_.reset ();
}

void
DataSink::unlock () {
  std::stop_source source;
  {
    std::lock_guard guard (lock_);
    playing_ = false;
    source = stop_;
  }
  source.request_stop ();
}

void
DataSink::unlock_stop () {
  std::lock_guard guard (lock_);
  stop_ = std::stop_source ();
}

void
DataSink::playing () {
  playing_ = true;
  if (ended_) end_by_room ();
}

/// The room closed, or its end counts as the end of the stream.
void
DataSink::end_by_room () {
  ended_ = true;
  if (playing_)
    gst_element_post_message (GST_ELEMENT (element_), gst_message_new_eos (GST_OBJECT (element_)));
}

/// After an outage: of some data nobody knows whether it arrived.
void
DataSink::on_event (const session::SessionEvent &event) {
  const auto *change = std::get_if<session::StateChanged> (&event);
  if (!change) return;
  {
    std::lock_guard guard (lock_);
    begun_ = true;
  }
  if (change->to != session::State::Connected) return;
  auto session = participant.session ();
  if (!session) return;
  const auto stats = session->data ()->stats ();
  uint64_t count = 0;
  {
    std::lock_guard guard (lock_);
    count = stats.unconfirmed - std::min (stats.unconfirmed, told_unconfirmed_);
    told_unconfirmed_ = stats.unconfirmed;
  }
  if (count == 0) return;
  auto message = new_message ("livekit-data-unconfirmed", *session);
  gst_structure_set (message.get (), "count", G_TYPE_UINT64, count, "repeated", G_TYPE_UINT64, stats.repeated,
                     nullptr);
  participant.post_message (std::move (message));
}

void
DataSink::set_caps (GstCaps *caps) {
  const auto *format = gst_structure_get_string (gst_caps_get_structure (caps, 0), "format");
  markup_ = g_strcmp0 (format, "pango-markup") == 0;
}

void
DataSink::segment () {
  auto query = Ref<GstQuery>::adopt (gst_query_new_latency ());
  gboolean live = FALSE;
  if (gst_pad_peer_query (GST_BASE_SINK_PAD (element_), query.get ()))
    gst_query_parse_latency (query.get (), &live, nullptr, nullptr);
  live_ = live;
  new_stream_ = true;
}

void
DataSink::flushed () {
  tail_.clear ();
  writer_.reset ();
}

void
DataSink::add_stats (GstStructure *into) const {
  gst_structure_set (into, "sent", G_TYPE_UINT64, sent_.load (), "sent-bytes", G_TYPE_UINT64,
                     sent_bytes_.load (), "dropped", G_TYPE_UINT64, dropped_.load (), "unsent-bytes",
                     G_TYPE_UINT64, unsent_bytes_.load (), nullptr);
}

// ---- one buffer ---------------------------------------------------------------------------------

void
DataSink::drop (Reason reason, const std::string &why) {
  dropped_++;
  {
    std::lock_guard guard (lock_);
    if (!told_.insert (reason).second) return;
  }
  post_warning (GST_ELEMENT (element_), { Errc::LimitExceeded, Retry::Never,
                                          why + "; it is left out, as are others like it (see stats)" });
}

GstFlowReturn
DataSink::render (GstBuffer *buffer) {
  if (ended_) return GST_FLOW_EOS;
  const auto settings = this->settings ();
  const MappedBuffer mapped (buffer);
  if (!mapped) {
    drop (Reason::NotMapped, "a buffer cannot be read");
    return GST_FLOW_OK;
  }
  auto bytes = mapped.bytes ();
  if (bytes.empty ()) {
    if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP)) drop (Reason::Empty, "a buffer is empty");
    return GST_FLOW_OK;
  }
  if (settings.mode == GST_LIVEKIT_DATA_KIND_CHAT) {
    bytes = without_line_end (bytes);
    if (bytes.empty ()) return GST_FLOW_OK; // Enter alone says nothing
  }
  const bool parts
      = settings.mode == GST_LIVEKIT_DATA_KIND_TEXT && settings.stream_per == GST_LIVEKIT_STREAM_PER_SEGMENT;
  if (!is_text (settings.mode)) return send (settings, buffer, bytes);

  const std::string joined = tail_ + (markup_ ? without_markup (bytes) : std::string (bytes));
  const size_t whole = whole_characters (joined);
  tail_.clear ();
  if (whole == std::string::npos || (whole < joined.size () && !parts)) {
    drop (Reason::NotUtf8, "a buffer is no UTF-8 text");
    return GST_FLOW_OK;
  }
  tail_ = joined.substr (whole);
  return send (settings, buffer, std::string_view (joined).substr (0, whole));
}

GstFlowReturn
DataSink::send (const SendSettings &settings, GstBuffer *buffer, std::string_view bytes) {
  auto out = outgoing_of (settings, buffer);
  if (settings.send_time) {
    out.time_us = capture_time_us (out, buffer);
    out.attributes[kTimeAttribute] = std::to_string (*out.time_us);
  }
  auto result = GST_FLOW_OK;
  switch (settings.mode) {
  case GST_LIVEKIT_DATA_KIND_PACKET: {
    const bool lossy = out.reliability == GST_LIVEKIT_RELIABILITY_LOSSY;
    const bool fits = bytes.size () <= (lossy ? session::kMaxLossyPayload : session::kMaxReliablePayload);
    if (!fits && settings.oversize == GST_LIVEKIT_OVERSIZE_DROP) {
      drop (Reason::TooLarge, text_of_limit (bytes.size (), lossy));
      return GST_FLOW_OK;
    }
    if (!fits && settings.oversize == GST_LIVEKIT_OVERSIZE_ERROR)
      return failed ({ Errc::LimitExceeded, Retry::Never, text_of_limit (bytes.size (), lossy) });
    result = persist ([&] (std::stop_token stop) {
      return fits ? send_packet (settings, out, bytes, stop) : send_stream (settings, out, bytes, stop);
    });
    break;
  }
  case GST_LIVEKIT_DATA_KIND_TEXT:
  case GST_LIVEKIT_DATA_KIND_BYTES:
    if (settings.stream_per == GST_LIVEKIT_STREAM_PER_BUFFER) {
      result = persist ([&] (std::stop_token stop) { return send_stream (settings, out, bytes, stop); });
    } else {
      auto rest = bytes;
      result = persist ([&] (std::stop_token stop) { return send_part (settings, out, rest, stop); });
    }
    break;
  case GST_LIVEKIT_DATA_KIND_CHAT:
    result = persist ([&] (std::stop_token stop) { return send_chat (out, bytes, stop); });
    break;
  case GST_LIVEKIT_DATA_KIND_TRANSCRIPTION:
    result = persist ([&] (std::stop_token stop) { return send_transcription (out, buffer, bytes, stop); });
    break;
  case GST_LIVEKIT_DATA_KIND_TRACK:
    result = persist ([&] (std::stop_token) { return send_frame (settings, out, buffer, bytes); });
    break;
  }
  return result;
}

GstFlowReturn
DataSink::persist (const std::function<Result<> (std::stop_token)> &send) {
  while (true) {
    const auto stop = stop_token ();
    auto session = participant.session ();
    const bool joined = session && session->state () == session::State::Connected;
    const auto began = std::chrono::steady_clock::now ();
    const auto done = send (stop);
    last_sent_ = std::chrono::steady_clock::now ();
    if (joined) held_up_ += last_sent_ - began;
    if (done) return GST_FLOW_OK;
    if (!stop.stop_requested ()) return failed (done.error ());
    // A pause, a flush or the end: it is tried again when playing goes on.
    const auto flow = gst_base_sink_wait_preroll (element_);
    if (flow != GST_FLOW_OK) return flow;
  }
}

GstFlowReturn
DataSink::failed (const Error &error) {
  auto session = participant.session ();
  const auto state = session ? session->state () : session::State::Disconnected;
  bool over = state == session::State::Failed;
  {
    // A session that is still to begin is disconnected, too.
    std::lock_guard guard (lock_);
    over |= state == session::State::Disconnected && begun_;
  }
  if (!over) {
    post_error (GST_ELEMENT (element_), error);
    return GST_FLOW_ERROR;
  }
  // The session's end is told by the participant, as on-disconnect says.
  GST_DEBUG_OBJECT (element_, "not sent: %s", error.message.c_str ());
  GstLiveKitOnDisconnect policy = GST_LIVEKIT_ON_DISCONNECT_AUTO;
  g_object_get (element_, "on-disconnect", &policy, nullptr);
  if (policy == GST_LIVEKIT_ON_DISCONNECT_NONE) {
    drop (Reason::Disconnected, "a buffer came when the session was over");
    return GST_FLOW_OK;
  }
  // No error of upstream's own, and no EOS that would overtake ours.
  return ended_ ? GST_FLOW_EOS : GST_FLOW_FLUSHING;
}

// ---- the forms ----------------------------------------------------------------------------------

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

// ---- time and end -------------------------------------------------------------------------------

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

GstFlowReturn
DataSink::finish () {
  if (ended_) return GST_FLOW_OK;
  if (!tail_.empty ()) {
    tail_.clear ();
    drop (Reason::NotUtf8, "the text ends within a character");
  }
  const auto flow
      = writer_ ? persist ([this] (std::stop_token stop) { return end_stream (stop); }) : GST_FLOW_OK;
  if (flow != GST_FLOW_OK) return flow;
  const auto arrived = last_sent_ + std::clamp (3 * held_up_, kShortWay, kLongWay);
  return persist ([this, arrived] (std::stop_token stop) { return drain (stop, arrived); });
}

/// Until the server has acknowledged everything, and a moment longer: nobody tells when the receivers have
/// it, and the SDKs give up a stream whose sender has left.
Result<>
DataSink::drain (std::stop_token stop, Moment arrived) {
  auto data = port ();
  if (!data) return {};
  std::mutex lock;
  std::condition_variable_any changed;
  const auto give_up
      = std::chrono::steady_clock::now () + std::chrono::milliseconds (settings ().drain_timeout_ms);
  while (true) {
    const auto stats = data->stats ();
    const auto now = std::chrono::steady_clock::now ();
    const bool taken = stats.buffered == 0 && stats.settled;
    if (taken && now >= arrived) return {};
    if (!taken) arrived = std::max (arrived, now + kShortWay);
    if (!taken && now >= give_up) {
      unsent_bytes_ += stats.buffered;
      post_warning (GST_ELEMENT (element_),
                    { Errc::Timeout, Retry::Never,
                      stats.buffered ? "the end came while " + std::to_string (stats.buffered)
                                           + " bytes could not be sent: the network is too slow"
                                     : "the end came before the server had acknowledged the last data" });
      return {};
    }
    std::unique_lock guard (lock);
    changed.wait_for (guard, stop, std::chrono::milliseconds (5), [] { return false; });
    if (stop.stop_requested ()) return Error{ Errc::Closed, Retry::Never, "stopped" };
  }
}

} // namespace lk::gst
