#!/usr/bin/env bash
# From nothing to a room on disk: installs what is missing, builds, starts a real livekit-server, publishes a moving
# picture and a tone with livekitsink, records the room with livekitsrc, and checks the recording.
#
#   ./examples/quickstart.sh
#
# With LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET set it uses that server instead. Run it again at any time:
# what is already there is kept, and the second run takes seconds.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${LK_BUILD_DIR:-$root/build}
work=$build/quickstart
seconds=6
tone=440
total=6 step=0
server_pid='' publisher_pid='' recorder_pid=''

begin () {
  step=$((step + 1))
  printf '[%d/%d] %s\n' "$step" "$total" "$*"
}

# The log says what went wrong; the hint says what to do.
fail () { # MESSAGE HINT [LOG]
  printf '\nFAILED: %s\n' "$1" >&2
  if [[ -n "${3:-}" && -s "$3" ]]; then
    printf -- '--- the end of %s\n' "$3" >&2
    tail -n 15 "$3" >&2
    printf -- '---\n' >&2
  fi
  printf 'What to do: %s\n' "$2" >&2
  exit 1
}

is_running () { [[ -n "$1" ]] && kill -0 "$1" 2>/dev/null; }

wait_for () { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    (( SECONDS < end )) || return 1
    sleep 0.05
  done
}

has_ended () { ! is_running "$1"; }

# Ctrl-C for a program of ours; whatever does not end in time is killed.
stop () { # PID SECONDS
  is_running "$1" || return 0
  kill -INT "$1" 2>/dev/null || return 0
  wait_for "$2" has_ended "$1" && return 0
  kill -KILL "$1" 2>/dev/null || true
  return 1
}

cleanup () {
  stop "$recorder_pid" 2 || true
  stop "$publisher_pid" 2 || true
  stop "$server_pid" 7 || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

begin "packages"
"$root/.ci/install-deps.sh" build \
  || fail "the packages could not be installed" "see the message above; you may need to be root or to have sudo"

begin "build (in $build)"
mkdir -p "$build"
log=$build/quickstart-build.log
if [[ ! -f $build/build.ninja ]]; then
  meson setup "$build" "$root" -Dtests=false >"$log" 2>&1 \
    || fail "meson setup failed" "see the message above; remove $build to start afresh" "$log"
fi
ninja -C "$build" gst/libgstlivekit.so \
  || fail "the build failed" "see the compiler's message above; remove $build to start afresh"
mkdir -p "$work"

begin "livekit-server"
if [[ -n "${LIVEKIT_URL:-}" ]]; then
  [[ -n "${LIVEKIT_API_KEY:-}" && -n "${LIVEKIT_API_SECRET:-}" ]] \
    || fail "LIVEKIT_URL is set, but not LIVEKIT_API_KEY and LIVEKIT_API_SECRET" "set all three, or none for a server of our own"
  printf '      using %s\n' "$LIVEKIT_URL"
  room=quickstart-$$
else
  # An old key of an earlier run is kept, so that the lines printed last time still work.
  key=quickstart
  [[ -s $work/secret ]] || (umask 077; python3 -c 'import secrets; print(secrets.token_hex(20))' >"$work/secret")
  rm -f "$work/server.env"
  python3 "$root/subprojects/livekit-server/serve.py" --key "$key" --secret-file "$work/secret" \
    --env-file "$work/server.env" --log "$work/server.log" &
  server_pid=$!
  server_is_there () { [[ -s $work/server.env ]] || has_ended "$server_pid"; }
  # Building it for the first time takes minutes.
  wait_for 1800 server_is_there || true
  [[ -s $work/server.env ]] \
    || fail "the livekit-server could not be had or started" \
         "see the message above; with a binary of your own set LIVEKIT_SERVER=/path/to/livekit-server" "$work/server.log"
  # shellcheck source=/dev/null
  . "$work/server.env"
  printf '      %s\n' "$LIVEKIT_URL"
  room=quickstart
fi
export LIVEKIT_URL LIVEKIT_API_KEY LIVEKIT_API_SECRET

export GST_PLUGIN_PATH=$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
export GST_REGISTRY=$work/registry.bin
# Not --exists, which wants a plugin with GStreamer's own version.
{ gst-inspect-1.0 livekitsink && gst-inspect-1.0 livekitsrc; } >/dev/null 2>&1 \
  || fail "GStreamer does not find the built elements" "run: GST_PLUGIN_PATH=$build/gst gst-inspect-1.0 livekitsink"

publish="livekitsink room=$room name=s videotestsrc is-live=true pattern=ball ! \
video/x-raw,width=640,height=360,framerate=30/1 ! s. audiotestsrc is-live=true freq=$tone ! s."
# Browsers send several sizes and the server chooses among them, but an MP4 has one.
record="livekitsrc room=$room name=r mp4mux name=m ! filesink location=FILE \
r.video_0 ! queue ! videoscale ! video/x-raw,width=640,height=360,pixel-aspect-ratio=1/1 ! videoconvert ! x264enc tune=zerolatency speed-preset=veryfast ! m. \
r.audio_0 ! queue ! audioconvert ! audioresample ! voaacenc ! m."

begin "publishing a moving picture and a $tone Hz tone"
# shellcheck disable=SC2086 # the pipeline is meant to become words
gst-launch-1.0 -e $publish >"$work/publish.log" 2>&1 &
publisher_pid=$!

begin "recording the room for $seconds s"
file=$work/room.mp4
rm -f "$file"
# shellcheck disable=SC2086
stdbuf -oL gst-launch-1.0 -v -e ${record/FILE/$file} >"$work/record.log" 2>&1 &
recorder_pid=$!
# With -v it tells the format of each pad's first buffer. The file begins with the first of the two, so that moment is
# kept; the recording goes on for some seconds after the second.
now () { python3 -c 'import time; print(time.monotonic())'; }
has_pad () { grep -q "LiveKitSrcPad:$1_0: caps" "$work/record.log"; }
is_recording () { has_pad audio && has_pad video; }
one_ended () { has_ended "$recorder_pid" || has_ended "$publisher_pid"; }
first_pad_is_there () { has_pad audio || has_pad video || one_ended; }
recording_has_begun () { is_recording || one_ended; }
wait_for 25 first_pad_is_there || true
started=$(now)
wait_for 25 recording_has_begun || true
is_running "$publisher_pid" || fail "the publisher ended" "see its message above" "$work/publish.log"
is_recording || fail "nothing was recorded" "see the message above, and $work/publish.log" "$work/record.log"
sleep "$seconds" & # in the background, so that Ctrl-C is obeyed at once
wait $! || true
is_running "$recorder_pid" || fail "the recorder ended by itself" "see its message above" "$work/record.log"
ended=$(now)
stop "$recorder_pid" 5 || fail "the recorder did not end on Ctrl-C" "report this, with the log" "$work/record.log"
stop "$publisher_pid" 5 || fail "the publisher did not end on Ctrl-C" "report this, with the log" "$work/publish.log"
[[ -z "$server_pid" ]] || stop "$server_pid" 8 || true

begin "checking $file"
lasted=$(python3 -c 'import sys; print(round(float(sys.argv[1]) - float(sys.argv[2]), 3))' "$ended" "$started")
if ! result=$(python3 "$root/examples/check_recording.py" "$file" "$lasted" "$tone" 2>"$work/check.log"); then
  fail "the recording is wrong: $(<"$work/check.log")" "report this, with the logs in $work" "$work/record.log"
fi
printf '      %s\n' "$result"

printf '\nIt works. To do it yourself, one terminal per line:\n\n'
environment="export GST_PLUGIN_PATH=$build/gst; . $work/server.env;"
if [[ -n "$server_pid" ]]; then
  printf '  %s/subprojects/livekit-server/serve.py --key quickstart --secret-file %s --env-file %s\n\n' \
    "$root" "$work/secret" "$work/server.env"
else
  environment="export GST_PLUGIN_PATH=$build/gst;"
fi
printf '  %s gst-launch-1.0 -e %s\n\n' "$environment" "$publish"
printf '  %s gst-launch-1.0 -e %s\n\n' "$environment" "${record/FILE/room.mp4}"
if [[ -z "$server_pid" ]]; then
  printf '  (with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET set as they are now)\n'
fi
