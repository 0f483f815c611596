#!/usr/bin/python3
"""Trains a SentencePiece BPE model on sentences of the grammars."""
import argparse
import pathlib
import random
import subprocess
import tempfile

import grammar

LATIN = "abcdefghijklmnopqrstuvwxyz"
LETTERS = {
    "en-US": LATIN,
    "de-DE": LATIN + "äöüß",
    "es-ES": LATIN + "áéíóúüñ",
    "fr-FR": LATIN + "àâæçéèêëîïôœùûüÿ",
    "it-IT": LATIN + "àèéìíîòóùú",
    "pt-BR": LATIN + "áâãàçéêíóôõúü",
    "nl-NL": LATIN + "áéëèïíóöúü",
    "el-GR": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "bg-BG": "абвгдежзийклмнопрстуфхцчшщъьюяѝ",
}
WITHOUT_CAPITAL = "ßςΐΰÿѝ"
DIGITS_AND_PUNCTUATION = "0123456789.,?!;:'-¿¡"


def alphabet(locale):
    """All a text of the locale may be written with, but the space."""
    letters = LETTERS[locale]
    capitals = "".join(letter.upper() for letter in letters if letter not in WITHOUT_CAPITAL)
    return letters + capitals + DIGITS_AND_PUNCTUATION


def training_text(locales, sentences, seed):
    for locale in locales:
        dice = random.Random(f"{seed} {locale}")
        yield " ".join(alphabet(locale))
        for _ in range(sentences):
            yield grammar.draw_for_split(locale, "train", dice)


def train(output, locales, vocabulary=512, sentences=5000, seed=0):
    output = pathlib.Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tokenizer-") as folder:
        text = pathlib.Path(folder) / "text"
        text.write_text("\n".join(training_text(locales, sentences, seed)) + "\n", encoding="utf-8")
        subprocess.run(["spm_train", f"--input={text}", f"--model_prefix={folder}/tokenizer", "--model_type=bpe",
                        f"--vocab_size={vocabulary}", "--character_coverage=1.0", "--byte_fallback=false",
                        "--normalization_rule_name=nmt_nfkc", "--unk_id=0", "--bos_id=-1", "--eos_id=-1",
                        "--pad_id=-1", "--num_threads=1", "--minloglevel=1",
                        "--user_defined_symbols=" + ",".join(f"<{locale}>" for locale in locales)], check=True)
        output.write_bytes((pathlib.Path(folder) / "tokenizer.model").read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="the model to write, such as tokenizer.model")
    parser.add_argument("--locales", default=",".join(grammar.LOCALES))
    parser.add_argument("--vocabulary", type=int, default=512)
    parser.add_argument("--sentences", type=int, default=5000, help="of each locale")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    locales = options.locales.split(",")
    for locale in locales:
        if locale not in grammar.LOCALES:
            parser.error(f"no locale {locale!r}")
    train(options.output, locales, options.vocabulary, options.sentences, options.seed)


if __name__ == "__main__":
    main()
