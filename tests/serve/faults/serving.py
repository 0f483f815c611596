"""A server under test, what /proc and /metrics say of it, and clients that behave while others do not."""
import atexit
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
import wave

import grpc

from wire import WebSocket

RATE = 16000
COMPLETED = "conversation.item.input_audio_transcription.completed"
COMMIT = {"type": "input_audio_buffer.commit"}


def squeezed(text):
    return " ".join(text.split())


class Server:
    def __init__(self, *command):
        self.log = tempfile.NamedTemporaryFile("r", suffix=".log")
        with open(self.log.name, "w") as log:
            self.process = subprocess.Popen([*command, "--http-port", "0", "--grpc-port", "0"], stderr=log)
        atexit.register(self.process.kill)
        self.ports = {}
        end = time.monotonic() + 120
        while len(self.ports) < 2:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server did not start: {self.messages()}")
            self.ports = dict(re.findall(r"(https?|Riva): ?(?://)?127\.0\.0\.1:(\d+)", self.messages()))
            time.sleep(0.05)
        self.http = f"127.0.0.1:{self.ports.get('http') or self.ports.get('https')}"
        self.riva = f"127.0.0.1:{self.ports['Riva']}"

    def messages(self):
        return pathlib.Path(self.log.name).read_text()

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=60) as answer:
            return answer.read().decode()

    def is_healthy(self):
        return self.process.poll() is None and json.loads(self.get("/health")) == {"status": "ok"}

    def active_streams(self):
        values = re.findall(r"^glossa_streams\{[^}]*\} (\S+)$", self.get("/metrics"), re.M)
        return sum(map(float, values))

    def ended_streams(self):
        values = re.findall(r"^glossa_streams_total\{[^}]*\} (\S+)$", self.get("/metrics"), re.M)
        return int(sum(map(float, values)))

    def memory(self, which="VmRSS"):
        """In MB; VmHWM: the most there ever was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+) kB", status).group(1)) / 1024

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout=60):
        """The exit code after SIGTERM; negative: killed by a signal, ours too when it did not end."""
        self.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def samples_of(path):
    with wave.open(str(path)) as sound:
        return sound.readframes(sound.getnframes())


def write_wav(path, samples):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples)


class Speaker(threading.Thread):
    """Speaks `sound` over and over at the speed of speech, from the start until told to finish."""

    PIECE = RATE // 10 * 2  # bytes of 100 ms

    def __init__(self, sound, pieces=None):
        super().__init__(daemon=True)
        self.sound = sound
        self.most = pieces  # of sound; none: until finish()
        self.spoken = b""
        self.done = threading.Event()
        self.failure = None
        self.text = None
        self.start()

    def pieces(self):
        began = time.monotonic()
        count = 0
        while not self.done.is_set() and count != self.most:
            at = len(self.spoken) % len(self.sound)
            piece = self.sound[at:at + self.PIECE]
            self.spoken += piece
            yield piece
            count += 1
            self.done.wait(max(0, began + count * 0.1 - time.monotonic()))

    def run(self):
        try:
            self.text = squeezed(self.listen())
        except Exception as error:  # shown by the test that joins us
            self.failure = repr(error)

    def finish(self, timeout=120):
        """The text of all that was spoken."""
        self.done.set()
        self.join(timeout)
        if self.text is None:
            raise AssertionError(f"{type(self).__name__}: {self.failure or 'no last result'}")
        return self.text


class WebSocketSpeaker(Speaker):
    def __init__(self, address, sound, latency, pieces=None):
        self.address = address
        self.latency = latency
        super().__init__(sound, pieces)

    def listen(self):
        with WebSocket(self.address) as client:
            client.send({"type": "session.update", "session": {"latency": self.latency, "endpointing_ms": 0}})
            sender = threading.Thread(target=self.speak, args=[client], daemon=True)
            sender.start()
            texts = []
            for event in client.events(timeout=900):
                if event["type"] == "error":
                    raise AssertionError(event)
                if event["type"] == COMPLETED:
                    texts.append(event["transcript"])
            if client.code != 1000:
                raise AssertionError(f"closed with {client.code}")
            return " ".join(texts)

    def speak(self, client):
        for piece in self.pieces():
            client.send(piece)
        client.send(COMMIT)


class RivaSpeaker(Speaker):
    def __init__(self, address, riva, sound, latency, pieces=None):
        self.address = address
        self.riva = riva
        self.latency = latency
        super().__init__(sound, pieces)

    def listen(self):
        config = self.riva.configuration(language_code="", custom_configuration={"latency": self.latency})

        def messages():
            yield self.riva.opening(config)
            for piece in self.pieces():
                yield self.riva.sound(piece)

        with grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
            return "".join(result.alternatives[0].transcript
                           for response in stub.StreamingRecognize(messages(), timeout=900)
                           for result in response.results if result.is_final)
