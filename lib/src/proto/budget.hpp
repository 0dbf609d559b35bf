// A bound on what one signalling message may unfold into.
#pragma once

#include <cstddef>
#include <string_view>

namespace lk {

/// A room of 5,000 people with two tracks each stays below.
inline constexpr std::size_t kMaxParts = 100'000;

/// Counts the participants, tracks, layers … of a binary SignalResponse without building them. An empty one
/// takes two bytes on the wire and hundreds in memory, so the size of the frame alone bounds nothing.
/// @return false with more than `limit` of them, for what is cut off, or with groups, which no LiveKit
/// message
///         has. True says nothing about the rest: the parser looks at that.
bool within_budget (std::string_view signal_response, std::size_t limit = kMaxParts);

} // namespace lk
