#!/bin/sh
# Plays a file into the room, at its own speed: FILE=movie.mp4 publish-file.sh
gst-launch-1.0 -e filesrc location="$FILE" ! decodebin name=d \
  d. ! queue ! livekitsink room=demo name=s  d. ! queue ! s.
