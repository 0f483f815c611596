#!/usr/bin/python3
"""Prints sentences of the grammars, one a line: text for a language model.

    tools/synth/sentences.py 40000 --seed 77 > sentences.txt
    build/glossa lm sentences.txt --output sentences.arpa
"""
import argparse
import random

import grammar


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="sentences in all; locales take turns")
    parser.add_argument("--locales", type=lambda text: text.split(","), default=list(grammar.LOCALES), metavar="LOCALE,...",
                        help="default: %(default)s")
    parser.add_argument("--split", choices=["train", "test"], default="train")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    unknown = sorted(set(options.locales) - set(grammar.LOCALES))
    if unknown:
        parser.error(f"no grammar of {', '.join(unknown)} (expected some of {', '.join(grammar.LOCALES)})")
    drawn = random.Random(options.seed)
    for index in range(options.count):
        locale = options.locales[index % len(options.locales)]
        print(grammar.draw_for_split(locale, options.split, drawn, "sentences"))


if __name__ == "__main__":
    main()
