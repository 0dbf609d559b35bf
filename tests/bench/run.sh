#!/usr/bin/env bash
# Measures what a room costs: `tests/bench/run.sh [--rounds N] [--seconds S] [connect latency publish subscribe tracks mix data]`
# or `tests/bench/run.sh recorder [--seconds S]` what recording costs.
# Prints medians and ratios; nothing here can fail for being slow. Wants a machine that does nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LK_BUILD_DIR=${LK_BUILD_DIR:-$PWD/build}
[[ -f $LK_BUILD_DIR/build.ninja ]] || meson setup "$LK_BUILD_DIR"
meson compile -C "$LK_BUILD_DIR" tests/bench/room-bench tests/bench/latency-bench tests/bench/data-bench gst/gstlivekit
python=$(tests/integration/venv.sh)
LIVEKIT_SERVER=$(subprojects/livekit-server/get.sh)
export LIVEKIT_SERVER
if [[ ${1:-} == recorder ]]; then
  meson compile -C "$LK_BUILD_DIR" examples/recorder/livekit-recorder
  exec "$python" tests/bench/recorder/bench.py "${@:2}"
fi
exec "$python" tests/bench/room/bench.py "$@"
