// Tells the server what the way to us can carry, so that it sends less before its queue spoils everything.
// Internal to rtc.
#pragma once

#include "cc/announcement.hpp"
#include "cc/estimator.hpp"
#include "cc/send_time.hpp"

#include "base/ref.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace lk::rtc {

/// "Receiver estimated maximum bitrate" as draft-alvestrand-rmcat-remb-03 §2.2 writes it, for one media
/// source.
std::vector<uint8_t> write_remb (uint32_t media_ssrc, double bits_per_second);
/// The 24 bits of abs-send-time under that id (RFC 8285), if the packet has them.
std::optional<uint32_t> read_send_time (const uint8_t *packet, size_t size, int id);

/// Fed with each incoming packet; from time to time puts a REMB packet into the way that RTCP goes out. Also
/// while none comes: a server that has paused everything tries again only after what it was told has changed,
/// or was repeated. rtpsession has a signal to add to its own reports, but these come seconds apart.
/// Thread-safe.
class BandwidthReport {
public:
  BandwidthReport ();
  ~BandwidthReport ();
  BandwidthReport (const BandwidthReport &) = delete;
  BandwidthReport &operator= (const BandwidthReport &) = delete;

  /// What the offer in force says: the id of abs-send-time, and a media source that the server will know
  /// (0: no video comes, and nothing is told).
  void configure (int send_time_id, uint32_t media_ssrc);
  /// rtpbin's source pad for RTCP.
  void set_output (GstPad *pad);
  void packet (GstBuffer *packet);
  /// From time to time.
  void tick ();
  /// The way here has a queue now.
  bool
  congested () const {
    return congested_;
  }

private:
  void update (Nanos now, uint32_t media_ssrc, std::unique_lock<std::mutex> &hold);

  std::atomic<int> send_time_id_ = 0;
  std::atomic<uint32_t> media_ssrc_ = 0;
  std::atomic<bool> congested_ = false;
  GWeakRef output_; // the pad owns what owns us
  std::mutex lock_; // leaf: not held while pushing
  cc::SendTime send_time_;
  cc::Estimator estimator_{ { .follows = false } };
  cc::Announcement announcement_;
  Nanos updated_{ 0 };
};

} // namespace lk::rtc
