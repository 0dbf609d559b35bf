#include "rtc/bandwidth_report.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>

namespace lk::rtc {
namespace {

constexpr Nanos kUpdate = std::chrono::milliseconds (50);
constexpr size_t kFixedHeader = 12;

size_t
word (const uint8_t *bytes) {
  return size_t (bytes[0]) << 8 | bytes[1];
}

} // namespace

std::vector<uint8_t>
write_remb (uint32_t media_ssrc, double bits_per_second) {
  auto mantissa = static_cast<uint64_t> (std::clamp (bits_per_second, 0.0, 1e12));
  uint8_t exponent = 0;
  for (; mantissa >= 1 << 18; mantissa >>= 1)
    ++exponent;
  auto byte = [] (uint64_t value) { return static_cast<uint8_t> (value & 0xff); };
  // As sender a number that no source of ours has: the packet speaks for the connection.
  return { 0x8f,
           206,
           0,
           5,
           0,
           0,
           0,
           1,
           0,
           0,
           0,
           0,
           'R',
           'E',
           'M',
           'B',
           1,
           byte (uint64_t (exponent) << 2 | mantissa >> 16),
           byte (mantissa >> 8),
           byte (mantissa),
           byte (media_ssrc >> 24),
           byte (media_ssrc >> 16),
           byte (media_ssrc >> 8),
           byte (media_ssrc) };
}

std::optional<uint32_t>
read_send_time (const uint8_t *packet, size_t size, int id) {
  if (id < 1 || id > 14 || size < kFixedHeader || !(packet[0] & 0x10)) return std::nullopt;
  size_t at = kFixedHeader + 4 * size_t (packet[0] & 0x0f);
  if (size < at + 4) return std::nullopt;
  auto profile = word (packet + at);
  size_t end = at + 4 + 4 * word (packet + at + 2);
  if (end > size) return std::nullopt;
  at += 4;
  bool one_byte = profile == 0xbede;
  if (!one_byte && (profile & 0xfff0) != 0x1000) return std::nullopt;
  while (at < end) {
    if (packet[at] == 0) { // padding
      ++at;
      continue;
    }
    if (!one_byte && at + 1 >= end) break;
    int found = one_byte ? packet[at] >> 4 : packet[at];
    size_t length = one_byte ? size_t (packet[at] & 0x0f) + 1 : packet[at + 1];
    at += one_byte ? 1 : 2;
    if (one_byte && found == 15) break; // RFC 8285 §4.2: nothing that follows counts
    if (at + length > end) break;
    if (found == id && length == 3)
      return uint32_t (packet[at]) << 16 | uint32_t (packet[at + 1]) << 8 | packet[at + 2];
    at += length;
  }
  return std::nullopt;
}

BandwidthReport::BandwidthReport () {
  g_weak_ref_init (&output_, nullptr);
}

BandwidthReport::~BandwidthReport () {
  g_weak_ref_clear (&output_);
}

void
BandwidthReport::configure (int send_time_id, uint32_t media_ssrc) {
  send_time_id_ = send_time_id;
  media_ssrc_ = media_ssrc;
}

void
BandwidthReport::set_output (GstPad *pad) {
  g_weak_ref_set (&output_, pad);
}

void
BandwidthReport::packet (GstBuffer *packet) {
  uint32_t media_ssrc = media_ssrc_;
  if (media_ssrc == 0) return;
  // Fixed header, 15 contributors and some extensions: abs-send-time is among the first.
  std::array<uint8_t, 256> head;
  auto size = gst_buffer_extract (packet, 0, head.data (), head.size ());
  auto stamp = read_send_time (head.data (), size, send_time_id_);
  // Set when it was taken from the socket; the clock of this pipeline is the monotonic one.
  auto time = GST_BUFFER_DTS_OR_PTS (packet);
  Nanos now = GST_CLOCK_TIME_IS_VALID (time) ? Nanos (static_cast<int64_t> (time)) : system_clock ().now ();
  // As the server counts: without what UDP and SRTP add.
  auto bytes = static_cast<uint32_t> (gst_buffer_get_size (packet));

  std::unique_lock hold (lock_);
  if (stamp)
    estimator_.packet (send_time_.unwrap (*stamp), now, bytes);
  else
    estimator_.packet (now, bytes);
  update (now, media_ssrc, hold);
}

void
BandwidthReport::tick () {
  std::unique_lock hold (lock_);
  if (media_ssrc_ != 0) update (system_clock ().now (), media_ssrc_, hold);
}

void
BandwidthReport::update (Nanos now, uint32_t media_ssrc, std::unique_lock<std::mutex> &hold) {
  if (now - updated_ < kUpdate) return;
  updated_ = now;
  estimator_.update (now);
  congested_ = estimator_.congested ();
  std::optional<double> told;
  if (auto target = estimator_.target ()) told = announcement_.next (now, *target, estimator_.congested ());
  if (!told) return;
  GST_CAT_LOG (log::rtc (), "the way here carries %.0f kbit/s, its queue is %d ms long", *told / 1000,
               static_cast<int> (std::chrono::duration_cast<Millis> (estimator_.queue ()).count ()));
  hold.unlock ();
  auto output = Ref<GstPad>::adopt (static_cast<GstPad *> (g_weak_ref_get (&output_)));
  if (!output) return;
  auto bytes_out = write_remb (media_ssrc, *told);
  auto *buffer = gst_buffer_new_memdup (bytes_out.data (), bytes_out.size ());
  gst_pad_push (output.get (), buffer); // without a flow there is nobody to tell
}

} // namespace lk::rtc
