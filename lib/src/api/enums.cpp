#include <gst/livekit/enums.h>

namespace {

GType
register_once (gsize *once, const char *name, const GEnumValue *values) {
  if (g_once_init_enter (once)) g_once_init_leave (once, g_enum_register_static (name, values));
  return *once;
}

} // namespace

#define LK_ENUM_TYPE(function, name, ...)                                                                    \
  GType function (void) {                                                                                    \
    static const GEnumValue values[] = { __VA_ARGS__, { 0, nullptr, nullptr } };                             \
    static gsize once = 0;                                                                                   \
    return register_once (&once, name, values);                                                              \
  }

LK_ENUM_TYPE (gst_livekit_connection_state_get_type, "GstLiveKitConnectionState",
              { GST_LIVEKIT_CONNECTION_STATE_DISCONNECTED, "Not in a room", "disconnected" },
              { GST_LIVEKIT_CONNECTION_STATE_CONNECTING, "Joining", "connecting" },
              { GST_LIVEKIT_CONNECTION_STATE_CONNECTED, "In the room", "connected" },
              { GST_LIVEKIT_CONNECTION_STATE_RECONNECTING, "Restoring the link", "reconnecting" },
              { GST_LIVEKIT_CONNECTION_STATE_FAILED, "Ended by an error", "failed" })

LK_ENUM_TYPE (gst_livekit_track_source_get_type, "GstLiveKitTrackSource",
              { GST_LIVEKIT_TRACK_SOURCE_AUTO, "Microphone for audio, camera for video", "auto" },
              { GST_LIVEKIT_TRACK_SOURCE_CAMERA, "Camera", "camera" },
              { GST_LIVEKIT_TRACK_SOURCE_MICROPHONE, "Microphone", "microphone" },
              { GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE, "Shared screen", "screen-share" },
              { GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO, "Sound of a shared screen",
                "screen-share-audio" },
              { GST_LIVEKIT_TRACK_SOURCE_UNKNOWN, "None of these", "unknown" })

LK_ENUM_TYPE (gst_livekit_on_disconnect_get_type, "GstLiveKitOnDisconnect",
              { GST_LIVEKIT_ON_DISCONNECT_AUTO, "EOS or error, as fits the element and the reason", "auto" },
              { GST_LIVEKIT_ON_DISCONNECT_EOS, "EOS", "eos" },
              { GST_LIVEKIT_ON_DISCONNECT_ERROR, "Error", "error" },
              { GST_LIVEKIT_ON_DISCONNECT_NONE, "Stay", "none" })

LK_ENUM_TYPE (gst_livekit_transport_policy_get_type, "GstLiveKitTransportPolicy",
              { GST_LIVEKIT_TRANSPORT_POLICY_ALL, "Direct paths and relays", "all" },
              { GST_LIVEKIT_TRANSPORT_POLICY_RELAY, "Relays only", "relay" })

LK_ENUM_TYPE (gst_livekit_output_get_type, "GstLiveKitOutput",
              { GST_LIVEKIT_OUTPUT_AUTO, "Raw, unless what is linked takes only encoded formats", "auto" },
              { GST_LIVEKIT_OUTPUT_RAW, "Decoded", "raw" },
              { GST_LIVEKIT_OUTPUT_ENCODED, "As the sender encoded it", "encoded" })

LK_ENUM_TYPE (gst_livekit_video_quality_get_type, "GstLiveKitVideoQuality",
              { GST_LIVEKIT_VIDEO_QUALITY_LOW, "Smallest layer", "low" },
              { GST_LIVEKIT_VIDEO_QUALITY_MEDIUM, "Middle layer", "medium" },
              { GST_LIVEKIT_VIDEO_QUALITY_HIGH, "Largest layer", "high" })
