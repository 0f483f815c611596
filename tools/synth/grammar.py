"""Sentences from the template grammars in locales/."""
import functools
import hashlib
import json
import pathlib
import re

from number_words import in_words

FOLDER = pathlib.Path(__file__).parent / "locales"
LOCALES = ["en-US", "de-DE", "es-ES", "fr-FR", "it-IT", "pt-BR", "nl-NL", "el-GR", "bg-BG"]
HELD_OUT_ONE_IN = 25
DIGITS, WORDS, NUMBERS = 0.15, 0.35, 0.40  # of 0 to 1: where these kinds of sentence end
ONLY = ["digits", "sentences", "words"]  # "sentences": all but words in random order, which are "words"
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
SLOT = re.compile(r"\{(\w+)\}")


@functools.lru_cache(maxsize=None)
def load(locale):
    """The locale's file, and with it `all_words`: what shuffled sentences are drawn from."""
    grammar = json.loads((FOLDER / f"{locale}.json").read_text(encoding="utf-8"))
    words = set(grammar["words"])
    for entries in grammar["lists"].values():
        for entry in entries:
            words.update(WORD.findall(SLOT.sub(" ", entry)))
    first_words = set()
    for sentence in grammar["phrases"] + grammar["templates"]:
        first, *rest = [WORD.findall(SLOT.sub(" ", part)) for part in sentence.split(" ", 1)]
        first_words.update(first)
        words.update(*rest)
    words.update(in_words(locale, number).split(" ")[0] for number in range(100))
    # The first word of a sentence has a capital only because it stands first, unless it has one elsewhere.
    words.update(word for word in (first[0].lower() + first[1:] for first in first_words)
                 if capitalised(word) not in words)
    grammar["all_words"] = sorted(words)
    return grammar


def capitalised(text):
    return text[0].upper() + text[1:]


def digits(locale, random, least, most):
    return " ".join(in_words(locale, random.randint(0, 9)) for _ in range(random.randint(least, most)))


def fill_slot(locale, name, random):
    # A list of the locale goes first: hours, say, may need another gender than in_words gives.
    entries = load(locale)["lists"].get(name)
    if entries:
        return fill(locale, random.choice(entries), random)
    if name == "hour":
        return in_words(locale, random.randint(2, 12))
    if name == "minute":
        return in_words(locale, random.choice([5, 10, 20, 25, 35, 40, 50, 55]))
    if name == "day_number":
        return in_words(locale, random.randint(2, 31))
    if name == "count":
        # Before a noun, ones and twos often change with its gender.
        return in_words(locale, random.choice([n for n in range(3, 100) if n % 10 > 2 or n % 10 == 0]))
    if name == "number":
        return in_words(locale, random.randint(0, 999))
    if name == "digits":
        return digits(locale, random, 3, 6)
    raise KeyError(f"{locale}: no list for {{{name}}}")


def fill(locale, template, random):
    used = set()

    def replacement(match):
        for _ in range(10):  # not "Laura and Laura"
            text = fill_slot(locale, match.group(1), random)
            if text not in used:
                break
        used.add(text)
        return text

    return SLOT.sub(replacement, template)


def draw_kind(random, only):
    """0 to 1, as `draw` divides it."""
    if only == "digits":
        return 0
    if only == "words":
        return DIGITS
    kind = random.random()
    while only == "sentences" and DIGITS <= kind < WORDS:
        kind = random.random()
    return kind


def draw(locale, random, only=None):
    """One sentence; `random` is a random.Random. `only`: one of ONLY."""
    grammar = load(locale)
    kind = draw_kind(random, only)
    if kind < DIGITS:
        return capitalised(digits(locale, random, 1, 8)) + "."
    if kind < WORDS:
        return capitalised(" ".join(random.sample(grammar["all_words"], random.randint(3, 7)))) + "."
    if kind < NUMBERS:
        numbers = [in_words(locale, random.randint(0, 999)) for _ in range(random.randint(1, 3))]
        return capitalised(", ".join(numbers)) + "."
    # 8 % for 26 phrases; many have more, so that none is heard more often than a template.
    if kind < NUMBERS + min(0.2, len(grammar["phrases"]) * 0.08 / 26):
        return random.choice(grammar["phrases"])
    sentence = fill(locale, random.choice(grammar["templates"]), random)
    for pattern, replacement in grammar.get("joins", []):
        sentence = re.sub(pattern, replacement, sentence)
    return capitalised(sentence)


def is_held_out(locale, sentence):
    digest = hashlib.sha256(f"{locale} {sentence}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_ONE_IN == 0


def draw_for_split(locale, split, random, only=None):
    while True:
        sentence = draw(locale, random, only)
        if is_held_out(locale, sentence) == (split == "test"):
            return sentence
