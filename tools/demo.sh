#!/usr/bin/env bash
# make demo: transcribes the bundled recordings with the bundled model, or what the user names.
# Usage: tools/demo.sh [MODEL] [AUDIO]
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-}
audio=${2:-}
glossa=build/glossa
recordings=tests/data/golden/audio
if [ -z "$model" ]; then
  model=models/glossa-small.nemo
  cat <<'TEXT'
The bundled model is a stand-in: 5.65 M parameters, fitted for a moment to a few dozen synthetic sentences. What it writes
looks like words and is mostly wrong; it shows that the machinery works, not how well a trained model understands.

TEXT
fi
files=("$audio")
if [ -z "$audio" ]; then
  files=($recordings/en-US_13.wav $recordings/de-DE_7.wav $recordings/el-GR_6.wav $recordings/bg-BG_7.wav)
  echo "Recordings: synthetic speech made for this project, $recordings"
fi
"$glossa" transcribe --model "$model" --format json "${files[@]}" | tools/show_transcripts.py $recordings/audio.json

cat <<TEXT

Next:
  build/glossa transcribe --model nemotron-3.5-asr-streaming-0.6b.nemo meeting.mp3
  build/glossa transcribe --partials --latency 80ms $recordings/long.wav
  build/glossa info models/glossa-small.nemo
TEXT
