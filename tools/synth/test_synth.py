#!/usr/bin/python3
"""Run with: /usr/bin/python3 -m unittest test_synth (in this folder)."""
import io
import itertools
import json
import math
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest

import numpy as np
import soundfile
from scipy.signal import resample_poly

import accents
import clips
import drawn_voices
import espeak
import grammar
import more_voices
import phonemes
import prompts
import recorded_voices
import tokenizer
import variation
from number_words import in_words

FOLDER = pathlib.Path(__file__).parent


class Numbers(unittest.TestCase):
    EXPECTED = {
        "en-US": {0: "zero", 17: "seventeen", 42: "forty-two", 100: "one hundred", 305: "three hundred five"},
        "de-DE": {21: "einundzwanzig", 30: "dreißig", 101: "einhunderteins", 576: "fünfhundertsechsundsiebzig"},
        "es-ES": {22: "veintidós", 31: "treinta y uno", 100: "cien", 101: "ciento uno",
                  555: "quinientos cincuenta y cinco"},
        "fr-FR": {21: "vingt et un", 70: "soixante-dix", 71: "soixante et onze", 77: "soixante-dix-sept",
                  80: "quatre-vingts", 81: "quatre-vingt-un", 91: "quatre-vingt-onze", 99: "quatre-vingt-dix-neuf",
                  100: "cent", 200: "deux cents", 203: "deux cent trois"},
        "it-IT": {21: "ventuno", 23: "ventitré", 28: "ventotto", 100: "cento", 108: "centotto",
                  180: "centottanta", 203: "duecentotré", 999: "novecentonovantanove"},
        "pt-BR": {16: "dezesseis", 22: "vinte e dois", 100: "cem", 101: "cento e um",
                  523: "quinhentos e vinte e três"},
        "nl-NL": {1: "één", 21: "eenentwintig", 22: "tweeëntwintig", 24: "vierentwintig", 100: "honderd",
                  101: "honderdeen", 833: "achthonderddrieëndertig"},
        "el-GR": {13: "δεκατρία", 21: "είκοσι ένα", 100: "εκατό", 101: "εκατόν ένα", 999: "εννιακόσια ενενήντα εννέα"},
        "bg-BG": {21: "двадесет и едно", 100: "сто", 105: "сто и пет", 120: "сто и двадесет",
                  225: "двеста двадесет и пет"},
    }

    def test_spelling(self):
        for locale, cases in self.EXPECTED.items():
            for number, words in cases.items():
                self.assertEqual(in_words(locale, number), words)

    def test_all_differ(self):
        for locale in grammar.LOCALES:
            self.assertEqual(len({in_words(locale, number) for number in range(1000)}), 1000, locale)


class Grammar(unittest.TestCase):
    def check(self, locale, sentence):
        strange = set(sentence) - set(tokenizer.alphabet(locale)) - {" "}
        self.assertFalse(strange, f"{locale}: {sentence}")
        self.assertRegex(sentence, r"^[¿¡]?\w", sentence)
        self.assertRegex(sentence, r"[^\s.,?!;] ?[.?!;]$", sentence)
        self.assertEqual(sentence.strip("¿¡")[0], sentence.strip("¿¡")[0].upper(), sentence)
        self.assertNotIn("  ", sentence)

    def test_sentences(self):
        for locale in grammar.LOCALES:
            dice = random.Random(1)
            sentences = [grammar.draw(locale, dice) for _ in range(600)]
            for sentence in sentences:
                self.check(locale, sentence)
            self.assertGreater(len(set(sentences)), 400)

    def test_every_template_and_phrase(self):
        for locale in grammar.LOCALES:
            for phrase in grammar.load(locale)["phrases"]:
                self.check(locale, phrase)
            for template in grammar.load(locale)["templates"]:
                self.check(locale, grammar.capitalised(grammar.fill(locale, template, random.Random(2))))

    def test_kinds_of_sentence(self):
        dice = random.Random(5)
        numbers = {in_words("en-US", number).lower() for number in range(10)}
        for kind in grammar.ONLY:
            drawn = [grammar.draw("en-US", dice, kind) for _ in range(400)]
            words = [sentence.rstrip(".").lower().split() for sentence in drawn]
            of_digits = sum(set(sentence) <= numbers for sentence in words)
            self.assertTrue({"digits": of_digits == 400, "sentences": 40 < of_digits < 120, "words": of_digits < 4}[kind])
            with_the = sum("the" in sentence for sentence in words)  # a fifth of English sentences, at least
            self.assertEqual(with_the > 80, kind == "sentences")

    def test_one_in_25_is_held_out(self):
        dice = random.Random(3)
        held_out = sum(grammar.is_held_out("en-US", grammar.draw("en-US", dice)) for _ in range(20000))
        self.assertAlmostEqual(held_out / 20000, 1 / 25, delta=0.02)


class Splits(unittest.TestCase):
    def test_share_neither_sentences_nor_voices(self):
        mix = dict.fromkeys(grammar.LOCALES, 1)
        train, test = ([plan for block in range(8) for plan in clips.plan_block(clips.Request(split, mix, 1), block)]
                       for split in ("train", "test"))
        self.assertFalse({(p.locale, p.text) for p in train} & {(p.locale, p.text) for p in test})
        self.assertFalse({p.voice.split("+")[-1] for p in train} & {p.voice.split("+")[-1] for p in test})

    def test_lists_of_voices(self):
        self.assertFalse(set(espeak.TRAIN_VARIANTS) & set(espeak.TEST_VARIANTS))
        train, test = ({voice for voices in recorded_voices.VOICES[split].values() for voice in voices}
                       for split in ("train", "test"))
        self.assertFalse(train & test)


class Prompts(unittest.TestCase):
    def test_texts_say_what_is_heard(self):
        phrases = prompts.english_phrases()
        self.assertGreater(len(phrases), 100)
        for name, text in phrases:
            self.assertNotRegex(text, r"[\d\[\]]")
            self.assertTrue((prompts.FOLDER / "en_US_f_Allison" / f"{name}.wav").exists(), name)

    def test_never_says_a_held_out_sentence(self):
        dice = random.Random(4)
        for locale in prompts.VOICES:
            for _ in range(200):
                self.assertFalse(grammar.is_held_out(locale, prompts.draw_for_training(locale, dice)[0]))

    def test_a_word_for_each_recording(self):
        dice = random.Random(5)
        for locale, voices in prompts.VOICES.items():
            text, names = prompts.draw(locale, dice)
            while not names[0].startswith("digits/"):
                text, names = prompts.draw(locale, dice)
            self.assertEqual(len(text.split()), len(names))
            for voice in voices:
                samples, sample_rate = prompts.speak(voice, names, np.random.default_rng(1))
                self.assertEqual(sample_rate, 8000)
                self.assertTrue(0.2 < len(samples) / sample_rate / len(names) < 1.6, (voice, text))


def pitch(samples, sample_rate):
    """In Hz, in the middle of what is voiced."""
    samples = resample_poly(samples, 8000, sample_rate)
    pitches = []
    for start in range(0, len(samples) - 800, 160):
        window = samples[start:start + 800]
        if window.std() < 0.02:
            continue
        correlation = np.fft.irfft(np.abs(np.fft.rfft(window - window.mean(), 1600)) ** 2)[:160] / (800 - np.arange(160))
        lag = 25 + np.argmax(correlation[25:])  # 50 to 320 Hz
        if correlation[lag] > 0.6 * correlation[0]:
            pitches.append(8000 / lag)
    return np.median(pitches)


class MoreVoices(unittest.TestCase):
    @unittest.skipUnless(more_voices.are_installed(), "SVOX Pico and RHVoice are not there: install_more_voices.sh")
    def test_every_voice_speaks_at_every_rate(self):
        programs = {"pico": more_voices.Pico(), "rhvoice": more_voices.Rhvoice()}
        for locale, voices in more_voices.VOICES.items():
            text = grammar.capitalised(" ".join(in_words(locale, value) for value in (1, 5, 9))) + "."
            for speaker in voices:
                program, voice = speaker.split(":")
                seconds = []
                for stretch in (0.8, 1.3, 0.8):
                    samples, sample_rate = programs[program].speak(text, voice, stretch)
                    self.assertGreater(np.abs(samples).max(), 0.05, speaker)
                    seconds.append(len(samples) / sample_rate)
                self.assertGreater(seconds[1], 1.15 * seconds[0], speaker)  # pauses are longer by less
                self.assertAlmostEqual(seconds[0], seconds[2], delta=0.01, msg=speaker)

    def test_they_speak_on_demand(self):
        mix = dict.fromkeys(more_voices.VOICES, 1)
        plain = clips.plan_block(clips.Request("train", mix, 3), 0)
        request = clips.Request("train", mix, 3, more_voices=True)
        more = [plan for block in range(12) for plan in clips.plan_block(request, block)]
        names = {voice for voices in more_voices.VOICES.values() for voice in voices}
        self.assertFalse(names & {plan.speaker for plan in plain})
        self.assertEqual(names, names & {plan.speaker for plan in more})

    @unittest.skipUnless(more_voices.are_installed(), "SVOX Pico and RHVoice are not there: install_more_voices.sh")
    def test_pitch(self):
        programs = {"pico": more_voices.Pico(), "rhvoice": more_voices.Rhvoice(), "flite": recorded_voices.Flite()}
        texts = {voice: locale for locale, voices in more_voices.VOICES.items() for voice in voices}
        for speaker, middle in clips.PITCHES.items():
            program, voice = speaker.split(":")
            numbers = (in_words(texts.get(speaker, "en-US"), value) for value in (1, 9, 5, 8))
            text = grammar.capitalised(" ".join(numbers)) + "."
            for hertz in (middle, 90, 140):
                lift = max(hertz / middle, clips.LIFTS[0])
                measured = pitch(*programs[program].speak(text, voice, 1, lift))
                self.assertLess(abs(math.log(measured / (lift * middle))), math.log(1.2), (speaker, lift, measured))

    def test_drawn_pitch_on_demand(self):
        request = clips.Request("train", {"en-US": 1}, 3, drawn_pitch=0.5)
        plans = [plan for block in range(20) for plan in clips.plan_block(request, block)]
        known = [plan for plan in plans if plan.speaker in clips.PITCHES]
        drawn = [plan for plan in known if plan.lift != 1]
        self.assertTrue(0.4 * len(known) < len(drawn) < 0.6 * len(known))
        for plan in drawn:
            self.assertTrue(70 < plan.lift * clips.PITCHES[plan.speaker] < 261)
        self.assertTrue(all(plan.lift == 1 for plan in plans if plan.speaker not in clips.PITCHES))

    def test_word_by_word(self):
        plans = clips.plan_block(clips.Request("train", {"en-US": 1}, 3, only="digits", apart=0.5), 0)
        apart = [plan for plan in plans if plan.sentences[0].spoken != plan.text]
        self.assertTrue(10 < len(apart) < 50)
        for plan in apart:
            self.assertEqual(plan.sentences[0].spoken.replace(".", ""), plan.text.replace(".", ""))

    def test_accents(self):
        self.assertEqual(set(map(len, accents.SPELLED.values())), {10})
        request = clips.Request("train", {"en-US": 1}, 3, accents=0.5)
        plans = [plan for block in range(20) for plan in clips.plan_block(request, block)]
        accented = [plan for plan in plans if plan.sentences[0].spoken != plan.text]
        self.assertTrue(40 < len(accented) < 140)  # half of 15 % of 1,200
        english = {f"espeak:{voice}" for voice in espeak.VOICES["en-US"]}
        for plan in accented:
            self.assertEqual(len(plan.sentences[0].spoken.split()), len(plan.text.split()))
            self.assertNotIn(plan.speaker.split("+")[0], english)


class DrawnVoices(unittest.TestCase):
    def test_every_voice_speaks_as_itself(self):
        self.enterContext(drawn_voices.known_to_espeak(7))
        # In a child, as everything that espeak-ng says: the library reads its folder once.
        script = ("import espeak, drawn_voices; voices = espeak.Espeak()\n"
                  "for name in drawn_voices.names(7):\n"
                  "    samples, phonemes = voices.speak('Seven.', 'en-us+' + name, 165, 50, 50)\n"
                  "    print(len(samples), abs(samples).max(), len(phonemes))")
        spoken = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, check=True, capture_output=True, text=True)
        self.assertEqual(spoken.stderr, "")  # no warning of too many voices
        lines = spoken.stdout.splitlines()
        self.assertEqual(len(lines), drawn_voices.COUNT)
        self.assertGreater(len(set(lines)), 0.9 * len(lines))
        for line in lines:
            samples, loudest, count = map(float, line.split())
            self.assertTrue(samples > 4000 and loudest > 0.03 and count > 4, line)

    def test_they_speak_on_demand(self):
        request = clips.Request("train", {"de-DE": 1}, 3, drawn_voices=0.5)
        variants = [plan.voice.split("+")[1] for block in range(5) for plan in clips.plan_block(request, block)]
        drawn = [name for name in variants if name in drawn_voices.names(3)]
        self.assertTrue(100 < len(drawn) < 200)
        self.assertFalse(set(drawn) & set(drawn_voices.names(4)))


class Joined(unittest.TestCase):
    def test_sentences_of_one_split(self):
        mix = {"en-US": 1, "it-IT": 1}
        for split in ("train", "test"):
            request = clips.Request(split, mix, 3, joined=0.5, prompts=split == "train")
            plans = [plan for block in range(6) for plan in clips.plan_block(request, block)]
            joined = [plan for plan in plans if len(plan.sentences) > 1]
            self.assertTrue(120 < len(joined) < 240)
            self.assertEqual({len(plan.sentences) for plan in joined}, {2, 3})
            self.assertEqual(split == "train", "prompt" in {plan.program for plan in joined})
            for plan in joined:
                self.assertEqual(plan.text, " ".join(sentence.text for sentence in plan.sentences))
                for sentence in plan.sentences:
                    self.assertEqual(grammar.is_held_out(plan.locale, sentence.text), split == "test")
                    self.assertTrue(0 <= sentence.pause <= clips.MOST_PAUSE)

    def test_pauses_before_and_between(self):
        request = clips.Request("train", {"es-ES": 1}, 3, joined=1)
        plan = clips.plan_block(request, 0)[0]
        plan.sentences = [clips.Sentence("Uno.", "Uno.", pause=2), clips.Sentence("Dos.", "Dos.", pause=3)]
        clip = clips.speak_in_child([plan], clean=True)[0]
        silence = phonemes.CLASS["_"]
        front, first, between, second, behind = (
            len(list(same)) * phonemes.PIECE
            for _, same in itertools.groupby(clip.frame_labels, lambda label: label == silence))
        self.assertTrue(2 < front < 2.6)
        self.assertTrue(2.9 < between < 3.3)
        self.assertTrue(0.2 < first < 1 and 0.2 < second < 1 and behind < 1)

    def test_accents_are_not_joined(self):
        request = clips.Request("train", {"en-US": 1}, 3, only="digits", accents=1, joined=1)
        self.assertEqual({len(plan.sentences) for plan in clips.plan_block(request, 0)}, {1})


class Phonemes(unittest.TestCase):
    def test_pieces_of_40_ms(self):
        said = [(0.0, "t"), (0.1, "aɪ"), (0.3, ""), (0.4, "ʡ")]
        labels = phonemes.frame_labels(said, stretch=0.5, shift=0.2, seconds=0.52)
        # t from 0.2 to 0.25, a and ɪ to 0.35, silence to 0.4, then what has no class.
        self.assertEqual("".join(" " if label == " " else phonemes.SYMBOLS[ord(label) - 33] for label in labels),
                         "_____taaɪ_   ")

    def test_every_language_has_few_unknown_ones(self):
        voices = espeak.Espeak()
        dice = random.Random(8)
        for locale in grammar.LOCALES:
            for _ in range(10):
                _, said = voices.speak(grammar.draw(locale, dice), espeak.VOICES[locale][0], 165, 50, 50)
                self.assertGreater(len(said), 2)
                self.assertEqual(said, sorted(said, key=lambda phoneme: phoneme[0]))
                unknown = [ipa for _, ipa in said if ipa and not phonemes.symbols(ipa)]
                self.assertLess(len(unknown), 0.1 * len(said) + 1, f"{locale}: {unknown}")

    def test_silence_in_front_and_behind(self):
        plan = clips.plan_block(clips.Request("train", {"de-DE": 1}, 3), 0)[0]
        clip = clips.speak_in_child([plan], clean=True)[0]
        self.assertEqual(len(clip.frame_labels), int(clip.samples / 16000 / phonemes.PIECE))
        self.assertEqual({clip.frame_labels[0], clip.frame_labels[-1]}, {phonemes.CLASS["_"]})


class Variation(unittest.TestCase):
    def test_silence_around_speech(self):
        tone = np.sin(np.arange(22050) / 10).astype(np.float32)
        samples = variation.varied(tone, 22050, np.random.default_rng(1), clean=True).samples
        self.assertLess(np.abs(samples[:800]).max(), 500)
        self.assertLess(np.abs(samples[-4800:]).max(), 500)
        self.assertGreater(len(samples), 1.3 * 16000)

    def test_gated_pauses_are_digital_silence(self):
        tone = np.sin(np.arange(22050) / 10).astype(np.float32)
        tone[8000:14000] = 0
        ways = [variation.varied(tone, 22050, np.random.default_rng(1), gate=gate).samples
                for gate in (None, np.random.default_rng(4))]  # 4: its voice is not dull
        self.assertLess(np.mean(ways[0] == 0), 0.1)
        self.assertTrue(0.2 < np.mean(ways[1] == 0) < 0.8)
        spoken = ways[1] != 0
        self.assertTrue((ways[0][spoken] == ways[1][spoken]).all())

    def test_silence_gives_nothing(self):
        silence = np.zeros(22050, np.float32)
        self.assertEqual(len(variation.varied(silence, 22050, np.random.default_rng(1)).samples), 0)


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="synth-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def synth(self, name, *arguments):
        subprocess.run([sys.executable, str(FOLDER / "synth.py"), str(self.folder / name), *arguments], check=True,
                       stdout=subprocess.DEVNULL)
        return self.folder / name

    def test_shards(self):
        arguments = ["--clips", "70", "--mix", "en-US=1,it-IT=1,el-GR=8", "--seed", "5"]
        one = self.synth("one", *arguments, "--jobs", "1")
        two = self.synth("two", *arguments, "--jobs", "2")
        self.assertEqual({path.name for path in one.iterdir()}, {"audio_0.tar", "manifest_0.json"})
        for name in ("audio_0.tar", "manifest_0.json"):
            self.assertEqual((one / name).read_bytes(), (two / name).read_bytes())
        lines = [json.loads(line) for line in (one / "manifest_0.json").read_text().splitlines()]
        self.assertEqual(len(lines), 70)
        with tarfile.open(one / "audio_0.tar") as tar:
            self.assertEqual(tar.getnames(), [line["audio_filepath"] for line in lines])
            for line in lines:
                sound = soundfile.info(io.BytesIO(tar.extractfile(line["audio_filepath"]).read()))
                self.assertEqual((sound.samplerate, sound.channels), (16000, 1))
                self.assertEqual(sound.frames / 16000, line["duration"])
                self.assertEqual(line["shard_id"], 0)
                self.assertNotIn("<", line["text"])

    def test_files(self):
        folder = self.synth("files", "--clips", "5", "--mix", "bg-BG", "--split", "test", "--files", "--clean",
                            "--jobs", "1")
        for line in map(json.loads, (folder / "manifest.jsonl").read_text().splitlines()):
            self.assertEqual(soundfile.info(str(folder / line["audio_filepath"])).frames / 16000, line["duration"])
            self.assertTrue(grammar.is_held_out("bg-BG", line["text"]))

    def test_every_sentence_once(self):
        folder = self.synth("once", "--clips", "30", "--mix", "bg-BG,de-DE", "--only", "digits", "--split", "test",
                            "--files", "--clean", "--distinct")
        lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
        self.assertEqual(len(lines), 30)
        self.assertEqual(len({(line["target_lang"], line["text"]) for line in lines}), 30)
        # Among as many that may come twice some do.
        plans = clips.plan_block(clips.Request("test", {"bg-BG": 1, "de-DE": 1}, 0, only="digits"), 0)[:30]
        self.assertLess(len({(plan.locale, plan.text) for plan in plans}), 30)

    def test_sentences_alone(self):
        run = subprocess.run([sys.executable, str(FOLDER / "sentences.py"), "6", "--locales", "bg-BG,de-DE", "--seed", "3"],
                             capture_output=True, text=True, check=True)
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), 6)
        for line, locale in zip(lines, ["bg-BG", "de-DE"] * 3):
            self.assertFalse(grammar.is_held_out(locale, line))
        self.assertTrue(all(any("а" <= letter <= "я" for letter in line) for line in lines[::2]))

    def test_wrong_words(self):
        for words in (["--clips", "0"], ["--hours", "0"], ["--hours", "nan"], ["--hours", "inf"],
                      ["--clips", "1", "--jobs", "0"], ["--clips", "1", "--mix", "en-US=nan"],
                      ["--clips", "1", "--mix", "en-US=0"], ["--clips", "1", "--locales", "nowhere"]):
            run = subprocess.run([sys.executable, str(FOLDER / "synth.py"), str(self.folder / "wrong"), *words],
                                 capture_output=True, text=True)
            self.assertEqual(run.returncode, 2, words)
            self.assertIn("synth.py: error: ", run.stderr)
            self.assertFalse((self.folder / "wrong").exists())

    def test_ends_when_the_whole_group_is_told_to(self):
        synth = subprocess.Popen([sys.executable, str(FOLDER / "synth.py"), str(self.folder / "ended"), "--clips", "100000",
                                  "--jobs", "3"], stderr=subprocess.PIPE, start_new_session=True)
        self.addCleanup(synth.stderr.close)
        try:
            synth.stderr.readline()  # what it tells after 5 s
            os.killpg(synth.pid, signal.SIGTERM)
            self.assertNotEqual(synth.wait(timeout=60), 0)
        finally:
            if synth.poll() is None:
                os.killpg(synth.pid, signal.SIGKILL)
                synth.wait()


class Tokenizer(unittest.TestCase):
    def test_covers_the_alphabets(self):
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder) / "tokenizer.model"
            tokenizer.train(model, grammar.LOCALES, sentences=150)
            text = "\n".join(tokenizer.alphabet(locale) for locale in grammar.LOCALES) + "\n<en-US> <bg-BG>\n"
            ids = subprocess.run(["spm_encode", f"--model={model}", "--output_format=id"], input=text.encode(),
                                 check=True, capture_output=True).stdout.split()
            self.assertNotIn(b"0", ids)


if __name__ == "__main__":
    unittest.main()
