// Figures of one stream, read from rtpbin and from the receiver's reports. Internal to rtc.
#pragma once

#include "rtc/publisher.hpp"
#include "rtc/subscriber.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace lk::rtc {

/// The newest report block per SSRC. rtpsession keeps one block per reporter only, and the server reports on
/// all tracks in one.
class ReportBlocks {
public:
  struct Block {
    int32_t packets_lost = 0;
    uint32_t jitter = 0;     ///< in RTP clock units
    double round_trip_s = 0; ///< 0 = not known
  };
  /// Any thread: an incoming compound RTCP packet.
  void add (GstBuffer *compound);
  std::optional<Block> find (uint32_t ssrc) const;
  void forget (uint32_t ssrc);

private:
  mutable std::mutex lock_; // leaf
  std::map<uint32_t, Block> blocks_;
};

/// The sender reports of a compound RTCP packet, with this arrival time.
std::vector<SenderReport> read_sender_reports (GstBuffer *compound, Nanos arrival);

SenderStats read_sender_stats (GstElement *rtpbin, const ReportBlocks &reports, uint32_t ssrc,
                               uint32_t rtx_ssrc, int clock_rate);
/// The counters of `now` less those of `earlier`, which rtpsession may have begun anew meanwhile.
SenderStats since (const SenderStats &earlier, SenderStats now);
/// What rtpbin and the jitter buffer (may be null) know; counters of our own are added by the caller.
ReceiverStats read_receiver_stats (GstElement *rtpbin, GstElement *jitterbuffer, uint32_t ssrc);

} // namespace lk::rtc
