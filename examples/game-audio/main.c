/* game-audio: what a game does with livekit_ffi, without the game. Everything that happens is a line of output.
 *
 *   LIVEKIT_URL=ws://… LIVEKIT_TOKEN=… game-audio --tone 440 --track music=660 --mocap 60 --seconds 10
 */
#include "component.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t quit;

static void
on_signal (int number) {
  (void)number;
  quit = 1;
}

static int
usage (void) {
  fputs ("usage: game-audio [--url URL] [--token TOKEN] [--role auto|publisher|subscriber|both] [--tone HZ]\n"
         "                  [--track NAME=HZ]... [--rate HZ] [--channels 1|2] [--mocap FPS] [--bones N]\n"
         "                  [--label LABEL] [--reliable] [--mixed] [--record FILE] [--seconds N]\n"
         "url and token default to LIVEKIT_URL and LIVEKIT_TOKEN. --record writes the samples that are heard.\n",
         stderr);
  return 2;
}

static int
parse_role (const char *name, LkRole *role) {
  static const char *const names[] = { "auto", "publisher", "subscriber", "both" };
  for (int i = 0; i < 4; ++i)
    if (strcmp (name, names[i]) == 0) {
      *role = (LkRole)i;
      return 1;
    }
  return 0;
}

static int
add_track (Settings *settings, const char *name, const char *tone) {
  if (settings->track_count == MOST_TRACKS) return 0;
  settings->tracks[settings->track_count].name = name;
  settings->tracks[settings->track_count++].tone_hz = atof (tone);
  return 1;
}

static int
parse (int argc, char **argv, Settings *settings, double *seconds) {
  for (int i = 1; i < argc; ++i) {
    const char *option = argv[i];
    if (strcmp (option, "--reliable") == 0) {
      settings->mocap_reliability = LkReliable;
      continue;
    }
    if (strcmp (option, "--mixed") == 0) {
      settings->mixed = 1;
      continue;
    }
    if (++i == argc) return 0;
    char *value = argv[i], *equals = strchr (value, '=');
    if (strcmp (option, "--url") == 0)
      settings->url = value;
    else if (strcmp (option, "--token") == 0)
      settings->token = value;
    else if (strcmp (option, "--tone") == 0 && add_track (settings, NULL, value))
      ;
    else if (strcmp (option, "--track") == 0 && equals && add_track (settings, value, equals + 1))
      *equals = '\0';
    else if (strcmp (option, "--rate") == 0)
      settings->sample_rate = atoi (value);
    else if (strcmp (option, "--channels") == 0)
      settings->channels = atoi (value);
    else if (strcmp (option, "--mocap") == 0)
      settings->mocap_fps = atoi (value);
    else if (strcmp (option, "--bones") == 0)
      settings->bones = atoi (value);
    else if (strcmp (option, "--label") == 0)
      settings->mocap_label = value;
    else if (strcmp (option, "--record") == 0 && (settings->record = fopen (value, "wb")))
      ;
    else if (strcmp (option, "--seconds") == 0)
      *seconds = atof (value);
    else if (!(strcmp (option, "--role") == 0 && parse_role (value, &settings->role)))
      return 0;
  }
  return settings->url && settings->token && settings->sample_rate >= 8000 && settings->sample_rate <= 96000
         && (settings->channels == 1 || settings->channels == 2) && settings->bones >= 0 && settings->bones <= 32;
}

static double
now (void) {
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int
main (int argc, char **argv) {
  Settings settings = { .url = getenv ("LIVEKIT_URL"), .token = getenv ("LIVEKIT_TOKEN"), .role = LkRoleBoth,
                        .sample_rate = 48000, .channels = 1, .amplitude = 0.2, .mocap_reliability = LkLossy,
                        .bones = 32 };
  double seconds = 0;
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (!parse (argc, argv, &settings, &seconds)) return usage ();
  signal (SIGINT, on_signal);
  signal (SIGTERM, on_signal);

  Component *component = component_start (&settings);
  if (!component) {
    fputs ("game-audio: no client: is GStreamer installed?\n", stderr);
    return 1;
  }
  const double begin = now ();
  int reached = 0;
  while (!quit && (seconds <= 0 || now () - begin < seconds)) {
    const struct timespec frame = { 0, 1000000000 / 120 };
    component_tick (component, now ());
    reached |= component_connected (component);
    nanosleep (&frame, NULL);
  }
  component_stop (component);
  if (settings.record) fclose (settings.record);
  return reached ? 0 : 1;
}
