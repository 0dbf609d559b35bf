// Between the bytes of a data channel message and data_model.hpp.
#pragma once

#include "proto/data_model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lk {

/// Empty for what is not a DataPacket: garbage, texts that are not UTF-8, or more parts than kMaxDataParts. A
/// kind that we don't know gives a packet with std::monostate. Never throws, never asserts on content.
std::optional<DataPacket> parse_data_packet (std::string_view bytes);
/// Wrong bytes in texts become U+FFFD, since one would make everybody refuse the packet; whoever takes text
/// from a user checks it before.
std::string serialize_data_packet (const DataPacket &packet, Reliability reliability);
/// Gives a packet that was serialized with sequence 0 its sequence, which nobody knows before its turn comes.
void stamp_sequence (std::string &serialized, uint32_t sequence);

/// Destinations, segments, attributes … of one packet. Empty ones take two bytes on the wire and a hundred in
/// memory.
inline constexpr std::size_t kMaxDataParts = 8192;

} // namespace lk
