// Between wire messages (protobuf, signal/ data/ server/ only) and model.hpp.
#pragma once

#include "proto/model.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lk {

/// Why a SignalResponse yielded no event.
enum class ParseProblem { Malformed, Unknown };

struct ParsedSignal {
  std::optional<SignalEvent> event;
  ParseProblem problem
      = ParseProblem::Unknown; ///< valid without an event; Unknown kinds are ignored and counted
};

/// Reads one binary SignalResponse. Never throws, never asserts on content; out-of-range enum values become
/// Unknown/0.
ParsedSignal parse_signal_response (std::string_view bytes);
/// Serializes one SignalRequest.
std::string serialize_signal_request (const SignalCommand &command);

} // namespace lk
