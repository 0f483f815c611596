"""Speech from flite and festival: voices made from recordings of people."""
import ctypes
import pathlib
import subprocess
import tempfile

import numpy as np
import soundfile

VOICES = {
    "train": {
        "en-US": ["flite:kal", "flite:kal16", "flite:awb", "flite:slt", "festival:kal_diphone",
                  "festival:ked_diphone", "festival:cmu_us_slt_arctic_hts"],
        "it-IT": ["festival:lp_diphone", "festival:pc_diphone"],
    },
    "test": {"en-US": ["flite:rms"]},
}
SHARE = 0.35  # of a locale's clips
PITCHES = {"flite:kal": 89, "flite:kal16": 89, "flite:awb": 129, "flite:slt": 163}  # Hz, in the middle


class FliteWave(ctypes.Structure):
    _fields_ = [("type", ctypes.c_char_p), ("sample_rate", ctypes.c_int), ("count", ctypes.c_int),
                ("channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short))]


class FliteVoice(ctypes.Structure):  # its first fields
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class Flite:
    """The library, because the program takes longer to start than to speak."""

    def __init__(self):
        self.library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for name in ("usenglish", "cmulex"):
            ctypes.CDLL(f"libflite_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
        self.library.flite_text_to_wave.restype = ctypes.POINTER(FliteWave)
        self.library.flite_text_to_wave.argtypes = [ctypes.c_char_p, ctypes.POINTER(FliteVoice)]
        self.library.delete_wave.argtypes = [ctypes.POINTER(FliteWave)]
        self.library.feat_set_float.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]
        self.library.flite_init()
        self.voices = {}

    def voice(self, name):
        if name not in self.voices:
            register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
            register.restype, register.argtypes = ctypes.POINTER(FliteVoice), [ctypes.c_char_p]
            self.voices[name] = register(None)
        return self.voices[name]

    def speak(self, text, name, stretch, lift=1):
        """(samples as float32, sample rate); `stretch` above 1 is slower, `lift` above 1 higher with the same formants."""
        voice = self.voice(name)
        self.library.feat_set_float(voice.contents.features, b"duration_stretch", stretch)
        self.library.feat_set_float(voice.contents.features, b"f0_shift", lift)
        wave = self.library.flite_text_to_wave(text.encode(), voice)
        samples = np.ctypeslib.as_array(wave.contents.samples, shape=(wave.contents.count,)).astype(np.float32) / 32768
        sample_rate = wave.contents.sample_rate
        self.library.delete_wave(wave)
        return samples, sample_rate


class Festival:
    """One process for many sentences, because it takes a second to start. Close after use."""

    def __init__(self):
        self.process = None
        self.folder = tempfile.TemporaryDirectory(prefix="synth-")
        self.path = pathlib.Path(self.folder.name) / "clip.wav"

    def speak(self, text, name, stretch, _):
        """As Flite.speak, with the voice's own pitch; no samples where festival fails."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        self.path.unlink(missing_ok=True)
        quoted = text.replace("\\", "").replace('"', "")
        command = (f"(voice_{name}) (Parameter.set 'Duration_Stretch {stretch:.2f}) "
                   f'(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{self.path}" \'riff) '
                   '(format t "done\\n") (fflush nil)\n')
        # The Italian voices read Latin-1.
        self.process.stdin.write(command.encode("latin-1", "ignore"))
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.strip().endswith(b"done"):
                break
        else:  # it has ended
            self.process.wait()
        if self.path.exists():
            return soundfile.read(str(self.path), dtype="float32")
        return np.zeros(0, np.float32), 16000

    def close(self):
        if self.process is not None:
            self.process.communicate()
        self.folder.cleanup()
