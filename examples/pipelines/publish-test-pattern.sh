#!/bin/sh
# Publishes a moving test picture and a 440 Hz tone.
gst-launch-1.0 -e livekitsink room=demo name=s \
  videotestsrc is-live=true pattern=ball ! video/x-raw,width=1280,height=720,framerate=30/1 ! s. \
  audiotestsrc is-live=true freq=440 ! s.
