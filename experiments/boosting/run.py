#!/usr/bin/python3
"""What boosting does for names that a model has never heard, and to sentences without them. Needs
tools/synth/apt-packages.txt and `make build`. Four minutes on two cores."""
import argparse
import collections
import itertools
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYNTH = ROOT / "tools/synth"
LISTS = {"name": "Kowalski Tiziano Yannis Petrova Nikolai Zeynep Bogdan Ottilie Ludovica Casimir".split(),
         "city": "Piraeus Plovdiv Thessaloniki Varna Krakau Budapest Oslo Helsinki Belgrad Montevideo".split()}
NAMES = [name for names in LISTS.values() for name in names]
LOCALES = ["de-DE", "it-IT", "es-ES"]
SCORES = [0, 1, 2, 2.5, 3, 4, 5]       # 0: no boost
BEAMS = [1, 4]                          # 1: greedy search


def write_grammars(folder):
    """Those of tools/synth, with other names and cities, in sentences that have some."""
    folder.mkdir(parents=True, exist_ok=True)
    for locale in LOCALES:
        grammar = json.loads((SYNTH / "locales" / f"{locale}.json").read_text(encoding="utf-8"))
        grammar["lists"].update(LISTS)
        grammar["templates"] = [template for template in grammar["templates"] if re.search(r"{(name|city)}", template)]
        (folder / f"{locale}.json").write_text(json.dumps(grammar), encoding="utf-8")


def speak(folder, *arguments):
    if not folder.with_suffix(".done").exists():
        subprocess.run([SYNTH / "synth.py", folder, "--split", "test", "--mix", ",".join(LOCALES), "--files", *arguments],
                       check=True, stdout=subprocess.DEVNULL)
        folder.with_suffix(".done").touch()
    return folder / "manifest.jsonl"


def names_in(text):
    wanted = {name.lower() for name in NAMES}
    return collections.Counter(word for word in re.findall(r"\w+", text.lower()) if word in wanted)


def evaluate(folder, manifest, score, beam):
    """(word error rate, names said, names found, names heard that were not said)"""
    options = ["--boost-file", folder / "names.txt", "--boost-score", str(score)] if score else []
    options += ["--decoding", "beam", "--beam-size", str(beam)] if beam > 1 else []
    subprocess.run([ROOT / "build/glossa", "evaluate", "--model", ROOT / "models/glossa-mini.nemo", "--weights", "f32",
                    "--dataset-manifest", manifest, "--latency", "320ms", "--output-path", folder, "--quiet", *options],
                   check=True, stdout=subprocess.DEVNULL)
    edits = words = said = found = false = 0
    for line in (folder / "evaluation_glossa-mini.jsonl").read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        counts = result["edits"]
        edits += counts["substitutions"] + counts["deletions"] + counts["insertions"]
        words += counts["reference"]
        spoken, heard = names_in(result["text"]), names_in(result["pred_text"])
        said += spoken.total()
        found += (spoken & heard).total()
        false += (heard - spoken).total()
    return 100 * edits / words, said, found, false


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build/experiments/boosting",
                        help="for sound and results (default: build/experiments/boosting)")
    folder = parser.parse_args().folder.resolve()
    write_grammars(folder / "locales")
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    with_names = speak(folder / "with", "--clips", "300", "--seed", "5", "--locales", folder / "locales")
    without = speak(folder / "without", "--clips", "600", "--seed", "6")
    print("| search | score | names found | false ones | WER | WER without names | false ones |\n|---|---|---|---|---|---|---|")
    for beam, score in itertools.product(BEAMS, SCORES):
        rate, said, found, false = evaluate(folder, with_names, score, beam)
        plain_rate, _, _, plain_false = evaluate(folder, without, score, beam)
        print(f"| {f'beam {beam}' if beam > 1 else 'greedy'} | {score or 'none'} | {100 * found / said:.1f} % of {said} | {false} | {rate:.1f} % | {plain_rate:.1f} % | "
              f"{plain_false} |", flush=True)


if __name__ == "__main__":
    main()
