#!/usr/bin/env bash
# install_dependencies.sh LIST...: installs the Debian packages of these files that are missing. Does nothing when all
# are there, or something that provides them.
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
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
