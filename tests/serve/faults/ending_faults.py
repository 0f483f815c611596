"""Servers that are ended under load, or whose log nobody reads."""
import contextlib
import json
import re
import signal
import subprocess
import time
import urllib.error

import grpc

import wire
from case import AUDIO, LATENCY, FaultTest, much_sound, until
from serving import RivaSpeaker, Speaker, WebSocketSpeaker, samples_of
from wire import WebSocket, connect, exchange, request, upload

Code = grpc.StatusCode
DRAIN = 8  # seconds


class TerminationTest(FaultTest):
    def test_streams_get_their_end(self):
        """SIGTERM under load: who ends in time hears all, who does not is left behind, and the exit code is 0."""
        own = self.start("--drain-seconds", str(DRAIN), "--endpointing-ms", "0")
        sound = samples_of(AUDIO / "en-US_8.wav")
        pieces = len(sound) // Speaker.PIECE
        stubborn = [WebSocketSpeaker(own.http, sound, LATENCY), RivaSpeaker(own.riva, self.riva, sound, LATENCY)]
        speakers = [speaker for _ in range(3) for speaker in (
            WebSocketSpeaker(own.http, sound, LATENCY, pieces),
            RivaSpeaker(own.riva, self.riva, sound, LATENCY, pieces))]
        with contextlib.ExitStack() as stack:
            for data in (b"", b"GET /health HT", upload(self.speech_file)[:5000], wire.handshake()):
                stack.enter_context(connect(own.http)).sendall(data)
            self.assertTrue(until(lambda: own.active_streams() == len(speakers) + len(stubborn)))
            time.sleep(0.5)
            began = time.monotonic()
            own.terminate()
            self.assertTrue(until(lambda: "draining" in own.messages()))
            try:
                own.get("/ready")
                self.fail("ready while draining")
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 503)
            with WebSocket(own.http) as late:
                late.send(sound[:3200])
                self.assertEqual(late.next("error")["error"]["code"], "overloaded")
            response, = exchange(own.http, upload(self.speech_file))
            self.assertEqual(response.status, 503)
            with grpc.insecure_channel(own.riva) as channel, self.assertRaises(grpc.RpcError) as refused:
                stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
                list(stub.StreamingRecognize(self.riva.requests(self.riva.configuration(), sound, 3200), timeout=60))
            self.assertIn(refused.exception.code(), (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED))
            texts = [speaker.finish() for speaker in speakers]
            self.assertIsNone(own.process.poll())
            self.assertEqual(own.process.wait(DRAIN + 40), 0, own.messages())
            self.assertGreater(time.monotonic() - began, DRAIN / 2)
        for speaker in stubborn:
            speaker.done.set()
            speaker.join(60)
            self.assertIsNotNone(speaker.failure)
        self.assertEqual(texts, [self.transcript(speaker.spoken) for speaker in speakers])

    def test_uploads_get_their_end(self):
        """Also one whose sound is still being decoded when the server is told to end."""
        own = self.start("--drain-seconds", "60")
        with connect(own.http) as client:
            client.sendall(upload(much_sound(seconds=300)))
            self.assertTrue(until(lambda: own.active_streams() == 1))
            own.terminate()
            response, = wire.responses_in(wire.read_to_end(client))
            self.assertEqual(response.status, 200, response.body)
        self.assertEqual(own.process.wait(60), 0, own.messages())

    def test_channels_of_an_upload_get_their_end(self):
        """They came as one: none of them is refused, for want of places or because the server ends."""
        own = self.start("--drain-seconds", "60", files=1)
        with connect(own.http) as client:
            client.sendall(request("POST", "/v1/listen?multichannel=true", body=much_sound(seconds=60, channels=4)))
            self.assertTrue(until(lambda: own.active_streams() >= 1))
            own.terminate()
            response, = wire.responses_in(wire.read_to_end(client))
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual(len(json.loads(response.body)["results"]["channels"]), 4)
        self.assertEqual(own.process.wait(60), 0, own.messages())

    def test_nobody_is_there(self):
        own = self.start("--drain-seconds", "600")
        self.assertEqual(own.stop(timeout=60), 0)


class LogTest(FaultTest):
    requests = 10_000  # more lines than wait to be written, and than a pipe holds
    at_a_time = 100

    @contextlib.contextmanager
    def logging_server(self):
        """(process, function that sends all requests)"""
        own = subprocess.Popen([self.serve, "--model", self.model, "--http-port", "0", "--no-grpc", "--log", "json"],
                               stderr=subprocess.PIPE, text=True)
        line = next(line for line in own.stderr if "http://" in line)
        address = re.search(r"http://([0-9.:]+)/", line).group(1)

        def send():
            """Many at a time: where others compute, each wait for an answer is one for a core, too."""
            for first in range(0, self.requests, self.at_a_time):
                last = first + self.at_a_time - 1
                data = b"".join(f"GET /nowhere/{number} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
                                for number in range(first, last)) + request(path=f"/nowhere/{last}")
                self.assertEqual([answer.status for answer in exchange(address, data)], [404] * self.at_a_time)
        try:
            yield own, send
        finally:
            own.kill()
            own.stderr.close()

    def test_it_is_read_too_late(self):
        """The oldest lines are lost then, and nobody waits for them."""
        with self.logging_server() as (own, send):
            send()
            own.send_signal(signal.SIGTERM)
            text = own.stderr.read()  # at once: the server waits two seconds for its last lines to be read
            self.assertEqual(own.wait(60), 0)
        *lines, last = map(json.loads, text.splitlines())
        self.assertIn("draining", last["message"])
        numbers = [int(line["call"].rpartition("/")[2]) for line in lines]
        self.assertEqual(numbers, sorted(numbers))
        self.assertLessEqual(set(range(self.requests - 8000, self.requests)), set(numbers))
        self.assertLess(len(numbers), self.requests)

    def test_nobody_reads_it(self):
        with self.logging_server() as (own, send):
            send()
            own.send_signal(signal.SIGTERM)
            self.assertEqual(own.wait(60), 0)

    def test_its_reader_goes(self):
        with self.logging_server() as (own, send):
            own.stderr.close()
            send()
            own.send_signal(signal.SIGTERM)
            self.assertEqual(own.wait(60), 0)
