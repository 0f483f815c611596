"""Speech from libespeak-ng.

The library does not survive a fork and may crash after many changes of voice: load it in a child process, speak a
few dozen sentences, and let the child go.
"""
import ctypes

import numpy as np

VOICES = {
    "en-US": ["en-us", "gmw/en", "en-us-nyc", "en-gb-scotland", "en-gb-x-rp"],
    "de-DE": ["de"],
    "es-ES": ["es", "es-419"],
    "fr-FR": ["roa/fr", "fr-be", "fr-ch"],
    "it-IT": ["it"],
    "pt-BR": ["pt-br"],
    "nl-NL": ["nl"],
    "el-GR": ["el"],
    "bg-BG": ["bg"],
}
TRAIN_VARIANTS = """Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael
    Mike Nguyen Storm Tweaky adam anika antonio aunty belinda benjamin boris caleb david ed edward f1 f2 f3 f4 grandma
    grandpa gustave iven iven2 john kaukovalta klatt klatt2 klatt3 linda m1 m2 m3 m4 m5 m6 m7 max michel miguel norbert
    pablo paul pedro quincy rob robert sandro shelby steph travis victor whisper""".split()
TEST_VARIANTS = "f5 m8 steph2 steph3 zac marcelo iven3 klatt4 edward2".split()

AUDIO_OUTPUT_SYNCHRONOUS = 2
PHONEME_EVENTS, PHONEME_IPA, DO_NOT_EXIT = 1, 2, 1 << 15
LIST_END, PHONEME = 0, 7  # types of events
RATE, PITCH, RANGE = 1, 3, 4
CHARS_UTF8 = 1


class EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("id", EventId)]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


class Espeak:
    def __init__(self):
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
                                              ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
        self.sample_rate = self.library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, None,
                                                          PHONEME_EVENTS | PHONEME_IPA | DO_NOT_EXIT)
        if self.sample_rate <= 0:
            raise RuntimeError("libespeak-ng finds no data: install espeak-ng-data")
        self.chunks, self.phonemes = [], []
        self.callback = CALLBACK(self._receive)  # kept: the library holds only a pointer
        self.library.espeak_SetSynthCallback(self.callback)

    def _receive(self, samples, count, events):
        index = 0
        while events and events[index].type != LIST_END:
            if events[index].type == PHONEME:
                ipa = events[index].id.string.decode("utf-8", "ignore")
                self.phonemes.append((events[index].sample / self.sample_rate, ipa))
            index += 1
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    def speak(self, text, voice, rate, pitch, pitch_range):
        """Samples as float32 at self.sample_rate, and the phonemes as (start in seconds, IPA), "" being silence."""
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((RATE, rate), (PITCH, pitch), (RANGE, pitch_range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        self.chunks.clear()
        self.phonemes = []
        data = text.encode() + b"\0"
        self.library.espeak_Synth(data, len(data), 0, 1, 0, CHARS_UTF8, None, None)
        if not self.chunks:
            return np.zeros(0, np.float32), []
        return np.concatenate(self.chunks).astype(np.float32) / 32768, self.phonemes


def data_folder():
    """Where the library finds its voices."""
    library, path = Espeak().library, ctypes.c_char_p()
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_Info(ctypes.byref(path))
    return path.value.decode()
