"""Wrong keys, and connections that are no TLS where TLS is spoken, or the other way round."""
import contextlib
import re
import socket
import ssl
import subprocess

import grpc

import wire
from case import IDLE, FaultTest, much_sound, until
from wire import WebSocket, connect, exchange, request, upload

KEY = "sesame"


class LockedTest(FaultTest):
    """TLS and a key."""

    @classmethod
    def setUpClass(cls):
        cls.certificate, key = cls.folder / "certificate.pem", cls.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", cls.certificate], check=True, capture_output=True)
        cls.locked = cls.start("--api-key", KEY, "--tls-certificate", str(cls.certificate), "--tls-key", str(key),
                               idle=IDLE)
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

    def test_without_a_key_no_body_is_read(self):
        head = request("POST", "/v1/audio/transcriptions", ["Content-Length: 900000", "Content-Type: audio/wav"])
        for data in (head[:-2] + b"Expect: 100-continue\r\n\r\n", head, head + bytes(900000)):
            with self.subTest(bytes=len(data)), connect(self.locked.http) as plain, self.wrap(plain) as connection:
                wire.send_all(connection, data)
                received = wire.read_to_end(connection)
                self.assertNotIn(b"100 Continue", received)
                self.assertEqual([response.status for response in wire.responses_in(received)], [401])

    def test_an_empty_key_is_none(self):
        for command in (["--api-key", ""], ["--api-key", KEY, "--api-key", ""]):
            ended = subprocess.run([self.serve, "--model", self.model, "--http-port", "0", "--no-grpc", *command],
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 2)
            self.assertIn("--api-key is empty", ended.stderr)

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
            stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
            call = lambda key: stub.GetRivaSpeechRecognitionConfig(
                self.riva.asr.RivaSpeechRecognitionConfigRequest(), timeout=60, metadata=[("authorization", key)])
            for key in ("", "Bearer", "Bearer wrong", KEY, f"Bearer {KEY} "):
                with self.subTest(key=key), self.assertRaises(grpc.RpcError) as refused:
                    call(key)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
            call(f"Bearer {KEY}")

    def test_plain_at_a_tls_port(self):
        for address in (self.locked.http, self.locked.riva):
            for data in (request(), wire.handshake(), b"\0" * 1000):
                with connect(address, 30) as connection:
                    wire.send_all(connection, data)
                    self.assertNotIn(b" 200", wire.read_to_end(connection))
        with grpc.insecure_channel(self.locked.riva) as channel, self.assertRaises(grpc.RpcError):
            self.riva.stubs.RivaSpeechRecognitionStub(channel).GetRivaSpeechRecognitionConfig(
                self.riva.asr.RivaSpeechRecognitionConfigRequest(), timeout=10)

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

    def test_vanishing_uploads(self):
        """With TLS's goodbye, which stands before the end of the connection."""
        leaving = self.wrap(connect(self.locked.http))
        key = f"Authorization: Bearer {KEY}"
        leaving.sendall(request("POST", "/v1/listen", [key], much_sound()))

        def active_streams():
            response, = exchange(self.locked.http, request(path="/metrics", headers=[key]), wrap=self.wrap)
            return sum(map(float, re.findall(rb"^glossa_streams\{[^}]*\} (\S+)$", response.body, re.M)))

        self.assertTrue(until(lambda: active_streams() == 1))
        leaving.settimeout(0.2)
        with contextlib.suppress(OSError):
            leaving.unwrap()
        leaving.close()
        self.assertTrue(until(lambda: active_streams() == 0, 5))

    def test_clients_that_end_without_goodbye(self):
        for leave in (wire.reset, socket.socket.close):
            client = WebSocket(self.locked.http, f"/v1/realtime?api_key={KEY}", wrap=self.wrap)
            client.send(bytes(3200))
            leave(client.connection)
        self.test_keys_over_http()
