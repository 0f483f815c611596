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
The bundled model is a stand-in: 5.7 M parameters, fitted for a moment to a few dozen synthetic sentences. What it writes
looks like words and is mostly wrong; it shows that the machinery works, not how well a trained model understands.

TEXT
fi
if [ -n "$audio" ]; then
  "$glossa" transcribe --model "$model" "$audio"
else
  "$glossa" transcribe --model "$model" --att-context-size 56,3 \
    $recordings/en-US_0.wav $recordings/de-DE_6.wav $recordings/es-ES_5.wav $recordings/el-GR_6.wav
  echo
  echo "Word times, confidence and language of one of them:"
  "$glossa" transcribe --model "$model" --att-context-size 56,3 --format json $recordings/es-ES_5.wav |
    python3 -c '
import json, sys
result = json.load(sys.stdin)
for word in result["words"]:
    print("  {start:5.2f} - {end:5.2f} s  {confidence:4.2f}  {language:6s} {word}".format(**word))
seconds = result["processing_seconds"]
print("  {:.2f} s of audio in {:.3f} s: real-time factor {:.3f}".format(
    result["duration"], seconds, seconds / result["duration"]))'
fi
cat <<TEXT

Next:
  build/glossa transcribe --model nemotron-3.5-asr-streaming-0.6b.nemo meeting.mp3
  build/glossa transcribe --partials --latency 80ms $recordings/long.wav
  build/glossa info models/glossa-small.nemo
TEXT
