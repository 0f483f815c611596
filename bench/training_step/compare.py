#!/usr/bin/python3
"""glossa's training step beside the same model's in PyTorch eager: same libtorch, weights and batch.

compare.py MODEL.nemo [--seconds 5 10] [--clips 8] [--threads 1 2] ...

Both run in processes of their own that take turns. First their losses and gradients are compared without dropout.
"eager, kept" is eager with the allocator told to keep freed memory, as glossa's trainer does it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import yaml

import tensor_file

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent.parent / "build/dev/bin/training_step_bench"
ONE_GIGABYTE = str(1 << 30)
KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": ONE_GIGABYTE,
    "MALLOC_TRIM_THRESHOLD_": ONE_GIGABYTE,
    "MALLOC_ARENA_MAX": "1",
}
CONTENDERS = ("glossa", "eager", "eager, kept")
LOSS_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.nemo")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, nargs="+", default=[5, 10])
    parser.add_argument("--labels", type=float, default=4, help="per second")
    parser.add_argument("--uneven", action="store_true", help="lengths between half and all of --seconds")
    parser.add_argument("--context", type=int, nargs=2, default=[56, 3])
    parser.add_argument("--dropout", action="store_true", help="at the checkpoint's rates; else none")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    parser.add_argument("--steps", type=int, default=5, help="of a turn")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bench", default=BENCH, help="glossa's side; default: %(default)s")
    return parser.parse_args()


def config_of(model):
    with tarfile.open(model) as archive:
        for member in archive:
            if member.name.endswith("model_config.yaml"):
                return yaml.safe_load(archive.extractfile(member))
    sys.exit(f"{model}: no model_config.yaml")


def make_batch(config, seconds, options):
    """Random mels and labels, and the seconds of sound that they stand for."""
    random = np.random.default_rng(options.seed)
    shares = random.uniform(0.5, 1, options.clips) if options.uneven else np.ones(options.clips)
    shares[0] = 1
    mel_lengths = np.round(100 * seconds * shares).astype(int)
    target_lengths = np.round(options.labels * seconds * shares).astype(int)
    # One frame more than the longest, as NeMo's preprocessor makes.
    shape = (options.clips, config["preprocessor"]["features"], mel_lengths.max() + 1)
    mels = random.normal(-5, 3, shape).astype(np.float32)
    targets = random.integers(0, config["decoder"]["vocab_size"], (options.clips, target_lengths.max()))
    for clip in range(options.clips):
        mels[clip, :, mel_lengths[clip] :] = 0
        targets[clip, target_lengths[clip] :] = 0
    slots = np.zeros(options.clips)
    batch = dict(mels=mels, mel_lengths=mel_lengths, targets=targets, target_lengths=target_lengths, slots=slots)
    return batch, mel_lengths.sum() / 100


def run(contender, model, batch, options, threads, warm_up, steps, dropout):
    """What the process reports, or why it reports nothing."""
    program = [options.bench] if contender == "glossa" else [sys.executable, HERE / "eager_step.py"]
    numbers = [threads, warm_up, steps, *options.context, int(dropout)]
    # Passive: threads that spin while they wait slow each other down where cores are shared with other programs.
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
    if contender == "eager, kept":
        environment.update(KEEP_FREED_MEMORY)
    command = [str(word) for word in [*program, model, batch, *numbers]]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    lines = done.stderr.strip().splitlines() or [""]
    if done.returncode == -9 or "allocate" in done.stderr or "bad_alloc" in done.stderr:
        return {"failed": "out of memory"}
    why = next((line.strip() for line in lines if "what()" in line), lines[-1])
    return {"failed": f"exit {done.returncode}: {why}"}


def check(model, batch, options):
    glossa, eager = (run(who, model, batch, options, 1, 0, 1, dropout=False) for who in CONTENDERS[:2])
    for report in (glossa, eager):
        if "failed" in report:
            print(f"losses not compared: {report['failed']}")
            return
    for what, tolerance in (("loss", LOSS_TOLERANCE), ("grad_norm", GRADIENT_TOLERANCE)):
        difference = abs(glossa[what] / eager[what] - 1)
        if not difference <= tolerance:
            sys.exit(f"{model}: {what} {glossa[what]} with glossa, {eager[what]} with eager")
        print(f"{what} {glossa[what]:.4f} with both, apart by {difference:.1e} of it")


def measure(model, batch, sound, options, threads):
    reports = {contender: [] for contender in CONTENDERS}
    for _ in range(options.rounds):
        for contender, taken in reports.items():
            if not any("failed" in report for report in taken):
                turn = run(contender, model, batch, options, threads, options.warm_up, options.steps, options.dropout)
                taken.append(turn)
    medians = {}
    for contender, taken in reports.items():
        failed = [report["failed"] for report in taken if "failed" in report]
        start = f"| {contender} | {threads} |"
        if failed:
            print(f"{start} {failed[0]} | | | |")
            continue
        medians[contender] = statistics.median(time for report in taken for time in report["steps_ms"])
        processor = statistics.median(time for report in taken for time in report["processor_ms"])
        peak = max(report["peak_mb"] for report in taken)
        times_faster = f"{medians[contender] / medians['glossa']:.2f}" if "glossa" in medians else ""
        print(
            f"{start} {medians[contender]:.0f} | {processor:.0f} | {1e3 * sound / medians[contender]:.0f} "
            f"| {peak:.0f} | {times_faster} |",
            flush=True,
        )


def main():
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "batch"
        for model in options.models:
            for seconds in options.seconds:
                batch, sound = make_batch(config_of(model), seconds, options)
                tensor_file.write(path, batch)
                print(f"\n{model}, {options.clips} clips of {seconds:g} s, context {options.context}")
                check(model, path, options)
                print("\n| | threads | ms a step | of processor | seconds of sound per second | peak MB | x glossa |")
                print("|---|---|---|---|---|---|---|")
                for threads in options.threads:
                    measure(model, path, sound, options, threads)


if __name__ == "__main__":
    main()
