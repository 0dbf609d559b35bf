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
 * @GST_LIVEKIT_ON_DISCONNECT_AUTO: sources: EOS, after a failure with a warning; sinks: EOS after a clean
 * end, else an error
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
 * GstLiveKitReconnect:
 * @GST_LIVEKIT_RECONNECT_AUTO: a lost connection is sought again; the first connect has to succeed
 * @GST_LIVEKIT_RECONNECT_NEVER: a lost connection is the end
 * @GST_LIVEKIT_RECONNECT_ALWAYS: the first connect is tried again as well, without end
 *
 * What an element does when it cannot reach its room.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_RECONNECT_AUTO,
  GST_LIVEKIT_RECONNECT_NEVER,
  GST_LIVEKIT_RECONNECT_ALWAYS
} GstLiveKitReconnect;

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
typedef enum { GST_LIVEKIT_OUTPUT_AUTO, GST_LIVEKIT_OUTPUT_RAW, GST_LIVEKIT_OUTPUT_ENCODED } GstLiveKitOutput;

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

/**
 * GstLiveKitDataKind:
 * @GST_LIVEKIT_DATA_KIND_PACKET: one packet: up to 1,300 bytes lossy, 15,360 bytes reliable
 * @GST_LIVEKIT_DATA_KIND_TEXT: text of any length, as a text stream
 * @GST_LIVEKIT_DATA_KIND_BYTES: bytes of any length, as a byte stream
 * @GST_LIVEKIT_DATA_KIND_CHAT: chat messages
 * @GST_LIVEKIT_DATA_KIND_TRANSCRIPTION: what somebody said, as text
 * @GST_LIVEKIT_DATA_KIND_TRACK: frames of a data track
 *
 * In which form data travels.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_DATA_KIND_PACKET,
  GST_LIVEKIT_DATA_KIND_TEXT,
  GST_LIVEKIT_DATA_KIND_BYTES,
  GST_LIVEKIT_DATA_KIND_CHAT,
  GST_LIVEKIT_DATA_KIND_TRANSCRIPTION,
  GST_LIVEKIT_DATA_KIND_TRACK
} GstLiveKitDataKind;

/**
 * GstLiveKitReliability:
 * @GST_LIVEKIT_RELIABILITY_RELIABLE: in order, sent again until it arrives
 * @GST_LIVEKIT_RELIABILITY_LOSSY: sent once, may overtake
 *
 * How hard a packet tries to arrive.
 *
 * Since: 0.1
 */
typedef enum { GST_LIVEKIT_RELIABILITY_RELIABLE, GST_LIVEKIT_RELIABILITY_LOSSY } GstLiveKitReliability;

/**
 * GstLiveKitOversize:
 * @GST_LIVEKIT_OVERSIZE_ERROR: an error
 * @GST_LIVEKIT_OVERSIZE_DROP: left out and counted
 * @GST_LIVEKIT_OVERSIZE_STREAM: sent as a byte stream of the same topic
 *
 * What becomes of a buffer that is larger than a packet may be.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_OVERSIZE_ERROR,
  GST_LIVEKIT_OVERSIZE_DROP,
  GST_LIVEKIT_OVERSIZE_STREAM
} GstLiveKitOversize;

/**
 * GstLiveKitStreamPer:
 * @GST_LIVEKIT_STREAM_PER_BUFFER: each buffer is a stream
 * @GST_LIVEKIT_STREAM_PER_SEGMENT: everything up to EOS or a new segment is one stream
 *
 * What makes one text or byte stream.
 *
 * Since: 0.1
 */
typedef enum { GST_LIVEKIT_STREAM_PER_BUFFER, GST_LIVEKIT_STREAM_PER_SEGMENT } GstLiveKitStreamPer;

/**
 * GstLiveKitLeaky:
 * @GST_LIVEKIT_LEAKY_OLDEST: the one that waited longest
 * @GST_LIVEKIT_LEAKY_NEWEST: the one that just came
 *
 * Which message a full queue leaves out.
 *
 * Since: 0.1
 */
typedef enum { GST_LIVEKIT_LEAKY_OLDEST, GST_LIVEKIT_LEAKY_NEWEST } GstLiveKitLeaky;

/**
 * GstLiveKitTimestampMode:
 * @GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL: when it came
 * @GST_LIVEKIT_TIMESTAMP_MODE_SENDER: in line with the sound and picture of its sender, where those are
 * received and it says when it was made
 *
 * What the time stamps of received data mean.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_TIMESTAMP_MODE_ARRIVAL,
  GST_LIVEKIT_TIMESTAMP_MODE_SENDER
} GstLiveKitTimestampMode;

/**
 * GstLiveKitLayout:
 * @GST_LIVEKIT_LAYOUT_GRID: all pictures in one size, in rows
 * @GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER: who speaks is large, the others stand in a strip
 * @GST_LIVEKIT_LAYOUT_SINGLE: only who speaks
 * @GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE: all pictures in one row
 * @GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE: who speaks fills the frame, the others stand small upon it
 * @GST_LIVEKIT_LAYOUT_SCREEN_SHARE: a shared screen is large, the others stand in a strip; without one, a
 * grid
 *
 * How the pictures of a room share a frame.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_LAYOUT_GRID,
  GST_LIVEKIT_LAYOUT_ACTIVE_SPEAKER,
  GST_LIVEKIT_LAYOUT_SINGLE,
  GST_LIVEKIT_LAYOUT_SIDE_BY_SIDE,
  GST_LIVEKIT_LAYOUT_PICTURE_IN_PICTURE,
  GST_LIVEKIT_LAYOUT_SCREEN_SHARE
} GstLiveKitLayout;

/**
 * GstLiveKitPlace:
 * @GST_LIVEKIT_PLACE_AUTO: where the layout puts it
 * @GST_LIVEKIT_PLACE_FULL: over the whole frame
 * @GST_LIVEKIT_PLACE_LEFT: the left half
 * @GST_LIVEKIT_PLACE_RIGHT: the right half
 * @GST_LIVEKIT_PLACE_TOP_LEFT: small, in that corner
 * @GST_LIVEKIT_PLACE_TOP_RIGHT: small, in that corner
 * @GST_LIVEKIT_PLACE_BOTTOM_LEFT: small, in that corner
 * @GST_LIVEKIT_PLACE_BOTTOM_RIGHT: small, in that corner
 * @GST_LIVEKIT_PLACE_HIDDEN: nowhere
 *
 * Where one participant's picture stands.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_PLACE_AUTO,
  GST_LIVEKIT_PLACE_FULL,
  GST_LIVEKIT_PLACE_LEFT,
  GST_LIVEKIT_PLACE_RIGHT,
  GST_LIVEKIT_PLACE_TOP_LEFT,
  GST_LIVEKIT_PLACE_TOP_RIGHT,
  GST_LIVEKIT_PLACE_BOTTOM_LEFT,
  GST_LIVEKIT_PLACE_BOTTOM_RIGHT,
  GST_LIVEKIT_PLACE_HIDDEN
} GstLiveKitPlace;

/**
 * GstLiveKitChannelMode:
 * @GST_LIVEKIT_CHANNEL_MODE_MIXED: everybody in stereo
 * @GST_LIVEKIT_CHANNEL_MODE_PER_PARTICIPANT: each participant alone on a channel
 *
 * What the channels of mixed sound are.
 *
 * Since: 0.1
 */
typedef enum {
  GST_LIVEKIT_CHANNEL_MODE_MIXED,
  GST_LIVEKIT_CHANNEL_MODE_PER_PARTICIPANT
} GstLiveKitChannelMode;

GST_LIVEKIT_API GType gst_livekit_connection_state_get_type (void);
GST_LIVEKIT_API GType gst_livekit_track_source_get_type (void);
GST_LIVEKIT_API GType gst_livekit_on_disconnect_get_type (void);
GST_LIVEKIT_API GType gst_livekit_reconnect_get_type (void);
GST_LIVEKIT_API GType gst_livekit_transport_policy_get_type (void);
GST_LIVEKIT_API GType gst_livekit_output_get_type (void);
GST_LIVEKIT_API GType gst_livekit_video_quality_get_type (void);
GST_LIVEKIT_API GType gst_livekit_data_kind_get_type (void);
GST_LIVEKIT_API GType gst_livekit_reliability_get_type (void);
GST_LIVEKIT_API GType gst_livekit_oversize_get_type (void);
GST_LIVEKIT_API GType gst_livekit_stream_per_get_type (void);
GST_LIVEKIT_API GType gst_livekit_leaky_get_type (void);
GST_LIVEKIT_API GType gst_livekit_timestamp_mode_get_type (void);
GST_LIVEKIT_API GType gst_livekit_layout_get_type (void);
GST_LIVEKIT_API GType gst_livekit_place_get_type (void);
GST_LIVEKIT_API GType gst_livekit_channel_mode_get_type (void);

#define GST_TYPE_LIVEKIT_CONNECTION_STATE (gst_livekit_connection_state_get_type ())
#define GST_TYPE_LIVEKIT_TRACK_SOURCE (gst_livekit_track_source_get_type ())
#define GST_TYPE_LIVEKIT_ON_DISCONNECT (gst_livekit_on_disconnect_get_type ())
#define GST_TYPE_LIVEKIT_RECONNECT (gst_livekit_reconnect_get_type ())
#define GST_TYPE_LIVEKIT_TRANSPORT_POLICY (gst_livekit_transport_policy_get_type ())
#define GST_TYPE_LIVEKIT_OUTPUT (gst_livekit_output_get_type ())
#define GST_TYPE_LIVEKIT_VIDEO_QUALITY (gst_livekit_video_quality_get_type ())
#define GST_TYPE_LIVEKIT_DATA_KIND (gst_livekit_data_kind_get_type ())
#define GST_TYPE_LIVEKIT_RELIABILITY (gst_livekit_reliability_get_type ())
#define GST_TYPE_LIVEKIT_OVERSIZE (gst_livekit_oversize_get_type ())
#define GST_TYPE_LIVEKIT_STREAM_PER (gst_livekit_stream_per_get_type ())
#define GST_TYPE_LIVEKIT_LEAKY (gst_livekit_leaky_get_type ())
#define GST_TYPE_LIVEKIT_TIMESTAMP_MODE (gst_livekit_timestamp_mode_get_type ())
#define GST_TYPE_LIVEKIT_LAYOUT (gst_livekit_layout_get_type ())
#define GST_TYPE_LIVEKIT_PLACE (gst_livekit_place_get_type ())
#define GST_TYPE_LIVEKIT_CHANNEL_MODE (gst_livekit_channel_mode_get_type ())

G_END_DECLS
