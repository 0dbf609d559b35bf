#!/usr/bin/env bash
# C++ looks as .clang-format says. Other versions of clang-format break lines differently, so only 14 counts.
set -euo pipefail
tool=
for candidate in clang-format-14 clang-format "$(dirname "${LK_PYTHON:-/nonexistent/python}")/clang-format"; do
  if command -v "$candidate" >/dev/null && "$candidate" --version | grep -q 'version 14\.'; then
    tool=$candidate
    break
  fi
done
if [[ -z "$tool" ]]; then
  echo "no clang-format 14"
  [[ -n "${CI:-}" ]] && exit 1
  exit 77
fi
mapfile -t files < <(git ls-files -- '*.cpp' '*.hpp')
existing=()
for file in "${files[@]}"; do [[ -f $file ]] && existing+=("$file"); done
"$tool" --dry-run --Werror "${existing[@]}"
