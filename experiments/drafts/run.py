#!/usr/bin/python3
"""When words are seen, and whether they stay, with and without a draft. Needs tools/synth/apt-packages.txt and `make build`.
A minute on two cores."""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCALES = ["de-DE", "en-US", "es-ES", "fr-FR", "it-IT", "pt-BR"]
SETTINGS = {"80 ms": ["--latency", "80ms"],
            "1120 ms": ["--latency", "1120ms"],
            "1120 ms, draft of 320 ms": ["--latency", "1120ms", "--draft-latency", "320ms"],
            "1120 ms, draft of 80 ms": ["--latency", "1120ms", "--draft-latency", "80ms"]}


def speak(folder, clips):
    """Held-out sentences."""
    if not (folder / "manifest.jsonl").exists():
        subprocess.run([ROOT / "tools/synth/synth.py", folder, "--split", "test", "--clips", str(clips), "--seed", "13",
                        "--mix", ",".join(f"{locale}=1" for locale in LOCALES), "--files", "--only", "sentences",
                        "--distinct"], check=True, stdout=subprocess.DEVNULL)
    return folder / "manifest.jsonl"


def transcribe(manifest, model, setting):
    """{recording: [events, the last one final]}"""
    run = subprocess.run([ROOT / "build/glossa", "transcribe", "--model", model, "--weights", "f32", "--partials", "--json",
                          "--dataset-manifest", manifest, *setting], check=True, capture_output=True, text=True)
    recordings = {}
    for line in run.stdout.splitlines():
        event = json.loads(line)
        recordings.setdefault(event["audio_filepath"], []).append(event)
    return recordings


def measure(recordings):
    """(seconds from a word's end until it is seen, part of the draft's words that are the text's in the end). The last word of
    what is seen may be growing and does not count as a draft's."""
    delays = []
    seen = kept = 0
    for *partials, final in recordings.values():
        words = final["text"].split()
        ends = [word["end"] for word in final["words"]]
        first = {}      # place in the text: second in which its word was seen there
        for event in partials:
            shown = (event["text"] + event.get("draft", "")).split()
            right = [place for place in range(min(len(shown), len(words))) if shown[place] == words[place]]
            for place in right:
                first.setdefault(place, event["duration"])
            if "draft" in event:
                draft = range(len(event["text"].split()), len(shown) - 1)
                seen += len(draft)
                kept += len(set(right) & set(draft))
        if len(ends) == len(words):
            delays += [first.get(place, final["duration"]) - end for place, end in enumerate(ends)]
    return delays, kept / seen if seen else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/drafts"), help="folder for the recordings")
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/glossa-mini.nemo")
    parser.add_argument("--manifest", type=pathlib.Path, help="of your own recordings instead of synthetic ones")
    options = parser.parse_args()
    manifest = options.manifest or speak(options.work, options.clips)
    print(f"{'':26}{'seen after its end: median':>28}{'95 %':>8}{'drafted words that stay':>26}")
    for name, setting in SETTINGS.items():
        delays, kept = measure(transcribe(manifest, options.model, setting))
        delays.sort()
        stay = "" if kept is None else f"{100 * kept:.1f} %"
        print(f"{name:26}{statistics.median(delays):25.2f} s{delays[int(0.95 * len(delays))]:8.2f} s{stay:>24}")


if __name__ == "__main__":
    main()
