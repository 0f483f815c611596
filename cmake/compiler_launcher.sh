#!/usr/bin/env bash
# compiler_launcher.sh CCACHE COMPILER ARGUMENTS ...: compiles by way of ccache. What one clone has compiled serves another,
# where there is no debug information; and files with precompiled headers are cached.
set -euo pipefail
CCACHE_BASEDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CCACHE_BASEDIR CCACHE_SLOPPINESS=pch_defines,time_macros

[[ " $* " == *" -x c++-header "*.gch\ * ]] || exec "$@"

# Once in a while g++ 12 writes a precompiled header with which every compilation ends in an internal error, and the cache
# keeps it for good. So each is tried on an empty file, and written anew where that fails.
trial=()
option=
for argument in "${@:2}"; do
  case $option in
    -o) header=$argument ;;
    -MT | -MF | -c) ;;
    *)
      case $argument in
        -MD | -MT | -MF | -o | -c) ;;
        c++-header) trial+=(c++) ;;
        *) trial+=("$argument") ;;
      esac
      ;;
  esac
  option=$argument
done
trial+=(-o "$header.trial" -c /dev/null)
trap 'rm -f "$header".trial*' EXIT
rm -f "$header" # ccache takes what is there for a part of what is compiled, and would not know the new one again
"$@"
for attempt in 1 2 3; do
  "${trial[@]}" 2>/dev/null && exit
  echo "compiler_launcher.sh: a precompiled header that cannot be used is written anew ($attempt of 3)" >&2
  CCACHE_RECACHE=1 "$@"
done
"${trial[@]}" # says why
