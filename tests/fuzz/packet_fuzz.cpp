// Data packets from other participants.
#include "proto/convert_data.hpp"

#include <cstdlib>

using namespace lk;

extern "C" int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  const std::string_view input (reinterpret_cast<const char *> (data), size);
  const auto packet = parse_data_packet (input);
  if (!packet) return 0;
  // What we write of it is read as the same, and does not change any more.
  const auto bytes = serialize_data_packet (*packet, Reliability::Reliable);
  const auto again = parse_data_packet (bytes);
  if (!again || again->body.index () != packet->body.index () || again->sequence != packet->sequence)
    abort ();
  auto stamped = serialize_data_packet (*again, Reliability::Reliable);
  if (stamped.size () != bytes.size ()) abort ();
  stamp_sequence (stamped, 77);
  if (parse_data_packet (stamped)->sequence != 77) abort ();
  return 0;
}
