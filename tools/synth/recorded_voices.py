"""Speech from flite and festival: voices made from recordings of people."""
import pathlib
import subprocess
import tempfile

import soundfile

VOICES = {
    "train": {
        "en-US": ["flite:kal", "flite:kal16", "flite:awb", "flite:slt", "festival:kal_diphone",
                  "festival:ked_diphone", "festival:cmu_us_slt_arctic_hts"],
        "it-IT": ["festival:lp_diphone", "festival:pc_diphone"],
    },
    "test": {"en-US": ["flite:rms"]},
}
SHARE = 0.25  # of a locale's clips


class RecordedVoices:
    """Holds one festival process, because it takes a second to start. Close after use."""

    def __init__(self):
        self.festival = None
        self.folder = tempfile.TemporaryDirectory(prefix="synth-")
        self.path = pathlib.Path(self.folder.name) / "clip.wav"

    def speak(self, text, voice, stretch):
        """(samples as float32, sample rate); `stretch` above 1 is slower."""
        program, name = voice.split(":")
        self.path.unlink(missing_ok=True)
        if program == "flite":
            subprocess.run(["flite", "-voice", name, "--setf", f"duration_stretch={stretch:.2f}", "-t", text,
                            "-o", str(self.path)], check=True, stdout=subprocess.DEVNULL)
        else:
            self._festival(text, name, stretch)
        return soundfile.read(str(self.path), dtype="float32")

    def _festival(self, text, name, stretch):
        if self.festival is None:
            self.festival = subprocess.Popen(["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL)
        quoted = text.replace("\\", "").replace('"', "")
        command = (f"(voice_{name}) (Parameter.set 'Duration_Stretch {stretch:.2f}) "
                   f'(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{self.path}" \'riff) '
                   '(format t "done\\n") (fflush nil)\n')
        # The Italian voices read Latin-1.
        self.festival.stdin.write(command.encode("latin-1", "ignore"))
        self.festival.stdin.flush()
        for line in self.festival.stdout:
            if line.strip().endswith(b"done"):
                return
        self.festival = None
        raise RuntimeError(f"festival stopped at: {text}")

    def close(self):
        if self.festival is not None:
            self.festival.stdin.close()
            self.festival.wait()
        self.folder.cleanup()
