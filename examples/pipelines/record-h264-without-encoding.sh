#!/bin/sh
# Records H264 as it comes, without decoding.
gst-launch-1.0 -e livekitsrc room=demo kinds=video name=r \
  r.video_0 ! video/x-h264 ! queue ! h264parse ! mp4mux ! filesink location=demo-h264.mp4
