/* Errors of the library's functions. */
#pragma once

#include <glib-object.h>
#include <gst/livekit/prelude.h>

G_BEGIN_DECLS

/**
 * GstLiveKitError:
 * @GST_LIVEKIT_ERROR_SETTINGS: an argument is missing, too long or contradicts another; the message names it
 * @GST_LIVEKIT_ERROR_INVALID_TOKEN: the token cannot be read, is not valid now, or was signed with another secret
 *
 * What went wrong, in terms of what the caller can do about it. Messages are sentences for a user and never contain a
 * token or a secret.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_ERROR_SETTINGS,
  GST_LIVEKIT_ERROR_INVALID_TOKEN
} GstLiveKitError;

GST_LIVEKIT_API GType gst_livekit_error_get_type (void);
GST_LIVEKIT_API GQuark gst_livekit_error_quark (void);

#define GST_TYPE_LIVEKIT_ERROR (gst_livekit_error_get_type ())

/**
 * GST_LIVEKIT_ERROR:
 *
 * Domain of #GError for #GstLiveKitError.
 *
 * Since: 0.1
 */
#define GST_LIVEKIT_ERROR (gst_livekit_error_quark ())

G_END_DECLS
