#!/bin/sh
# Publishes the camera.
gst-launch-1.0 -e v4l2src ! videoconvert ! livekitsink room=demo
