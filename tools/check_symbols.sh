#!/usr/bin/env bash
# Fails when a kernel target defines anything but its one table: an inline function compiled for AVX-512 and shared with
# the rest of the program could crash older machines. Usage: tools/check_symbols.sh BUILD_DIR
set -euo pipefail
build=${1:?usage: tools/check_symbols.sh BUILD_DIR}
status=0
found=0
while IFS= read -r object; do
  found=$((found + 1))
  # Global definitions and weak ones (inline functions, templates).
  defined=$(nm --defined-only --extern-only --demangle "$object" | sed 's/^[0-9a-f]* *[A-Za-z] //' |
            grep -v -E '^(__asan|__odr_asan|__ubsan|__tsan|__start_|__stop_)' || true)
  count=$(printf '%s\n' "$defined" | grep -c . || true)
  if [ "$count" -ne 1 ] || ! printf '%s' "$defined" | grep -q 'Kernels$'; then
    echo "$object defines $count symbols, expected its kernel table alone:"
    printf '  %s\n' "$defined"
    status=1
  fi
done < <(find "$build" -path '*backend*targets*' -name '*.o')
[ "$found" -gt 0 ] || { echo "no kernel targets below $build"; exit 1; }
[ "$status" -eq 0 ] && echo "symbols: ok ($found kernel targets)"
exit "$status"
