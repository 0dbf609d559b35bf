#!/usr/bin/env bash
# Runs one test under a checker; the exe_wrapper of `meson test --setup=asan|tsan|valgrind`:
#   with-tool.sh asan|tsan|valgrind PROGRAM [ARGUMENT...]
# asan and tsan need a build directory of their own, e.g. `meson setup build-asan -Db_sanitize=address,undefined`:
# a program without the sanitizer would pass whatever it does, so it fails here.
set -euo pipefail
tool=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
supp=$here/suppressions
# A test that is a script starts its programs itself.
[[ "$(head -c 4 "$1" | tail -c 3)" == ELF ]] || exec "$@"

need_runtime () { # LIBRARY, B_SANITIZE
  local path
  path=$(ldd "$1" 2>/dev/null | awk -v lib="$2" '$1 ~ "^" lib "\\.so" {print $3; exit}')
  if [[ -z "$path" ]]; then
    printf 'This build has no %s. Make one: meson setup build-%s -Db_sanitize=%s -Db_lundef=false\n' "$2" "$tool" "$3" >&2
    exit 1
  fi
  printf '%s\n' "$path"
}

# Scanning plugins inside the checked program would report every library on the system, and the separate scanner
# process is not instrumented and could not load our plugin: so scan beforehand, with the runtime preloaded.
scan_plugins () { # RUNTIME
  export GST_REGISTRY_FORK=no GST_REGISTRY=${GST_REGISTRY:-$PWD/registry}.$tool
  LD_PRELOAD=$1 ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=report_bugs=0 gst-inspect-1.0 --version >/dev/null 2>&1 || true
}

case "$tool" in
  asan)
    runtime=$(need_runtime "$1" libasan address,undefined)
    scan_plugins "$runtime"
    export ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:detect_stack_use_after_return=1:abort_on_error=0
    export LSAN_OPTIONS=suppressions=$supp/lsan.supp:print_suppressions=0
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    export G_SLICE=always-malloc
    exec "$@"
    ;;
  tsan)
    runtime=$(need_runtime "$1" libtsan thread)
    scan_plugins "$runtime"
    export TSAN_OPTIONS=halt_on_error=0:exitcode=66:ignore_noninstrumented_modules=1:second_deadlock_stack=1:suppressions=$supp/tsan.supp
    exec "$@"
    ;;
  valgrind)
    command -v valgrind >/dev/null || { echo "valgrind is not installed: apt-get install valgrind" >&2; exit 1; }
    export G_SLICE=always-malloc G_DEBUG=${G_DEBUG:-},gc-friendly GST_REGISTRY_FORK=no
    gst-inspect-1.0 --version >/dev/null 2>&1 || true
    exec valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
      --show-leak-kinds=definite --num-callers=30 --suppressions="$supp/valgrind.supp" "$@"
    ;;
  *)
    echo "unknown tool $tool" >&2
    exit 1
    ;;
esac
