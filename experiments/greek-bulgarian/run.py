#!/usr/bin/env python3
"""Teaches Greek and Bulgarian to a small model, with and without replay of its other languages, and writes what that
gained and what it cost to report.html. Everything is made here: README.md says what it shows and how long it takes.
Started again, it goes on where it stopped; --fresh begins anew."""
import argparse
import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import report
import results

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
NEW = ["el-GR", "bg-BG"]
TRAIN_MIX = "el-GR=1,bg-BG=1.4"  # the base knows more of Bulgarian: what is left is harder to gain
OTHERS = ["en-US", "de-DE", "es-ES", "fr-FR", "it-IT", "pt-BR"]
CONTEXTS = ["56,0", "56,13"]
SEEDS = {"train": 2101, "replay": 2102, "dev": 2103, "test": 2104}  # none of those that the base model's data came from


@dataclasses.dataclass
class Scale:
    """How much of everything."""
    train_hours: float = 12  # both languages together
    replay_hours: float = 24
    replay_share: float = 0.6  # of the utterances of a step
    dev_clips: int = 80
    test_clips: int = 100  # of each language
    steps: int = 1500
    validations: int = 6
    resamples: int = 10_000


QUICK = Scale(train_hours=0.1, replay_hours=0.1, dev_clips=8, test_clips=6, steps=12, validations=2, resamples=1000)


class Stages:
    """Remembers what is finished, as one file each. A stage counts as finished while its command and everything that
    it depends on are the same as then."""

    def __init__(self, folder):
        self.folder = folder
        self.commands = []
        self.seconds = {}

    def run(self, name, commands, action, depends_on=()):
        """Calls action(resuming) unless that was done already; returns what later stages give as depends_on."""
        self.commands += commands
        key = hashlib.sha256(json.dumps([commands, list(depends_on)]).encode()).hexdigest()
        path = self.folder / f"{name}.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        resuming = record.get("key") == key
        if not resuming:
            record = {"key": key, "done": False, "seconds": 0}
        if record["done"]:
            say(f"{name}: done already")
        else:
            say(f"{name}: {'going on' if resuming else 'started'}")
            start = time.monotonic()
            try:
                action(resuming)
                record["done"] = True
            finally:
                record["seconds"] += time.monotonic() - start
                results.write_json(path, record)
            say(f"{name}: {record['seconds']:.0f} s")
        self.seconds[name] = round(record["seconds"], 1)
        return key


def say(message):
    print(f"== {message}", file=sys.stderr, flush=True)


def shown(path):
    """As it is written in commands, which run in the repository's root."""
    path = pathlib.Path(os.path.abspath(path))  # links stay as they are
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def execute(command):
    """Runs to the end, in the repository's root; what it prints goes to stderr. In a process group of its own, so that
    Ctrl-C and SIGTERM reach it once, from here, and it saves before it ends."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, process_group=0)
    try:
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    if code != 0:
        sys.exit(f"run.py: exit code {code}: {shlex.join(command)}")


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def choose_test_sentences(test, dev, clips):
    """The first `clips` of each language that the development set does not have."""
    taken = {(entry["target_lang"], entry["text"]) for entry in read_lines(dev / "manifest.jsonl")}
    chosen = collections.defaultdict(list)
    for entry in read_lines(test / "manifest.jsonl"):
        if (entry["target_lang"], entry["text"]) not in taken and len(chosen[entry["target_lang"]]) < clips:
            chosen[entry["target_lang"]].append(json.dumps(entry, ensure_ascii=False) + "\n")
    for locale in NEW + OTHERS:
        if len(chosen[locale]) < clips:
            say(f"{locale}: only {len(chosen[locale])} different test sentences")
        (test / f"{locale}.jsonl").write_text("".join(chosen[locale]), encoding="utf-8")


def shards(folder, mixture, weight):
    """An item of input_cfg in the file `mixture`, from whose folder its paths count."""
    last = len(list(folder.glob("manifest_*.json"))) - 1
    path = os.path.relpath(folder, mixture.parent)
    return {"type": "nemo_tarred", "manifest_filepath": f"{path}/manifest__OP_0..{last}_CL_.json",
            "tarred_audio_filepaths": f"{path}/audio__OP_0..{last}_CL_.tar", "weight": weight}


class Experiment:
    def __init__(self, options, scale):
        self.options, self.scale = options, scale
        self.work = pathlib.Path(options.work)
        self.data = self.work / "data"
        self.stages = Stages(self.work / "stages")
        self.models = {}  # name: path
        self.base_sha256 = hashlib.sha256(options.base.read_bytes()).hexdigest()

    def synthesize(self, name, *arguments):
        command = ["tools/synth/synth.py", shown(self.data / name), *arguments, "--seed", str(SEEDS[name]),
                   "--jobs", str(self.options.threads)]

        def action(_resuming):
            shutil.rmtree(self.data / name, ignore_errors=True)
            execute(command)

        return self.stages.run(f"data-{name}", [shlex.join(command)], action)

    def make_data(self):
        scale = self.scale
        new, others = ",".join(NEW), ",".join(OTHERS)
        # Some clips of several sentences: a model that hears single ones alone stops after the first of a stream.
        voices = ("--drawn-voices", "0.5", "--drawn-pitch", "0.5", "--joined", "0.15")
        held_out = ("--split", "test", "--only", "sentences", "--distinct", "--files")
        made = [self.synthesize("train", "--hours", str(scale.train_hours), "--mix", TRAIN_MIX, *voices),
                self.synthesize("replay", "--hours", str(scale.replay_hours), "--mix", others, *voices, "--prompts"),
                self.synthesize("dev", *held_out, "--clips", str(scale.dev_clips), "--mix", new),
                # More than are needed: languages are drawn, and some sentences are in the development set.
                self.synthesize("test", *held_out, "--mix", f"{new},{others}", "--clips",
                                str(int(1.4 * scale.test_clips * len(NEW + OTHERS))))]
        note = f"# {shown(self.data / 'test')}/LANGUAGE.jsonl: the first {scale.test_clips} different sentences of each"
        return made, self.stages.run(
            "data-test-sentences", [note], lambda _resuming: choose_test_sentences(
                self.data / "test", self.data / "dev", scale.test_clips), made)

    def train(self, name, with_replay, depends_on):
        share = self.scale.replay_share if with_replay else 0
        mixture, run = self.work / f"{name}.yaml", self.work / "runs" / name
        command = [shown(self.options.glossa), "train", "--config", shown(HERE / "finetune.yaml"),
                   "--name", name, "--exp-dir", shown(self.work / "runs"), "--version-name", "run", "--resume",
                   "--threads", str(self.options.threads), f"init_from_nemo_model={shown(self.options.base)}",
                   f"model.train_ds.input_cfg={shown(mixture)}",
                   f"model.validation_ds.manifest_filepath=[{shown(self.data / 'dev' / 'manifest.jsonl')}]",
                   f"trainer.max_steps={self.scale.steps}",
                   f"trainer.val_check_interval={self.scale.steps // self.scale.validations}"]
        self.models[name] = run / "run" / f"{name}.nemo"

        def action(resuming):
            if not resuming:
                shutil.rmtree(run, ignore_errors=True)
            streams = [shards(self.data / "train", mixture, 1 - share)]
            if with_replay:
                streams.append(shards(self.data / "replay", mixture, share))
            results.write_json(mixture, streams)  # JSON is YAML, too
            execute(command)
            if not self.models[name].exists():
                sys.exit(f"run.py: {name} was stopped; the same command goes on")

        return self.stages.run(f"train-{name}", [shlex.join(command)], action,
                               [*depends_on, share, (HERE / "finetune.yaml").read_text(encoding="utf-8")])

    def evaluation_file(self, name):
        return self.work / "evaluation" / name / f"evaluation_{self.models[name].stem}.jsonl"

    def evaluate(self, name, depends_on):
        folder = self.work / "evaluation" / name
        manifests = [shown(self.data / "test" / f"{locale}.jsonl") for locale in NEW + OTHERS]
        command = [shown(self.options.glossa), "evaluate", "--model", shown(self.models[name]), "--weights", "f32",
                   "--threads", str(self.options.threads), "--dataset-manifest", *manifests,
                   "--att-context-size", *CONTEXTS, "--output-path", shown(folder)]
        if name != "base":
            command += ["--baseline", shown(self.evaluation_file("base")), "--report", shown(folder / "report.html")]

        def action(_resuming):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            execute(command)

        return self.stages.run(f"evaluate-{name}", [shlex.join(command)], action, depends_on)

    def run(self):
        self.models["base"] = self.options.base
        made, tests = self.make_data()
        base = self.evaluate("base", [tests, self.base_sha256])
        for name in ("with-replay", "without-replay"):
            trained = self.train(name, name == "with-replay", [*made, self.base_sha256])
            self.evaluate(name, [tests, trained, base])
        return self.collect()

    def parameters(self):
        output = subprocess.run([self.options.glossa, "info", "--json", self.options.base], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        return json.loads(output)["parameters"]["total"]

    def data_sizes(self):
        sizes = {}
        for name in SEEDS:
            files = ([self.data / name / f"{locale}.jsonl" for locale in NEW + OTHERS] if name == "test" else
                     sorted((self.data / name).glob("manifest*.json*")))
            durations = collections.defaultdict(list)
            for entry in (entry for file in files for entry in read_lines(file)):
                durations[entry["target_lang"]].append(entry["duration"])
            sizes[name] = {locale: {"clips": len(durations[locale]), "hours": round(sum(durations[locale]) / 3600, 3)}
                           for locale in NEW + OTHERS if locale in durations}
        return sizes

    def validations(self, name):
        """Steps and word error rates on the development set; step 0 is the base model."""
        lines = read_lines(self.models[name].parent / "validation.jsonl")
        return [[line["step"], line["val_wer"]] for line in lines if line["averaged"] == 1 and not line.get("base_share")]

    def collect(self):
        utterances = {name: results.read_evaluation(self.evaluation_file(name)) for name in self.models}
        found = results.compare(utterances, NEW, OTHERS, CONTEXTS, self.scale.resamples)
        found.update({
            "audio": "synthetic speech only (tools/synth)", "quick": self.options.quick,
            "base": {"path": shown(self.options.base), "sha256": self.base_sha256,
                     "parameters": self.parameters()},
            "scale": dataclasses.asdict(self.scale), "threads": self.options.threads, "seeds": SEEDS,
            "data": self.data_sizes(), "validation": {name: self.validations(name) for name in self.models
                                                      if name != "base"},
            "examples": results.examples(utterances, NEW, OTHERS, CONTEXTS[0]),
            "commands": self.stages.commands, "seconds": self.stages.seconds})
        return found


def parse_arguments():
    default_work = ROOT / "build" / "experiments" / "greek-bulgarian"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=pathlib.Path, default=ROOT / "models" / "glossa-mini.nemo", metavar="FILE",
                        help="model to fine-tune (default: models/glossa-mini.nemo)")
    parser.add_argument("--glossa", type=pathlib.Path, default=ROOT / "build" / "glossa", metavar="PATH",
                        help="the program, with glossa-train beside it (default: build/glossa)")
    parser.add_argument("--work", type=pathlib.Path, metavar="FOLDER",
                        help=f"folder for data, models and the report (default: {shown(default_work)}; with --quick "
                             "another one)")
    parser.add_argument("--steps", type=int, help=f"optimizer steps of each fine-tune (default: {Scale.steps})")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads (default: one per core)")
    parser.add_argument("--quick", action="store_true", help="a smoke test: next to no data, figures mean nothing")
    parser.add_argument("--fresh", action="store_true", help="throw the folder's stages away and begin anew")
    options = parser.parse_args()
    options.work = options.work or default_work.with_name(default_work.name + ("-quick" if options.quick else ""))
    for path, way in ((options.base, "--base FILE"), (options.glossa, "make build, or --glossa PATH")):
        if not path.is_file():
            parser.error(f"{path}: no such file ({way})")
    scale = QUICK if options.quick else Scale()
    if options.steps is not None:
        scale = dataclasses.replace(scale, steps=options.steps)
    if scale.steps < scale.validations:
        parser.error(f"--steps {scale.steps}: expected {scale.validations} or more")
    return options, scale


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("run.py: terminated; the same command goes on"))
    options, scale = parse_arguments()
    if options.fresh:
        for name in ("stages", "data", "runs", "evaluation"):
            shutil.rmtree(options.work / name, ignore_errors=True)
    (options.work / "stages").mkdir(parents=True, exist_ok=True)
    try:
        found = Experiment(options, scale).run()
    except KeyboardInterrupt:
        sys.exit("run.py: interrupted; the same command goes on")
    results.write_json(options.work / "results.json", found)
    (options.work / "report.html").write_text(report.page(found), encoding="utf-8")
    print(report.table_text(found))
    print(f"\n{shown(options.work / 'report.html')}\n{shown(options.work / 'results.json')}")


if __name__ == "__main__":
    main()
