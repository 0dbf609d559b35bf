#include <gst/livekit/error.h>

GQuark
gst_livekit_error_quark (void) {
  return g_quark_from_static_string ("gst-livekit-error-quark");
}

GType
gst_livekit_error_get_type (void) {
  static const GEnumValue values[] = {
    { GST_LIVEKIT_ERROR_SETTINGS, "An argument is missing, too long or contradicts another", "settings" },
    { GST_LIVEKIT_ERROR_INVALID_TOKEN, "The token cannot be read or is not valid", "invalid-token" },
    { 0, nullptr, nullptr },
  };
  static gsize once = 0;
  if (g_once_init_enter (&once))
    g_once_init_leave (&once, g_enum_register_static ("GstLiveKitError", values));
  return once;
}
