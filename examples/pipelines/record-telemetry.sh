#!/bin/sh
# Writes JSON telemetry to a file, a message on each line.
gst-launch-1.0 -e livekitdatasrc room=demo topic=telemetry line-breaks=true ! filesink location=telemetry.jsonl
