#!/bin/sh
# Saves the next file that somebody sends, of any size, and ends.
gst-launch-1.0 -m livekitdatasrc room=demo mode=bytes topic=files chunks=true num-streams=1 ! filesink location=received.bin
