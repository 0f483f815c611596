#!/usr/bin/python3
"""When words are seen and settled, and whether they stay, with and without a draft, with and without a beam. Needs
tools/synth/apt-packages.txt and `make build`. Two minutes on two cores."""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCALES = ["de-DE", "en-US", "es-ES", "fr-FR", "it-IT", "pt-BR"]
BEAM = ["--decoding", "beam", "--settle-delay-ms", "480"]
SETTINGS = {"80 ms": ["--latency", "80ms"],
            "80 ms, beam": ["--latency", "80ms", *BEAM],
            "1120 ms": ["--latency", "1120ms"],
            "1120 ms, beam": ["--latency", "1120ms", *BEAM],
            "1120 ms, draft of 320 ms": ["--latency", "1120ms", "--draft-latency", "320ms"],
            "1120 ms, draft of 80 ms": ["--latency", "1120ms", "--draft-latency", "80ms"],
            "the same, beam": ["--latency", "1120ms", "--draft-latency", "80ms", *BEAM]}


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
    """(seconds from a word's end until it is seen, the same until it is settled, part of the words not settled that are the
    text's in the end). The last word of what is seen may be growing and does not count among those."""
    seen_after, settled_after = [], []
    seen = kept = 0
    for *partials, final in recordings.values():
        words = final["text"].split()
        ends = [word["end"] for word in final["words"]]
        first_seen, first_settled = {}, {}      # place in the text: second in which its word was there
        for event in partials:
            settled = event["text"].split()
            shown = (event["text"] + event.get("draft", "")).split()
            right = [place for place in range(min(len(shown), len(words))) if shown[place] == words[place]]
            for place in right:
                first_seen.setdefault(place, event["duration"])
                if place < len(settled) and settled[place] == words[place]:
                    first_settled.setdefault(place, event["duration"])
            if "draft" in event:
                draft = range(len(settled), len(shown) - 1)
                seen += len(draft)
                kept += len(set(right) & set(draft))
        if len(ends) == len(words):
            seen_after += [first_seen.get(place, final["duration"]) - end for place, end in enumerate(ends)]
            settled_after += [first_settled.get(place, final["duration"]) - end for place, end in enumerate(ends)]
    return seen_after, settled_after, kept / seen if seen else None


def median_and_most(delays):
    """For the table: the median, and what 95 % are within."""
    return f"{statistics.median(delays):.2f} s{sorted(delays)[int(0.95 * len(delays))]:8.2f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/drafts"), help="folder for the recordings")
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/glossa-mini.nemo")
    parser.add_argument("--manifest", type=pathlib.Path, help="of your own recordings instead of synthetic ones")
    options = parser.parse_args()
    manifest = options.manifest or speak(options.work, options.clips)
    print(f"{'':26}{'seen: median, 95 %':>20}{'settled: median, 95 %':>24}{'unsettled words that stay':>28}")
    for name, setting in SETTINGS.items():
        seen, settled, kept = measure(transcribe(manifest, options.model, setting))
        stay = "" if kept is None else f"{100 * kept:.1f} %"
        print(f"{name:26}{median_and_most(seen):>20}{median_and_most(settled):>24}{stay:>28}", flush=True)


if __name__ == "__main__":
    main()
