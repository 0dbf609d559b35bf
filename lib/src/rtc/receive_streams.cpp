#include "rtc/receive_streams.hpp"

#include "rtc/repeat_time.hpp"

#include <gst/rtp/gstrtpbuffer.h>

#include <utility>

namespace lk::rtc {

namespace {

// Some seconds of video at 2 Mbit/s: what is attached by then will come too late anyway.
constexpr uint64_t kMaxBlockedPackets = 1000;
// So many packets in a row begin a stream at once; otherwise its first packet waits for the whole latency,
// because an earlier one could still come.
constexpr guint kFastStart = 2;

using GatePtr = std::shared_ptr<StreamGate>;
using StreamsPtr = std::shared_ptr<ReceiveStreams>;

GstPadProbeReturn
on_packet (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
  auto &gate = **static_cast<GatePtr *> (data);
  // One decision for a list: its packets arrived together.
  bool admitted = true;
  for_each_packet (info, [&] (GstBuffer *) { admitted = gate.admit () && admitted; });
  return admitted ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

void
set_patience (GstElement *jitterbuffer, Millis latency) {
  g_object_set (jitterbuffer, "latency", guint ((latency + kRepeatPatience).count ()), nullptr);
}

/// Between the thread that feeds a jitter buffer and the one that runs its timers.
struct Repeats {
  std::mutex lock; // leaf
  RepeatTime time;
  Millis applied{ 0 };

  /// Not with the jitter buffer's lock held: when a packet comes, before it gets in.
  void
  apply (GstElement *jitterbuffer) {
    Millis timeout;
    {
      std::lock_guard hold (lock);
      timeout = time.timeout ();
      if (std::chrono::abs (timeout - applied) * 10 <= applied) return;
      applied = timeout;
    }
    g_object_set (jitterbuffer, "rtx-min-retry-timeout", int (timeout.count ()), nullptr);
  }
};
using RepeatsPtr = std::shared_ptr<Repeats>;

uint16_t
sequence_of (GstBuffer *packet) {
  guint8 bytes[2];
  return gst_buffer_extract (packet, 2, bytes, 2) == 2 ? GST_READ_UINT16_BE (bytes) : 0;
}

GstPadProbeReturn
on_video_packet (GstPad *pad, GstPadProbeInfo *info, gpointer data) noexcept {
  auto &repeats = **static_cast<RepeatsPtr *> (data);
  bool repeated = false;
  for_each_packet (info, [&] (GstBuffer *packet) {
    if (!GST_BUFFER_FLAG_IS_SET (packet, GST_RTP_BUFFER_FLAG_RETRANSMISSION)) return;
    std::lock_guard hold (repeats.lock);
    repeats.time.came (system_clock ().now (), sequence_of (packet));
    repeated = true;
  });
  if (!repeated) return GST_PAD_PROBE_OK;
  if (auto jitterbuffer = Ref<GstElement>::adopt (gst_pad_get_parent_element (pad)))
    repeats.apply (jitterbuffer.get ());
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn
on_request (GstPad *, GstPadProbeInfo *info, gpointer data) noexcept {
  const GstStructure *request = gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));
  guint seqnum = 0;
  if (!request || !gst_structure_has_name (request, "GstRTPRetransmissionRequest")
      || !gst_structure_get_uint (request, "seqnum", &seqnum))
    return GST_PAD_PROBE_OK;
  auto &repeats = **static_cast<RepeatsPtr *> (data);
  std::lock_guard hold (repeats.lock);
  repeats.time.asked (system_clock ().now (), uint16_t (seqnum));
  return GST_PAD_PROBE_OK;
}

void
on_new_jitterbuffer (GstElement *, GstElement *jitterbuffer, guint, guint ssrc, gpointer data) noexcept {
  auto &streams = **static_cast<StreamsPtr *> (data);
  auto stream = streams.find (ssrc);
  if (!stream) return;
  bool video = stream->kind == MediaKind::Video;
  // A packet that is only expected is not asked for: on a path with jitter most of them are on their way.
  g_object_set (jitterbuffer, "do-retransmission", gboolean (video), "rtx-next-seqnum", FALSE,
                "faststart-min-packets", kFastStart, nullptr);
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (jitterbuffer, "sink"));
  probe_with (sink.get (), kPackets, on_packet, stream->gate);
  if (video) {
    guint latency = 0;
    g_object_get (jitterbuffer, "latency", &latency, nullptr);
    set_patience (jitterbuffer, Millis (latency));
    auto repeats = std::make_shared<Repeats> ();
    repeats->apply (jitterbuffer);
    probe_with (sink.get (), kPackets, on_video_packet, repeats);
    probe_with (sink.get (), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_request, repeats);
  }
  streams.set_jitterbuffer (*stream, Ref<GstElement>::retain (jitterbuffer));
}

} // namespace

bool
StreamGate::admit () {
  if (!dropping && (!blocked || since_blocked++ < kMaxBlockedPackets)) return true;
  ++dropped;
  return false;
}

ReceiveStreams::Change
ReceiveStreams::update (const std::vector<ReceiveSection> &sections) {
  Change change;
  std::map<uint32_t, StreamPtr> before;
  std::lock_guard lock (lock_);
  before.swap (streams_);
  retransmissions_.clear ();
  for (const auto &section : sections) {
    if (!section.active || section.ssrc == 0) continue;
    auto &stream = streams_[section.ssrc];
    if (auto kept = before.extract (section.ssrc)) {
      stream = std::move (kept.mapped ());
    } else if (auto returned = gone_.extract (section.ssrc)) {
      stream = std::move (returned.mapped ());
      change.back.push_back (stream);
    } else {
      stream.reset (new ReceiveStream{ section.ssrc, section.kind });
    }
    stream->mid = section.mid;
    if (section.rtx_ssrc != 0) retransmissions_.insert (section.rtx_ssrc);
  }
  for (auto &[ssrc, stream] : before) {
    change.gone.push_back (stream);
    gone_[ssrc] = std::move (stream);
  }
  return change;
}

bool
ReceiveStreams::remove (const StreamPtr &stream) {
  std::lock_guard lock (lock_);
  auto it = gone_.find (stream->ssrc);
  if (it == gone_.end () || it->second != stream) return false;
  gone_.erase (it); // the caller holds the last reference
  return true;
}

void
ReceiveStreams::clear () {
  std::map<uint32_t, StreamPtr> streams, gone;
  std::lock_guard lock (lock_); // released before the streams are
  streams.swap (streams_);
  gone.swap (gone_);
  retransmissions_.clear ();
}

StreamPtr
ReceiveStreams::find (uint32_t ssrc) const {
  std::lock_guard lock (lock_);
  auto it = streams_.find (ssrc);
  return it == streams_.end () ? nullptr : it->second;
}

bool
ReceiveStreams::knows (uint32_t ssrc) const {
  std::lock_guard lock (lock_);
  return streams_.count (ssrc) || retransmissions_.count (ssrc);
}

void
ReceiveStreams::set_pad (ReceiveStream &stream, Ref<GstPad> pad) {
  std::lock_guard lock (lock_);
  std::swap (stream.pad, pad);
}

Ref<GstPad>
ReceiveStreams::pad (uint32_t ssrc) const {
  std::lock_guard lock (lock_);
  auto it = streams_.find (ssrc);
  return it == streams_.end () ? nullptr : it->second->pad;
}

void
ReceiveStreams::set_jitterbuffer (ReceiveStream &stream, Ref<GstElement> jitterbuffer) {
  std::lock_guard lock (lock_);
  std::swap (stream.jitterbuffer, jitterbuffer);
}

Ref<GstElement>
ReceiveStreams::jitterbuffer (uint32_t ssrc) const {
  std::lock_guard lock (lock_);
  auto it = streams_.find (ssrc);
  return it == streams_.end () ? nullptr : it->second->jitterbuffer;
}

std::vector<Ref<GstElement>>
ReceiveStreams::video_jitterbuffers () const {
  std::vector<Ref<GstElement>> found;
  std::lock_guard lock (lock_);
  for (const auto *streams : { &streams_, &gone_ })
    for (const auto &[ssrc, stream] : *streams)
      if (stream->kind == MediaKind::Video && stream->jitterbuffer) found.push_back (stream->jitterbuffer);
  return found;
}

void
ReceiveStreams::set_latency (Millis latency) {
  for (const auto &jitterbuffer : video_jitterbuffers ())
    set_patience (jitterbuffer.get (), latency);
}

void
ReceiveStreams::set_congested (bool congested) {
  if (congested == congested_) return;
  congested_ = congested;
  for (const auto &jitterbuffer : video_jitterbuffers ())
    g_object_set (jitterbuffer.get (), "rtx-max-retries", congested ? 1 : -1, nullptr);
}

void
watch_jitterbuffers (GstElement *rtpbin, StreamsPtr streams) {
  // After webrtcbin's own handler.
  connect_with (rtpbin, "new-jitterbuffer", on_new_jitterbuffer, std::move (streams), G_CONNECT_AFTER);
}

} // namespace lk::rtc
