#!/bin/sh
# Shows the first picture of the room.
gst-launch-1.0 livekitsrc room=demo kinds=video name=r  r. ! videoconvert ! autovideosink
