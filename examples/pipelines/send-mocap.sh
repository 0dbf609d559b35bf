#!/bin/sh
# Sends motion capture at 60 Hz: frames of 902 bytes (32 bones), lossy, none later than 50 ms. Here with made-up bones.
gst-launch-1.0 fakesrc sizetype=fixed sizemax=902 filltype=random datarate=54120 format=time \
  ! livekitdatasink room=demo topic=mocap reliability=lossy max-latency=50
