"""Random changes to good requests, over HTTP, WebSocket and gRPC."""
import contextlib
import json
import random
import socket

import grpc

import wire
from case import LATENCY, FaultTest, wav
from serving import COMMIT
from wire import BINARY, PING, TEXT, connect, frame, request, upload

Code = grpc.StatusCode


class MutationTest(FaultTest):
    """Random changes to what clients send; always the same ones."""

    COUNT = 2000  # of each kind
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
        speech = self.speech[:6400]
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
        waiting = []
        for count in range(self.COUNT):
            connection = connect(self.server.http)
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
        speech = self.speech[:6400]
        config = self.riva.configuration(custom_configuration={"latency": LATENCY}, audio_channel_count=2,
                                         enable_word_time_offsets=True)
        opening = self.riva.opening(config, request_id="seven").SerializeToString()
        sound = self.riva.sound(speech).SerializeToString()
        whole = self.riva.asr.RecognizeRequest(config=config, audio=speech).SerializeToString()
        asked = self.riva.asr.RivaSpeechRecognitionConfigRequest(model_name="x").SerializeToString()
        clear = {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED}
        service = "/nvidia.riva.asr.RivaSpeechRecognition/"
        with grpc.insecure_channel(self.server.riva) as channel:
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
                waiting.append(call(count))
                if len(waiting) == 16 or count == self.COUNT - 1:
                    for each, is_stream in waiting:
                        with contextlib.suppress(grpc.RpcError):
                            list(each if is_stream else [])  # its status comes after its last message
                        self.assertIn(each.code(), clear, each.details())
                    waiting = []
