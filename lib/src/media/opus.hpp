// What an Opus packet says about itself.
#pragma once

#include "base/ref.hpp"

namespace lk::media {

/// Duration by the TOC byte (RFC 6716 §3.1), or NONE for a malformed packet.
GstClockTime opus_duration (GstBuffer *packet);

} // namespace lk::media
