#!/bin/sh
# Records the first picture and the first sound of the room as MP4. Ctrl-C finishes the file.
# Browsers send several sizes and the server chooses among them, but a file has one.
gst-launch-1.0 -e livekitsrc room=demo name=r mp4mux name=m ! filesink location=demo.mp4 \
  r.video_0 ! queue ! videoscale ! video/x-raw,width=1280,height=720,pixel-aspect-ratio=1/1 ! videoconvert ! x264enc tune=zerolatency speed-preset=veryfast ! m. \
  r.audio_0 ! queue ! audioconvert ! audioresample ! voaacenc ! m.
