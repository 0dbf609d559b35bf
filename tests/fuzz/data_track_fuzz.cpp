// Data-track packets from other participants. An input is a row of packets: two bytes of length, the packet.
#include "data/track_packet.hpp"

#include <algorithm>
#include <cstdlib>

using namespace lk::data;

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  std::string_view input (reinterpret_cast<const char *> (data), size);
  TrackDepacketizer depacketizer;
  uint64_t packets = 0, frames = 0;
  while (input.size () >= 2) {
    const size_t length = size_t (uint8_t (input[0])) << 8 | uint8_t (input[1]);
    input.remove_prefix (2);
    if (const auto packet = parse_track_packet (input.substr (0, length))) {
      packets++;
      const auto bytes = serialize_track_packet (*packet);
      const auto again = parse_track_packet (bytes);
      if (!again || again->payload != packet->payload || again->user_timestamp != packet->user_timestamp
          || again->encryption != packet->encryption || again->sequence != packet->sequence)
        abort ();
      if (const auto frame = depacketizer.push (*packet)) {
        frames++;
        if (frame->payload.size () > lk::data::kTrackFrameBytes) abort ();
      }
    }
    input.remove_prefix (std::min (length, input.size ()));
  }
  if (frames + depacketizer.dropped_frames () > packets) abort ();
  return 0;
}
