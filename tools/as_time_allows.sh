#!/usr/bin/env bash
# Runs make's targets one after another until so many minutes after START, in seconds since 1970. What fails, fails; what is
# not finished in time is said last, and is no failure. Usage: as_time_allows.sh START MINUTES TARGET...
set -uo pipefail
deadline=$(($1 + $2 * 60))
minutes=$2
shift 2
running=
trap '[[ -n $running ]] && kill -- "-$running"; exit 130' HUP INT TERM # timeout's group is its own
unfinished=()
for target in "$@"; do
  left=$((deadline - $(date +%s)))
  status=124 # timeout's of what it has ended; 137 where that took a kill
  if ((left > 0)); then
    timeout --kill-after 20 "$left" "${MAKE:-make}" "$target" &
    running=$!
    wait "$running"
    status=$?
    running=
  fi
  if ((status == 124 || status == 137)); then
    unfinished+=("$target")
  elif ((status != 0)); then
    exit "$status"
  fi
done
for target in ${unfinished[@]+"${unfinished[@]}"}; do
  echo "not finished in $minutes minutes: make $target"
done
