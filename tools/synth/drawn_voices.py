"""Variants of espeak-ng's voices with drawn formants, pitch and source: many more speakers than it comes with."""
import contextlib
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

COUNT = 100  # the library takes 349 voices and variants; Debian's data have some 230 without MBROLA's


def names(seed):
    return [f"drawn{seed}-{number}" for number in range(COUNT)]


def variant(name):
    """The text of a variant's file. Small speakers have high formants and, mostly, a high voice."""
    dice = random.Random(name)
    size = math.exp(dice.uniform(math.log(0.8), math.log(1.45)))
    low = 88 * size ** 2 * dice.uniform(0.75, 1.35)
    lines = ["language variant", f"name {name}", f"pitch {low:.0f} {low * dice.uniform(1.15, 1.9):.0f}",
             f"speed {dice.randint(85, 140)}", f"flutter {dice.randint(0, 6)}", f"roughness {dice.randint(0, 4)}",
             f"voicing {dice.randint(60, 160)}", f"consonants {dice.randint(50, 140)} {dice.randint(50, 140)}"]
    for formant in range(9):
        frequency = 100 * size * dice.gauss(1, 0.05)
        lines.append(f"formant {formant} {frequency:.0f} {dice.randint(50, 140)} {dice.randint(60, 160)}")
    if dice.random() < 0.5:
        level, tone = 255, []
        for frequency in (600, 1200, 2000, 3000):
            tone.append(f"{frequency} {level:.0f}")
            level *= dice.uniform(0.3, 1)
        lines.append("tone " + " ".join(tone))
    if dice.random() < 0.4:
        lines.append("breath " + " ".join(str(dice.randint(0, 10)) for _ in range(8)))
    if dice.random() < 0.15:
        lines.append(f"klatt {dice.randint(1, 3)}")
    if dice.random() < 0.3:
        lines.append(f"intonation {dice.randint(1, 4)}")
    return "\n".join(lines) + "\n"


def installed_data():
    """espeak-ng's own folder: asked in a process of its own, for the library does not survive a fork."""
    asked = subprocess.run([sys.executable, "-c", "import espeak; print(espeak.data_folder())"], check=True, text=True,
                           stdout=subprocess.PIPE, cwd=pathlib.Path(__file__).parent)
    return pathlib.Path(asked.stdout.strip())


@contextlib.contextmanager
def known_to_espeak(seed):
    """This process and its children find the variants beside espeak-ng's own data."""
    before = os.environ.get("ESPEAK_DATA_PATH")
    with tempfile.TemporaryDirectory(prefix="synth-espeak-") as folder:
        data = pathlib.Path(folder, "espeak-ng-data")
        theirs = installed_data()
        variants = data / "voices" / "!v"
        variants.mkdir(parents=True)
        for place in ("", "voices", "voices/!v"):
            for path in (theirs / place).iterdir():
                if path.name != "mb" and not (data / place / path.name).exists():
                    (data / place / path.name).symlink_to(path)
        for name in names(seed):
            (variants / name).write_text(variant(name))
        os.environ["ESPEAK_DATA_PATH"] = folder
        try:
            yield
        finally:
            del os.environ["ESPEAK_DATA_PATH"]
            if before is not None:
                os.environ["ESPEAK_DATA_PATH"] = before
