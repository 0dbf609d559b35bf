#!/bin/sh
# Records the whole room as one film: everybody in a grid, all voices mixed.
gst-launch-1.0 -e livekitsrc room=demo name=r  mp4mux name=m ! filesink location=room.mp4  r.video_mix ! videoconvert ! x264enc tune=zerolatency ! h264parse ! queue ! m.  r.audio_mix ! audioconvert ! avenc_aac ! queue ! m.
