#include "component.h"

#include "mocap.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK_MS = 10, LEAST_FPS = 10, FPS_STEP = 5 };

typedef struct {
  LkAudioTrackHandle *handle; /* NULL: the default track */
  double tone_hz, phase;
} Track;

struct Component {
  Settings settings;
  LkClientHandle *client;
  Track tracks[MOST_TRACKS];

  pthread_t audio;
  int has_audio;
  atomic_int stopping, state, heard;

  /* Of the game's thread. */
  double next_pose, next_look, next_connect, backoff;
  int fps;
  uint32_t poses;
  int64_t tried, dropped_before;
};

/* Says what went wrong and gives the sentence back. 1 for a success. */
static int
check (const char *what, LkResult result) {
  if (result.code == 0) return 1;
  printf ("error %s %d %s\n", what, result.code, result.message ? result.message : "");
  lk_free_str ((char *)result.message);
  return 0;
}

/* ---- callbacks: on the library's thread, so they note and return ---- */

static void
on_state (void *user, LkConnectionState state, int32_t reason, const char *message) {
  static const char *const names[] = { "connecting", "connected", "reconnecting", "disconnected", "failed" };
  Component *self = user;
  printf ("state %s %d %s\n", names[state], reason, message ? message : "");
  atomic_store (&self->state, (int)state);
}

static void
on_data (void *user, const char *label, LkReliability reliability, const uint8_t *bytes, size_t len) {
  uint32_t time_ms;
  uint8_t actor, bones;
  (void)user;
  if (mocap_read (bytes, len, &time_ms, &actor, &bones))
    printf ("pose %s %u actor %u bones %u\n", label, time_ms, actor, bones);
  else
    printf ("data %s %s %zu\n", label, reliability == LkLossy ? "lossy" : "reliable", len);
}

static void
on_audio (void *user, const int16_t *pcm, size_t frames, int32_t channels, int32_t rate, const char *who,
          const char *track) {
  Component *self = user;
  if (!atomic_exchange (&self->heard, 1)) printf ("first-sound %s %s %d %d\n", who, track, rate, channels);
  if (self->settings.record) fwrite (pcm, sizeof *pcm * (size_t)channels, frames, self->settings.record);
}

static void
on_format (void *user, int32_t rate, int32_t channels) {
  (void)user;
  printf ("format %d %d\n", rate, channels);
}

/* ---- sound ---- */

static void
make_tone (Track *track, const Settings *settings, int16_t *pcm, int frames) {
  const double step = 2 * M_PI * track->tone_hz / settings->sample_rate;
  for (int i = 0; i < frames; ++i) {
    const int16_t sample = (int16_t)(32767 * settings->amplitude * sin (track->phase));
    track->phase = fmod (track->phase + step, 2 * M_PI);
    for (int c = 0; c < settings->channels; ++c)
      pcm[i * settings->channels + c] = sample;
  }
}

/* As an engine's audio thread: a chunk for each track every 10 ms. */
static void *
run_audio (void *user) {
  Component *self = user;
  const Settings *settings = &self->settings;
  const int frames = settings->sample_rate * CHUNK_MS / 1000;
  int16_t *pcm = calloc ((size_t)(frames * settings->channels), sizeof *pcm);
  struct timespec due;
  clock_gettime (CLOCK_MONOTONIC, &due);
  while (pcm && !atomic_load (&self->stopping)) {
    for (int i = 0; i < settings->track_count; ++i) {
      Track *track = &self->tracks[i];
      make_tone (track, settings, pcm, frames);
      LkResult result = track->handle
                            ? lk_audio_track_publish_pcm_i16 (track->handle, pcm, (size_t)frames)
                            : lk_publish_audio_pcm_i16 (self->client, pcm, (size_t)frames, settings->channels,
                                                        settings->sample_rate);
      /* Before the room is reached there is nowhere to put it; what is played then is gone. */
      lk_free_str ((char *)result.message);
    }
    due.tv_nsec += CHUNK_MS * 1000000;
    if (due.tv_nsec >= 1000000000) {
      due.tv_nsec -= 1000000000;
      due.tv_sec++;
    }
    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
      ;
  }
  free (pcm);
  return NULL;
}

/* ---- the component ---- */

static void
connect_now (Component *self) {
  atomic_store (&self->state, LkConnConnecting);
  if (!check ("connect", lk_connect_with_role_async (self->client, self->settings.url, self->settings.token,
                                                     self->settings.role)))
    atomic_store (&self->state, LkConnFailed);
}

Component *
component_start (const Settings *settings) {
  Component *self = calloc (1, sizeof *self);
  if (!self) return NULL;
  self->settings = *settings;
  self->fps = settings->mocap_fps;
  self->backoff = 1;
  self->client = lk_client_create ();
  if (!self->client) {
    free (self);
    return NULL;
  }
  check ("callback", lk_set_connection_callback (self->client, on_state, self));
  check ("callback", lk_client_set_data_callback_ex (self->client, on_data, self));
  check ("callback", lk_client_set_audio_callback_ex (self->client, on_audio, self));
  check ("callback", lk_set_audio_format_change_callback (self->client, on_format, self));
  check ("options", lk_set_audio_publish_options (self->client, 48000, 0, settings->channels == 2));
  check ("output", lk_set_audio_output_format (self->client, settings->sample_rate,
                                               settings->channels | (settings->mixed ? LK_OUTPUT_MIXED : 0)));
  check ("backoff", lk_set_reconnect_backoff (self->client, 100, 5000, 1.5f));
  for (int i = 0; i < settings->track_count; ++i) {
    self->tracks[i].tone_hz = settings->tracks[i].tone_hz;
    if (!settings->tracks[i].name) continue;
    LkAudioTrackConfig config = { settings->tracks[i].name, settings->sample_rate, settings->channels, 1000 };
    check ("track", lk_audio_track_create (self->client, &config, &self->tracks[i].handle));
  }
  connect_now (self);
  self->has_audio
      = settings->track_count > 0 && pthread_create (&self->audio, NULL, run_audio, self) == 0;
  return self;
}

static void
send_poses (Component *self, double now) {
  uint8_t bytes[MOCAP_MOST_BYTES];
  if (self->fps <= 0 || now < self->next_pose) return;
  self->next_pose = fmax (self->next_pose + 1.0 / self->fps, now - 0.1);
  const size_t len = mocap_make (bytes, (uint32_t)(now * 1000), 1, (uint8_t)self->settings.bones);
  LkResult result = lk_send_data_ex (self->client, bytes, len, self->settings.mocap_reliability, 0,
                                     self->settings.mocap_label);
  self->tried++;
  if (result.code == 0) self->poses++;
  lk_free_str ((char *)result.message);
}

/* Slower where much is lost on the way out, faster again where nothing is. */
static void
adapt (Component *self) {
  LkDataStats stats;
  if (!check ("stats", lk_get_data_stats (self->client, &stats))) return;
  const int64_t dropped = self->settings.mocap_reliability == LkLossy ? stats.lossy_dropped : stats.reliable_dropped;
  const int64_t lost = dropped - self->dropped_before;
  const int before = self->fps;
  if (self->tried > 0 && lost * 10 > self->tried)
    self->fps = self->fps - FPS_STEP < LEAST_FPS ? LEAST_FPS : self->fps - FPS_STEP;
  else if (lost * 100 < self->tried && self->fps < self->settings.mocap_fps)
    self->fps = self->fps + FPS_STEP > self->settings.mocap_fps ? self->settings.mocap_fps : self->fps + FPS_STEP;
  if (self->fps != before) printf ("fps %d\n", self->fps);
  self->dropped_before = dropped;
  self->tried = 0;
}

static void
show_audio (Component *self) {
  LkAudioStats stats;
  if (check ("stats", lk_get_audio_stats (self->client, &stats)))
    printf ("audio queued %d of %d underruns %d overruns %d poses %u\n", stats.ring_queued_frames,
            stats.ring_capacity_frames, stats.underruns, stats.overruns, self->poses);
}

void
component_tick (Component *self, double now) {
  const int state = atomic_load (&self->state);
  if (state == LkConnConnected) {
    self->backoff = 1;
    self->next_connect = 0;
    send_poses (self, now);
  } else if (state == LkConnFailed || state == LkConnDisconnected) {
    /* The library seeks a lost connection by itself; here it has given up, or never had one. */
    if (self->next_connect == 0) {
      self->next_connect = now + self->backoff;
      self->backoff = fmin (self->backoff * 2, 30);
    } else if (now >= self->next_connect) {
      self->next_connect = 0;
      connect_now (self);
    }
  }
  if (now < self->next_look) return;
  self->next_look = now + 1;
  if (state == LkConnConnected) adapt (self);
  show_audio (self);
}

int
component_connected (const Component *self) {
  return atomic_load (&self->state) == LkConnConnected;
}

void
component_stop (Component *self) {
  if (!self) return;
  atomic_store (&self->stopping, 1);
  if (self->has_audio) pthread_join (self->audio, NULL);
  for (int i = 0; i < self->settings.track_count; ++i)
    check ("track", lk_audio_track_destroy (self->tracks[i].handle));
  check ("disconnect", lk_disconnect (self->client));
  lk_client_destroy (self->client);
  free (self);
}
