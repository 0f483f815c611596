#!/usr/bin/env bash
# make demo: transcribes the bundled recordings with the bundled model, or what the user names.
# Usage: tools/demo.sh [MODEL] [AUDIO]
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-}
audio=${2:-}
glossa=build/glossa
recordings=examples/audio
if [ -z "$model" ]; then
  model=models/glossa-mini.nemo
  cat <<'TEXT'
The bundled model, glossa-mini, has 6.5 M parameters and learnt from synthetic speech: short sentences, numbers and
commands in six languages. It gets one word in ten wrong; of people it understands English digits (models/README.md).

TEXT
fi
files=("$audio")
if [ -z "$audio" ]; then
  files=($recordings/*.flac)
  echo "Recordings: synthetic speech made for this project, $recordings"
fi
"$glossa" transcribe --model "$model" --format json "${files[@]}" | tools/show_transcripts.py $recordings/audio.json

cat <<TEXT

Next:
  build/glossa transcribe --partials --latency 1120ms --draft-latency 80ms $recordings/de-DE.flac
  build/glossa transcribe --decoding beam $recordings/en-US.flac
and with the released model, https://huggingface.co/nvidia/nemotron-3.5-asr-streaming-0.6b:
  build/glossa transcribe --model nemotron-3.5-asr-streaming-0.6b.nemo meeting.mp3
  build/glossa live --model nemotron-3.5-asr-streaming-0.6b.nemo
TEXT
