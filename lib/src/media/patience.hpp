// How late a frame may be. Pure.
#pragma once

#include "media/codecs.hpp"
#include "rtc/repeat_time.hpp"

namespace lk::media {

/// Beyond the latency that a pad reports: sound that is late is concealed, pictures are waited for.
constexpr GstClockTime
patience (MediaKind kind) {
  return kind == MediaKind::Video ? GstClockTime (rtc::kRepeatPatience.count ()) * GST_MSECOND : 0;
}

} // namespace lk::media
