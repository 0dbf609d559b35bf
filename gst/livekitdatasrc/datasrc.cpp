#include "livekitdatasrc/datasrc.hpp"

#include "participant/announcement.hpp"
#include "participant/data_buffer.hpp"
#include "participant/errors.hpp"
#include "participant/structures.hpp"

#include <gst/livekit/data_meta.h>

GST_DEBUG_CATEGORY_EXTERN (livekit_data_src_debug);
#define GST_CAT_DEFAULT livekit_data_src_debug

namespace lk::gst {

namespace {

// Silence longer than this is told downstream, so that muxers and overlays do not wait for data.
constexpr GstClockTime kGapEvery = 100 * GST_MSECOND;
// Shorter streams need no progress.
constexpr uint64_t kOneChunk = 15000;
char kLineBreak[] = "\n";
// What a sender says about its own time further from now than this is no time, or a wrong one. Ahead: sound
// and picture may be so much slower than data; it would hold up what others send.
constexpr Nanos kLongAgo = std::chrono::minutes (1), kAhead = std::chrono::seconds (2);
// Longer text is not repeated in a message.
constexpr size_t kShownText = 1024;

bool
is_text (GstLiveKitDataKind kind) {
  return kind == GST_LIVEKIT_DATA_KIND_TEXT || kind == GST_LIVEKIT_DATA_KIND_CHAT
         || kind == GST_LIVEKIT_DATA_KIND_TRANSCRIPTION;
}

std::string
key_of (const session::StreamInfo &stream) {
  return stream.from.identity + "/" + stream.header.id;
}

const char *
nick_of (GstLiveKitDataKind kind) {
  auto *klass = G_ENUM_CLASS (g_type_class_ref (GST_TYPE_LIVEKIT_DATA_KIND));
  const auto *value = g_enum_get_value (klass, kind);
  g_type_class_unref (klass);
  return value ? value->value_nick : "";
}

session::DataFilter
filter_of (const ReceiveSettings &settings) {
  session::DataFilter filter;
  filter.topics = settings.topic;
  filter.participants = settings.participants;
  filter.packets = settings.mode == GST_LIVEKIT_DATA_KIND_PACKET;
  filter.text_streams = settings.mode == GST_LIVEKIT_DATA_KIND_TEXT;
  filter.byte_streams = settings.mode == GST_LIVEKIT_DATA_KIND_BYTES;
  filter.chat = settings.mode == GST_LIVEKIT_DATA_KIND_CHAT;
  filter.transcription = settings.mode == GST_LIVEKIT_DATA_KIND_TRANSCRIPTION;
  filter.tracks = settings.mode == GST_LIVEKIT_DATA_KIND_TRACK;
  filter.whole_streams = !settings.chunks;
  filter.max_stream_bytes = settings.chunks ? G_MAXSIZE : settings.max_stream_bytes;
  return filter;
}

} // namespace

DataSrc::DataSrc (GstBaseSrc *element)
    : participant (GST_ELEMENT (element), { .needs = [] { return session::Needs (); },
                                            .on_event = [this] (const auto &event) { on_event (event); },
                                            .send_eos = [this] { queue_.end (run_); },
                                            .add_stats = [this] (GstStructure *into) { add_stats (into); },
                                            .hears_data = true }),
      element_ (element) {}

ReceiveSettings
DataSrc::settings () const {
  std::lock_guard guard (lock_);
  return settings_;
}

void
DataSrc::change_settings (const std::function<void (ReceiveSettings &)> &change) {
  ReceiveSettings now;
  {
    std::lock_guard guard (lock_);
    change (settings_);
    now = settings_;
  }
  queue_.set_limits ({ now.max_buffers, now.max_bytes, now.leaky });
}

Ref<GstCaps>
DataSrc::caps () const {
  const auto settings = this->settings ();
  if (settings.caps) return settings.caps;
  if (!is_text (settings.mode)) return Ref<GstCaps>::adopt (gst_caps_new_any ());
  return Ref<GstCaps>::adopt (gst_caps_new_simple ("text/x-raw", "format", G_TYPE_STRING, "utf8", nullptr));
}

GstClockTime
DataSrc::latency () const {
  if (settings ().timestamp_mode == GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL) return 0;
  auto session = participant.session ();
  return session ? GstClockTime (session->latency ().count ()) * GST_MSECOND : 0;
}

void
DataSrc::on_event (const session::SessionEvent &event) {
  if (std::holds_alternative<session::LatencyChanged> (event)
      && settings ().timestamp_mode == GST_LIVEKIT_TIMESTAMP_MODE_SENDER)
    gst_element_post_message (GST_ELEMENT (element_), gst_message_new_latency (GST_OBJECT (element_)));
}

void
DataSrc::add_stats (GstStructure *into) const {
  gst_structure_set (into, "received", G_TYPE_UINT64, received_.load (), "received-bytes", G_TYPE_UINT64,
                     received_bytes_.load (), "dropped", G_TYPE_UINT64, queue_.dropped (), "waiting-bytes",
                     G_TYPE_UINT64, queue_.waiting_bytes (), nullptr);
}

// ---- life ---------------------------------------------------------------------------------------

void
DataSrc::start () {
  const auto settings = this->settings ();
  queue_.set_limits ({ settings.max_buffers, settings.max_bytes, settings.leaky });
  const unsigned number = queue_.reset ();
  run_ = number;
  received_ = received_bytes_ = 0;
  segment_sent_ = false;
  covered_until_ = 0;
  auto session = participant.session ();
  if (!session) return;
  auto run = std::make_shared<Run> ();
  run->number = number;
  run->settings = settings;
  auto listener = std::make_shared<DataListener> (GST_ELEMENT (element_),
                                                  [this, run] (const auto &event) { on_data (*run, event); });
  auto port = session->data ();
  {
    std::lock_guard guard (lock_);
    listener_ = listener;
    port_ = port;
  }
  port->add_listener (listener, filter_of (settings));
}

void
DataSrc::stop () {
  std::shared_ptr<DataListener> listener;
  std::shared_ptr<session::DataPort> port;
  {
    std::lock_guard guard (lock_);
    listener.swap (listener_);
    port.swap (port_);
  }
  if (listener) DataListener::leave (listener, port);
}

void
DataSrc::set_flushing (bool flushing) {
  queue_.set_flushing (flushing);
}

// ---- session thread -----------------------------------------------------------------------------

void
DataSrc::on_data (Run &run, const session::DataEvent &event) {
  namespace s = lk::session;
  if (const auto *opened = std::get_if<s::StreamOpened> (&event)) return on_opened (run, *opened);
  if (const auto *part = std::get_if<s::StreamData> (&event)) return on_part (run, *part);
  if (const auto *ended = std::get_if<s::StreamEnded> (&event)) return on_ended (run, *ended);
  if (const auto *track = std::get_if<s::DataTrackAppeared> (&event))
    return on_track (run, "livekit-data-track-published", track->from, track->track);
  if (const auto *track = std::get_if<s::DataTrackGone> (&event))
    return on_track (run, "livekit-data-track-unpublished", track->from, track->track);
  if (const auto *met = std::get_if<s::EncryptedDataMet> (&event))
    return post_warning (GST_ELEMENT (element_),
                         { Errc::NotAllowed, Retry::Never,
                           met->from.identity
                               + " sends encrypted data, which cannot be read without a key: it "
                                 "is left out and counted (see stats)" });
  take (run, event, "");
}

/// With `num-streams` only so many streams at a time are begun as are still wanted.
void
DataSrc::on_opened (Run &run, const session::StreamOpened &event) {
  if (run.settings.num_streams && run.finished + run.coming.size () >= run.settings.num_streams) return;
  const auto &header = event.stream->header;
  const auto *bytes = std::get_if<ByteHeader> (&header.kind);
  run.coming[key_of (*event.stream)].progress
      = Progress (&participant, { .direction = "in",
                                  .id = header.id,
                                  .topic = header.topic,
                                  .name = bytes ? bytes->name : "",
                                  .identity = event.stream->from.identity,
                                  .total = header.total_length });
}

void
DataSrc::on_part (Run &run, const session::StreamData &event) {
  auto it = run.coming.find (key_of (*event.stream));
  if (it == run.coming.end ()) return;
  it->second.bytes = event.offset + event.bytes.size ();
  it->second.progress.at (it->second.bytes);
  take (run, event, it->first);
}

void
DataSrc::on_ended (Run &run, const session::StreamEnded &event) {
  const auto it = run.coming.find (key_of (*event.stream));
  if (it == run.coming.end ()) return;
  auto coming = std::move (it->second);
  run.coming.erase (it);
  if (!run.settings.chunks) coming.bytes = event.bytes.size ();
  if (event.error) {
    if (run.end_limit.admit ()) {
      coming.progress.failed (coming.bytes, event.error->message);
      if (run.settings.chunks)
        post_warning (GST_ELEMENT (element_), { event.error->code, Retry::Never,
                                                "a stream of " + event.stream->from.identity
                                                    + " is incomplete: " + event.error->message });
    }
    return;
  }
  if (!run.settings.chunks) return take (run, event, "");
  if (coming.bytes > kOneChunk) coming.progress.done (coming.bytes);
  received_++;
  if (++run.finished == run.settings.num_streams) queue_.end (run.number);
}

void
DataSrc::on_track (Run &run, const char *name, const session::DataSender &from, const DataTrackInfo &track) {
  auto session = participant.session ();
  if (!session || !run.end_limit.admit ()) return;
  auto message = new_message (name, *session);
  gst_structure_set (message.get (), "sid", G_TYPE_STRING, track.sid.c_str (), "identity", G_TYPE_STRING,
                     from.identity.c_str (), nullptr);
  set_field (message.get (), "track", to_structure (track));
  participant.post_message (std::move (message));
}

void
DataSrc::take (Run &run, const session::DataEvent &event, const std::string &part_of) {
  for (auto &buffer : buffers_of (event)) {
    const auto *meta = gst_livekit_buffer_get_data_meta (buffer.get ());
    if (meta->kind == GST_LIVEKIT_DATA_KIND_TRANSCRIPTION && !run.settings.interim) {
      const gchar *final = gst_livekit_data_meta_get_attribute (meta, "lk.transcription_final");
      if (g_strcmp0 (final, "true") != 0) continue;
    }
    if (is_text (meta->kind) && run.settings.text_duration_ms
        && !GST_BUFFER_DURATION_IS_VALID (buffer.get ()))
      GST_BUFFER_DURATION (buffer.get ()) = run.settings.text_duration_ms * GST_MSECOND;
    if (part_of.empty () && run.settings.line_breaks)
      gst_buffer_append_memory (buffer.get (), gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, kLineBreak,
                                                                       1, 0, 1, nullptr, nullptr));
    const bool continued
        = !part_of.empty () && !GST_BUFFER_FLAG_IS_SET (buffer.get (), GST_BUFFER_FLAG_DISCONT);
    const auto when = place (run, buffer.get (), continued);
    received_bytes_ += gst_buffer_get_size (buffer.get ());
    DataQueue::Item item{ buffer, part_of };
    if (part_of.empty ()) {
      received_++;
      if (run.settings.num_streams && run.finished >= run.settings.num_streams) return;
      item.last = ++run.finished == run.settings.num_streams;
      tell (run, buffer.get ());
    }
    g_signal_emit_by_name (element_, "data-received", buffer.get ());
    const auto broken = queue_.push (run.number, std::move (item), [this, when] (GstBuffer *stamped) {
      auto now = gst_element_get_current_running_time (GST_ELEMENT (element_));
      if (when && GST_CLOCK_TIME_IS_VALID (now))
        now = GstClockTime (std::max<int64_t> (0, int64_t (now) + (*when - system_clock ().now ()).count ()));
      GST_BUFFER_PTS (stamped) = now;
    });
    const auto it = broken.empty () ? run.coming.end () : run.coming.find (broken);
    if (it == run.coming.end ()) continue;
    it->second.progress.failed (it->second.bytes, "the queue is full: what follows is too slow");
    run.coming.erase (it);
  }
}

/// When sound and picture of the same moment come out, by CLOCK_MONOTONIC; nothing when that is unknown.
/// `continued`: a later part of a stream, of which only the beginning has a time.
std::optional<Nanos>
DataSrc::place (const Run &run, GstBuffer *buffer, bool continued) const {
  const auto *meta = gst_livekit_buffer_get_data_meta (buffer);
  if (run.settings.timestamp_mode == GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL || continued || !meta->sender_sid
      || meta->timestamp >= guint64 (G_MAXINT64 / 1000))
    return {};
  std::shared_ptr<session::DataPort> port;
  {
    std::lock_guard guard (lock_);
    port = port_;
  }
  const auto path = port ? port->media_path (meta->sender_sid) : std::nullopt;
  if (!path) return {};
  const Nanos captured{ int64_t (meta->timestamp) * 1000 };
  const Nanos when = captured + *path, ahead = when - system_clock ().now ();
  if (ahead < -kLongAgo || ahead > kAhead) return {};
  gst_buffer_add_reference_timestamp_meta (buffer, unix_caps_.get (), GstClockTime (captured.count ()),
                                           GST_CLOCK_TIME_NONE);
  return when;
}

void
DataSrc::tell (Run &run, GstBuffer *buffer) {
  auto session = participant.session ();
  const auto left_out = session ? run.data_limit.admit () : std::nullopt;
  if (!left_out) return;
  const auto *meta = gst_livekit_buffer_get_data_meta (buffer);
  auto message = new_message ("livekit-data", *session);
  auto *s = message.get ();
  gst_structure_set (s, "kind", G_TYPE_STRING, nick_of (meta->kind), "topic", G_TYPE_STRING,
                     meta->topic ? meta->topic : "", "identity", G_TYPE_STRING, meta->sender_identity, "size",
                     G_TYPE_UINT64, guint64 (gst_buffer_get_size (buffer)), nullptr);
  if (meta->stream_id) gst_structure_set (s, "stream-id", G_TYPE_STRING, meta->stream_id, nullptr);
  if (meta->name) gst_structure_set (s, "name", G_TYPE_STRING, meta->name, nullptr);
  if (*left_out) gst_structure_set (s, "left-out", G_TYPE_UINT, *left_out, nullptr);
  const gsize size = gst_buffer_get_size (buffer);
  if (is_text (meta->kind) && size <= kShownText) {
    std::string text (size, 0);
    gst_buffer_extract (buffer, 0, text.data (), size);
    if (g_utf8_validate_len (text.data (), size, nullptr))
      gst_structure_set (s, "text", G_TYPE_STRING, text.c_str (), nullptr);
  }
  participant.post_message (std::move (message));
}

// ---- streaming thread ---------------------------------------------------------------------------

GstFlowReturn
DataSrc::create (GstBuffer **out) {
  while (true) {
    DataQueue::Item item;
    GstClockTime now = GST_CLOCK_TIME_NONE;
    const auto read_clock = [&] { now = gst_element_get_current_running_time (GST_ELEMENT (element_)); };
    switch (queue_.pop (item, kGapEvery, read_clock)) {
    case DataQueue::Got::Flushing:
      return GST_FLOW_FLUSHING;
    case DataQueue::Got::Ended:
      return GST_FLOW_EOS;
    case DataQueue::Got::Timeout:
      // What was made until now may still come.
      if (const auto late = latency (); GST_CLOCK_TIME_IS_VALID (now) && now > covered_until_ + late)
        send_gap (now - late);
      continue;
    case DataQueue::Got::Item:
      break;
    }
    auto buffer = Ref<GstBuffer>::adopt (gst_buffer_make_writable (item.buffer.release ()));
    // What came while the pipeline was paused is of now.
    if (!GST_BUFFER_PTS_IS_VALID (buffer.get ())) {
      read_clock ();
      GST_BUFFER_PTS (buffer.get ()) = GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
    }
    GST_BUFFER_PTS (buffer.get ()) = std::max (GST_BUFFER_PTS (buffer.get ()), covered_until_);
    covered_until_ = GST_BUFFER_PTS (buffer.get ());
    *out = buffer.release ();
    return GST_FLOW_OK;
  }
}

void
DataSrc::send_gap (GstClockTime until) {
  auto *pad = GST_BASE_SRC_PAD (element_);
  // GstBaseSrc sends its segment with the first buffer, and no gap may come before one.
  if (!std::exchange (segment_sent_, true))
    gst_pad_push_event (pad, gst_event_new_segment (&element_->segment));
  const GstClockTime from = std::exchange (covered_until_, until);
  gst_pad_push_event (pad, gst_event_new_gap (from, until - from));
}

} // namespace lk::gst
