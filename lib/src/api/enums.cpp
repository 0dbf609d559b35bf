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

LK_ENUM_TYPE (gst_livekit_reconnect_get_type, "GstLiveKitReconnect",
              { GST_LIVEKIT_RECONNECT_AUTO, "After a lost connection", "auto" },
              { GST_LIVEKIT_RECONNECT_NEVER, "Never", "never" },
              { GST_LIVEKIT_RECONNECT_ALWAYS, "The first connect, too", "always" })

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

LK_ENUM_TYPE (gst_livekit_data_kind_get_type, "GstLiveKitDataKind",
              { GST_LIVEKIT_DATA_KIND_PACKET, "Single packets", "packet" },
              { GST_LIVEKIT_DATA_KIND_TEXT, "Text streams", "text" },
              { GST_LIVEKIT_DATA_KIND_BYTES, "Byte streams", "bytes" },
              { GST_LIVEKIT_DATA_KIND_CHAT, "Chat messages", "chat" },
              { GST_LIVEKIT_DATA_KIND_TRANSCRIPTION, "What somebody said", "transcription" },
              { GST_LIVEKIT_DATA_KIND_TRACK, "Frames of a data track", "track" })

LK_ENUM_TYPE (gst_livekit_reliability_get_type, "GstLiveKitReliability",
              { GST_LIVEKIT_RELIABILITY_RELIABLE, "In order, sent again until it arrives", "reliable" },
              { GST_LIVEKIT_RELIABILITY_LOSSY, "Sent once, may overtake", "lossy" })

LK_ENUM_TYPE (gst_livekit_oversize_get_type, "GstLiveKitOversize",
              { GST_LIVEKIT_OVERSIZE_ERROR, "An error", "error" },
              { GST_LIVEKIT_OVERSIZE_DROP, "Left out and counted", "drop" },
              { GST_LIVEKIT_OVERSIZE_STREAM, "Sent as a byte stream of the same topic", "stream" })

LK_ENUM_TYPE (gst_livekit_stream_per_get_type, "GstLiveKitStreamPer",
              { GST_LIVEKIT_STREAM_PER_BUFFER, "Each buffer is a stream", "buffer" },
              { GST_LIVEKIT_STREAM_PER_SEGMENT, "Everything up to EOS is one stream", "segment" })

LK_ENUM_TYPE (gst_livekit_leaky_get_type, "GstLiveKitLeaky",
              { GST_LIVEKIT_LEAKY_OLDEST, "The one that waited longest", "oldest" },
              { GST_LIVEKIT_LEAKY_NEWEST, "The one that just came", "newest" })

LK_ENUM_TYPE (gst_livekit_timestamp_mode_get_type, "GstLiveKitTimestampMode",
              { GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL, "When it came", "arrival" },
              { GST_LIVEKIT_TIMESTAMP_MODE_SENDER, "In line with the sound and picture of its sender",
                "sender" })

LK_ENUM_TYPE (gst_livekit_layout_get_type, "GstLiveKitLayout",
              { GST_LIVEKIT_LAYOUT_GRID, "All pictures in one size, in rows", "grid" },
              { GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER, "Who speaks is large, the others stand in a strip",
                "active-speaker" },
              { GST_LIVEKIT_LAYOUT_SINGLE, "Only who speaks", "single" },
              { GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE, "All pictures in one row", "side-by-side" },
              { GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE,
                "Who speaks fills the frame, the others stand small upon it", "picture-in-picture" },
              { GST_LIVEKIT_LAYOUT_SCREEN_SHARE,
                "A shared screen is large, the others stand in a strip; without one, a grid",
                "screen-share" })

LK_ENUM_TYPE (gst_livekit_place_get_type, "GstLiveKitPlace",
              { GST_LIVEKIT_PLACE_AUTO, "Where the layout puts it", "auto" },
              { GST_LIVEKIT_PLACE_FULL, "Over the whole frame", "full" },
              { GST_LIVEKIT_PLACE_LEFT, "The left half", "left" },
              { GST_LIVEKIT_PLACE_RIGHT, "The right half", "right" },
              { GST_LIVEKIT_PLACE_TOP_LEFT, "Small, in that corner", "top-left" },
              { GST_LIVEKIT_PLACE_TOP_RIGHT, "Small, in that corner", "top-right" },
              { GST_LIVEKIT_PLACE_BOTTOM_LEFT, "Small, in that corner", "bottom-left" },
              { GST_LIVEKIT_PLACE_BOTTOM_RIGHT, "Small, in that corner", "bottom-right" },
              { GST_LIVEKIT_PLACE_HIDDEN, "Nowhere", "hidden" })

LK_ENUM_TYPE (gst_livekit_channel_mode_get_type, "GstLiveKitChannelMode",
              { GST_LIVEKIT_CHANNEL_MODE_MIXED, "Everybody in stereo", "mixed" },
              { GST_LIVEKIT_CHANNEL_MODE_PER_PARTICIPANT, "Each participant alone on a channel",
                "per-participant" })
