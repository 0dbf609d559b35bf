#!/bin/sh
# Sends a file of any size and shows how far it is: FILE=map.png send-file.sh
gst-launch-1.0 -m filesrc location="$FILE" ! livekitdatasink room=demo mode=bytes stream-per=segment topic=files
