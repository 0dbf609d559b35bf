/* A LiveKit participant with sound and data for programs in C: 30 functions, binary compatible with the
 * library of the same name that Unreal Engine projects link. docs/c-api.md has the semantics, the threads and
 * the errors.
 *
 * - Every function may be called from any thread, callbacks included.
 * - A failed call returns a code and a sentence; give the sentence back with lk_free_str().
 * - Callbacks come one at a time from a thread that belongs to the client. Pointers given to them live as
 * long as the call. While a callback blocks, no other comes, and what cannot wait is dropped.
 */
#ifndef LIVEKIT_FFI_H
#define LIVEKIT_FFI_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define LK_FFI_EXPORT __attribute__ ((visibility ("default")))
#else
#define LK_FFI_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ------------------------------------------------------------------------------------------- */

/* code 0: done, message NULL. Otherwise the code says what went wrong (1xx connection and token, 2xx data,
 * 3xx sound, 4xx life cycle and arguments, 5xx internal) and the message belongs to the caller. */
typedef struct {
  int32_t code;
  const char *message;
} LkResult;

typedef struct LkClientHandle LkClientHandle;
typedef struct LkAudioTrackHandle LkAudioTrackHandle;

typedef enum { LkReliable = 0, LkLossy = 1 } LkReliability;

/* What a client does with sound. Data goes both ways in every role. */
typedef enum {
  LkRoleAuto = 0,       /* what the token permits */
  LkRolePublisher = 1,  /* publishes, subscribes to nothing */
  LkRoleSubscriber = 2, /* subscribes, publishes nothing */
  LkRoleBoth = 3
} LkRole;

typedef enum {
  LkConnConnecting = 0,
  LkConnConnected = 1,
  LkConnReconnecting = 2,
  LkConnDisconnected = 3,
  LkConnFailed = 4
} LkConnectionState;

typedef enum { LkLogError = 0, LkLogWarn = 1, LkLogInfo = 2, LkLogDebug = 3, LkLogTrace = 4 } LkLogLevel;

typedef struct {
  int32_t sample_rate;
  int32_t channels;
  int32_t ring_capacity_frames;
  int32_t ring_queued_frames;
  int32_t underruns; /* 10 ms blocks of silence that were sent because nothing had come */
  int32_t overruns;  /* calls whose tail did not fit */
} LkAudioStats;

typedef struct {
  int64_t reliable_sent_bytes;
  int64_t reliable_dropped; /* messages */
  int64_t lossy_sent_bytes;
  int64_t lossy_dropped; /* messages */
} LkDataStats;

typedef struct {
  const char *track_name; /* NULL: "ue-audio-track" */
  int32_t sample_rate;    /* 8000 to 96000 */
  int32_t channels;       /* 1 or 2 */
  int32_t buffer_ms;      /* 100 to 5000, others are moved to the nearer end; 0: 1000 */
} LkAudioTrackConfig;

/* To be or-ed into `channels` of lk_set_audio_output_format(): one stream with everybody in it instead of one
 * per track. The audio callback then has the names "" and "mix". */
#define LK_OUTPUT_MIXED 0x100

/* ---- callbacks --------------------------------------------------------------------------------------- */

typedef void (*LkDataCallback) (void *user, const uint8_t *bytes, size_t len);
/* label: the topic, "" where there is none. */
typedef void (*LkDataCallbackEx) (void *user, const char *label, LkReliability reliability,
                                  const uint8_t *bytes, size_t len);
/* frames_per_channel × channels samples. */
typedef void (*LkAudioCallback) (void *user, const int16_t *pcm_interleaved, size_t frames_per_channel,
                                 int32_t channels, int32_t sample_rate);
/* participant_name: the shown name, or the identity where there is none. Neither name is ever NULL. */
typedef void (*LkAudioCallbackEx) (void *user, const int16_t *pcm_interleaved, size_t frames_per_channel,
                                   int32_t channels, int32_t sample_rate, const char *participant_name,
                                   const char *track_name);
/* The format that a remote track is coded in: when it is first known, and whenever it changes. */
typedef void (*LkAudioFormatChangeCallback) (void *user, int32_t sample_rate, int32_t channels);
/* reason_code: 0, or one of LiveKit's DisconnectReason; message: a sentence, or NULL. */
typedef void (*LkConnectionCallback) (void *user, LkConnectionState state, int32_t reason_code,
                                      const char *message);

/* ---- client ------------------------------------------------------------------------------------------ */

/* Frees a message of an LkResult. NULL is fine. */
LK_FFI_EXPORT void lk_free_str (char *p);

/* To be destroyed by the caller. NULL: no memory, or GStreamer cannot be initialised. */
LK_FFI_EXPORT LkClientHandle *lk_client_create (void);
/* Leaves the room and frees the client and its tracks. When it returns no callback runs and none will come;
 * inside a callback it returns at once, and that callback is the last one. NULL and destroyed handles are
 * fine. */
LK_FFI_EXPORT void lk_client_destroy (LkClientHandle *client);

/* A NULL callback takes the present one away. A call that has begun may still end with the old one. */
LK_FFI_EXPORT LkResult lk_client_set_data_callback (LkClientHandle *client, LkDataCallback cb, void *user);
/* While set it is called instead of the plain one. */
LK_FFI_EXPORT LkResult lk_client_set_data_callback_ex (LkClientHandle *client, LkDataCallbackEx cb,
                                                       void *user);
/* Plain and extended audio callback replace each other. */
LK_FFI_EXPORT LkResult lk_client_set_audio_callback (LkClientHandle *client, LkAudioCallback cb, void *user);
LK_FFI_EXPORT LkResult lk_client_set_audio_callback_ex (LkClientHandle *client, LkAudioCallbackEx cb,
                                                        void *user);
LK_FFI_EXPORT LkResult lk_set_audio_format_change_callback (LkClientHandle *client,
                                                            LkAudioFormatChangeCallback cb, void *user);
LK_FFI_EXPORT LkResult lk_set_connection_callback (LkClientHandle *client, LkConnectionCallback cb,
                                                   void *user);

/* Joins the room of the token and waits until that has worked or failed, which takes at most 30 s.
 * url: ws://, wss://, http:// or https://. Strings are copied. 102: no URL or no token; 104: there is a
 * connection or an attempt; 101, 103, 105: it failed, took too long, was refused. */
LK_FFI_EXPORT LkResult lk_connect (LkClientHandle *client, const char *url, const char *token);
LK_FFI_EXPORT LkResult lk_connect_with_role (LkClientHandle *client, const char *url, const char *token,
                                             LkRole role);
/* The same, but the connection callback tells how it went. */
LK_FFI_EXPORT LkResult lk_connect_async (LkClientHandle *client, const char *url, const char *token);
LK_FFI_EXPORT LkResult lk_connect_with_role_async (LkClientHandle *client, const char *url, const char *token,
                                                   LkRole role);
/* Leaves the room. When it returns no callback runs and none will come before the next connect; inside a
 * callback it returns at once, and that callback is the last one. */
LK_FFI_EXPORT LkResult lk_disconnect (LkClientHandle *client);
/* 1 while connected; 0 during a reconnect, too. */
LK_FFI_EXPORT int32_t lk_client_is_ready (LkClientHandle *client);

/* ---- sound ------------------------------------------------------------------------------------------- */

/* bitrate_bps: 6000 to 510000 (else 301), holds at once; enable_dtx, stereo: 0 or 1, from the next connect or
 * new track on. By default 32000, 0, 0. */
LK_FFI_EXPORT LkResult lk_set_audio_publish_options (LkClientHandle *client, int32_t bitrate_bps,
                                                     int32_t enable_dtx, int32_t stereo);
/* What the audio callback is given, at any time: 8000 to 96000 Hz, 1 or 2 channels (else 301). By default
 * 48000, 1. */
LK_FFI_EXPORT LkResult lk_set_audio_output_format (LkClientHandle *client, int32_t sample_rate,
                                                   int32_t channels);

/* Puts samples into the ring of the track "ue-audio", which the first call makes. The format may change
 * between calls. frames_per_channel × channels samples, copied; what does not fit into a second of ring is
 * cut off. Never waits for the network. 302: not permitted; 303: another thread is at it; 304: not connected. */
LK_FFI_EXPORT LkResult lk_publish_audio_pcm_i16 (LkClientHandle *client, const int16_t *pcm_interleaved,
                                                 size_t frames_per_channel, int32_t channels,
                                                 int32_t sample_rate);
/* A track of its own, from the client's next connection on or at once. *out_track is the caller's until
 * lk_audio_track_destroy() or lk_client_destroy(). */
LK_FFI_EXPORT LkResult lk_audio_track_create (LkClientHandle *client, const LkAudioTrackConfig *config,
                                              LkAudioTrackHandle **out_track);
/* Unpublishes and frees. NULL is fine. */
LK_FFI_EXPORT LkResult lk_audio_track_destroy (LkAudioTrackHandle *track);
/* As lk_publish_audio_pcm_i16(), in the format and with the ring that the track was made with. */
LK_FFI_EXPORT LkResult lk_audio_track_publish_pcm_i16 (LkAudioTrackHandle *track,
                                                       const int16_t *pcm_interleaved,
                                                       size_t frames_per_channel);

/* ---- data -------------------------------------------------------------------------------------------- */

/* lk_send_data_ex() with ordered 1 and label NULL. */
LK_FFI_EXPORT LkResult lk_send_data (LkClientHandle *client, const uint8_t *bytes, size_t len,
                                     LkReliability reliability);
/* To everybody else in the room. label: the topic; NULL: the default. Lossy data is at most 1300 bytes (201),
 * reliable data at most 15360 (202). bytes are copied. Reliable data always keeps its order; lossy data leaves
 * in order. Waits at most 20 ms. 203: not connected, not permitted, or a megabyte waits already. */
LK_FFI_EXPORT LkResult lk_send_data_ex (LkClientHandle *client, const uint8_t *bytes, size_t len,
                                        LkReliability reliability, int32_t ordered, const char *label);
/* From the next message on. NULL: "mocap-bin-reliable" and "mocap-bin-lossy". */
LK_FFI_EXPORT LkResult lk_set_default_data_labels (LkClientHandle *client, const char *reliable_label,
                                                   const char *lossy_label);

/* ---- reconnect, token, role -------------------------------------------------------------------------- */

/* Of lost connections, from the next connect on: the wait after the first attempt and the longest, in ms, and
 * by how much it grows, 1 to 100 (else 403); by default 100, 5000, 1.5. */
LK_FFI_EXPORT LkResult lk_set_reconnect_backoff (LkClientHandle *client, int32_t initial_ms, int32_t max_ms,
                                                 float multiplier);
/* For every later reconnect; the connection stays. 102: no token; 106: there is no connection. */
LK_FFI_EXPORT LkResult lk_refresh_token (LkClientHandle *client, const char *token);
/* Publishes, unpublishes, subscribes and unsubscribes as the role wants, without leaving.
 * auto_subscribe 0: nothing is subscribed, whatever the role. 106: there is no connection. */
LK_FFI_EXPORT LkResult lk_set_role (LkClientHandle *client, LkRole role, int32_t auto_subscribe);

/* ---- diagnostics ------------------------------------------------------------------------------------- */

/* Of the whole process; goes to standard error, or where GStreamer's log goes. */
LK_FFI_EXPORT LkResult lk_set_log_level (LkClientHandle *client, LkLogLevel level);
/* Of the track of lk_publish_audio_pcm_i16(); zeros while there is none. */
LK_FFI_EXPORT LkResult lk_get_audio_stats (LkClientHandle *client, LkAudioStats *out_stats);
/* Since the client was made. */
LK_FFI_EXPORT LkResult lk_get_data_stats (LkClientHandle *client, LkDataStats *out_stats);

#ifdef __cplusplus
}
#endif

#endif
