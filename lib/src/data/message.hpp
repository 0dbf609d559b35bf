// A serialized packet as the channels take it.
#pragma once

#include "base/ref.hpp"

#include <string>
#include <string_view>

namespace lk::data {

/// Without copying.
Ref<GBytes> to_message (std::string bytes);
/// Valid while the message lives.
std::string_view view_of (const Ref<GBytes> &message);

} // namespace lk::data
