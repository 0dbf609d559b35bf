#!/bin/sh
# One participant that both speaks and hears: the elements of a pipeline share their session.
gst-launch-1.0 -e autoaudiosrc ! audioconvert ! livekitsink room=demo \
  livekitsrc kinds=audio name=r  r. ! audioconvert ! audioresample ! autoaudiosink
