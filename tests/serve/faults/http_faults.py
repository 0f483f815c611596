"""HTTP requests that lie, stall, flood or are none, and sounds that are none."""
import contextlib
import gzip
import re
import socket
import ssl
import time

import wire
from case import AUDIO, IDLE, LATENCY, LIMIT_MB, FaultTest, is_below, much_sound, until, wav
from wire import connect, exchange, request, upload


class HttpTest(FaultTest):
    def answer(self, data, statuses, text=None, **options):
        """The one response to `data`."""
        responses = exchange(self.server.http, data, **options)
        self.assertEqual(len(responses), 1, responses)
        self.assertIn(responses[0].status, statuses, responses[0].body)
        if responses[0].status >= 400 and responses[0].body:
            error = responses[0].json()["error"]
            self.assertIsInstance(error["type"], str)
            if text:
                self.assertIn(text, error["message"])
        return responses[0]

    def assert_closed(self, connection, seconds=30):
        """Closed, with 408 as the only possible word."""
        connection.settimeout(seconds)
        for response in wire.responses_in(wire.read_to_end(connection)):
            self.assertEqual(response.status, 408)

    def test_nothing_comes(self):
        beginnings = [b"", b"G", b"GET /health HTTP/1.1\r\nHost: test\r\n", upload(self.speech_file)[:1000]]
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(connect(self.server.http)) for _ in beginnings]
            for connection, data in zip(silent, beginnings):
                connection.sendall(data)
            for connection in silent:
                self.assert_closed(connection)

    def test_dripping_header(self):
        with connect(self.server.http) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: ")
            self.assertTrue(until(lambda: not wire.send_all(connection, b"x") or time.sleep(0.2), 10 * IDLE))

    def test_steady_upload_is_not_silent(self):
        data = upload(self.speech_file)
        with connect(self.server.http) as connection:
            for at in range(0, len(data), len(data) // 20 + 1):
                if not wire.send_all(connection, data[at:at + len(data) // 20 + 1]):
                    break
                time.sleep(2 * IDLE / 20)
            statuses = [response.status for response in wire.responses_in(wire.read_to_end(connection))]
            self.assertEqual(statuses, [200])

    def test_vanishing_uploads(self):
        data = upload(self.speech_file, stream="true")
        for size in (10, 200, len(data) // 2, len(data)):
            for leave in (wire.reset, socket.socket.close):
                connection = connect(self.server.http)
                connection.sendall(data[:size])
                leave(connection)
        reader = connect(self.server.http)
        reader.sendall(data)
        reader.recv(1)
        wire.reset(reader)
        with self.own_server() as own:
            leaving = connect(own.http)
            leaving.sendall(request("POST", "/v1/listen?multichannel=true", body=much_sound(channels=3)))
            self.assertTrue(until(lambda: own.active_streams() == 3))
            wire.reset(leaving)
            self.assertTrue(until(lambda: own.active_streams() == 0, 5))

    def test_vanishing_behind_another_request(self):
        """That one is not read before the first is answered."""
        with self.own_server() as own:
            leaving = connect(own.http)
            leaving.sendall(request("POST", "/v1/listen", body=much_sound()))
            self.assertTrue(until(lambda: own.active_streams() == 1))
            leaving.sendall(request())
            leaving.close()
            self.assertTrue(until(lambda: own.active_streams() == 0, 5))

    def test_slow_reader_of_events(self):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.settimeout(wire.TIMEOUT)
            host, port = self.server.http.split(":")
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
        content_type, body = wire.form({"model": "x", "file": ("a.wav", self.speech_file)})
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
                self.answer(upload(self.speech_file, name), [200])
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
        endless = connect(self.server.http)
        with endless:
            self.assertTrue(until(lambda: not wire.send_all(endless, b"X: y\r\n" * 1000), 30))

    def test_floods_between_chunks(self):
        """Extensions of a chunk, and fields behind the last one."""
        for beginning, part in ((b"1;", b"e" * (1 << 20)), (b"0\r\n", b"X: y\r\n" * 170_000)):
            with self.subTest(beginning=beginning), connect(self.server.http) as connection:
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
            responses = exchange(self.server.http, head + body, finish=True)
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

    def test_every_request_is_counted(self):
        """What was none, too, and what was never complete."""
        def counts(server):
            found = re.findall(r'^glossa_requests_total\{(.*)\} (\S+)$', server.get("/metrics"), re.M)
            return {tuple(sorted(re.findall(r'"(\w+)"', labels))): float(count) for labels, count in found}
        with self.own_server() as own:
            exchange(own.http, b"GET\r\n\r\n", finish=True)
            exchange(own.http, wire.handshake().replace(b"Version: 13", b"Version: 12"))
            with wire.WebSocket(own.http) as client:
                client.next("session.created")
            for data in (upload(self.speech_file)[:1000], upload(much_sound())):
                leaving = connect(own.http)
                leaving.sendall(data)
                wire.reset(leaving)
            self.assertTrue(until(lambda: counts(own).get(("499", "http")) == 2), counts(own))
            self.assertEqual([counts(own).get(key) for key in (("400", "http"), ("400", "websocket"), ("101", "websocket"))],
                             [1, 1, 1])

    def test_tls_at_a_plain_port(self):
        context = ssl.create_default_context()
        for address in (self.server.http, self.server.riva):
            with self.assertRaises(OSError), connect(address) as plain:
                context.wrap_socket(plain, server_hostname="test")

    def test_no_sound(self):
        """Nor lists of files for ffmpeg, here or elsewhere."""
        path = AUDIO / "en-US_13.wav"
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n"
        concat = f"ffconcat version 1.0\nfile '{path}'\n"
        # Beside the upload's own name, /proc/.../fd/N, are the server's other files: uploads of other clients.
        beside = [f"ffconcat version 1.0\nfile {number}\n".encode() for number in range(3, 24)]
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            away = playlist.replace("file://", f"http://127.0.0.1:{elsewhere.getsockname()[1]}/")
            for sound in (b"", b"\0", b"no sound", bytes(range(256)) * 100, self.speech_file[:30], b"ID3",
                          b"OggS" * 100, b"fLaC", b"\xff\xfb" * 1000, b"RIFF", b"RF64" + bytes(100), b"<svg/>",
                          playlist.encode(), concat.encode(), away.encode(), *beside):
                with self.subTest(sound=sound[:40]):
                    self.answer(upload(sound), [400])
            elsewhere.settimeout(0)
            with self.assertRaises(BlockingIOError):
                elsewhere.accept()

    def test_lying_headers_of_sounds(self):
        samples = self.speech_file[44:4044]
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
            self.assertLess(own.memory("VmHWM") - self.before["memory"], 40)

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
                self.answer(upload(self.speech_file, **fields), [400])
