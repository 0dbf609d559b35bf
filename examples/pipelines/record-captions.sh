#!/bin/sh
# Records a picture with what is said (transcriptions) burnt into it. Ctrl-C finishes the file.
gst-launch-1.0 -e livekitsrc room=demo kinds=video name=r mp4mux name=m ! filesink location=captions.mp4 \
  r.video_0 ! queue ! videoscale ! video/x-raw,width=640,height=360 ! videoconvert ! textoverlay name=t \
  ! videoconvert ! x264enc tune=zerolatency speed-preset=veryfast ! m. \
  livekitdatasrc mode=transcription ! t.text_sink
