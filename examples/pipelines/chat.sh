#!/bin/sh
# A chat on the terminal: what is typed is sent, what others write is shown.
gst-launch-1.0 -q fdsrc ! livekitdatasink room=demo mode=chat  livekitdatasrc mode=chat line-breaks=true ! fdsink
