#!/usr/bin/env bash
# Prints the python of the test venv on stdout, after making it or bringing it up to date with requirements.txt.
set -euo pipefail

say () { printf '[venv] %s\n' "$*" >&2; }
fail () { printf '[venv] ERROR: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gst-livekit
venv=$cache/venv
stamp=$venv/requirements.sum
want=$(sha256sum <"$here/requirements.txt")
mkdir -p "$cache"
exec 9>"$cache/venv.lock"
flock 9

if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  say "making $venv"
  rm -rf "$venv"
  python3 -m venv "$venv" || fail "python3 -m venv failed: install python3-venv"
fi
if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
  say "installing the Python packages of requirements.txt"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2 \
    || fail "pip could not install the packages: check the network, or remove $venv and try again"
  printf '%s\n' "$want" >"$stamp"
fi
printf '%s\n' "$venv/bin/python"
