#!/bin/sh
# Publishes two named audio tracks, the second one at a low bitrate.
gst-launch-1.0 -e livekitsink room=demo name=s audio_0::track-name=music audio_1::track-name=voice audio_1::bitrate=24000 \
  audiotestsrc is-live=true freq=330 ! s.audio_0  audiotestsrc is-live=true freq=880 ! s.audio_1
