#!/bin/sh
# Runs a Python test with $LK_PYTHON, the interpreter that has the official LiveKit packages. Without it the test is
# skipped (exit status 77), but on a build machine (CI=true) it fails.
if [ -n "$LK_PYTHON" ]; then
  exec "$LK_PYTHON" "$@"
fi
if [ "$CI" = true ]; then
  echo "LK_PYTHON is not set: the Python with livekit-protocol is needed" >&2
  exit 1
fi
echo "SKIPPED: set LK_PYTHON to a Python with livekit-protocol" >&2
exit 77
