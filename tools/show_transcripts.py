#!/usr/bin/env python3
"""Shows `glossa transcribe --format json` to a person: sentences with their language, the words of the last one with
their times, the real-time factor. Usage: glossa transcribe --format json ... | show_transcripts.py [SPOKEN.json]
SPOKEN.json: a list of {"file", "text"}: what was said in the bundled recordings, shown beside what was heard."""
import json
import os
import re
import sys


def main():
    spoken = {}
    if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
        with open(sys.argv[1], encoding="utf-8") as file:
            spoken = {item["file"]: re.sub(r"\s*<[^>]*>", "", item.get("text", "")) for item in json.load(file)}
    result = None
    for line in sys.stdin:
        result = json.loads(line)
        name = os.path.basename(result["audio_filepath"])
        seconds = result["processing_seconds"]
        factor = seconds / result["duration"] if result["duration"] else 0
        print(f"\n{name}  ({result['duration']:.2f} s of audio in {seconds:.3f} s: real-time factor {factor:.3f})")
        if name in spoken:
            print(f"  spoken      {spoken[name]}")
        for sentence in result["sentences"]:
            print(f"  {sentence['language'] or '?':6s} heard {sentence['text']}")
    if result and result["words"]:
        print("\nWords of the last recording:")
        print("    start     end  confidence  language")
        for word in result["words"]:
            print("  {start:5.2f} s {end:5.2f} s        {confidence:4.2f}  {language:8s} {word}".format(**word))


if __name__ == "__main__":
    main()
