#include "livekitdatasink/datasink.hpp"

#include "livekitdatasink/outgoing_text.hpp"
#include "participant/announcement.hpp"
#include "participant/data_buffer.hpp"
#include "participant/errors.hpp"

#include <condition_variable>

GST_DEBUG_CATEGORY_EXTERN (livekit_data_sink_debug);
#define GST_CAT_DEFAULT livekit_data_sink_debug

namespace lk::gst {

namespace {

// From the channel through the server to the others: some times as long as the sender was held up, within
// these. An SDK on a busy machine was seen to be half a second behind after 2 MB.
constexpr std::chrono::nanoseconds kShortWay = std::chrono::milliseconds (300),
                                   kLongWay = std::chrono::seconds (3);

/// A buffer's bytes while it lives.
class MappedBuffer {
public:
  explicit MappedBuffer (GstBuffer *buffer) : buffer_ (buffer) {
    mapped_ = gst_buffer_map (buffer, &info_, GST_MAP_READ);
  }
  ~MappedBuffer () {
    if (mapped_) gst_buffer_unmap (buffer_, &info_);
  }
  MappedBuffer (const MappedBuffer &) = delete;
  MappedBuffer &operator= (const MappedBuffer &) = delete;

  explicit operator bool () const { return mapped_; }
  std::string_view
  bytes () const {
    return { reinterpret_cast<const char *> (info_.data), info_.size };
  }

private:
  GstBuffer *buffer_;
  GstMapInfo info_ = GST_MAP_INFO_INIT;
  bool mapped_ = false;
};

std::string
text_of_limit (size_t size, bool lossy) {
  const size_t limit = lossy ? session::kMaxLossyPayload : session::kMaxReliablePayload;
  return "a buffer of " + std::to_string (size) + " bytes is larger than the " + std::to_string (limit)
         + " bytes that a " + (lossy ? "lossy" : "reliable")
         + " packet may have: send less at a time, or set oversize=stream, or mode=bytes";
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

// ---- the end ------------------------------------------------------------------------------------

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
