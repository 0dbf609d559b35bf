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
mapfile -t libraries < <(find "$build/lib" -maxdepth 1 -name '*.so*' -type f -not -name '*.symbols')
check '^gst_plugin_[a-z0-9]+_(get_desc|register)$' "${plugins[@]}"
(( ${#libraries[@]} == 0 )) || check '^(gst_livekit_|lk_)' "${libraries[@]}"
# The C API is its header: no more, no less.
promised=$(grep -oE '\blk_[a-z0-9_]+ \(' lib/include/livekit_ffi.h | tr -d ' (' | sort -u)
given=$(nm -D --defined-only "$build/lib/liblivekit_ffi.so" | awk '{print $NF}' | sort)
if [[ "$promised" != "$given" ]]; then
  printf 'liblivekit_ffi.so and livekit_ffi.h differ:\n%s\n' "$(diff <(echo "$promised") <(echo "$given"))"
  status=1
fi
if (( seen == 0 )); then
  echo "no plugin in $build/gst: build first"
  exit 1
fi
exit "$status"
