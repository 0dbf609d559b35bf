#!/bin/sh
# Records the first sound of the room as WAV.
gst-launch-1.0 -e livekitsrc room=demo kinds=audio name=r  r. ! audioconvert ! wavenc ! filesink location=demo.wav
