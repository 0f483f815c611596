"""Speech from SVOX Pico and RHVoice: statistical voices made from recordings of people (install_more_voices.sh)."""
import ctypes
import pathlib

import numpy as np

VOICES = {  # of the train split
    "en-US": ["pico:en-US_lh0", "pico:en-GB_kh0", "rhvoice:bdl", "rhvoice:clb", "rhvoice:slt", "rhvoice:alan"],
    "de-DE": ["pico:de-DE_gl0"],
    "es-ES": ["pico:es-ES_zl0"],
    "fr-FR": ["pico:fr-FR_nk0"],
    "it-IT": ["pico:it-IT_cm0"],
    "pt-BR": ["rhvoice:Letícia-F123"],
}
PITCHES = {  # Hz, in the middle
    "pico:en-US_lh0": 163, "pico:en-GB_kh0": 174, "pico:de-DE_gl0": 170, "pico:es-ES_zl0": 205, "pico:fr-FR_nk0": 195,
    "pico:it-IT_cm0": 178, "rhvoice:bdl": 119, "rhvoice:clb": 178, "rhvoice:slt": 170, "rhvoice:alan": 138,
    "rhvoice:Letícia-F123": 240,
}
SHARES = {"en-US": 0.6}  # of a locale's clips, for the voices made from recordings together
SHARE = 0.3  # where SHARES is silent


def are_installed():
    return Pico.FOLDER.exists() and Rhvoice.FOLDER.exists()


class Pico:
    """SVOX Pico, 16 kHz. Everything it needs comes from one block of memory."""
    FOLDER = pathlib.Path("/usr/share/pico/lang")
    MEMORY = 8 << 20
    SAMPLE_RATE = 16000
    BUSY = 201

    def __init__(self):
        self.library = ctypes.CDLL("libttspico.so.0")
        self.memory = ctypes.create_string_buffer(self.MEMORY)
        self.system, self.engine, self.name = ctypes.c_void_p(), ctypes.c_void_p(), None
        self.resources = []
        self._call("pico_initialize", self.memory, ctypes.c_uint32(self.MEMORY), ctypes.byref(self.system))

    def _call(self, function, *arguments):
        status = getattr(self.library, function)(*arguments)
        if status < 0:
            raise RuntimeError(f"{function} returned {status}")
        return status

    def _load(self, name):
        """The voice `name`, like de-DE_gl0; one at a time."""
        if self.name is not None:
            self._call("pico_disposeEngine", self.system, ctypes.byref(self.engine))
            self._call("pico_releaseVoiceDefinition", self.system, b"voice")
            for resource in self.resources:
                self._call("pico_unloadResource", self.system, ctypes.byref(resource))
        self._call("pico_createVoiceDefinition", self.system, b"voice")
        self.resources = []
        for part in (f"{name.split('_')[0]}_ta", f"{name}_sg"):
            resource, title = ctypes.c_void_p(), ctypes.create_string_buffer(200)
            self._call("pico_loadResource", self.system, f"{self.FOLDER}/{part}.bin".encode(), ctypes.byref(resource))
            self._call("pico_getResourceName", self.system, resource, title)
            self._call("pico_addResourceToVoiceDefinition", self.system, b"voice", title)
            self.resources.append(resource)
        self._call("pico_newEngine", self.system, b"voice", ctypes.byref(self.engine))
        self.name = name

    def speak(self, text, name, stretch, lift=1):
        """(samples as float32, sample rate); `stretch` above 1 is slower, `lift` above 1 higher with the same formants."""
        if name != self.name:
            self._load(name)
        # The end of the string is the end of the text.
        marked = f'<speed level="{round(100 / stretch)}">{text}</speed>'
        if lift != 1:
            marked = f'<pitch level="{round(100 * lift)}">{marked}</pitch>'
        marked = marked.encode() + b"\0"
        buffer, chunks = ctypes.create_string_buffer(4096), []
        taken, received, kind = ctypes.c_int16(), ctypes.c_int16(), ctypes.c_int16()
        while marked:
            self._call("pico_putTextUtf8", self.engine, marked, ctypes.c_int16(len(marked)), ctypes.byref(taken))
            marked = marked[taken.value:]
            status = self.BUSY
            while status == self.BUSY:
                status = self._call("pico_getData", self.engine, buffer, ctypes.c_int16(len(buffer)),
                                    ctypes.byref(received), ctypes.byref(kind))
                chunks.append(buffer.raw[:received.value])
        return np.frombuffer(b"".join(chunks), np.int16).astype(np.float32) / 32768, self.SAMPLE_RATE


SET_RATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
PLAY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_uint, ctypes.c_void_p)


class RhvoiceStart(ctypes.Structure):
    _fields_ = [("data_path", ctypes.c_char_p), ("config_path", ctypes.c_char_p), ("resource_paths", ctypes.c_void_p),
                ("set_sample_rate", SET_RATE), ("play_speech", PLAY), ("unused", ctypes.c_void_p * 7),
                ("options", ctypes.c_uint)]


class RhvoiceSettings(ctypes.Structure):
    _fields_ = [("voice_profile", ctypes.c_char_p), ("absolute", ctypes.c_double * 3), ("relative", ctypes.c_double * 3),
                ("punctuation_mode", ctypes.c_int), ("punctuation_list", ctypes.c_char_p),
                ("capitals_mode", ctypes.c_int), ("flags", ctypes.c_int)]


class Rhvoice:
    """RHVoice, 24 kHz."""
    FOLDER = pathlib.Path("/usr/share/RHVoice")
    TEXT = 0
    DO_NOT_CLIP_RATE = 1

    def __init__(self):
        self.library = ctypes.CDLL("libRHVoice.so.5")
        for name in ("RHVoice_new_tts_engine", "RHVoice_new_message"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.chunks, self.sample_rate = [], 0
        self.start = RhvoiceStart(str(self.FOLDER).encode(), b"/etc/RHVoice", None, SET_RATE(self._set_rate),
                                  PLAY(self._receive))  # kept: the library holds pointers
        self.engine = self.library.RHVoice_new_tts_engine(ctypes.byref(self.start))
        if not self.engine:
            raise RuntimeError("RHVoice finds no data: run install_more_voices.sh")

    def _set_rate(self, rate, _):
        self.sample_rate = rate
        return 1

    def _receive(self, samples, count, _):
        self.chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 1

    def speak(self, text, name, stretch, lift=1):
        """As Pico.speak."""
        settings = RhvoiceSettings(name.encode(), (0, 0, 0), (1 / stretch, lift, 1), 0, None, 0, self.DO_NOT_CLIP_RATE)
        data = text.encode()
        message = self.library.RHVoice_new_message(ctypes.c_void_p(self.engine), data, len(data), self.TEXT,
                                                   ctypes.byref(settings), None)
        if not message:
            raise RuntimeError(f"RHVoice does not take {text!r}")
        self.chunks = []
        self.library.RHVoice_speak(ctypes.c_void_p(message))
        self.library.RHVoice_delete_message(ctypes.c_void_p(message))
        samples = np.concatenate(self.chunks) if self.chunks else np.zeros(0, np.int16)
        return samples.astype(np.float32) / 32768, self.sample_rate
