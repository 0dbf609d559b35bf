#!/usr/bin/env bash
# Installs what is missing on Debian 12 or 13: `install-deps.sh [build|test|full]`.
#   build  what compiling and running the elements needs (the quickstart uses this set)
#   test   the same, plus what checks, unit and element tests need
#   full   the same, plus the browser, the shifted clock and the TURN server of the tests against the real server (default)
# Does nothing, quickly, when everything is there. Packages already installed are never touched.
set -euo pipefail

say () { printf '[deps] %s\n' "$*" >&2; }
fail () { printf '[deps] ERROR: %s\n' "$*" >&2; exit 1; }

build_set=(
  ca-certificates git g++ meson ninja-build ccache pkg-config python3 python3-venv
  protobuf-compiler libprotobuf-dev libsoup-3.0-dev libjson-glib-dev libssl-dev libnice-dev
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-x gstreamer1.0-nice glib-networking ffmpeg
)
test_set=(
  libgtest-dev libgmock-dev gstreamer1.0-libav gobject-introspection libgirepository1.0-dev
  binutils iproute2 procps
)
full_set=(chromium libfaketime coturn openssl)
# An npm that is no Debian package brings its own Node.js, which Debian's npm would conflict with.
command -v npm >/dev/null || full_set+=(nodejs npm)

case "${1:-full}" in
  build) wanted=("${build_set[@]}") ;;
  test) wanted=("${build_set[@]}" "${test_set[@]}") ;;
  full) wanted=("${build_set[@]}" "${test_set[@]}" "${full_set[@]}") ;;
  *) fail "unknown set '$1': use build, test or full" ;;
esac

command -v dpkg-query >/dev/null \
  || fail "this is not a Debian system; install the packages named in $0 by hand, then set LK_SKIP_INSTALL=1"

if [[ "${LK_SKIP_INSTALL:-}" == 1 ]]; then
  say "LK_SKIP_INSTALL=1: installing nothing"
  exit 0
fi

list_missing () {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
  for package in "${wanted[@]}"; do
    grep -qxF "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

mapfile -t missing < <(list_missing)
(( ${#missing[@]} == 0 )) && exit 0
say "installing: ${missing[*]}"

as_root=()
if (( $(id -u) != 0 )); then
  command -v sudo >/dev/null || fail "run as root, or install sudo, or ask for: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
apt () {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >&2
}

# The lists of a fresh image are empty, those of an old one name versions that are gone: try what is there first.
if ! apt install --no-install-recommends "${missing[@]}"; then
  say "the package lists are missing or old: updating them"
  apt update || fail "apt-get update failed: check the network and /etc/apt/sources.list"
  apt install --no-install-recommends "${missing[@]}" \
    || fail "apt-get could not install: ${missing[*]} (see its message above)"
fi

mapfile -t missing < <(list_missing)
(( ${#missing[@]} == 0 )) || fail "still missing after the installation: ${missing[*]}"
say "done"
