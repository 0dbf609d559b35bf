#!/bin/sh
# Records Opus and VP8 as they come, without decoding.
gst-launch-1.0 -e livekitsrc room=demo name=r webmmux name=m ! filesink location=demo.webm \
  r.video_0 ! video/x-vp8 ! queue ! m.video_0  r.audio_0 ! audio/x-opus ! queue ! m.audio_0
