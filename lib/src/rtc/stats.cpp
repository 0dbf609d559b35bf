#include "rtc/stats.hpp"

#include <gst/rtp/gstrtcpbuffer.h>

namespace lk::rtc {

namespace {

// Each entry is a few bytes; a server has no reason to report on more streams than we ever sent.
constexpr size_t kMaxBlocks = 1024;

/// Calls `fn (GstRTCPPacket &)` for each packet of a valid compound packet.
template <typename Fn>
void
for_each_rtcp (GstBuffer *compound, Fn fn) {
  if (!gst_rtcp_buffer_validate_reduced (compound)) return;
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  if (!gst_rtcp_buffer_map (compound, GST_MAP_READ, &rtcp)) return;
  GstRTCPPacket packet;
  for (gboolean more = gst_rtcp_buffer_get_first_packet (&rtcp, &packet); more;
       more = gst_rtcp_packet_move_to_next (&packet))
    fn (packet);
  gst_rtcp_buffer_unmap (&rtcp);
}

/// RFC 3550 §4: middle 32 bits of the NTP time, as rtpsession stamps its sender reports.
uint32_t
ntp_now () {
  constexpr uint64_t kUnixToNtp = 2'208'988'800;
  uint64_t us = uint64_t (g_get_real_time ());
  uint64_t seconds = us / 1'000'000 + kUnixToNtp;
  uint64_t fraction = ((us % 1'000'000) << 32) / 1'000'000;
  return uint32_t (((seconds << 32) | fraction) >> 16);
}

double
round_trip (uint32_t lsr, uint32_t dlsr) {
  if (lsr == 0) return 0;
  auto units = int32_t (ntp_now () - lsr - dlsr);
  return units > 0 ? units / 65536.0 : 0;
}

/// "stats" of the session's source, or null.
StructurePtr
source_stats (GstElement *rtpbin, uint32_t ssrc) {
  Ref<GObject> session, source;
  g_signal_emit_by_name (rtpbin, "get-internal-session", 0u, session.out ());
  if (!session) return nullptr;
  g_signal_emit_by_name (session.get (), "get-source-by-ssrc", ssrc, source.out ());
  if (!source) return nullptr;
  GstStructure *stats = nullptr;
  g_object_get (source.get (), "stats", &stats, nullptr);
  return StructurePtr (stats);
}

uint64_t
number (const StructurePtr &stats, const char *field) {
  guint64 wide = 0;
  guint narrow = 0;
  if (!stats) return 0;
  if (gst_structure_get_uint64 (stats.get (), field, &wide)) return wide;
  return gst_structure_get_uint (stats.get (), field, &narrow) ? narrow : 0;
}

} // namespace

void
ReportBlocks::add (GstBuffer *compound) {
  for_each_rtcp (compound, [this] (GstRTCPPacket &packet) {
    auto type = gst_rtcp_packet_get_type (&packet);
    if (type != GST_RTCP_TYPE_SR && type != GST_RTCP_TYPE_RR) return;
    for (guint i = 0; i < gst_rtcp_packet_get_rb_count (&packet); ++i) {
      guint32 ssrc, highest, jitter, lsr, dlsr;
      guint8 fraction;
      gint32 lost;
      gst_rtcp_packet_get_rb (&packet, i, &ssrc, &fraction, &lost, &highest, &jitter, &lsr, &dlsr);
      std::lock_guard lock (lock_);
      if (blocks_.size () < kMaxBlocks || blocks_.count (ssrc))
        blocks_[ssrc] = { lost, jitter, round_trip (lsr, dlsr) };
    }
  });
}

std::optional<ReportBlocks::Block>
ReportBlocks::find (uint32_t ssrc) const {
  std::lock_guard lock (lock_);
  auto it = blocks_.find (ssrc);
  return it == blocks_.end () ? std::nullopt : std::optional (it->second);
}

void
ReportBlocks::forget (uint32_t ssrc) {
  std::lock_guard lock (lock_);
  blocks_.erase (ssrc);
}

std::vector<SenderReport>
read_sender_reports (GstBuffer *compound, Nanos arrival) {
  std::vector<SenderReport> reports;
  for_each_rtcp (compound, [&] (GstRTCPPacket &packet) {
    if (gst_rtcp_packet_get_type (&packet) != GST_RTCP_TYPE_SR) return;
    guint32 ssrc, rtp_time;
    guint64 ntp_time;
    gst_rtcp_packet_sr_get_sender_info (&packet, &ssrc, &ntp_time, &rtp_time, nullptr, nullptr);
    reports.push_back ({ ssrc, rtp_time, ntp_time, arrival });
  });
  return reports;
}

SenderStats
read_sender_stats (GstElement *rtpbin, const ReportBlocks &reports, uint32_t ssrc, uint32_t rtx_ssrc,
                   int clock_rate) {
  SenderStats stats;
  stats.ssrc = ssrc;
  auto source = source_stats (rtpbin, ssrc);
  stats.packets = number (source, "packets-sent");
  stats.bytes = number (source, "octets-sent");
  stats.nacks = number (source, "recv-nack-count");
  stats.plis = number (source, "recv-pli-count");
  stats.firs = number (source, "recv-fir-count");
  if (rtx_ssrc != 0) stats.retransmitted = number (source_stats (rtpbin, rtx_ssrc), "packets-sent");
  if (auto block = reports.find (ssrc)) {
    stats.packets_lost = block->packets_lost;
    stats.jitter_s = double (block->jitter) / clock_rate;
    stats.round_trip_s = block->round_trip_s;
  }
  return stats;
}

SenderStats
since (const SenderStats &earlier, SenderStats now) {
  for (auto counter : { &SenderStats::packets, &SenderStats::bytes, &SenderStats::nacks, &SenderStats::plis,
                        &SenderStats::firs, &SenderStats::retransmitted })
    if (now.*counter >= earlier.*counter) now.*counter -= earlier.*counter;
  return now;
}

ReceiverStats
read_receiver_stats (GstElement *rtpbin, GstElement *jitterbuffer, uint32_t ssrc) {
  ReceiverStats stats;
  auto source = source_stats (rtpbin, ssrc);
  stats.packets = number (source, "packets-received");
  stats.bytes = number (source, "octets-received");
  stats.nacks_sent = number (source, "sent-nack-count");
  stats.plis_sent = number (source, "sent-pli-count");
  if (!jitterbuffer) return stats;
  GstStructure *raw = nullptr;
  g_object_get (jitterbuffer, "stats", &raw, nullptr);
  StructurePtr buffer (raw);
  stats.lost = int64_t (number (buffer, "num-lost"));
  stats.retransmissions = number (buffer, "rtx-success-count");
  stats.jitter_s = double (number (buffer, "avg-jitter")) / GST_SECOND;
  return stats;
}

} // namespace lk::rtc
