#include "participant/errors.hpp"

namespace lk::gst {

ErrorCode
gst_error_code (Errc code) {
  const auto resource = [] (GstResourceError c) { return ErrorCode{ GST_RESOURCE_ERROR, c }; };
  switch (code) {
  case Errc::InvalidUrl:
  case Errc::InvalidToken:
  case Errc::Settings:
  case Errc::LimitExceeded:
    return resource (GST_RESOURCE_ERROR_SETTINGS);
  case Errc::ResolveFailed:
  case Errc::NotFound:
    return resource (GST_RESOURCE_ERROR_NOT_FOUND);
  case Errc::ConnectFailed:
  case Errc::TlsFailed:
  case Errc::Timeout:
  case Errc::NotLiveKit:
    return resource (GST_RESOURCE_ERROR_OPEN_READ_WRITE);
  case Errc::Unauthorized:
  case Errc::NotAllowed:
    return resource (GST_RESOURCE_ERROR_NOT_AUTHORIZED);
  case Errc::RoomFull:
  case Errc::ServerBusy:
    return resource (GST_RESOURCE_ERROR_BUSY);
  case Errc::SignalLost:
  case Errc::TransportLost:
    return resource (GST_RESOURCE_ERROR_READ);
  case Errc::DuplicateIdentity:
  case Errc::Removed:
  case Errc::RoomClosed:
  case Errc::ServerShutdown:
  case Errc::Closed:
    return resource (GST_RESOURCE_ERROR_CLOSE);
  case Errc::UnsupportedCodec:
    return { GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND };
  case Errc::MissingElement:
    return { GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN };
  case Errc::MediaFailed:
    return { GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED };
  case Errc::Protocol:
  case Errc::Internal:
    return resource (GST_RESOURCE_ERROR_FAILED);
  }
  return resource (GST_RESOURCE_ERROR_FAILED);
}

namespace {

void
post (GstElement *element, GstMessageType type, const Error &error, const char *session) {
  const auto [domain, code] = gst_error_code (error.code);
  auto *details = gst_structure_new ("details", "code", G_TYPE_STRING, to_string (error.code), "reason",
                                     G_TYPE_STRING, error.message.c_str (), "retryable", G_TYPE_BOOLEAN,
                                     gboolean (error.retry != Retry::Never), nullptr);
  if (session && *session) gst_structure_set (details, "session", G_TYPE_STRING, session, nullptr);
  gst_element_message_full_with_details (element, type, domain, code, g_strdup (error.message.c_str ()),
                                         g_strdup_printf ("code %s", to_string (error.code)), __FILE__,
                                         GST_FUNCTION, __LINE__, details);
}

} // namespace

void
post_error (GstElement *element, const Error &error, const char *session) {
  post (element, GST_MESSAGE_ERROR, error, session);
}

void
post_warning (GstElement *element, const Error &error, const char *session) {
  post (element, GST_MESSAGE_WARNING, error, session);
}

} // namespace lk::gst
