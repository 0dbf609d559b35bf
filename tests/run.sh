#!/usr/bin/env bash
# The one test command: `tests/run.sh [quick|full] [NAME...]`.
#   quick   checks, unit and element tests
#   full    the same, then everything that needs the real livekit-server (default)
#   NAME    only integration files whose path contains one of these words
# Installs what is missing, builds into build/ (or $LK_BUILD_DIR), and ends with "N passed, N failed".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
mode=${1:-full}
(( $# == 0 )) || shift
case "$mode" in
  quick | full) ;;
  *) echo "usage: tests/run.sh [quick|full] [NAME...]" >&2; exit 2 ;;
esac
export LK_BUILD_DIR=${LK_BUILD_DIR:-$root/build}

say () { printf '\n=== %s\n' "$*"; }
give_up () { # a step without which nothing can be tested
  printf '\n%s\n0 passed, 1 failed\n' "$*"
  exit 1
}

started=$SECONDS
say "packages"
wanted=test
[[ $mode == quick ]] || wanted=full
.ci/install-deps.sh "$wanted" || give_up "packages are missing (see above)"

say "Python environment"
LK_PYTHON=$(tests/integration/venv.sh) || give_up "no Python environment (see above)"
export LK_PYTHON

if [[ $mode == full ]]; then
  say "livekit-server"
  LIVEKIT_SERVER=$(subprojects/livekit-server/get.sh) || give_up "no livekit-server (see above)"
  export LIVEKIT_SERVER
fi

say "build in $LK_BUILD_DIR"
if [[ ! -f $LK_BUILD_DIR/build.ninja ]]; then
  meson setup "$LK_BUILD_DIR" "$root" || give_up "meson setup failed (see above)"
elif ! [[ -d $LK_BUILD_DIR/tests/unit ]]; then # the quickstart builds without tests
  meson configure "$LK_BUILD_DIR" -Dtests=true || give_up "meson configure failed (see above)"
fi
meson compile -C "$LK_BUILD_DIR" || give_up "the build failed (see above)"

results=$LK_BUILD_DIR/test-results
rm -rf "$results"
mkdir -p "$results"

say "checks"
for check in .ci/checks/*; do
  name=check/$(basename "$check")
  code=0
  output=$("$check" "$LK_BUILD_DIR" 2>&1) || code=$?
  case "$code" in
    0) outcome=pass ;;
    77) outcome=skip ;;
    *) outcome=fail ;;
  esac
  printf '%s %s\n' "$outcome" "$name"
  [[ $outcome == pass ]] || printf '%s\n' "$output" | head -n 40
  printf '%s\t%s\n' "$outcome" "$name" >>"$results/checks.tsv"
done

say "unit and element tests"
meson test -C "$LK_BUILD_DIR" --no-rebuild --print-errorlogs || true
for ending in xml:testlog.junit.xml json:testlog.json; do
  cp "$LK_BUILD_DIR/meson-logs/${ending#*:}" "$results/meson.${ending%%:*}" || give_up "meson test wrote no log"
done

run_file () { # file: its output in one piece, so that two may run at a time
  local file=$1 result=$results/$(basename "$1" .py).jsonl text
  : >"$result"
  # Longest measured file times three; a hang must end by itself.
  text=$(timeout -k 10 "${LK_FILE_TIMEOUT:-600}" "$LK_PYTHON" tests/integration/runner.py "$file" "$result" 2>&1) || true
  printf '\n=== %s\n%s\n' "$file" "$text"
}
export -f run_file
export results
export LK_REGISTRY=$results/registry.bin

if [[ $mode == full ]]; then
  GST_REGISTRY=$LK_REGISTRY GST_PLUGIN_PATH=$LK_BUILD_DIR/gst gst-inspect-1.0 --exists livekitsink \
    || give_up "GStreamer does not find the plugin that was built"
  alone=() beside=()
  for file in tests/integration/peer_selftest.py tests/{integration,fault,interop}/*_test.py; do
    [[ -f $file ]] || continue
    if (( $# > 0 )); then
      wanted=
      for word in "$@"; do [[ $file == *"$word"* ]] && wanted=1; done
      [[ -n $wanted ]] || continue
    fi
    # What measures times says so and has the machine to itself.
    if grep -q '^ALONE = True' "$file"; then alone+=("$file"); else beside+=("$file"); fi
  done
  # Big files first, so that both lanes end at about the same time.
  (( ${#beside[@]} == 0 )) || wc -c "${beside[@]}" | sort -rn | awk '$2 != "total" { print $2 }' \
    | xargs -P "${LK_LANES:-2}" -I{} bash -c 'run_file {}'
  for file in "${alone[@]}"; do run_file "$file"; done
fi

say "result after $((SECONDS - started)) s"
exec python3 tests/count.py "$results"
