#!/usr/bin/env bash
# Prints the node_modules folder of the JavaScript clients on stdout, after filling it as package.json says.
# There is no lock file, because one names the registry it was written against: the packages are pinned by exact
# versions instead. That is enough: of livekit-client only the bundled file is used, playwright-core depends on
# nothing, and rtc-node is the other end of a benchmark only.
set -euo pipefail

say () { printf '[npm] %s\n' "$*" >&2; }
fail () { printf '[npm] ERROR: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gst-livekit
folder=$cache/interop
stamp=$folder/package.sum
want=$(sha256sum <"$here/package.json")
command -v npm >/dev/null || fail "no npm: .ci/install-deps.sh full installs it"
mkdir -p "$cache"
exec 9>"$cache/interop.lock"
flock 9

if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
  say "installing livekit-client, playwright-core and rtc-node"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$here/package.json" "$folder"
  (cd "$folder" && timeout 120 npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 \
    || fail "npm could not install the packages: check the network"
  printf '%s\n' "$want" >"$stamp"
fi
printf '%s\n' "$folder/node_modules"
