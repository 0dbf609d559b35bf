// The JSON inside a TrickleRequest: an RTCIceCandidateInit object, as browsers write it.
#pragma once

#include <string>
#include <string_view>

namespace lk {

/// The candidate line without "a="; empty when there is none or the text is not such an object. sdpMid,
/// sdpMLineIndex and the rest are not read: with BUNDLE every candidate belongs to the first section.
std::string candidate_from_json (std::string_view json);
/// The smallest object that the server takes: the line, and index 0.
std::string candidate_to_json (std::string_view candidate);

} // namespace lk
