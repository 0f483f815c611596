"""Plans and speaks clips in blocks. A block depends on its seed and number alone, so any process may make it."""
import dataclasses
import io
import math
import os
import pickle
import random
import traceback

import numpy as np
import soundfile

import accents
import drawn_voices
import espeak
import grammar
import more_voices
import prompts
import recorded_voices
from phonemes import frame_labels
from variation import SAMPLE_RATE, WARPS, varied

BLOCK = 60
LEAST_SECONDS, MOST_SECONDS, MOST_SECONDS_JOINED = 0.3, 9.0, 20.0
MOST_PAUSE = 4.0  # seconds between joined sentences, and of silence before the first; short ones are more frequent
ATTEMPTS = 20
PITCHES = recorded_voices.PITCHES | more_voices.PITCHES
PITCH_RANGE = (75, 250)  # Hz, of men and women
LIFTS = (0.55, 1.6)  # beyond, the voices break
PROGRAMS = {"espeak": espeak.Espeak, "flite": recorded_voices.Flite, "pico": more_voices.Pico,
            "rhvoice": more_voices.Rhvoice}


@dataclasses.dataclass
class Request:
    """What all blocks of a run share."""
    split: str
    mix: dict
    seed: int
    clean: bool = False
    only: str | None = None
    prompts: bool = False  # of the train split alone
    more_voices: bool = False  # of the train split alone
    apart: float = 0  # share of the sentences spoken word by word
    drawn_voices: float = 0  # share of espeak-ng's clips that drawn_voices speak
    gated: float = 0  # share of the clips whose pauses are cut out
    accents: float = 0  # share of the English strings of digits spoken by voices of other languages
    drawn_pitch: float = 0  # share of the clips of voices made from recordings that are higher or lower than the voice is
    joined: float = 0  # share of the clips in which one voice says two or three sentences


@dataclasses.dataclass
class Sentence:
    text: str
    spoken: str  # the same for the synthesiser
    recordings: list = dataclasses.field(default_factory=list)  # of a prompt
    pause: float = 0  # seconds of silence before it


@dataclasses.dataclass
class Plan:
    locale: str
    sentences: list
    speaker: str
    rate: int
    pitch: int
    pitch_range: int
    seed: int
    gated: bool = False
    lift: float = 1  # of the pitch of a voice made from recordings

    @property
    def text(self):
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def program(self):
        return self.speaker.split(":")[0]

    @property
    def voice(self):
        return self.speaker.split(":")[1]

    @property
    def stretch(self):
        """For the recorded voices; 165 is the middle of the rates."""
        return 165 / self.rate


@dataclasses.dataclass
class Clip:
    locale: str
    text: str
    speaker: str
    samples: int
    flac: bytes
    frame_labels: str  # phonemes.frame_labels(), empty where the phonemes are not known


def voices_from_recordings(request, locale):
    """(those that may speak, their share of the clips)"""
    voices = recorded_voices.VOICES[request.split].get(locale, [])
    if not request.more_voices:
        return voices, recorded_voices.SHARE
    return voices + more_voices.VOICES.get(locale, []), more_voices.SHARES.get(locale, more_voices.SHARE)


def draw_lift(speaker, dice):
    """What makes the voice speak at a pitch that people have; 1 where its pitch is not known."""
    if speaker not in PITCHES:
        return 1
    middle = PITCHES[speaker]
    lowest, highest = max(PITCH_RANGE[0] / middle, LIFTS[0]), min(PITCH_RANGE[1] / middle, LIFTS[1])
    return math.exp(dice.uniform(math.log(lowest), math.log(highest)))


def draw_pause(dice):
    return MOST_PAUSE * dice.random() ** 3


def draw_prompt(locale, dice):
    text, recordings = prompts.draw_for_training(locale, dice)
    return Sentence(text, text, recordings)


def draw_sentence(request, locale, dice):
    """What a synthetic voice says, and the locale of the voice."""
    text = grammar.draw_for_split(locale, request.split, dice, request.only)
    voice_locale, spoken = locale, text
    if locale == accents.LOCALE and request.accents and dice.random() < request.accents:
        voice_locale, spoken = accents.drawn(text, dice)
    if request.apart and dice.random() < request.apart:
        spoken = ". ".join(spoken.split())
    return Sentence(text, spoken), voice_locale


def join_more(request, plan, dice):
    """One or two more sentences by the same voice, and pauses."""
    plan.sentences[0].pause = draw_pause(dice)
    for _ in range(dice.randint(1, 2)):
        if plan.program == "prompt":
            sentence = draw_prompt(plan.locale, dice)
        else:
            text = grammar.draw_for_split(plan.locale, request.split, dice, request.only)
            sentence = Sentence(text, text)
        sentence.pause = draw_pause(dice)
        plan.sentences.append(sentence)


def plan_block(request, number, attempt=0):
    dice = random.Random(f"{request.seed} {request.split} {number} {attempt}")
    locales, weights = list(request.mix), list(request.mix.values())
    variants = espeak.TEST_VARIANTS if request.split == "test" else espeak.TRAIN_VARIANTS
    plans = []
    for _ in range(BLOCK):
        locale = voice_locale = dice.choices(locales, weights)[0]
        if request.prompts and dice.random() < prompts.SHARES.get(locale, 0):
            sentence = draw_prompt(locale, dice)
            speaker = f"prompt:{dice.choice(prompts.VOICES[locale])}"
        else:
            sentence, voice_locale = draw_sentence(request, locale, dice)
            recorded, share = voices_from_recordings(request, voice_locale)
            if recorded and dice.random() < share:
                speaker = dice.choice(recorded)
            else:
                known = not request.drawn_voices or dice.random() >= request.drawn_voices
                variant = dice.choice(variants if known else drawn_voices.names(request.seed))
                speaker = f"espeak:{dice.choice(espeak.VOICES[voice_locale])}+{variant}"
        plan = Plan(locale, [sentence], speaker, dice.randint(120, 210), dice.randint(25, 85), dice.randint(30, 80),
                    dice.getrandbits(48), bool(request.gated) and dice.random() < request.gated)
        if request.drawn_pitch and dice.random() < request.drawn_pitch:
            plan.lift = draw_lift(speaker, dice)
        # Voices of another language speak digits alone.
        if request.joined and dice.random() < request.joined and voice_locale == locale:
            join_more(request, plan, dice)
        plans.append(plan)
    return plans


def finish(plan, samples, sample_rate, clean, phonemes):
    """The clip with its variation, or None where the length does not fit."""
    warps = prompts.WARPS if plan.program == "prompt" else WARPS
    gate = np.random.default_rng(plan.seed + 1) if plan.gated else None
    sound = varied(samples, sample_rate, np.random.default_rng(plan.seed), clean, warps, gate, plan.sentences[0].pause)
    most = MOST_SECONDS if len(plan.sentences) == 1 else MOST_SECONDS_JOINED
    if not LEAST_SECONDS <= sound.seconds <= most:
        return None
    labels = frame_labels(phonemes, sound.stretch, sound.shift, sound.seconds) if phonemes else ""
    file = io.BytesIO()
    soundfile.write(file, sound.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return Clip(plan.locale, plan.text, plan.speaker, len(sound.samples), file.getvalue(), labels)


class Programs:
    """What speaks, each opened when it is first wanted; `opened`, by name, are those that are already."""

    def __init__(self, opened=()):
        self.opened = dict(opened)

    def program(self, name):
        if name not in self.opened:
            self.opened[name] = PROGRAMS[name]()
        return self.opened[name]

    def speak(self, plan, sentence, random):
        """(samples, sample rate, phonemes)"""
        if plan.program == "prompt":
            return *prompts.speak(plan.voice, sentence.recordings, random), []
        program = self.program(plan.program)
        if plan.program != "espeak":
            return *program.speak(sentence.spoken, plan.voice, plan.stretch, plan.lift), []
        samples, phonemes = program.speak(sentence.spoken, plan.voice, plan.rate, plan.pitch, plan.pitch_range)
        return samples, program.sample_rate, phonemes

    def clip(self, plan, clean):
        """All sentences with the pauses between them; None where the length does not fit."""
        parts, said, count = [], [], 0
        random = np.random.default_rng(plan.seed)
        for sentence in plan.sentences:
            samples, sample_rate, phonemes = self.speak(plan, sentence, random)
            if parts:
                parts.append(np.zeros(int(sentence.pause * sample_rate), np.float32))
                count += len(parts[-1])
            said += [(count / sample_rate + start, ipa) for start, ipa in phonemes]
            parts.append(samples)
            count += len(samples)
        return finish(plan, np.concatenate(parts), sample_rate, clean, said)


def speak_with_libraries(plans, clean):
    """One clip or None for each plan."""
    programs = Programs()
    return [programs.clip(plan, clean) for plan in plans]


def speak_in_child(plans, clean):
    """As speak_with_libraries, in a process of its own; None when that crashes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            made = speak_with_libraries(plans, clean)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(made, pipe)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if status == 0 else None


def make_block(request, number, festival):
    """The clips of block `number`. A crash leads to other sentences, not to fewer."""
    for attempt in range(ATTEMPTS):
        plans = plan_block(request, number, attempt)
        made = speak_in_child([plan for plan in plans if plan.program != "festival"], request.clean)
        if made is None:
            continue
        made, programs = iter(made), Programs({"festival": festival})
        clips = [programs.clip(plan, request.clean) if plan.program == "festival" else next(made) for plan in plans]
        return [clip for clip in clips if clip is not None]
    raise RuntimeError(f"block {number} failed {ATTEMPTS} times")
