#!/bin/sh
# Records a picture with its KLV telemetry (packets of the topic klv) as an MPEG transport stream.
gst-launch-1.0 -e livekitsrc room=demo kinds=video name=r mpegtsmux name=m ! filesink location=demo.ts \
  r.video_0 ! videoconvert ! x264enc tune=zerolatency speed-preset=veryfast ! h264parse ! queue ! m. \
  livekitdatasrc topic=klv caps=meta/x-klv,parsed=true ! queue ! m.
