#!/bin/sh
# Shows whoever is called "visitor" or "guest-…", in the smallest size that they send, and prints what happens in the room.
gst-launch-1.0 -m livekitsrc room=demo participants="visitor,guest-*" kinds=video name=r video_0::quality=low \
  r.video_0 ! videoconvert ! autovideosink
