"""gRPC clients that ask for what cannot be, stall and vanish, and what is no gRPC."""
import contextlib
import socket
import threading
import time

import grpc

import wire
from case import IDLE, LIMIT_MB, FaultTest, until, wav
from riva_client import final_results, transcript_of
from wire import connect, request

Code = grpc.StatusCode


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
    def setUp(self):
        self.channel = grpc.insecure_channel(self.server.riva)
        self.addCleanup(self.channel.close)
        self.stub = self.riva.stubs.RivaSpeechRecognitionStub(self.channel)

    def refusal(self, call):
        with self.assertRaises(grpc.RpcError) as refused:
            call()
        return refused.exception.code(), refused.exception.details()

    def assert_refused(self, code, text, call):
        found, details = self.refusal(call)
        self.assertEqual(found, code, details)
        self.assertIn(text, details)

    def transcribe(self, samples, **fields):
        messages = self.riva.requests(self.riva.configuration(**fields), samples, 3200)
        return transcript_of(final_results(self.stub.StreamingRecognize(messages, timeout=60)))

    def recognize(self, sound, **fields):
        request = self.riva.asr.RecognizeRequest(config=self.riva.configuration(**fields), audio=sound)
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
                    {"stop_history_eou": "x"}, {"latenc": "80ms"}))]:
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
            self.stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
            for call in (self.recognize, self.transcribe):
                self.assertIn(self.refusal(lambda: call(sound))[0], (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE))

    def test_too_large(self):
        large = bytes((LIMIT_MB << 20) + 1)
        self.assert_refused(Code.RESOURCE_EXHAUSTED, "", lambda: self.recognize(large))
        messages = [self.riva.opening(self.riva.configuration()), self.riva.sound(large)]
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
        requests = self.riva.requests(self.riva.configuration(), self.speech, 32000)
        messages = [message.SerializeToString() for message in requests]
        messages.insert(2, b"\xff")
        self.assert_refused(Code.INVALID_ARGUMENT, "no StreamingRecognizeRequest",
                            lambda: self.raw("StreamingRecognize", messages))

    def test_no_grpc(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        begun = preface + b"\0\0\0\4\0\0\0\0\0"  # with the client's settings
        for data in (request(), b"\0" * 1000, preface[:10], preface + b"\xff" * 1000,
                     begun + b"\0\0\1\0\0\0\0\0\1x", begun + b"\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff",
                     begun + b"\xff\xff\xff\0\0\0\0\0\1" + bytes(1000), begun + b"\0\0\0\4\0\0\0\0\0" * 10000,
                     begun + b"\0\0\x08\6\0\0\0\0\0pingping" * 1000):
            for leave in (wire.reset, socket.socket.close):
                connection = connect(self.server.riva)
                wire.send_all(connection, data)
                time.sleep(0.02)
                leave(connection)
        with connect(self.server.riva) as connection:
            connection.sendall(request())
            self.assertNotIn(b"200", wire.read_to_end(connection)[:20])

    def test_silent_connection(self):
        """May stay as long as it likes, and takes nothing from others."""
        with connect(self.server.riva), connect(self.server.riva) as begun:
            begun.sendall(b"PRI * HTTP/2.0\r\n\r\n")
            self.assertTrue(self.transcribe(self.speech))

    def test_nothing_comes(self):
        def quiet(messages):
            yield from messages
            time.sleep(5 * IDLE)

        opening = self.riva.opening(self.riva.configuration())
        calls = [self.stub.StreamingRecognize(quiet(messages), timeout=60)
                 for messages in ([], [opening], [opening, self.riva.sound(self.speech[:3200])])]
        for call in calls:
            self.assert_refused(Code.DEADLINE_EXCEEDED, "no audio", lambda: list(call))

    def test_vanishing_clients(self):
        for leave in (wire.reset, socket.socket.close):
            relay = Relay(self.server.riva)
            done = threading.Event()

            def endless():
                yield from self.riva.requests(self.riva.configuration(), self.speech, 3200)
                while not done.wait(0.05):
                    yield self.riva.sound(self.speech[:3200])

            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
            with grpc.insecure_channel(relay.address, options) as channel:
                stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
                calls = [stub.StreamingRecognize(endless(), timeout=60) for _ in range(4)]
                next(calls[0])
                self.assertTrue(until(lambda: self.server.active_streams() >= len(self.steady) + 4))
                relay.cut(leave)
                done.set()
                for call in calls:
                    self.assertIn(call.code(), (Code.UNAVAILABLE, Code.CANCELLED))
            self.assertTrue(until(lambda: self.server.active_streams() == len(self.steady)))

    def test_slow_reader(self):
        messages = self.riva.requests(self.riva.configuration(), self.speech * 4, 3200)
        call = self.stub.StreamingRecognize(messages, timeout=60)
        time.sleep(IDLE)
        self.assertTrue(transcript_of(final_results(call)))
