#!/usr/bin/env bash
# The pages of docs/elements say what the built plugin has, and everything in them is described.
set -euo pipefail
build=$1
if [[ ! -f $build/gst/libgstlivekit.so ]]; then
  echo "no plugin in $build/gst: build first"
  exit 1
fi
for tool in cc pkg-config; do
  command -v "$tool" >/dev/null && continue
  echo "no $tool"
  [[ -n "${CI:-}" ]] && exit 1
  exit 77
done
exec python3 docs/generate-elements.py "$build" --check
