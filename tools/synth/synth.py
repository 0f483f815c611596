#!/usr/bin/python3
"""Makes training data for speech recognition: sentences from grammars, spoken by speech synthesis."""
import argparse
import collections
import concurrent.futures
import contextlib
import dataclasses
import itertools
import math
import multiprocessing
import multiprocessing.util
import os
import pathlib
import signal
import sys
import time

import clips
import drawn_voices
import grammar
import more_voices
import writers
from recorded_voices import Festival
from variation import SAMPLE_RATE

MOST_REPEATED = 5000  # sentences in a row that have been there, before --distinct gives up

festival = None  # of a worker process


def start_worker():
    global festival
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent's would wait for locks that others hold
    festival = Festival()
    multiprocessing.util.Finalize(festival, festival.close, exitpriority=10)


def work(request, number):
    return clips.make_block(request, number, festival)


def blocks(request, jobs, likely):
    """Blocks 0, 1, 2 ... without end, in this order whatever the number of jobs; those after `likely` one by one."""
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(jobs, context, start_worker) as pool:
        waiting, number = collections.deque(), 0
        try:
            while True:
                while not waiting or (len(waiting) <= jobs and number < likely):
                    waiting.append(pool.submit(work, request, number))
                    number += 1
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def parse_mix(text):
    mix = {}
    for part in text.split(","):
        locale, _, weight = part.partition("=")
        if locale not in grammar.LOCALES:
            raise argparse.ArgumentTypeError(f"no locale {locale!r}; there are {', '.join(grammar.LOCALES)}")
        try:
            mix[locale] = float(weight or 1)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part}: the weight is not a number") from None
    if not all(0 <= weight < math.inf for weight in mix.values()) or sum(mix.values()) <= 0:
        raise argparse.ArgumentTypeError("weights must be finite and not negative, nor all zero")
    return mix


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="folder to write")
    parser.add_argument("--split", choices=["train", "test"], default="train",
                        help="sentences and voices of one split are never in the other")
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--hours", type=float)
    amount.add_argument("--clips", type=int)
    parser.add_argument("--mix", type=parse_mix, default=dict.fromkeys(grammar.LOCALES, 1.0),
                        help="shares of the locales: en-US=1,el-GR=0.02 (default: all alike)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean", action="store_true", help="little variation, for a first stage of training")
    parser.add_argument("--only", choices=grammar.ONLY,
                        help="strings of digits; sentences, with digits and numbers; or words in random order "
                             "(default: four fifths sentences, one fifth words)")
    parser.add_argument("--distinct", action="store_true", help="every sentence once, for a test")
    parser.add_argument("--locales", type=pathlib.Path, default=grammar.FOLDER, metavar="FOLDER",
                        help="other grammars: a LOCALE.json for each locale of the mix")
    parser.add_argument("--prompts", action="store_true",
                        help="telephone prompts of real people among the clips (en es fr it, train split)")
    parser.add_argument("--more-voices", action="store_true",
                        help="SVOX Pico and RHVoice among the voices (en de es fr it pt, train split)")
    parser.add_argument("--drawn-voices", type=float, default=0, metavar="SHARE",
                        help="share of espeak-ng's clips whose voices have drawn formants and pitch (train split)")
    parser.add_argument("--drawn-pitch", type=float, default=0, metavar="SHARE",
                        help="share of the clips of flite, SVOX Pico and RHVoice whose pitch is drawn, from 75 to 250 Hz, and 0.55 "
                             "to 1.6 times the voice's own (train split)")
    parser.add_argument("--apart", type=float, default=0, metavar="SHARE",
                        help="share of the sentences that are spoken word by word, as people dictate digits")
    parser.add_argument("--accents", type=float, default=0, metavar="SHARE",
                        help="share of the English strings of digits that speakers of other languages say")
    parser.add_argument("--gated", type=float, default=0, metavar="SHARE",
                        help="share of the clips whose pauses are digital silence, as telephony makes them")
    parser.add_argument("--joined", type=float, default=0, metavar="SHARE",
                        help="share of the clips in which a voice says two or three sentences, with pauses of up to "
                             f"{clips.MOST_PAUSE:g} s before and between them")
    parser.add_argument("--files", action="store_true", help="write files and manifest.jsonl, not tarred shards")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    for name in ("drawn_voices", "drawn_pitch", "apart", "accents", "gated", "joined"):
        if not 0 <= getattr(options, name) <= 1:
            parser.error(f"--{name.replace('_', '-')} must be 0 to 1")
    for name in ("jobs", "clips", "hours"):
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            parser.error(f"--{name} must be positive")
    for locale in options.mix:
        if not (options.locales / f"{locale}.json").is_file():
            parser.error(f"--locales: no {options.locales / locale}.json")
    if options.more_voices and not more_voices.are_installed():
        parser.error("--more-voices: SVOX Pico or RHVoice is not there; install_more_voices.sh brings them")
    for name in ("prompts", "more_voices", "drawn_voices", "drawn_pitch"):
        if getattr(options, name) and options.split != "train":
            parser.error(f"--{name.replace('_', '-')}: their voices are for --split train alone")
    return options


class Progress:
    def __init__(self):
        self.count = self.samples = 0
        self.start = self.shown = time.monotonic()

    def summary(self):
        seconds = max(time.monotonic() - self.start, 1e-9)
        return (f"{self.count} clips, {self.samples / SAMPLE_RATE / 3600:.3f} hours, "
                f"{self.count / seconds:.1f} clips/s")

    def add(self, clip):
        self.count += 1
        self.samples += clip.samples
        if time.monotonic() - self.shown > 5:
            self.shown = time.monotonic()
            print(self.summary(), file=sys.stderr, flush=True)


def speak(request, options, writer):
    """Writes the clips; what has been made."""
    progress, texts, repeated = Progress(), set(), 0
    made = blocks(request, options.jobs, math.ceil(options.clips / clips.BLOCK) if options.clips else math.inf)
    for clip in itertools.chain.from_iterable(made):
        if options.distinct:
            repeated = repeated + 1 if (clip.locale, clip.text) in texts else 0
            if repeated == MOST_REPEATED:
                sys.exit(f"synth.py: --distinct: nothing new in {repeated} clips after {progress.count} different ones")
            if repeated:
                continue
            texts.add((clip.locale, clip.text))
        writer.add(f"{options.split}_{options.seed}_{progress.count:07d}", clip)
        progress.add(clip)
        if progress.count == options.clips:
            break
        if options.hours and progress.samples >= options.hours * 3600 * SAMPLE_RATE:
            break
    writer.close()
    made.close()
    return progress.summary()


def main():
    options = parse_arguments()
    grammar.FOLDER = options.locales
    request = clips.Request(**{field.name: getattr(options, field.name) for field in dataclasses.fields(clips.Request)})
    try:
        writer = (writers.Files if options.files else writers.Shards)(options.output)
    except OSError as error:
        sys.exit(f"synth.py: {error}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and what is temporary goes
    voices = drawn_voices.known_to_espeak(options.seed) if options.drawn_voices else contextlib.nullcontext()
    with voices:
        print(f"{options.output}: {speak(request, options, writer)}")


if __name__ == "__main__":
    main()
