"""What all cases of broken clients share: the server under test, two streams that must not notice, odd sounds."""
import contextlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "grpc_client"))

from riva_client import Riva
from serving import RATE, RivaSpeaker, Server, WebSocketSpeaker, samples_of, squeezed, write_wav
from wire import exchange, upload

AUDIO = ROOT / "tests/data/golden/audio"
LATENCY, CONTEXT = "80ms", "56,0"
SANITIZED = os.environ.get("GLOSSA_SANITIZE", "") != ""
IDLE = 3  # seconds, of the server under test
LIMIT_MB = 1  # of a request


def wav(samples=b"", tag=1, channels=1, rate=RATE, bits=16, data_size=None, fmt_size=16):
    frame_bytes = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * frame_bytes & 0xffffffff, frame_bytes & 0xffff, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", fmt_size) + fmt + b"data"
    chunks += struct.pack("<I", len(samples) if data_size is None else data_size) + samples
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def much_sound(seconds=1200, channels=1):
    """20 minutes in 60 kB; 77 MB as the model hears them."""
    return wav(bytes(50 * seconds * channels), rate=50, bits=8, channels=channels)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def is_below(server, megabytes):
    """Its memory. AddressSanitizer keeps what was freed: nothing can be said then."""
    return SANITIZED or server.memory() < megabytes


class FaultTest(unittest.TestCase):
    """One server for all cases: begin() and end() are called once, on this class, around all of them."""

    glossa = serve = model = riva = server = None
    folder = None  # of this test's files
    steady = []  # Speakers
    before = {}  # memory and descriptors of the server when nothing had happened
    speech_file = AUDIO.joinpath("en-US_13.wav").read_bytes()
    speech = samples_of(AUDIO / "en-US_13.wav")

    @classmethod
    def begin(cls, glossa, serve, model):
        cls.glossa, cls.serve, cls.model = glossa, serve, model
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.riva = Riva(ROOT, cls.folder)
        cls.server = cls.start("--max-upload-mb", str(LIMIT_MB), "--endpointing-ms", "0", idle=IDLE)
        sound = samples_of(AUDIO / "long.wav")
        for speaker in [WebSocketSpeaker(cls.server.http, sound, LATENCY, 3),
                        RivaSpeaker(cls.server.riva, cls.riva, sound, LATENCY, 3)]:
            speaker.join(60)
        exchange(cls.server.http, upload(cls.speech_file))
        exchange(cls.server.http, upload(b"no sound"))
        cls.before = {"memory": cls.server.memory(), "descriptors": cls.server.descriptors()}
        cls.steady = [WebSocketSpeaker(cls.server.http, sound, LATENCY),
                      RivaSpeaker(cls.server.riva, cls.riva, sound, LATENCY)]

    @classmethod
    def end(cls):
        if cls.server and cls.server.process.poll() is None:
            cls.server.process.kill()
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, *options, streams=256, hours=0.5, files=64, idle=60):
        """A server; `hours` of sound at most in one stream."""
        return Server(cls.serve, "--model", cls.model, "--weights", "f32", "--max-streams", str(streams),
                      "--max-hours", str(hours), "--max-files", str(files), "--idle-seconds", str(idle), "--log", "json",
                      *options)

    @contextlib.contextmanager
    def own_server(self, **options):
        """For what may end a server, or needs other options."""
        own = self.start(**options)
        try:
            yield own
            self.assertTrue(own.is_healthy())
        finally:
            self.assertEqual(own.stop(), 0, own.messages()[-500:])

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), f"the server has died: {self.server.messages()[-500:]}")
        self.assertTrue(self.server.is_healthy())
        for speaker in self.steady:
            self.assertTrue(speaker.is_alive(), speaker.failure)

    def transcript(self, samples):
        """What `glossa transcribe` writes."""
        path = self.folder / "spoken.wav"
        write_wav(path, samples)
        command = [self.glossa, "transcribe", "--model", self.model, "--weights", "f32", "--att-context-size", CONTEXT,
                   "--format", "json", path]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return squeezed(json.loads(printed)["text"])
