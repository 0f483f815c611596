"""Plans and speaks clips in blocks. A block depends on its seed and number alone, so any process may make it."""
import dataclasses
import io
import os
import pickle
import random

import numpy as np
import soundfile

import espeak
import grammar
import recorded_voices
from variation import SAMPLE_RATE, varied

BLOCK = 60
LEAST_SECONDS, MOST_SECONDS = 0.3, 9.0
ATTEMPTS = 20


@dataclasses.dataclass
class Request:
    """What all blocks of a run share."""
    split: str
    mix: dict
    seed: int
    clean: bool = False


@dataclasses.dataclass
class Plan:
    locale: str
    text: str
    speaker: str
    rate: int
    pitch: int
    pitch_range: int
    seed: int

    @property
    def recorded(self):
        return not self.speaker.startswith("espeak:")


@dataclasses.dataclass
class Clip:
    locale: str
    text: str
    speaker: str
    samples: int
    flac: bytes


def plan_block(request, number, attempt=0):
    dice = random.Random(f"{request.seed} {request.split} {number} {attempt}")
    locales, weights = list(request.mix), list(request.mix.values())
    variants = espeak.TEST_VARIANTS if request.split == "test" else espeak.TRAIN_VARIANTS
    plans = []
    for _ in range(BLOCK):
        locale = dice.choices(locales, weights)[0]
        text = grammar.draw_for_split(locale, request.split, dice)
        recorded = recorded_voices.VOICES[request.split].get(locale)
        if recorded and dice.random() < recorded_voices.SHARE:
            speaker = dice.choice(recorded)
        else:
            speaker = f"espeak:{dice.choice(espeak.VOICES[locale])}+{dice.choice(variants)}"
        plans.append(Plan(locale, text, speaker, dice.randint(120, 210), dice.randint(25, 85), dice.randint(30, 80),
                          dice.getrandbits(48)))
    return plans


def finish(plan, samples, sample_rate, clean):
    """The clip with its variation, or None where the length does not fit."""
    samples = varied(samples, sample_rate, np.random.default_rng(plan.seed), clean)
    if not LEAST_SECONDS <= len(samples) / SAMPLE_RATE <= MOST_SECONDS:
        return None
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return Clip(plan.locale, plan.text, plan.speaker, len(samples), file.getvalue())


def speak_with_espeak(plans, clean):
    """One clip or None for each plan; None for all when the child process crashes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            voices = espeak.Espeak()
            made = [finish(plan, voices.speak(plan.text, plan.speaker.removeprefix("espeak:"), plan.rate, plan.pitch,
                                              plan.pitch_range), voices.sample_rate, clean) for plan in plans]
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(made, pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if status == 0 else None


def speak_recorded(plans, voices, clean):
    # 165 is the middle of the rates: there the voice keeps its own speed.
    return [finish(plan, *voices.speak(plan.text, plan.speaker, 165 / plan.rate), clean) for plan in plans]


def make_block(request, number, voices):
    """The clips of block `number`; a crash changes the sentences, not the count of blocks."""
    for attempt in range(ATTEMPTS):
        plans = plan_block(request, number, attempt)
        made = speak_with_espeak([plan for plan in plans if not plan.recorded], request.clean)
        if made is None:
            continue
        recorded = speak_recorded([plan for plan in plans if plan.recorded], voices, request.clean)
        spoken, recorded = iter(made), iter(recorded)
        clips = [next(recorded if plan.recorded else spoken) for plan in plans]
        return [clip for clip in clips if clip is not None]
    raise RuntimeError(f"espeak-ng failed {ATTEMPTS} times in block {number}")
