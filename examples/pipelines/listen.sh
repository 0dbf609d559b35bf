#!/bin/sh
# Plays the first sound of the room.
gst-launch-1.0 livekitsrc room=demo kinds=audio name=r  r. ! audioconvert ! audioresample ! autoaudiosink
