// lk::Error → GStreamer messages: the one place where codes meet error domains.
#pragma once

#include "base/result.hpp"

#include <gst/gst.h>

namespace lk::gst {

struct ErrorCode {
  GQuark domain;
  gint code;
};
/// The GStreamer domain and code of an Errc.
ErrorCode gst_error_code (Errc code);

/// Posts an ERROR or WARNING message with the error's sentence and a details structure (`code`, `reason`,
/// `retryable`, `session`).
void post_error (GstElement *element, const Error &error, const char *session = nullptr);
void post_warning (GstElement *element, const Error &error, const char *session = nullptr);

} // namespace lk::gst
