#!/usr/bin/env python3
"""python_test.py HEADER MODEL AUDIO TEXT: bindings/python/glossa.py, whose library $GLOSSA_LIBRARY names."""
import array
import concurrent.futures
import copy
import ctypes
import gc
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import wave

import glossa

HEADER, MODEL, AUDIO, TEXT = sys.argv[1:5]
LONGEST = (56, 13)  # of which TEXT is


def samples():
    with wave.open(AUDIO) as sound:
        return sound.readframes(sound.getnframes())


def floats():
    return array.array("f", (value / 32768 for value in memoryview(samples()).cast("h")))


def finished(stream, *parts):
    for part in parts:
        stream.accept_waveform(part)
        stream.decode()
    stream.input_finished()
    stream.decode()
    return stream


class HeaderTest(unittest.TestCase):
    """The binding has every function and every field of glossa.h, in its order and its types."""
    TYPES = {"size_t": "c_size_t", "double": "c_double", "float": "c_float", "int32_t": "c_int32",
             "int64_t": "c_int64", "int": "c_int", "const char*": "c_char_p", "const char* const*": "char_p",
             "const glossa_att_context*": "_AttContext", "const glossa_language_model*": "c_void_p"}

    def setUp(self):
        self.header = re.sub(r"/\*.*?\*/", "", pathlib.Path(HEADER).read_text(), flags=re.S)

    def test_functions(self):
        declared = re.findall(r"GLOSSA_API\s+(glossa_status|void|const char\*)\s+glossa_(\w+)\(([^)]*)\)", self.header)
        self.assertGreater(len(declared), 30)
        by_result = {"glossa_status": set(glossa._CALLS), "void": set(glossa._FREES), "const char*": set(glossa._STRINGS)}
        for result, names in by_result.items():
            self.assertEqual({name for kind, name, _ in declared if kind == result}, names)
        for kind, name, parameters in declared:
            if kind == "glossa_status":
                self.assertEqual(len(parameters.split(",")), len(glossa._CALLS[name]), name)

    def test_structs(self):
        structs = re.findall(r"typedef struct glossa_(\w+) \{(.*?)\} glossa_\w+;", self.header, flags=re.S)
        self.assertGreater(len(structs), 7)
        for name, body in structs:
            binding = getattr(glossa, "_" + "".join(word.capitalize() for word in name.split("_")))
            declared = [re.fullmatch(r"(.*?[ *])(\w+)", " ".join(line.split())).groups()
                        for line in body.split(";") if line.strip()]
            self.assertEqual([field for _, field in declared], [field for field, _ in binding._fields_], name)
            for (kind, field), (_, bound) in zip(declared, binding._fields_):
                wanted = self.TYPES[kind.strip()]
                if not wanted.startswith("c_"):
                    bound = bound._type_  # what it points to
                    wanted = wanted.replace("char_p", "c_char_p")
                self.assertIs(bound, getattr(ctypes, wanted, None) or getattr(glossa, wanted), f"{name}.{field}")

    def test_enumerators(self):
        modes = dict(re.findall(r"GLOSSA_STREAMING_(\w+) = (\d)", self.header))
        self.assertEqual({name.lower().replace("_", "-"): int(value) for name, value in modes.items()},
                         glossa.STREAMING_MODES)
        self.assertEqual(re.findall(r"GLOSSA_(INTERNAL|INVALID_ARGUMENT|BAD_INPUT) = (\d)", self.header),
                         [(name, str(getattr(glossa.Error, name)))
                          for name in ("INTERNAL", "INVALID_ARGUMENT", "BAD_INPUT")])


class RecognizerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recognizer = glossa.Recognizer(MODEL)

    def heard(self, *parts, **options):
        return finished(self.recognizer.create_stream(att_context=LONGEST, **options), *parts).text

    def test_what_is_known_of_the_model(self):
        self.assertRegex(glossa.version(), r"^\d+\.\d+\.\d+$")
        self.assertEqual(self.recognizer.name, pathlib.Path(MODEL).stem)
        self.assertEqual((self.recognizer.sample_rate, self.recognizer.weights), (16000, "f32"))
        self.assertIn(LONGEST, self.recognizer.att_contexts)
        english = next(language for language in self.recognizer.languages if language.code == "en-US")
        self.assertIn("en", english.aliases)

    def test_samples_of_every_kind(self):
        pcm = samples()
        half = len(pcm) // 4 * 2
        self.assertTrue(self.heard(pcm).startswith(TEXT))
        for parts in ([pcm[:half], pcm[half:]], [bytearray(pcm)], [floats()], [memoryview(pcm).cast("h")],
                      [memoryview(floats())[:1000], memoryview(floats())[1000:]], [b"", pcm, array.array("f")]):
            self.assertEqual(self.heard(*parts), self.heard(pcm))
        try:
            import numpy
        except ImportError:
            return
        values = numpy.frombuffer(pcm, numpy.int16)
        self.assertEqual(self.heard(values), self.heard(pcm))
        self.assertEqual(self.heard(values.astype(numpy.float32) / 32768), self.heard(pcm))

    def test_samples_of_no_kind(self):
        stream = self.recognizer.create_stream()
        for wrong in (array.array("d", [0.0]), memoryview(floats())[::2], "text"):
            with self.assertRaises(TypeError):
                stream.accept_waveform(wrong)
        with self.assertRaisesRegex(ValueError, "3 bytes"):
            stream.accept_waveform(b"123")

    def test_everything_a_stream_tells(self):
        stream = self.recognizer.create_stream(att_context=LONGEST, target_lang="en-US", beam_size=3)
        stream.accept_waveform(samples())
        stream.decode()
        self.assertTrue(stream.drafted_text.startswith(stream.text))
        finished(stream)
        self.assertAlmostEqual(stream.duration, len(samples()) / 32000)
        self.assertGreaterEqual(stream.settled, stream.words[-1].end)
        self.assertEqual(" ".join(word.text for word in stream.words), " ".join(stream.text.split()))
        self.assertEqual(stream.sentences[0].language, stream.language)
        self.assertTrue(all(0 <= token.confidence <= 1 and token.frame >= 0 for token in stream.tokens))
        self.assertEqual(stream.alternatives[0].text, stream.text)
        self.assertGreater(len(stream.alternatives), 1)
        self.assertAlmostEqual(stream.score, sum(token.log_prob for token in stream.tokens), places=3)
        words = stream.words
        stream.reset()
        self.assertEqual((stream.text, stream.words), ("", []))
        self.assertTrue(words[0].text, "what was asked of it stays")

    def test_batches_and_threads(self):
        alone = {lang: self.heard(samples(), target_lang=lang) for lang in ("en-US", "es-ES", "de-DE", "auto")}
        streams = [self.recognizer.create_stream(att_context=LONGEST, target_lang=lang) for lang in alone]
        for stream in streams:
            stream.accept_waveform(samples())
            stream.input_finished()
        while ready := [stream for stream in streams if stream.is_ready]:
            self.recognizer.decode(ready)
        self.assertEqual([stream.text for stream in streams], list(alone.values()))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            texts = pool.map(lambda lang: self.heard(samples(), target_lang=lang), alone)
            self.assertEqual(list(texts), list(alone.values()))

    def test_transcribe_is_a_stream_with_silence_behind_it(self):
        whole = self.recognizer.transcribe(samples(), att_context=LONGEST)
        self.assertEqual(whole.text, self.heard(samples(), final_silence=0.48))

    def test_options(self):
        tagged = finished(self.recognizer.create_stream(att_context=(56, 3), keep_lang_tags=True), samples())
        self.assertIn("<en-US>", tagged.text)
        stream = self.recognizer.create_stream(boosted_phrases=["Δασε", "the"], boost=5, mode="uniform",
                                               att_context=LONGEST, draft_att_context=(56, 0))
        self.assertTrue(any(token.boosted for token in finished(stream, samples()).tokens))
        with self.assertRaisesRegex(TypeError, "no option 'langauge' .*target_lang"):
            self.recognizer.create_stream(langauge="en")
        with self.assertRaisesRegex(ValueError, "expected one of exact"):
            self.recognizer.create_stream(mode="fast")

    def test_a_language_model(self):
        with tempfile.NamedTemporaryFile("w", suffix=".arpa") as file:
            pieces = [f"-{number * 7919 % 50 / 10}\t{chr(100 + number)}" for number in range(self.recognizer.vocabulary)]
            file.write("\\data\\\nngram 1=" + str(len(pieces)) + "\n\n\\1-grams:\n" + "\n".join(pieces) + "\n\n\\end\\\n")
            file.flush()
            model = self.recognizer.load_language_model(file.name)
        stream = self.recognizer.create_stream(language_model=model, lm_alpha=5.0, att_context=LONGEST)
        del model
        gc.collect()  # the stream keeps it
        self.assertNotEqual(finished(stream, samples()).text, self.heard(samples()))
        with self.assertRaisesRegex(glossa.Error, "none.arpa"):
            self.recognizer.load_language_model("none.arpa")

    def test_errors(self):
        with self.assertRaisesRegex(glossa.Error, "none.nemo") as caught:
            glossa.Recognizer("none.nemo")
        self.assertEqual(caught.exception.status, glossa.Error.BAD_INPUT)
        with self.assertRaisesRegex(glossa.Error, "xx-XX") as caught:
            self.recognizer.create_stream(target_lang="xx-XX")
        self.assertEqual(caught.exception.status, glossa.Error.INVALID_ARGUMENT)
        with self.assertRaisesRegex(glossa.Error, "no\udcff.nemo"):  # a name that is not UTF-8
            glossa.Recognizer(b"no\xff.nemo")
        with self.assertRaisesRegex(ValueError, "zero byte"):
            glossa.Recognizer(MODEL + "\0x")
        with self.assertRaisesRegex(TypeError, "expected a list"):
            self.recognizer.create_stream(boosted_phrases="the")
        self.recognizer.create_stream(boosted_phrases=None, att_context=None, language_model=None)
        stream = finished(self.recognizer.create_stream())
        with self.assertRaisesRegex(TypeError, "cannot be copied"):
            copy.copy(stream)
        with self.assertRaises(glossa.Error):
            stream.accept_waveform(samples())
        with self.assertRaises(glossa.Error):
            stream.set_target_lang("xx-XX")

    def test_a_library_that_is_missing(self):
        environment = {**os.environ, "GLOSSA_LIBRARY": "/none/libglossa.so.0"}
        run = subprocess.run([sys.executable, "-c", "import glossa"], env=environment, capture_output=True, text=True)
        self.assertRegex(run.stderr, "OSError: /none/libglossa.so.0: .*expected the path of libglossa.so.0 in GLOSSA_LIBRARY")

    def test_a_stream_outlives_its_recognizers_name(self):
        stream = glossa.Recognizer(MODEL, weights="int8", threads=1, cache_packed_weights=False).create_stream()
        gc.collect()
        self.assertGreater(len(finished(stream, samples()).text), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
