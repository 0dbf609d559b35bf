#include "rtc/receive_streams.hpp"

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
on_new_jitterbuffer (GstElement *, GstElement *jitterbuffer, guint, guint ssrc, gpointer data) noexcept {
  auto &streams = **static_cast<StreamsPtr *> (data);
  auto stream = streams.find (ssrc);
  if (!stream) return;
  g_object_set (jitterbuffer, "do-retransmission", gboolean (stream->kind == MediaKind::Video),
                "faststart-min-packets", kFastStart, nullptr);
  auto sink = Ref<GstPad>::adopt (gst_element_get_static_pad (jitterbuffer, "sink"));
  probe_with (sink.get (), kPackets, on_packet, stream->gate);
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

void
watch_jitterbuffers (GstElement *rtpbin, StreamsPtr streams) {
  // After webrtcbin's own handler.
  connect_with (rtpbin, "new-jitterbuffer", on_new_jitterbuffer, std::move (streams), G_CONNECT_AFTER);
}

} // namespace lk::rtc
