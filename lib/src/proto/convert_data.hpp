// Between the bytes of a data channel message and data_model.hpp.
#pragma once

#include "proto/data_model.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lk {

/// Empty for what is not a DataPacket. A kind that we don't know gives a packet with std::monostate. Never
/// throws, never asserts on content.
std::optional<DataPacket> parse_data_packet (std::string_view bytes);
std::string serialize_data_packet (const DataPacket &packet, Reliability reliability);

} // namespace lk
