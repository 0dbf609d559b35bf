#!/bin/sh
# Shares the screen (X11).
gst-launch-1.0 -e livekitsink room=demo name=s video_0::source=screen-share \
  ximagesrc use-damage=false ! videoconvert ! videorate ! video/x-raw,framerate=15/1 ! s.video_0
