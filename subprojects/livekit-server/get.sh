#!/usr/bin/env bash
# Prints the path of a livekit-server binary on stdout; progress goes to stderr. Order of choice:
#   1. $LIVEKIT_SERVER   2. livekit-server on PATH   3. the pinned version in the user's cache
#   4. the pinned version, built once with Go from PATH or, where that is missing or too old, from the Python package index
# LK_SERVER_PINNED=1 skips 1 and 2; LK_SERVER_GO=bootstrap ignores the Go on PATH.
set -euo pipefail

say () { printf '[livekit-server] %s\n' "$*" >&2; }
fail () { printf '[livekit-server] ERROR: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=pin disable=SC1091
. "$here/pin"

if [[ "${LK_SERVER_PINNED:-}" != 1 ]]; then
  if [[ -n "${LIVEKIT_SERVER:-}" ]]; then
    [[ -x "$LIVEKIT_SERVER" ]] || fail "LIVEKIT_SERVER=$LIVEKIT_SERVER is not an executable file"
    printf '%s\n' "$LIVEKIT_SERVER"
    exit 0
  fi
  if found=$(command -v livekit-server); then
    say "using $found from PATH"
    printf '%s\n' "$found"
    exit 0
  fi
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/gst-livekit
binary=$cache/livekit-server-${version#v}
mkdir -p "$cache"

if [[ ! -x "$binary" ]]; then
  exec 9>"$cache/livekit-server.lock"
  flock -n 9 || { say "another process is building it: waiting"; flock 9; }
fi
if [[ -x "$binary" ]]; then
  printf '%s\n' "$binary"
  exit 0
fi

# A module cache is a gigabyte, so what is fetched for this one build leaves with it.
work=$(mktemp -d "$cache/build.XXXXXX")
cleanup () {
  chmod -R u+w "$work" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

is_new_enough () { # GO-BINARY
  local have
  have=$("$1" env GOVERSION 2>/dev/null) || return 1
  have=${have#go}
  [[ "$(printf '%s\n%s\n' "$go_minimum" "$have" | sort -V | head -n1)" == "$go_minimum" ]]
}

if [[ "${LK_SERVER_GO:-}" != bootstrap ]] && go=$(command -v go) && is_new_enough "$go"; then
  say "building $version with $("$go" version), once: about two minutes"
else
  say "no Go >= $go_minimum on PATH: installing $go_package into a temporary venv"
  python3 -m venv "$work/venv" || fail "python3 -m venv failed: install python3-venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$go_package" >&2 \
    || fail "pip could not install $go_package: check the network, or install Go >= $go_minimum yourself"
  go=$work/venv/bin/go
  is_new_enough "$go" || fail "$go_package does not run on this machine; install Go >= $go_minimum yourself"
  export GOPATH=$work/gopath GOCACHE=$work/gocache
  say "building $version with $("$go" version), once: about three minutes"
fi

# The pin below is the checksum that counts, so the public checksum database is not asked for this module.
export GOTOOLCHAIN=local GOWORK=off GONOSUMDB=$module
cd "$work" # outside any module of the caller's
say "downloading $module@$version"
"$go" mod download -json "$module@$version" >"$work/module.json" \
  || fail "the Go module could not be downloaded: check the network and GOPROXY: $(<"$work/module.json")"
field () { sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" "$work/module.json"; }
[[ "$(field Sum)" == "$sum" ]] || fail "checksum of $module@$version is $(field Sum), expected $sum: not building it"

# Inside the module's own directory: its go.sum covers every dependency (`go install module@version` asks the
# checksum database for one pseudo-version that it does not know).
cd "$(field Dir)"
say "compiling"
CGO_ENABLED=0 "$go" build -buildvcs=false -trimpath -o "$work/livekit-server" ./cmd/server \
  || fail "the build failed (see above); with a binary of your own set LIVEKIT_SERVER=/path/to/livekit-server"
"$work/livekit-server" --version >&2 || fail "the built binary does not run"
mv "$work/livekit-server" "$binary"
say "ready: $binary"
printf '%s\n' "$binary"
