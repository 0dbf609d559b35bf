#!/usr/bin/env bash
# The built libraries export what GStreamer and the public headers name, and nothing else.
set -euo pipefail
build=$1
status=0 seen=0

check () { # PATTERN FILE...
  local pattern=$1 file extra
  shift
  for file in "$@"; do
    seen=$((seen + 1))
    extra=$(nm -D --defined-only "$file" | awk '{print $NF}' | sed 's/@.*//' | grep -vE "$pattern" || true)
    if [[ -n "$extra" ]]; then
      printf '%s exports what it should not:\n%s\n' "${file#"$build"/}" "$(head -n 20 <<<"$extra")"
      status=1
    fi
  done
}

mapfile -t plugins < <(find "$build/gst" -maxdepth 1 -name '*.so' -type f)
mapfile -t libraries < <(find "$build/lib" -maxdepth 1 -name '*.so.*' -type f -not -name '*.symbols')
check '^gst_plugin_[a-z0-9]+_(get_desc|register)$' "${plugins[@]}"
(( ${#libraries[@]} == 0 )) || check '^(gst_livekit_|lk_)' "${libraries[@]}"
if (( seen == 0 )); then
  echo "no plugin in $build/gst: build first"
  exit 1
fi
exit "$status"
