#!/usr/bin/env python3
"""Clients that break, lie, stall and vanish: fault_test.py GLOSSA GLOSSA_SERVE MODEL [unittest's arguments].

Each gets a clear answer, and nobody else notices: two streams are spoken through the whole test, and what was heard
of them must be what `glossa transcribe` writes. Needs grpcio, protoc, grpc_python_plugin and openssl.
"""
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error

import grpc

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "grpc_client"))

import wire
from riva_client import Riva, final_results, transcript_of
from serving import (COMMIT, COMPLETED, RATE, RivaSpeaker, Server, Speaker, WebSocketSpeaker, samples_of, squeezed,
                     write_wav)
from wire import BINARY, CLOSE, PING, TEXT, WebSocket, connect, exchange, frame, request, upload

AUDIO = ROOT / "tests/data/golden/audio"
LATENCY, CONTEXT = "80ms", "56,0"
SANITIZED = os.environ.get("GLOSSA_SANITIZE", "") != ""
IDLE = 3  # seconds, of the server under test
LIMIT_MB = 1  # of a request
HOURS = 0.5  # of sound in one stream
DRAIN = 8  # seconds
KEY = "sesame"
Code = grpc.StatusCode

glossa = serve = model = riva = None
folder = None  # of this test's files
server = None
steady = []  # Speakers
before = {}  # memory and descriptors of the server when nothing had happened


def start(*options, streams=256, hours=HOURS):
    return Server(serve, "--model", model, "--weights", "f32", "--max-streams", str(streams),
                  "--max-hours", str(hours), "--log", "json", *options)


def transcript(samples):
    path = folder / "spoken.wav"
    write_wav(path, samples)
    command = [glossa, "transcribe", "--model", model, "--weights", "f32", "--att-context-size", CONTEXT,
               "--format", "json", path]
    return squeezed(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["text"])


def wav(samples=b"", tag=1, channels=1, rate=RATE, bits=16, data_size=None, fmt_size=16):
    frame_bytes = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * frame_bytes & 0xffffffff, frame_bytes & 0xffff, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", fmt_size) + fmt + b"data"
    chunks += struct.pack("<I", len(samples) if data_size is None else data_size) + samples
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def much_sound():
    """20 minutes in 60 kB; 77 MB as the model hears them."""
    return wav(bytes(60_000), rate=50, bits=8)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def setUpModule():
    global server, folder, riva
    folder = pathlib.Path(tempfile.mkdtemp())
    riva = Riva(ROOT, folder)
    server = start("--idle-seconds", str(IDLE), "--max-upload-mb", str(LIMIT_MB), "--endpointing-ms", "0")
    sound = samples_of(AUDIO / "long.wav")
    warm = [WebSocketSpeaker(server.http, sound, LATENCY, 3), RivaSpeaker(server.riva, riva, sound, LATENCY, 3)]
    for speaker in warm:
        speaker.join(60)
    exchange(server.http, upload(AUDIO.joinpath("en-US_13.wav").read_bytes()))
    exchange(server.http, upload(b"no sound"))
    before.update(memory=server.memory(), descriptors=server.descriptors())
    steady[:] = [WebSocketSpeaker(server.http, sound, LATENCY), RivaSpeaker(server.riva, riva, sound, LATENCY)]


def tearDownModule():
    if server and server.process.poll() is None:
        server.process.kill()
    shutil.rmtree(folder)


def is_below(some_server, megabytes):
    """Its memory. AddressSanitizer keeps what was freed: nothing can be said then."""
    return SANITIZED or some_server.memory() < megabytes


class FaultTest(unittest.TestCase):
    def tearDown(self):
        self.assertIsNone(server.process.poll(), f"the server has died: {server.messages()[-500:]}")
        self.assertTrue(server.is_healthy())
        for speaker in steady:
            self.assertTrue(speaker.is_alive(), speaker.failure)

    def answer(self, data, statuses, text=None, **options):
        """The one response to `data`."""
        responses = exchange(server.http, data, **options)
        self.assertEqual(len(responses), 1, responses)
        self.assertIn(responses[0].status, statuses, responses[0].body)
        if responses[0].status >= 400 and responses[0].body:
            error = responses[0].json()["error"]
            self.assertIsInstance(error["type"], str)
            if text:
                self.assertIn(text, error["message"])
        return responses[0]

    @contextlib.contextmanager
    def own_server(self, **options):
        """For what may end a server, or needs other options."""
        own = start(**options)
        try:
            yield own
            self.assertTrue(own.is_healthy())
        finally:
            self.assertEqual(own.stop(), 0, own.messages()[-500:])


class HttpTest(FaultTest):
    speech = AUDIO.joinpath("en-US_13.wav").read_bytes()

    def assert_closed(self, connection, seconds=30):
        """Closed, with 408 as the only possible word."""
        connection.settimeout(seconds)
        for response in wire.responses_in(wire.read_to_end(connection)):
            self.assertEqual(response.status, 408)

    def test_nothing_comes(self):
        beginnings = [b"", b"G", b"GET /health HTTP/1.1\r\nHost: test\r\n", upload(self.speech)[:1000]]
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(connect(server.http)) for _ in beginnings]
            for connection, data in zip(silent, beginnings):
                connection.sendall(data)
            for connection in silent:
                self.assert_closed(connection)

    def test_dripping_header(self):
        with connect(server.http) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: ")
            self.assertTrue(until(lambda: not wire.send_all(connection, b"x") or time.sleep(0.2), 10 * IDLE))

    def test_steady_upload_is_not_silent(self):
        data = upload(self.speech)
        with connect(server.http) as connection:
            for at in range(0, len(data), len(data) // 20 + 1):
                if not wire.send_all(connection, data[at:at + len(data) // 20 + 1]):
                    break
                time.sleep(2 * IDLE / 20)
            statuses = [response.status for response in wire.responses_in(wire.read_to_end(connection))]
            self.assertEqual(statuses, [200])

    def test_vanishing_uploads(self):
        data = upload(self.speech, stream="true")
        for size in (10, 200, len(data) // 2, len(data)):
            for leave in (wire.reset, socket.socket.close):
                connection = connect(server.http)
                connection.sendall(data[:size])
                leave(connection)
        reader = connect(server.http)
        reader.sendall(data)
        reader.recv(1)
        wire.reset(reader)

    def test_slow_reader_of_events(self):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.settimeout(wire.TIMEOUT)
            host, port = server.http.split(":")
            connection.connect((host, int(port)))
            connection.sendall(upload(AUDIO.joinpath("long.wav").read_bytes(), stream="true"))
            time.sleep(IDLE + 1)
            data = b""
            while part := connection.recv(97):
                data += part
                time.sleep(0.005)
        response, = wire.responses_in(data)
        self.assertEqual(response.body.decode().strip().split("\n\n")[-1], "data: [DONE]")

    def test_broken_forms(self):
        content_type, body = wire.form({"model": "x", "file": ("a.wav", self.speech)})
        path = "/v1/audio/transcriptions"
        for size in (0, 10, 40, len(body) // 2, len(body) - 40):
            self.answer(request("POST", path, [content_type], body[:size]), [400])
        boundary = content_type.split("=")[1]
        for header, data in [
                (content_type.replace("boundary", "border"), body), ("Content-Type: text/plain", body),
                ("Content-Type: multipart/form-data; boundary=", body),
                ("Content-Type: multipart/form-data; boundary=" + "b" * 3000, body),
                (content_type, b"--" + boundary.encode()), (content_type, f"--{boundary}\r\n\r\n\r\n".encode() * 3),
                (content_type, f"--{boundary}\r\nA: b\r\n\r\nc\r\n".encode() * 1000 + f"--{boundary}--".encode()),
                (content_type, body.replace(b'name="file"', b'name="file'))]:
            with self.subTest(header=header[:60], data=data[:60]):
                self.answer(request("POST", path, [header], data), [400])

    def test_odd_names_of_files(self):
        for name in ("", "../../etc/passwd", "x" * 3000 + ".wav", "a\tb%00.wav", "\u65e5\u672c.wav", "-i.wav"):
            with self.subTest(name=name[:40]):
                self.answer(upload(self.speech, name), [200])
                self.answer(upload(b"no sound", name), [400])
        nul = upload(b"no sound", "a\0b.wav")
        self.answer(nul, [400])

    def test_wrong_lengths(self):
        body = b"x" * 100
        path = "/v1/audio/transcriptions"
        self.answer(request("POST", path, ["Content-Length: 101"], body), [400], finish=True)
        for length in ("-1", "+100", "1e2", "100, 101", "99999999999999999999999", "0x64", "", "100 100"):
            with self.subTest(length=length):
                self.answer(request("POST", path, [f"Content-Length: {length}"], body), [400, 413], finish=True)
        short = request("POST", path, ["Content-Length: 10"], body)
        self.answer(short, [400])  # nothing after the end that was asked for

    def test_too_large(self):
        size = (LIMIT_MB << 20) + 5000
        path = "/v1/audio/transcriptions"
        announced = request("POST", path, [f"Content-Length: {1 << 40}"])
        expecting = request("POST", path, [f"Content-Length: {size}", "Expect: 100-continue"])
        sent = upload(bytes(size))
        chunk = f"{1 << 16:x}\r\n".encode() + bytes(1 << 16) + b"\r\n"
        chunked = request("POST", path, ["Transfer-Encoding: chunked"]) + chunk * 17 + b"0\r\n\r\n"
        claimed = request("POST", path, ["Transfer-Encoding: chunked"]) + b"ffffffffffffffff\r\n" + bytes(1000)
        for data in (announced, expecting, sent, chunked):
            with self.subTest(data=data[:200]):
                self.answer(data, [413])
        self.answer(claimed, [400, 413])
        self.answer(upload(bytes(1000)), [400])

    def test_floods_of_headers(self):
        for lines in ([f"X-{index}: {index}" for index in range(10000)], ["X: " + "x" * (1 << 20)],
                      ["X" * (1 << 20) + ": x"]):
            self.answer(request(headers=lines), [400, 413, 431])
        self.answer(request(path="/health?" + "x" * (1 << 20)), [413, 414, 431])
        endless = connect(server.http)
        with endless:
            self.assertTrue(until(lambda: not wire.send_all(endless, b"X: y\r\n" * 1000), 30))

    def test_floods_between_chunks(self):
        """Extensions of a chunk, and fields behind the last one."""
        for beginning, part in ((b"1;", b"e" * (1 << 20)), (b"0\r\n", b"X: y\r\n" * 170_000)):
            with self.subTest(beginning=beginning), connect(server.http) as connection:
                connection.sendall(request("POST", "/v1/nothing", ["Transfer-Encoding: chunked"]) + beginning)
                self.assertFalse(all(wire.send_all(connection, part) for _ in range(48)))

    def test_two_ways_to_say_how_long(self):
        """What a proxy may have taken for the body is never answered as a request."""
        hidden = b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n"
        size = f"Content-Length: {len(hidden)}"
        chunked = b"0\r\n\r\n" + hidden
        chunked_size = f"Content-Length: {len(chunked)}"
        for headers, body in [
                ([chunked_size, "Transfer-Encoding: chunked"], chunked),
                (["Transfer-Encoding: chunked", chunked_size], chunked),
                ([size, "Transfer-Encoding: xchunked"], hidden),
                ([size, "Content-Length: 0"], hidden), (["Content-Length: 0", size], hidden),
                (["Content-Length: 0, 38"], hidden), ([size.replace(":", " :")], hidden),
                ([size.replace(":", ":\0")], hidden), ([size.replace("-", "\0")], hidden),
                (["Transfer-Encoding : chunked", chunked_size], chunked),
                (["Transfer-Encoding: chunked", "Transfer-Encoding: identity", chunked_size], chunked)]:
            self.assert_one_answer(headers, body)

    def test_unknown_transfer_encodings(self):
        """RFC 9112, 6.1 and 6.3: a request whose last coding is not chunked has no length: 400."""
        hidden = b"GET /version HTTP/1.1\r\nHost: test\r\n\r\n"
        for coding in ("gzip", "xchunked", "identity", "chunked, identity", "chunked, gzip", '"chunked"', ","):
            body = gzip.compress(b"x") if coding == "gzip" else b"0\r\n\r\n"
            for data in (hidden, body + hidden):
                self.assert_one_answer([f"Transfer-Encoding: {coding}"], data)

    def assert_one_answer(self, headers, body):
        head = "\r\n".join(["POST /v1/nothing HTTP/1.1", "Host: test", *headers, "", ""]).encode("latin-1")
        with self.subTest(headers=headers, body=body):
            responses = exchange(server.http, head + body, finish=True)
            self.assertFalse([response for response in responses if response.status == 200])
            self.assertLessEqual(len(responses), 1 + sum(response.status == 400 for response in responses))

    def test_no_http(self):
        for data in (b"\r\n" * 6 + b"x\r\n\r\n", b"GET\r\n\r\n", b"GET /health\r\n\r\n", b"\0" * 100,
                     b"\x16\x03\x01" * 99, b"GET /health HTTP/9.9\r\n\r\n", b"GET /hea\0lth HTTP/1.1\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
                     b"G@T /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\nA: b\n\n"):
            with self.subTest(data=data[:40]):
                self.answer(data, [400], finish=True)
        self.answer(request("DELETE"), [404])
        self.answer(request("BREW", "/v1/audio/transcriptions"), [404])
        self.answer(request("POST", "/v1/audio/transcriptions"), [400])
        for path in ("*", "http://elsewhere/version/", "/%", "/%zz", "/page/..%2f..%2fetc/passwd",
                     "/page/%2e%2e/index.html", "//"):
            self.answer(request(path=path), [404, 400])

    def test_tls_at_a_plain_port(self):
        context = ssl.create_default_context()
        for address in (server.http, server.riva):
            with self.assertRaises(OSError), connect(address) as plain:
                context.wrap_socket(plain, server_hostname="test")

    def test_no_sound(self):
        """Nor lists of files for ffmpeg, here or elsewhere."""
        path = AUDIO / "en-US_13.wav"
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n"
        concat = f"ffconcat version 1.0\nfile '{path}'\n"
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            away = playlist.replace("file://", f"http://127.0.0.1:{elsewhere.getsockname()[1]}/")
            for sound in (b"", b"\0", b"no sound", bytes(range(256)) * 100, self.speech[:30], b"ID3", b"OggS" * 100,
                          b"fLaC", b"\xff\xfb" * 1000, b"RIFF", b"RF64" + bytes(100), b"<svg/>",
                          playlist.encode(), concat.encode(), away.encode()):
                with self.subTest(sound=sound[:40]):
                    self.answer(upload(sound), [400])
            elsewhere.settimeout(0)
            with self.assertRaises(BlockingIOError):
                elsewhere.accept()

    def test_lying_headers_of_sounds(self):
        samples = self.speech[44:4044]
        for fields in ({"rate": 0}, {"channels": 0}, {"channels": 65535}, {"bits": 0},
                       {"bits": 65528}, {"tag": 0x1234}, {"rate": 0xffffffff}, {"fmt_size": 0xffffffff},
                       {"fmt_size": 2},
                       {"data_size": 100000}):
            with self.subTest(**fields):
                self.answer(upload(wav(samples, **fields)), [400])

    def test_too_long(self):
        with self.own_server(hours=0.01) as own:
            response, = exchange(own.http, upload(much_sound()))
            self.assertIn(response.status, (400, 413), response.body)

    def test_too_long_takes_no_memory(self):
        """What is longer than --max-hours is refused before all of it is decoded."""
        with self.own_server(hours=0.01) as own:
            exchange(own.http, upload(much_sound()))
            self.assertLess(own.memory("VmHWM") - before["memory"], 40)

    def test_uploads_are_forgotten(self):
        """Answered ones, and ones that failed."""
        little = upload(AUDIO.joinpath("len17920.wav").read_bytes(), latency=LATENCY)
        with self.own_server(hours=0.01) as own:
            for data, count in ((little, 100), (upload(much_sound()), 2)):
                exchange(own.http, data)  # what is reserved once
                memory = own.memory()
                for _ in range(count):
                    exchange(own.http, data)
                with self.subTest(bytes=len(data)):
                    self.assertTrue(until(lambda: is_below(own, memory + 40), 5), own.memory() - memory)

    def test_wrong_fields(self):
        for fields in ({"language": "\0"}, {"language": "en" * 5000}, {"language": "\xed\xb2\x80"},
                       {"latency": "99999999999999999999ms"}, {"latency": "-80ms"}, {"latency": "NaN"},
                       {"response_format": "json\r\nX: y"}):
            with self.subTest(fields=fields):
                self.answer(upload(self.speech, **fields), [400])


class WebSocketTest(FaultTest):
    speech = samples_of(AUDIO / "en-US_13.wav")

    def test_handshakes(self):
        good = wire.handshake()
        for bad, statuses in [
                (good.replace(b"Version: 13", b"Version: 12"), [400, 426]),
                (good.replace(b"Sec-WebSocket-Key", b"X"), [400]), (wire.handshake(key="long" * 50), [400]),
                (good.replace(b"GET", b"POST"), [400, 404, 405]),
                (good.replace(b"HTTP/1.1", b"HTTP/1.0"), [400, 404]),
                (good.replace(b"Upgrade: websocket", b"Upgrade: h2c"), [400, 404]),
                (wire.handshake("/v1/elsewhere"), [404]), (wire.handshake("/v1/realtime/.."), [404])]:
            with self.subTest(bad=bad):
                statuses_seen = [response.status for response in exchange(server.http, bad, finish=True)]
                self.assertEqual(len(statuses_seen), 1)
                self.assertIn(statuses_seen[0], statuses)

    def close_code(self, *data):
        with WebSocket(server.http) as client:
            client.send(self.speech[:3200])
            for part in data:
                client.raw(part)
            for _ in client.events():
                pass
            return client.code

    def test_malformed_frames(self):
        text = b'{"type": "input_audio_buffer.commit"}'
        for what, data, codes in [
                ("unmasked", [frame(TEXT, text, mask=None)], [1002]),
                ("reserved bit 1", [frame(TEXT, text, first=0xc0)], [1002]),
                ("reserved bit 2", [frame(TEXT, text, first=0xa0)], [1002]),
                ("reserved bit 3", [frame(BINARY, text, first=0x90)], [1002]),
                *((f"opcode {opcode}", [frame(opcode, text)], [1002]) for opcode in (3, 7, 11, 15)),
                ("fragmented ping", [frame(PING, b"x", first=0)], [1002]),
                ("fragmented close", [frame(CLOSE, b"\x03\xe8", first=0)], [1002]),
                ("long ping", [frame(PING, b"x" * 126)], [1002]),
                ("continuation of nothing", [frame(0, text)], [1002]),
                ("new message within another", [frame(TEXT, text, first=0), frame(TEXT, text)], [1002]),
                ("2^63 bytes", [frame(BINARY, text, size=1 << 63)], [1002, 1009]),
                ("2^64 - 1 bytes", [frame(BINARY, text, size=(1 << 64) - 1)], [1002, 1009]),
                ("2^40 bytes", [frame(BINARY, text, size=1 << 40)], [1009]),
                ("wasteful length", [frame(TEXT, text, size=len(text))], [1002]),
                ("close of one byte", [frame(CLOSE, b"\x03")], [1002]),
                ("close code 0", [frame(CLOSE, b"\0\0")], [1002]),
                ("close code 1005", [frame(CLOSE, struct.pack(">H", 1005))], [1002]),
                ("close reason no UTF-8", [frame(CLOSE, b"\x03\xe8\xff\xff")], [1002, 1007])]:
            with self.subTest(what):
                self.assertIn(self.close_code(*data), codes)

    def test_bad_utf8(self):
        for text in (b"\xff", b'{"type": "\xc3"}', b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            with self.subTest(text=text):
                self.assertEqual(self.close_code(frame(TEXT, text)), 1007)
        self.assertEqual(self.close_code(frame(TEXT, b"\xc3", first=0), frame(0, b"(")), 1007)

    def test_letters_across_fragments(self):
        message = '{"type": "é日𝄞"}'.encode()
        with WebSocket(server.http) as client:
            for at in range(len(message)):
                last = at == len(message) - 1
                client.raw(frame(TEXT if at == 0 else 0, message[at:at + 1], first=0x80 if last else 0))
                client.raw(frame(PING, b"between"))
            self.assertIn("é日𝄞", client.next("error")["error"]["message"])

    def test_too_large(self):
        self.assertEqual(self.close_code(frame(BINARY, bytes((4 << 20) + 1))), 1009)
        pieces = [frame(BINARY if index == 0 else 0, bytes(1 << 20), first=0) for index in range(5)]
        self.assertEqual(self.close_code(*pieces), 1009)

    def test_bad_messages(self):
        """Each is answered by one error event, and the stream goes on."""
        def update(**session):
            return {"type": "session.update", "session": session}

        def riva_update(**params):
            return {"type": "transcription_session.update", "session": {"input_audio_params": params}}

        def openai_update(**form):
            return update(type="transcription", audio={"input": {"format": form}})

        bad = ["", "{", "nul", "7", "\0", '{"type": 7}', '{"type": null}', '{"type": "x"', "[" * 100,
               {"type": "x" * 100000},
               {"type": "nothing"}, {"type": "session.update"}, {"type": "session.update", "session": []},
               {"type": "input_audio_buffer.append"}, {"type": "input_audio_buffer.append", "audio": 7},
               *({"type": "input_audio_buffer.append", "audio": audio}
                 for audio in ("*", "A", "AAA", "AA=A", "AAAA\0", "=", "é")),
               *(update(sample_rate=rate) for rate in (0, -1, 7999, 48001, 1e300, "16000", True, [], 1 << 70)),
               *(update(language=language) for language in ("xx-XX", 7, "x" * 1000, {})),
               *(update(latency=latency) for latency in ("5ms", 7, "x", "-80ms")),
               *(update(att_context_size=size) for size in ([56], [56, 2], "56,0", [0.5, 0], [-1, -1])),
               update(endpointing_ms=1e9), update(endpointing_ms="x"), update(type="realtime"), update(type=7),
               *(riva_update(num_channels=count) for count in (0, -1, 9, "2", 1e9)), riva_update(sample_rate_hz=0),
               openai_update(type="audio/mp3"), openai_update(rate=1), openai_update(type=7),
               {"type": "transcription_session.update", "session": {"input_audio_format": "mp3"}}]
        with WebSocket(server.http) as client:
            client.next("session.created")
            for message in bad:
                with self.subTest(message=str(message)[:80]):
                    client.send(message)
                    event = next(client.events())
                    self.assertEqual(event["type"], "error", event)
                    self.assertEqual(event["error"]["type"], "invalid_request_error", event)
                    self.assertTrue(event["error"]["message"])
            client.send(self.speech)
            client.send(COMMIT)
            self.assertTrue(client.next(COMPLETED)["transcript"])

    def test_numbers_beyond_32_bits(self):
        with WebSocket(server.http) as client:
            client.next("session.created")
            client.send({"type": "session.update", "session": {"att_context_size": [56, 1 << 40]}})
            self.assertEqual(next(client.events())["type"], "error")

    def test_deep_json(self):
        with self.own_server() as own:
            nested = "[" * 1_000_000 + "]" * 1_000_000
            for deep in (nested, nested[:1_000_000], '{"type":"session.update","session":' + nested + "}",
                         '{"a":' * 300_000 + "1" + "}" * 300_000):
                with WebSocket(own.http) as client:
                    client.next("session.created")
                    client.send(deep)
                    self.assertEqual(next(client.events())["type"], "error")

    def test_format_cannot_change(self):
        with WebSocket(server.http) as client:
            client.send(self.speech[:3200])
            client.send({"type": "session.update", "session": {"sample_rate": 8000}})
            self.assertIn("format", client.next("error")["error"]["message"])
        with WebSocket(server.http) as client:
            for beginning in (b"fLaC", b"OggS", b"ID3"):
                client.send(beginning + bytes(100))
                self.assertIn("cannot be streamed", client.next("error")["error"]["message"])
                client.send({"type": "input_audio_buffer.clear"})
            client.send(wav(self.speech, rate=1))
            self.assertIn("WAV header", client.next("error")["error"]["message"])

    def test_vanishing_clients(self):
        for leave in (wire.reset, socket.socket.close):
            for sent in (0, 1, 20):
                clients = [WebSocket(server.http) for _ in range(4)]
                for client in clients:
                    for at in range(sent):
                        client.send(self.speech[3200 * at:3200 * (at + 1)])
                    client.raw(frame(BINARY, self.speech)[:1000])
                for client in clients:
                    leave(client.connection)
        committed = WebSocket(server.http)
        committed.send(self.speech)
        committed.send(COMMIT)
        wire.reset(committed.connection)
        self.assertTrue(until(lambda: server.active_streams() == len(steady)))

    def test_nothing_comes(self):
        """Not even an answer to the server's pings."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(WebSocket(server.http)) for _ in range(3)]
            clients[1].send(self.speech[:3200])
            clients[2].raw(frame(BINARY, self.speech)[:1000])
            for client in clients:
                for _ in client.frames(30):
                    pass

    def test_open_stream_without_sound(self):
        """The client answers pings and keeps a place that others want."""
        openai = {"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
            "format": {"type": "audio/pcm", "rate": 16000}, "turn_detection": None}}}}
        for settings in ({"type": "session.update", "session": {}}, openai):
            with WebSocket(server.http) as client:
                client.send(settings)
                client.send(self.speech[:3200])
                self.assertEqual(client.next("error")["error"]["code"], "idle_timeout")
                client.next(COMPLETED)
                self.assertTrue(until(lambda: server.active_streams() == len(steady)))
                if settings is openai:  # the connection is there for the next item
                    client.send(self.speech)
                    client.send(COMMIT)
                    self.assertTrue(client.next(COMPLETED)["transcript"])
                else:
                    self.assertEqual(list(client.events()), [])
                    self.assertEqual(client.code, 1000)

    def test_slow_reader(self):
        """Dropped once too much waits for it."""
        with WebSocket(server.http) as client:
            client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            message = frame(TEXT, b'{"type": "' + b"x" * (1 << 20) + b'"}')
            client.connection.settimeout(30)
            count = 0
            while count < 60 and client.raw(message):
                count += 1
            self.assertLess(count, 60)
        self.assertTrue(until(lambda: is_below(server, before["memory"] + 64)))

    def test_streams_beyond_the_capacity(self):
        with self.own_server(streams=1) as own:
            with WebSocket(own.http) as first, WebSocket(own.http) as second:
                first.send(self.speech[:3200])
                self.assertTrue(until(lambda: own.active_streams() == 1))
                second.send(self.speech[:3200])
                self.assertEqual(second.next("error")["error"]["code"], "overloaded")
                for _ in second.events():
                    pass
                self.assertEqual(second.code, 1013)
                # It answers the close and keeps the connection; another does not even answer. Both are dropped.
                with WebSocket(own.http) as silent:
                    silent.send(self.speech[:3200])
                    refusal = '"level":"warning","event":"request"'
                    self.assertTrue(until(lambda: own.messages().count(refusal) == 2), own.messages())
                with grpc.insecure_channel(own.riva) as channel:
                    stub = riva.stubs.RivaSpeechRecognitionStub(channel)
                    with self.assertRaises(grpc.RpcError) as refused:
                        list(stub.StreamingRecognize(riva.requests(riva.configuration(), b"", 1), timeout=60))
                    self.assertEqual(refused.exception.code(), Code.RESOURCE_EXHAUSTED)
                first.send(COMMIT)
                first.next(COMPLETED)


class Relay:
    """Between a client and `address`, to be cut."""

    def __init__(self, address):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.ends = []
        threading.Thread(target=self.accept, args=[address], daemon=True).start()

    def accept(self, address):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                onward = connect(address, None)
                self.ends += [client, onward]
                for source, target in ((client, onward), (onward, client)):
                    threading.Thread(target=self.pump, args=[source, target], daemon=True).start()

    def pump(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)

    def cut(self, leave):
        self.listener.close()
        for end in self.ends:
            if leave is not wire.reset:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            leave(end)


class RivaTest(FaultTest):
    speech = samples_of(AUDIO / "en-US_13.wav")

    def setUp(self):
        self.channel = grpc.insecure_channel(server.riva)
        self.addCleanup(self.channel.close)
        self.stub = riva.stubs.RivaSpeechRecognitionStub(self.channel)

    def refusal(self, call):
        with self.assertRaises(grpc.RpcError) as refused:
            call()
        return refused.exception.code(), refused.exception.details()

    def assert_refused(self, code, text, call):
        found, details = self.refusal(call)
        self.assertEqual(found, code, details)
        self.assertIn(text, details)

    def transcribe(self, samples, **fields):
        messages = riva.requests(riva.configuration(**fields), samples, 3200)
        return transcript_of(final_results(self.stub.StreamingRecognize(messages, timeout=60)))

    def recognize(self, sound, **fields):
        request = riva.asr.RecognizeRequest(config=riva.configuration(**fields), audio=sound)
        return self.stub.Recognize(request, timeout=60)

    def test_wrong_configurations(self):
        for text, fields in [
                *(("sample_rate_hertz", {"sample_rate_hertz": rate}) for rate in (-1, 1, 7999, 48001, 2**31 - 1)),
                *(("audio_channel_count", {"audio_channel_count": count}) for count in (-1, 9, 2**31 - 1)),
                ("encoding", {"encoding": 99}), ("encoding", {"encoding": -1}),
                ("xx-XX", {"language_code": "xx-XX"}), ("", {"language_code": "x" * 100000}),
                ("max_alternatives", {"max_alternatives": -1}),
                *(("", {"custom_configuration": custom}) for custom in (
                    {"att_context_size": "56"}, {"att_context_size": "-1,-1"}, {"latency": "5ms"},
                    {"stop_history_eou": "x"}, {"": ""}))]:
            with self.subTest(fields=str(fields)[:80]):
                self.assert_refused(Code.INVALID_ARGUMENT, text, lambda: self.transcribe(self.speech, **fields))
                self.assert_refused(Code.INVALID_ARGUMENT, text, lambda: self.recognize(self.speech, **fields))
        as_the_model_has_it = self.transcribe(self.speech, sample_rate_hertz=0)
        self.assertEqual(as_the_model_has_it, self.transcribe(self.speech))

    def test_no_sound(self):
        for sound, encoding in ((b"no sound" * 100, "FLAC"), (b"fLaC" * 100, "LINEAR_PCM"), (b"OggS", "OGGOPUS"),
                                (b"", "LINEAR_PCM"), (wav(self.speech, rate=0), "LINEAR_PCM"),
                                (wav(self.speech, channels=0), "LINEAR_PCM")):
            with self.subTest(sound=sound[:20], encoding=encoding):
                self.assert_refused(Code.INVALID_ARGUMENT, "", lambda: self.recognize(sound, encoding=encoding))

    def test_too_long(self):
        sound = wav(bytes(900_000), rate=8000, bits=8)  # 112 s
        with self.own_server(hours=0.01) as own, grpc.insecure_channel(own.riva) as channel:
            self.stub = riva.stubs.RivaSpeechRecognitionStub(channel)
            for call in (self.recognize, self.transcribe):
                self.assertIn(self.refusal(lambda: call(sound))[0], (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE))

    def test_too_large(self):
        large = bytes((LIMIT_MB << 20) + 1)
        self.assert_refused(Code.RESOURCE_EXHAUSTED, "", lambda: self.recognize(large))
        messages = [riva.opening(riva.configuration()), riva.sound(large)]
        call = self.stub.StreamingRecognize(iter(messages), timeout=60)
        self.assert_refused(Code.RESOURCE_EXHAUSTED, "", lambda: list(call))

    def raw(self, method, messages, kind="stream_stream"):
        call = getattr(self.channel, kind)(f"/nvidia.riva.asr.RivaSpeechRecognition/{method}")
        return list(call(iter(messages), timeout=60)) if kind == "stream_stream" else call(messages, timeout=60)

    def test_no_protobuf(self):
        codes = (Code.INTERNAL, Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)  # the last is what gRPC itself says
        for garbage in (b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", bytes(range(1, 200))):
            with self.subTest(garbage=garbage[:20]):
                self.assertIn(self.refusal(lambda: self.raw("Recognize", garbage, "unary_unary"))[0], codes)
                self.assertIn(self.refusal(lambda: self.raw("StreamingRecognize", [garbage]))[0], codes)
        self.assert_refused(Code.UNIMPLEMENTED, "", lambda: self.raw("Nothing", [b""]))

    def test_no_protobuf_after_sound(self):
        """A transcript that lacks what could not be read is no success."""
        requests = riva.requests(riva.configuration(), self.speech, 32000)
        messages = [message.SerializeToString() for message in requests]
        messages.insert(2, b"\xff")
        self.assert_refused(Code.INVALID_ARGUMENT, "no StreamingRecognizeRequest", lambda: self.raw("StreamingRecognize", messages))

    def test_no_grpc(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        begun = preface + b"\0\0\0\4\0\0\0\0\0"  # with the client's settings
        for data in (request(), b"\0" * 1000, preface[:10], preface + b"\xff" * 1000,
                     begun + b"\0\0\1\0\0\0\0\0\1x", begun + b"\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff",
                     begun + b"\xff\xff\xff\0\0\0\0\0\1" + bytes(1000), begun + b"\0\0\0\4\0\0\0\0\0" * 10000,
                     begun + b"\0\0\x08\6\0\0\0\0\0pingping" * 1000):
            for leave in (wire.reset, socket.socket.close):
                connection = connect(server.riva)
                wire.send_all(connection, data)
                time.sleep(0.02)
                leave(connection)
        with connect(server.riva) as connection:
            connection.sendall(request())
            self.assertNotIn(b"200", wire.read_to_end(connection)[:20])

    def test_silent_connection(self):
        """May stay as long as it likes, and takes nothing from others."""
        with connect(server.riva), connect(server.riva) as begun:
            begun.sendall(b"PRI * HTTP/2.0\r\n\r\n")
            self.assertTrue(self.transcribe(self.speech))

    def test_nothing_comes(self):
        def quiet(messages):
            yield from messages
            time.sleep(5 * IDLE)

        opening = riva.opening(riva.configuration())
        calls = [self.stub.StreamingRecognize(quiet(messages), timeout=60)
                 for messages in ([], [opening], [opening, riva.sound(self.speech[:3200])])]
        for call in calls:
            self.assert_refused(Code.DEADLINE_EXCEEDED, "no audio", lambda: list(call))

    def test_vanishing_clients(self):
        for leave in (wire.reset, socket.socket.close):
            relay = Relay(server.riva)
            done = threading.Event()

            def endless():
                yield from riva.requests(riva.configuration(), self.speech, 3200)
                while not done.wait(0.05):
                    yield riva.sound(self.speech[:3200])

            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
            with grpc.insecure_channel(relay.address, options) as channel:
                stub = riva.stubs.RivaSpeechRecognitionStub(channel)
                calls = [stub.StreamingRecognize(endless(), timeout=60) for _ in range(4)]
                next(calls[0])
                self.assertTrue(until(lambda: server.active_streams() >= len(steady) + 4))
                relay.cut(leave)
                done.set()
                for call in calls:
                    self.assertIn(call.code(), (Code.UNAVAILABLE, Code.CANCELLED))
            self.assertTrue(until(lambda: server.active_streams() == len(steady)))

    def test_slow_reader(self):
        call = self.stub.StreamingRecognize(riva.requests(riva.configuration(), self.speech * 4, 3200), timeout=60)
        time.sleep(IDLE)
        self.assertTrue(transcript_of(final_results(call)))


class LockedTest(FaultTest):
    """TLS and a key."""

    @classmethod
    def setUpClass(cls):
        cls.certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", cls.certificate], check=True, capture_output=True)
        cls.locked = start("--api-key", KEY, "--tls-certificate", str(cls.certificate), "--tls-key", str(key),
                           "--idle-seconds", str(IDLE))
        context = ssl.create_default_context(cafile=cls.certificate)
        cls.wrap = staticmethod(lambda plain: context.wrap_socket(plain, server_hostname="127.0.0.1"))

    @classmethod
    def tearDownClass(cls):
        if cls.locked.stop() != 0:
            raise AssertionError(cls.locked.messages())

    def test_keys_over_http(self):
        for headers, status in [([], 401), (["Authorization: Bearer wrong"], 401),
                                (["Authorization: Bearer "], 401),
                                ([f"Authorization: {KEY}"], 401), ([f"Authorization: Basic {KEY}"], 401),
                                ([f"Authorization: Bearer {KEY}x"], 401), ([f"Authorization: Bearer {KEY}\0"], 400),
                                ([f"Authorization: Bearer {KEY}"], 200)]:
            with self.subTest(headers=headers):
                response, = exchange(self.locked.http, request(path="/v1/models", headers=headers), wrap=self.wrap)
                self.assertEqual(response.status, status)
                if status == 401:
                    self.assertEqual(response.headers["www-authenticate"], "Bearer")
        response, = exchange(self.locked.http, upload(b"no sound"), wrap=self.wrap)
        self.assertEqual(response.status, 401)

    def test_keys_over_websocket(self):
        for path, headers in [("/v1/realtime", []), ("/v1/realtime?api_key=wrong", []),
                              ("/v1/realtime", ["Authorization: Bearer wrong"])]:
            with WebSocket(self.locked.http, path, headers, wrap=self.wrap) as client:
                self.assertEqual(client.status, 401, client.received)
        with WebSocket(self.locked.http, f"/v1/realtime?api_key={KEY}", wrap=self.wrap) as client:
            self.assertEqual(client.status, 101)
        with WebSocket(self.locked.http, headers=[f"Authorization: Bearer {KEY}"], wrap=self.wrap) as client:
            self.assertEqual(client.status, 101)

    def test_keys_over_grpc(self):
        credentials = grpc.ssl_channel_credentials(self.certificate.read_bytes())
        with grpc.secure_channel(self.locked.riva, credentials) as channel:
            stub = riva.stubs.RivaSpeechRecognitionStub(channel)
            call = lambda key: stub.GetRivaSpeechRecognitionConfig(
                riva.asr.RivaSpeechRecognitionConfigRequest(), timeout=60, metadata=[("authorization", key)])
            for key in ("", "Bearer", "Bearer wrong", KEY, f"Bearer {KEY} "):
                with self.subTest(key=key), self.assertRaises(grpc.RpcError) as refused:
                    call(key)
                self.assertEqual(refused.exception.code(), Code.UNAUTHENTICATED)
            call(f"Bearer {KEY}")

    def test_plain_at_a_tls_port(self):
        for address in (self.locked.http, self.locked.riva):
            for data in (request(), wire.handshake(), b"\0" * 1000):
                with connect(address, 30) as connection:
                    wire.send_all(connection, data)
                    self.assertNotIn(b" 200", wire.read_to_end(connection))
        with grpc.insecure_channel(self.locked.riva) as channel, self.assertRaises(grpc.RpcError):
            riva.stubs.RivaSpeechRecognitionStub(channel).GetRivaSpeechRecognitionConfig(
                riva.asr.RivaSpeechRecognitionConfigRequest(), timeout=10)

    def test_broken_handshakes(self):
        hello = ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="test")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        whole = hello.read()
        for data in (b"", whole[:1], whole[:50], whole[:-1], whole):
            with connect(self.locked.http, 40) as connection:
                wire.send_all(connection, data)
                if data == b"":
                    continue
                connection.shutdown(socket.SHUT_WR)
                wire.read_to_end(connection)
        with connect(self.locked.http, 40) as silent:
            wire.read_to_end(silent)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with connect(self.locked.http) as plain, old.wrap_socket(plain) as connection:
            connection.sendall(request())
            self.assertEqual(wire.responses_in(wire.read_to_end(connection))[0].status, 200)

    def test_clients_that_end_without_goodbye(self):
        for leave in (wire.reset, socket.socket.close):
            client = WebSocket(self.locked.http, f"/v1/realtime?api_key={KEY}", wrap=self.wrap)
            client.send(bytes(3200))
            leave(client.connection)
        self.test_keys_over_http()


class MutationTest(FaultTest):
    """Random changes to what clients send; always the same ones."""

    COUNT = 2000  # of each kind
    SECONDS = 100  # generous
    AT_ONCE = 100
    STRANGE = (b"\xff", b"\0", b"\r\n", b"-1", b"9" * 20, b"%", b"\x80", b'"', b"{", b":")

    def mutated(self, data, dice):
        data = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 4, 16))):
            at = dice.randrange(len(data) + 1)
            kind = dice.randrange(6)
            if kind == 0 and data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            elif kind == 1:
                data[at:at] = dice.randbytes(dice.choice((1, 2, 8, 64)))
            elif kind == 2:
                del data[at:at + dice.choice((1, 2, 8, 64))]
            elif kind == 3:
                data[at:at + 1] = dice.choice(self.STRANGE)
            elif kind == 4:
                end = at + dice.choice((4, 16, 64))
                data[at:at] = data[at:end] * dice.choice((1, 8, 100))
            else:
                del data[at:]
        return bytes(data)

    def test_http_and_websocket(self):
        dice = random.Random(20)
        speech = samples_of(AUDIO / "en-US_13.wav")[:6400]
        content_type, body = wire.form({"model": "x", "language": "en"})
        requests = [request(headers=["Authorization: Bearer x"]), request("POST", "/v1/nothing", body=b"x" * 50),
                    request(path="/v1/models?api_key=%41&b=c"), wire.handshake(),
                    request("POST", "/v1/nothing", ["Transfer-Encoding: chunked"]) + b"5\r\nhello\r\n0\r\n\r\n",
                    request("POST", "/v1/audio/transcriptions", [content_type], body)]
        updates = [{"sample_rate": 16000, "language": "auto", "latency": LATENCY, "endpointing_ms": 500},
                   {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}]
        params = {"input_audio_params": {"sample_rate_hz": 8000, "num_channels": 2}}
        events = [*({"type": "session.update", "session": session} for session in updates),
                  {"type": "transcription_session.update", "session": params},
                  {"type": "input_audio_buffer.append", "audio": "AAAAAAAA" * 20},
                  {"type": "input_audio_buffer.clear"}]
        messages = [*(frame(TEXT, json.dumps(event).encode()) for event in events),
                    frame(BINARY, speech), frame(PING, b"x"), frame(TEXT, b"{", first=0)]
        end = time.monotonic() + self.SECONDS
        waiting = []
        for count in range(self.COUNT):
            self.assertLess(time.monotonic(), end)
            connection = connect(server.http)
            if count % 2:
                data = self.mutated(dice.choice(requests), dice)
            elif count % 200 == 0:
                data = upload(self.mutated(wav(speech), dice))
            else:
                connection.sendall(wire.handshake())
                connection.recv(1 << 16)
                if count % 4:
                    data = self.mutated(b"".join(dice.choices(messages, k=3)), dice)
                else:  # whole frames of broken text, which get further
                    text = self.mutated(json.dumps(dice.choice(events)).encode(), dice).decode("latin-1").encode()
                    data = frame(TEXT, text) + frame(BINARY, speech) + frame(TEXT, json.dumps(COMMIT).encode())
            wire.send_all(connection, data)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            waiting.append((connection, data))
            if len(waiting) == self.AT_ONCE:
                self.take(*waiting.pop(0))
        for connection, data in waiting:
            self.take(connection, data)

    def take(self, connection, data):
        """What came of it; never the server's fault."""
        with connection:
            connection.settimeout(30)
            answer = wire.read_to_end(connection)
        self.assertNotIn(b"HTTP/1.1 5", answer, data)
        if b'"server_error"' in answer:
            self.assertIn(b'"overloaded"', answer, data)

    def test_protobuf(self):
        dice = random.Random(21)
        speech = samples_of(AUDIO / "en-US_13.wav")[:6400]
        config = riva.configuration(custom_configuration={"latency": LATENCY}, audio_channel_count=2,
                                    enable_word_time_offsets=True)
        opening = riva.opening(config, request_id="seven").SerializeToString()
        sound = riva.sound(speech).SerializeToString()
        whole = riva.asr.RecognizeRequest(config=config, audio=speech).SerializeToString()
        asked = riva.asr.RivaSpeechRecognitionConfigRequest(model_name="x").SerializeToString()
        clear = {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED}
        service = "/nvidia.riva.asr.RivaSpeechRecognition/"
        end = time.monotonic() + self.SECONDS
        with grpc.insecure_channel(server.riva) as channel:
            stream = channel.stream_stream(service + "StreamingRecognize")
            recognize = channel.unary_unary(service + "Recognize")
            describe = channel.unary_unary(service + "GetRivaSpeechRecognitionConfig")

            def call(count):
                """And whether it is a stream."""
                if count % 4 == 0:
                    return recognize.future(head(whole), timeout=60), False
                if count % 40 == 1:
                    return describe.future(self.mutated(asked, dice), timeout=60), False
                if count % 4 == 1:
                    return stream(iter([opening, self.mutated(sound, dice), sound]), timeout=60), True
                return stream(iter([self.mutated(opening, dice), sound]), timeout=60), True

            def head(data):  # mutated where the fields are
                return self.mutated(data[:80], dice) + data[80:]

            waiting = []
            for count in range(self.COUNT):
                self.assertLess(time.monotonic(), end)
                waiting.append(call(count))
                if len(waiting) == 16 or count == self.COUNT - 1:
                    for each, is_stream in waiting:
                        with contextlib.suppress(grpc.RpcError):
                            list(each if is_stream else [])  # its status comes after its last message
                        self.assertIn(each.code(), clear, each.details())
                    waiting = []


class TerminationTest(FaultTest):
    def test_streams_get_their_end(self):
        """SIGTERM under load: who ends in time hears all, who does not is left behind, and the exit code is 0."""
        own = start("--drain-seconds", str(DRAIN), "--endpointing-ms", "0")
        sound = samples_of(AUDIO / "en-US_8.wav")
        pieces = len(sound) // Speaker.PIECE
        stubborn = [WebSocketSpeaker(own.http, sound, LATENCY), RivaSpeaker(own.riva, riva, sound, LATENCY)]
        speakers = [speaker for _ in range(3) for speaker in (
            WebSocketSpeaker(own.http, sound, LATENCY, pieces),
            RivaSpeaker(own.riva, riva, sound, LATENCY, pieces))]
        with contextlib.ExitStack() as stack:
            for data in (b"", b"GET /health HT", upload(HttpTest.speech)[:5000], wire.handshake()):
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
            response, = exchange(own.http, upload(HttpTest.speech))
            self.assertEqual(response.status, 503)
            with grpc.insecure_channel(own.riva) as channel, self.assertRaises(grpc.RpcError) as refused:
                stub = riva.stubs.RivaSpeechRecognitionStub(channel)
                list(stub.StreamingRecognize(riva.requests(riva.configuration(), sound, 3200), timeout=60))
            self.assertIn(refused.exception.code(), (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED))
            texts = [speaker.finish() for speaker in speakers]
            self.assertIsNone(own.process.poll())
            self.assertEqual(own.process.wait(DRAIN + 40), 0, own.messages())
            self.assertGreater(time.monotonic() - began, DRAIN / 2)
        for speaker in stubborn:
            speaker.done.set()
            speaker.join(60)
            self.assertIsNotNone(speaker.failure)
        self.assertEqual(texts, [transcript(speaker.spoken) for speaker in speakers])

    def test_nobody_is_there(self):
        own = start("--drain-seconds", "60")
        began = time.monotonic()
        self.assertEqual(own.stop(), 0)
        self.assertLess(time.monotonic() - began, 30)


class LogTest(FaultTest):
    requests = 10_000  # more lines than wait to be written, and than a pipe holds

    @contextlib.contextmanager
    def logging_server(self):
        """(process, function that sends all requests)"""
        own = subprocess.Popen([serve, "--model", model, "--http-port", "0", "--no-grpc", "--log", "json"],
                               stderr=subprocess.PIPE, text=True)
        line = next(line for line in own.stderr if "http://" in line)
        address = re.search(r"http://([0-9.:]+)/", line).group(1)

        def send():
            connection = http.client.HTTPConnection(address, timeout=60)
            for number in range(self.requests):
                connection.request("GET", f"/nowhere/{number}")
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, 404)
            connection.close()
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
            *lines, last = [json.loads(line) for line in own.stderr]
            self.assertEqual(own.wait(60), 0)
        self.assertIn("draining", last["message"])
        numbers = [int(line["call"].rpartition("/")[2]) for line in lines]
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(numbers[-1], self.requests - 1)
        self.assertTrue(8000 < len(numbers) < self.requests, len(numbers))

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


class AfterwardsTest(unittest.TestCase):
    """All is as it was."""

    def test_afterwards(self):
        for speaker in steady:
            self.assertEqual(speaker.finish(), transcript(speaker.spoken))
        self.assertTrue(until(lambda: server.active_streams() == 0), server.active_streams())
        self.assertTrue(until(lambda: server.descriptors() <= before["descriptors"] + 2, 60),
                        f"{server.descriptors()} descriptors, before {before}")
        self.assertTrue(until(lambda: is_below(server, before["memory"] + 64)),
                        f"{server.memory()} MB, before {before}")
        response, = exchange(server.http, upload(HttpTest.speech, latency=LATENCY))
        self.assertEqual(squeezed(response.json()["text"]), transcript(HttpTest.speech[44:]))
        streams = server.ended_streams()
        self.assertEqual(server.stop(), 0, server.messages())
        self.check_log(streams)

    def check_log(self, streams):
        """Each stream has its line and a request that it belongs to, and no line says what was spoken."""
        raw = server.messages().rstrip("\n").split("\n")
        self.assertEqual([line for line in raw if not line.startswith("{")], [])
        lines = list(map(json.loads, raw))
        ends = [line for line in lines if line["event"] == "stream"]
        self.assertEqual(len(ends), streams)
        requests = {line["request"]: line for line in lines if line["event"] == "request"}
        for end in ends:
            request = requests[end["request"]]
            self.assertEqual((end["protocol"], end["peer"]), (request["protocol"], "127.0.0.1"))
        self.assertEqual({end["protocol"] for end in ends}, {"http", "websocket", "grpc"})
        self.assertLessEqual({"ok", "cancelled"}, {end["outcome"] for end in ends})
        self.assertNotIn(transcript(HttpTest.speech[44:])[:20], server.messages())


def load_tests(loader, _tests, _pattern):
    """In this order."""
    cases = (HttpTest, WebSocketTest, RivaTest, LockedTest, MutationTest, TerminationTest, LogTest,
             AfterwardsTest)
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)


def main():
    global glossa, serve, model
    glossa, serve, model, *rest = sys.argv[1:]
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
