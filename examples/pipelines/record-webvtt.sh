#!/bin/sh
# Writes what is said as WebVTT subtitles.
gst-launch-1.0 -e livekitdatasrc room=demo mode=transcription ! webvttenc ! filesink location=demo.vtt
