"""Real people: the telephone prompts of Debian's asterisk-core-sounds and asterisk-prompt packages, 8 kHz."""
import functools
import gzip
import pathlib
import re

import numpy as np
import soundfile

import grammar
from number_words import in_words

FOLDER = pathlib.Path("/usr/share/asterisk/sounds")
ENGLISH_TEXTS = pathlib.Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
VOICES = {  # of the train split
    "en-US": ["en_US_f_Allison"],
    "es-ES": ["es_MX_f_Allison"],
    "fr-FR": ["fr_CA_f_June"],
    "it-IT": ["it_IT_m_Carlo", "it_IT_f_Menardi"],
}
SHARES = {"en-US": 0.15, "es-ES": 0.05, "fr-FR": 0.05, "it-IT": 0.05}  # of a locale's clips
WARPS = (0.72, 1.1)  # most speakers are women; the lower half makes men of them
PHRASES = 0.3  # of the English ones; the others are strings of digits
WRITTEN_OUT = re.compile(r"[A-Z][A-Za-z' ,?.-]*[.?]")
SILENT = 0.01
TAIL = 240  # samples kept around a word


@functools.lru_cache(maxsize=None)
def english_phrases():
    """(name, text) of the prompts whose text says exactly what is heard."""
    phrases, folder = [], FOLDER / VOICES["en-US"][0]
    for line in gzip.open(ENGLISH_TEXTS, "rt", encoding="utf-8"):
        name, colon, text = line.strip().partition(": ")
        text = re.sub(r"\s+", " ", text)
        written_out = colon and "/" not in name and WRITTEN_OUT.fullmatch(text) and "..." not in text
        if written_out and (folder / f"{name}.wav").exists():
            phrases.append((name, text))
    return phrases


def draw(locale, random):
    """(text, names of the recordings that say it)."""
    if locale == "en-US" and random.random() < PHRASES:
        name, text = random.choice(english_phrases())
        return text, [name]
    values = [random.randint(0, 9) for _ in range(random.randint(1, 8))]
    text = grammar.capitalised(" ".join(in_words(locale, value) for value in values)) + "."
    return text, [f"digits/{value}" for value in values]


def draw_for_training(locale, random):
    while True:
        text, names = draw(locale, random)
        if not grammar.is_held_out(locale, text):
            return text, names


@functools.lru_cache(maxsize=None)
def recording(voice, name):
    samples, sample_rate = soundfile.read(str(FOLDER / voice / f"{name}.wav"), dtype="float32")
    loud = np.flatnonzero(np.abs(samples) > SILENT)
    return samples[max(0, loud[0] - TAIL):loud[-1] + TAIL], sample_rate


def speak(voice, names, random):
    """(samples as float32, sample rate): the recordings with pauses between them; `random` is a numpy Generator."""
    parts = []
    most = random.choice([0.05, 0.2, 0.4])
    for name in names:
        samples, sample_rate = recording(voice, name)
        parts += [samples, np.zeros(int(sample_rate * random.uniform(0, most)), np.float32)]
    return np.concatenate(parts), sample_rate
