#!/bin/sh
# Records the first picture and the first sound of the room as MP4. Ctrl-C finishes the file.
gst-launch-1.0 -e livekitsrc room=demo name=r mp4mux name=m ! filesink location=demo.mp4 \
  r.video_0 ! queue ! videoconvert ! x264enc tune=zerolatency speed-preset=veryfast ! m. \
  r.audio_0 ! queue ! audioconvert ! audioresample ! voaacenc ! m.
