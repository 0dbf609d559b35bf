/* Enumerations of the gst-livekit elements. */
#pragma once

#include <glib-object.h>
#include <gst/livekit/prelude.h>

G_BEGIN_DECLS

/**
 * GstLiveKitConnectionState:
 * @GST_LIVEKIT_CONNECTION_STATE_DISCONNECTED: not in a room
 * @GST_LIVEKIT_CONNECTION_STATE_CONNECTING: joining
 * @GST_LIVEKIT_CONNECTION_STATE_CONNECTED: in the room, media can flow
 * @GST_LIVEKIT_CONNECTION_STATE_RECONNECTING: the link was lost and is being restored
 * @GST_LIVEKIT_CONNECTION_STATE_FAILED: ended by an error
 *
 * Where a session stands.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_CONNECTION_STATE_DISCONNECTED,
  GST_LIVEKIT_CONNECTION_STATE_CONNECTING,
  GST_LIVEKIT_CONNECTION_STATE_CONNECTED,
  GST_LIVEKIT_CONNECTION_STATE_RECONNECTING,
  GST_LIVEKIT_CONNECTION_STATE_FAILED
} GstLiveKitConnectionState;

/**
 * GstLiveKitTrackSource:
 * @GST_LIVEKIT_TRACK_SOURCE_AUTO: microphone for audio, camera for video
 * @GST_LIVEKIT_TRACK_SOURCE_CAMERA: a camera
 * @GST_LIVEKIT_TRACK_SOURCE_MICROPHONE: a microphone
 * @GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE: a shared screen
 * @GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO: the sound of a shared screen
 * @GST_LIVEKIT_TRACK_SOURCE_UNKNOWN: none of these
 *
 * Where a track comes from, as others in the room see it.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_TRACK_SOURCE_AUTO,
  GST_LIVEKIT_TRACK_SOURCE_CAMERA,
  GST_LIVEKIT_TRACK_SOURCE_MICROPHONE,
  GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE,
  GST_LIVEKIT_TRACK_SOURCE_SCREEN_SHARE_AUDIO,
  GST_LIVEKIT_TRACK_SOURCE_UNKNOWN
} GstLiveKitTrackSource;

/**
 * GstLiveKitOnDisconnect:
 * @GST_LIVEKIT_ON_DISCONNECT_AUTO: livekitsrc: EOS, after a failure with a warning; livekitsink: EOS after a clean end, else an error
 * @GST_LIVEKIT_ON_DISCONNECT_EOS: EOS, whatever happened
 * @GST_LIVEKIT_ON_DISCONNECT_ERROR: an error, whatever happened
 * @GST_LIVEKIT_ON_DISCONNECT_NONE: stay, and only tell by message
 *
 * What an element does when its session ends.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_ON_DISCONNECT_AUTO,
  GST_LIVEKIT_ON_DISCONNECT_EOS,
  GST_LIVEKIT_ON_DISCONNECT_ERROR,
  GST_LIVEKIT_ON_DISCONNECT_NONE
} GstLiveKitOnDisconnect;

/**
 * GstLiveKitTransportPolicy:
 * @GST_LIVEKIT_TRANSPORT_POLICY_ALL: direct paths and relays
 * @GST_LIVEKIT_TRANSPORT_POLICY_RELAY: relays (TURN) only
 *
 * Which network paths media may take.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_TRANSPORT_POLICY_ALL,
  GST_LIVEKIT_TRANSPORT_POLICY_RELAY
} GstLiveKitTransportPolicy;

/**
 * GstLiveKitOutput:
 * @GST_LIVEKIT_OUTPUT_AUTO: raw, unless what is linked takes only encoded formats
 * @GST_LIVEKIT_OUTPUT_RAW: decoded
 * @GST_LIVEKIT_OUTPUT_ENCODED: as the sender encoded it
 *
 * What a source pad of livekitsrc gives.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_OUTPUT_AUTO,
  GST_LIVEKIT_OUTPUT_RAW,
  GST_LIVEKIT_OUTPUT_ENCODED
} GstLiveKitOutput;

/**
 * GstLiveKitVideoQuality:
 * @GST_LIVEKIT_VIDEO_QUALITY_LOW: the smallest layer
 * @GST_LIVEKIT_VIDEO_QUALITY_MEDIUM: the middle layer
 * @GST_LIVEKIT_VIDEO_QUALITY_HIGH: the largest layer
 *
 * Which layer of a video track to receive.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_VIDEO_QUALITY_LOW,
  GST_LIVEKIT_VIDEO_QUALITY_MEDIUM,
  GST_LIVEKIT_VIDEO_QUALITY_HIGH
} GstLiveKitVideoQuality;

GST_LIVEKIT_API GType gst_livekit_connection_state_get_type (void);
GST_LIVEKIT_API GType gst_livekit_track_source_get_type (void);
GST_LIVEKIT_API GType gst_livekit_on_disconnect_get_type (void);
GST_LIVEKIT_API GType gst_livekit_transport_policy_get_type (void);
GST_LIVEKIT_API GType gst_livekit_output_get_type (void);
GST_LIVEKIT_API GType gst_livekit_video_quality_get_type (void);

#define GST_TYPE_LIVEKIT_CONNECTION_STATE (gst_livekit_connection_state_get_type ())
#define GST_TYPE_LIVEKIT_TRACK_SOURCE (gst_livekit_track_source_get_type ())
#define GST_TYPE_LIVEKIT_ON_DISCONNECT (gst_livekit_on_disconnect_get_type ())
#define GST_TYPE_LIVEKIT_TRANSPORT_POLICY (gst_livekit_transport_policy_get_type ())
#define GST_TYPE_LIVEKIT_OUTPUT (gst_livekit_output_get_type ())
#define GST_TYPE_LIVEKIT_VIDEO_QUALITY (gst_livekit_video_quality_get_type ())

G_END_DECLS
