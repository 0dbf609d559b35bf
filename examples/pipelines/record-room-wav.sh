#!/bin/sh
# Records what everybody says as one WAV file, from the first moment on, also when nobody is there yet.
gst-launch-1.0 -e livekitsrc room=demo name=r  r.audio_mix ! wavenc ! filesink location=room.wav
