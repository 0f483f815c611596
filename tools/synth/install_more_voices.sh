#!/usr/bin/env bash
# install_more_voices.sh: what `synth.py --more-voices` speaks with, from Debian 12's non-free section, where they are
# because nobody can build their voices again. README.md has the licences. Needs root, curl and the packages of
# apt-packages.txt; changes no list of sources.
set -euo pipefail
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
while read -r sum path; do
  echo "$path"
  curl -fsSO "$mirror/pool/non-free/$path"
  echo "$sum  $(basename "$path")" | sha256sum --check --quiet
done <<'LIST'
fc9e4dbc664a7756ae73e83633d9987e6b0f2fd5248f04def8beb8de6df2cd02 s/svox/libttspico0_1.0+git20130326-13_amd64.deb
25c9904cef2471302634c03deff3ca96b588e22ea94929dda72d940584a3b84a s/svox/libttspico-data_1.0+git20130326-13_all.deb
7b321d21caf899c78e579593f105fd49995f4d0c948c0523b2b4baa3291375f5 r/rhvoice/librhvoice-core7_1.8.0+dfsg-3_amd64.deb
7a12f124a48941ec0e94aeaa60da44a27c164a31d5a6bb884875e533a6d15128 r/rhvoice/librhvoice5_1.8.0+dfsg-3_amd64.deb
7ea5227bcfc54b814086f53225ff47052b444d4554e8c4e752c9e6b29edf89a5 r/rhvoice/rhvoice-english_1.8.0+dfsg-3_all.deb
907b8c633ef9b46b7f4ed3b0f6dcfa9e202f9306d45930666ad36e1b1d2e851f r/rhvoice/rhvoice-brazilian-portuguese_1.8.0+dfsg-3_all.deb
LIST
chmod a+rx . && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ./*.deb > /dev/null
