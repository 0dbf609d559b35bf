#!/bin/sh
# Publishes H264 that was encoded outside of livekitsink.
gst-launch-1.0 -e videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 \
  ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max=60 \
  ! video/x-h264,profile=constrained-baseline ! livekitsink room=demo
