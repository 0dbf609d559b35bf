/* A program in C, as one compiled against the existing header is: layouts, values, and calls by value. Callbacks and
 * functions are compared with the types they must have, so that a changed signature does not compile. */
#include "livekit_ffi.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(type, member, place) _Static_assert (offsetof (type, member) == (place), #type "." #member)

_Static_assert (sizeof (LkResult) == 16, "LkResult");
_Static_assert (sizeof (LkAudioStats) == 24, "LkAudioStats");
_Static_assert (sizeof (LkDataStats) == 32, "LkDataStats");
_Static_assert (sizeof (LkAudioTrackConfig) == 24, "LkAudioTrackConfig");
_Static_assert (alignof (LkResult) == 8 && alignof (LkAudioStats) == 4 && alignof (LkDataStats) == 8, "alignment");
AT (LkResult, code, 0);
AT (LkResult, message, 8);
AT (LkAudioStats, sample_rate, 0);
AT (LkAudioStats, channels, 4);
AT (LkAudioStats, ring_capacity_frames, 8);
AT (LkAudioStats, ring_queued_frames, 12);
AT (LkAudioStats, underruns, 16);
AT (LkAudioStats, overruns, 20);
AT (LkDataStats, reliable_sent_bytes, 0);
AT (LkDataStats, reliable_dropped, 8);
AT (LkDataStats, lossy_sent_bytes, 16);
AT (LkDataStats, lossy_dropped, 24);
AT (LkAudioTrackConfig, track_name, 0);
AT (LkAudioTrackConfig, sample_rate, 8);
AT (LkAudioTrackConfig, channels, 12);
AT (LkAudioTrackConfig, buffer_ms, 16);
_Static_assert (sizeof (LkReliability) == 4 && sizeof (LkRole) == 4 && sizeof (LkConnectionState) == 4
                    && sizeof (LkLogLevel) == 4,
                "enumerations are int");
_Static_assert (LkReliable == 0 && LkLossy == 1, "LkReliability");
_Static_assert (LkRoleAuto == 0 && LkRolePublisher == 1 && LkRoleSubscriber == 2 && LkRoleBoth == 3, "LkRole");
_Static_assert (LkConnConnecting == 0 && LkConnConnected == 1 && LkConnReconnecting == 2 && LkConnDisconnected == 3
                    && LkConnFailed == 4,
                "LkConnectionState");
_Static_assert (LkLogError == 0 && LkLogWarn == 1 && LkLogInfo == 2 && LkLogDebug == 3 && LkLogTrace == 4,
                "LkLogLevel");

typedef struct LkClientHandle C;
typedef struct LkAudioTrackHandle T;

/* Every function once, by the signature that callers were compiled with. */
static const struct {
  void (*free_str) (char *);
  C *(*create) (void);
  void (*destroy) (C *);
  LkResult (*set_data) (C *, void (*) (void *, const uint8_t *, size_t), void *);
  LkResult (*set_data_ex) (C *, void (*) (void *, const char *, LkReliability, const uint8_t *, size_t), void *);
  LkResult (*set_audio) (C *, void (*) (void *, const int16_t *, size_t, int32_t, int32_t), void *);
  LkResult (*set_audio_ex) (C *,
                            void (*) (void *, const int16_t *, size_t, int32_t, int32_t, const char *, const char *),
                            void *);
  LkResult (*set_format) (C *, void (*) (void *, int32_t, int32_t), void *);
  LkResult (*set_connection) (C *, void (*) (void *, LkConnectionState, int32_t, const char *), void *);
  LkResult (*connect) (C *, const char *, const char *);
  LkResult (*connect_role) (C *, const char *, const char *, LkRole);
  LkResult (*connect_async) (C *, const char *, const char *);
  LkResult (*connect_role_async) (C *, const char *, const char *, LkRole);
  LkResult (*disconnect) (C *);
  int32_t (*ready) (C *);
  LkResult (*publish_options) (C *, int32_t, int32_t, int32_t);
  LkResult (*output_format) (C *, int32_t, int32_t);
  LkResult (*publish) (C *, const int16_t *, size_t, int32_t, int32_t);
  LkResult (*track_create) (C *, const LkAudioTrackConfig *, T **);
  LkResult (*track_destroy) (T *);
  LkResult (*track_publish) (T *, const int16_t *, size_t);
  LkResult (*send) (C *, const uint8_t *, size_t, LkReliability);
  LkResult (*send_ex) (C *, const uint8_t *, size_t, LkReliability, int32_t, const char *);
  LkResult (*labels) (C *, const char *, const char *);
  LkResult (*backoff) (C *, int32_t, int32_t, float);
  LkResult (*refresh) (C *, const char *);
  LkResult (*role) (C *, LkRole, int32_t);
  LkResult (*log_level) (C *, LkLogLevel);
  LkResult (*audio_stats) (C *, LkAudioStats *);
  LkResult (*data_stats) (C *, LkDataStats *);
} api = { lk_free_str,
          lk_client_create,
          lk_client_destroy,
          lk_client_set_data_callback,
          lk_client_set_data_callback_ex,
          lk_client_set_audio_callback,
          lk_client_set_audio_callback_ex,
          lk_set_audio_format_change_callback,
          lk_set_connection_callback,
          lk_connect,
          lk_connect_with_role,
          lk_connect_async,
          lk_connect_with_role_async,
          lk_disconnect,
          lk_client_is_ready,
          lk_set_audio_publish_options,
          lk_set_audio_output_format,
          lk_publish_audio_pcm_i16,
          lk_audio_track_create,
          lk_audio_track_destroy,
          lk_audio_track_publish_pcm_i16,
          lk_send_data,
          lk_send_data_ex,
          lk_set_default_data_labels,
          lk_set_reconnect_backoff,
          lk_refresh_token,
          lk_set_role,
          lk_set_log_level,
          lk_get_audio_stats,
          lk_get_data_stats };

/* 0, or the line of the claim that does not hold. */
#define CLAIM(condition)                                                                                          \
  if (!(condition)) return __LINE__
#define FAILS(call, wanted)                                                                                       \
  do {                                                                                                            \
    LkResult r = (call);                                                                                          \
    CLAIM (r.code == (wanted) && r.message && strlen (r.message) > 0);                                            \
    api.free_str ((char *)r.message);                                                                             \
  } while (0)
#define WORKS(call)                                                                                               \
  do {                                                                                                            \
    LkResult r = (call);                                                                                          \
    CLAIM (r.code == 0 && r.message == NULL);                                                                     \
  } while (0)

static int
claims (int bad_string, int null_handle, int null_pointer, int bad_audio, int not_connected) {
  LkAudioStats audio;
  LkDataStats data;
  LkAudioTrackConfig config = { NULL, 48000, 1, 0 };
  T *track = NULL;
  int16_t pcm[480] = { 0 };
  C *client = api.create ();
  CLAIM (client != NULL);
  api.free_str (NULL);
  api.destroy (NULL);
  FAILS (api.connect (client, NULL, "x"), bad_string);
  FAILS (api.connect (client, "ws://h", "\xff\xfe"), bad_string);
  FAILS (api.connect (NULL, "ws://h", "x"), null_handle);
  FAILS (api.audio_stats (client, NULL), null_pointer);
  FAILS (api.output_format (client, 48000, 3), bad_audio);
  FAILS (api.output_format (client, 0, 1), bad_audio);
  FAILS (api.publish (client, pcm, 480, 1, 48000), not_connected);
  FAILS (api.publish (client, NULL, 480, 1, 48000), null_pointer);
  FAILS (api.publish (client, pcm, 480, 1, 2000000000), bad_audio);
  FAILS (api.track_create (client, NULL, &track), bad_audio);
  WORKS (api.track_create (client, &config, &track));
  CLAIM (track != NULL);
  WORKS (api.track_destroy (track));
  FAILS (api.track_destroy (track), null_handle);
  WORKS (api.track_destroy (NULL));
  memset (&audio, 0xff, sizeof audio);
  WORKS (api.audio_stats (client, &audio));
  CLAIM (audio.sample_rate == 0 && audio.overruns == 0);
  WORKS (api.data_stats (client, &data));
  CLAIM (data.reliable_sent_bytes == 0);
  CLAIM (api.ready (client) == 0 && api.ready (NULL) == 0);
  WORKS (api.disconnect (client));
  api.destroy (client);
  api.destroy (client);
  FAILS (api.disconnect (client), null_handle);
  return 0;
}

int
main (void) {
  const char *codes = getenv ("LK_COMPAT_CODES");
  int line = codes && strcmp (codes, "legacy") == 0 ? claims (2, 1, 4, 5, 6) : claims (102, 401, 402, 301, 304);
  if (line) printf ("line %d does not hold\n", line);
  return line != 0;
}
