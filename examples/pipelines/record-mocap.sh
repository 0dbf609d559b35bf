#!/bin/sh
# Records motion capture frames as they come.
gst-launch-1.0 -e livekitdatasrc room=demo topic=mocap ! filesink location=mocap.bin
