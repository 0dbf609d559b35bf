#include "media/opus.hpp"

namespace lk::media {

GstClockTime
opus_duration (GstBuffer *packet) {
  guint8 head[2] = { 0, 0 };
  gsize size = gst_buffer_extract (packet, 0, head, sizeof head);
  if (size == 0) return GST_CLOCK_TIME_NONE;

  // RFC 6716 table 2: configurations 0-11 SILK, 12-15 hybrid, 16-31 CELT.
  static constexpr guint kSilk[] = { 10'000, 20'000, 40'000, 60'000 };
  static constexpr guint kHybrid[] = { 10'000, 20'000 };
  static constexpr guint kCelt[] = { 2'500, 5'000, 10'000, 20'000 };
  guint config = head[0] >> 3;
  guint frame_us = config < 12 ? kSilk[config & 3] : config < 16 ? kHybrid[config & 1] : kCelt[config & 3];

  guint frames = 0;
  switch (head[0] & 3) {
  case 0:
    frames = 1;
    break;
  case 1:
  case 2:
    frames = 2;
    break;
  default:
    frames = size > 1 ? head[1] & 0x3f : 0;
  }
  // §3.4 R5: at most 120 ms.
  guint total_us = frames * frame_us;
  return total_us == 0 || total_us > 120'000 ? GST_CLOCK_TIME_NONE : total_us * GST_USECOND;
}

} // namespace lk::media
