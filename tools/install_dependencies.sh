#!/usr/bin/env bash
# install_dependencies.sh LIST...: installs the Debian packages of these files that are missing. Does nothing when all
# are there, or something that provides them. Waits up to ten minutes where another installation is in progress, as it
# often is in a machine's first minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}, ${Provides}\n' | sed -n 's/^installed //p' | tr ',' '\n' |
  sed 's/(.*//; s/ //g')
missing=()
while read -r package; do
  [ -z "$package" ] || grep -qxF "$package" <<< "$installed" || missing+=("$package")
done < <(cat "$@")
[ ${#missing[@]} -eq 0 ] && exit 0
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || {
    printf '%s\n' "missing: ${missing[*]}" "To install them takes root or sudo, and neither is at hand. As root:" \
      "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt_get=("${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600)
# DPkg::Lock::Timeout does not wait for the lock of the lists.
for attempt in {1..60}; do
  said=$("${apt_get[@]}" update -qq 2>&1) && break
  if [ "$attempt" -eq 60 ] || ! grep -q "lists/lock" <<< "$said"; then
    printf '%s\n' "$said" >&2
    exit 1
  fi
  sleep 10
done
"${apt_get[@]}" install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
