/* What a game engine's component does with livekit_ffi.h: a microphone (here a tone), further named tracks, a channel
 * of poses whose rate follows what gets through, and a connection that is sought again. */
#ifndef GAME_AUDIO_COMPONENT_H
#define GAME_AUDIO_COMPONENT_H

#include <livekit_ffi.h>

#include <stdio.h>

enum { MOST_TRACKS = 8 };

typedef struct {
  const char *name; /* NULL: the default track */
  double tone_hz;
} TrackSettings;

typedef struct {
  const char *url, *token;
  LkRole role;
  int sample_rate, channels;
  double amplitude;
  TrackSettings tracks[MOST_TRACKS];
  int track_count;
  const char *mocap_label;
  LkReliability mocap_reliability;
  int mocap_fps; /* the most; 0: none */
  int bones;
  int mixed;
  FILE *record; /* what is heard, as samples */
} Settings;

typedef struct Component Component;

/* Makes a client and begins to connect; NULL where that cannot be. The settings stay the caller's. */
Component *component_start (const Settings *settings);
/* A frame of the game, at any rate: poses, statistics, reconnects. */
void component_tick (Component *self, double now);
/* Whether we are in the room. */
int component_connected (const Component *self);
void component_stop (Component *self);

#endif
