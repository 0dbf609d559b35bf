/* The public headers are C, alone and in any order. */
#include <gst/livekit/token.h>

#include <gst/livekit/error.h>
#include <gst/livekit/livekit.h>

int lk_test_error_is_settings (const GError *error);

int
lk_test_error_is_settings (const GError *error)
{
  return g_error_matches (error, GST_LIVEKIT_ERROR, GST_LIVEKIT_ERROR_SETTINGS);
}
