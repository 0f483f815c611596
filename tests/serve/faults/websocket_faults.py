"""WebSocket clients that break the protocol, say nonsense, stall and vanish."""
import contextlib
import socket
import struct
import time

import grpc

import wire
from case import FaultTest, is_below, until, wav
from serving import COMMIT, COMPLETED
from wire import BINARY, CLOSE, PING, TEXT, WebSocket, exchange, frame


class WebSocketTest(FaultTest):
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
                statuses_seen = [response.status for response in exchange(self.server.http, bad, finish=True)]
                self.assertEqual(len(statuses_seen), 1)
                self.assertIn(statuses_seen[0], statuses)

    def close_code(self, *data):
        with WebSocket(self.server.http) as client:
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
        with WebSocket(self.server.http) as client:
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
        with WebSocket(self.server.http) as client:
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
        with WebSocket(self.server.http) as client:
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
        with WebSocket(self.server.http) as client:
            client.send(self.speech[:3200])
            client.send({"type": "session.update", "session": {"sample_rate": 8000}})
            self.assertIn("format", client.next("error")["error"]["message"])
        with WebSocket(self.server.http) as client:
            for beginning in (b"fLaC", b"OggS", b"ID3"):
                client.send(beginning + bytes(100))
                self.assertIn("cannot be streamed", client.next("error")["error"]["message"])
                client.send({"type": "input_audio_buffer.clear"})
            client.send(wav(self.speech, rate=1))
            self.assertIn("WAV header", client.next("error")["error"]["message"])

    def test_a_refused_file_is_not_heard(self):
        """Nor the rest of it, which could be taken for samples; what follows a clear is."""
        for clear in (False, True):
            with self.subTest(clear=clear), WebSocket(self.server.http) as client:
                client.send(b"fLaC" + bytes(100))
                self.assertIn("cannot be streamed", client.next("error")["error"]["message"])
                if clear:
                    client.send({"type": "input_audio_buffer.clear"})
                client.send(self.speech)
                client.send(COMMIT)
                self.assertEqual(bool(client.next(COMPLETED)["transcript"]), clear)

    def test_an_update_changes_what_it_names(self):
        with WebSocket(self.server.http) as client:
            client.send({"type": "session.update", "session": {"language": "de-DE", "latency": "80ms"}})
            client.next("session.updated")
            client.send(self.speech[:3200])
            client.send({"type": "session.update", "session": {"endpointing_ms": 500}})
            session = client.next("session.updated")["session"]
            self.assertEqual((session["language"], session["latency"], session["endpointing_ms"]), ("de-DE", "80ms", 500))
            client.send({"type": "session.update", "session": {"language": "EN_us"}})  # as before the first sound
            self.assertEqual(client.next("session.updated")["session"]["language"], "EN_us")
        with WebSocket(self.server.http) as client:
            openai = {"format": {"type": "audio/pcmu"}, "transcription": {"language": "es-ES"}, "turn_detection": None}
            client.send({"type": "session.update", "session": {"type": "transcription", "audio": {"input": openai}}})
            client.next("session.updated")
            client.send(self.speech[:3200])
            client.send({"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 400}}}}})
            heard = client.next("session.updated")["session"]["audio"]["input"]
            self.assertEqual(heard["format"], {"type": "audio/pcmu", "rate": 8000})
            self.assertEqual(heard["transcription"]["language"], "es-ES")
            self.assertEqual(heard["turn_detection"]["silence_duration_ms"], 400)

    def test_an_update_of_a_part_of_the_sound(self):
        def riva(**session):
            return {"type": "transcription_session.update", "session": session}

        def openai(**form):
            return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": {"format": form}}}}

        with WebSocket(self.server.http) as client:
            client.send(riva(input_audio_format="pcm16", input_audio_params={"sample_rate_hz": 8000, "num_channels": 2}))
            client.send(riva(input_audio_format="pcm16", input_audio_transcription={"language": "de-DE"}))
            client.send(riva(input_audio_params={"num_channels": 1}))
            heard = [client.next("transcription_session.updated")["session"]["input_audio_params"] for _ in range(3)]
            two = {"sample_rate_hz": 8000, "num_channels": 2}
            self.assertEqual(heard, [two, two, {**two, "num_channels": 1}])
        with WebSocket(self.server.http) as client:
            heard = []
            for form in ({"rate": 16000}, {"type": "audio/pcm"}, {"type": "audio/pcma"}, {"rate": 8000}, {"type": "audio/pcm"}):
                client.send(openai(**form))
                heard.append(client.next("session.updated")["session"]["audio"]["input"]["format"])
            pcm, alaw = {"type": "audio/pcm", "rate": 16000}, {"type": "audio/pcma", "rate": 8000}
            self.assertEqual(heard, [pcm, pcm, alaw, alaw, {"type": "audio/pcm", "rate": 24000}])

    def test_an_openai_stream_that_fails_is_closed(self):
        """Nobody would hear what comes after it."""
        with self.own_server(hours=0.01) as own, WebSocket(own.http) as client:
            client.send({"type": "session.update", "session": {"type": "transcription"}})
            client.send(bytes(40 * 24000 * 2))
            self.assertIn("longer than", client.next("error")["error"]["message"])
            for _ in client.events():
                pass
            self.assertEqual(client.code, 1008)

    def test_turns_are_timed_from_the_beginning(self):
        """And each knows the one before it."""
        with WebSocket(self.server.http) as client:
            client.send({"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
                "format": {"type": "audio/pcm", "rate": 16000},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 60000}}}}})
            starts, committed = [], []
            for _ in range(2):
                client.send(self.speech)
                client.send(COMMIT)
                starts.append(client.next("input_audio_buffer.speech_started")["audio_start_ms"])
                committed.append(client.next("input_audio_buffer.committed"))
                client.next(COMPLETED)
            self.assertEqual([item["previous_item_id"] for item in committed], [None, committed[0]["item_id"]])
            seconds = len(self.speech) / 2 / 16000
            self.assertAlmostEqual(starts[1] - starts[0], 1000 * seconds, delta=2)

    def test_much_at_once_is_not_silence(self):
        """While a stream is behind nothing is read, answers to pings neither."""
        with self.own_server(idle=1) as own, WebSocket(own.http, "/v1/listen?encoding=mulaw&sample_rate=8000") as client:
            client.send(b"\xff" * 3_900_000)
            client.send({"type": "CloseStream"})
            heard = [event["type"] for event in client.events()]
            self.assertIn("Metadata", heard)
            self.assertEqual(client.code, 1000)

    def test_vanishing_clients(self):
        for leave in (wire.reset, socket.socket.close):
            for sent in (0, 1, 20):
                clients = [WebSocket(self.server.http) for _ in range(4)]
                for client in clients:
                    for at in range(sent):
                        client.send(self.speech[3200 * at:3200 * (at + 1)])
                    client.raw(frame(BINARY, self.speech)[:1000])
                for client in clients:
                    leave(client.connection)
        committed = WebSocket(self.server.http)
        committed.send(self.speech)
        committed.send(COMMIT)
        wire.reset(committed.connection)
        self.assertTrue(until(lambda: self.server.active_streams() == len(self.steady)))

    def test_nothing_comes(self):
        """Not even an answer to the server's pings."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(WebSocket(self.server.http)) for _ in range(3)]
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
            with WebSocket(self.server.http) as client:
                client.send(settings)
                client.send(self.speech[:3200])
                self.assertEqual(client.next("error")["error"]["code"], "idle_timeout")
                client.next(COMPLETED)
                self.assertTrue(until(lambda: self.server.active_streams() == len(self.steady)))
                if settings is openai:  # the connection is there for the next item
                    client.send(self.speech)
                    client.send(COMMIT)
                    self.assertTrue(client.next(COMPLETED)["transcript"])
                else:
                    self.assertEqual(list(client.events()), [])
                    self.assertEqual(client.code, 1000)

    def test_slow_reader(self):
        """Dropped once too much waits for it."""
        with WebSocket(self.server.http) as client:
            client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            message = frame(TEXT, b'{"type": "' + b"x" * (1 << 20) + b'"}')
            client.connection.settimeout(30)
            count = 0
            while count < 60 and client.raw(message):
                count += 1
            self.assertLess(count, 60)
        self.assertTrue(until(lambda: is_below(self.server, self.before["memory"] + 64)))

    def test_said_its_last_word_and_does_not_read(self):
        """What the server writes to it hangs; its place is another's, and the connection ends."""
        with self.own_server(streams=1) as own:
            descriptors = own.descriptors()
            with WebSocket(own.http) as silent:
                silent.send(self.speech[:3200])
                self.assertTrue(until(lambda: own.active_streams() == 1))
                update = frame(TEXT, b'{"type": "session.update", "session": {}}')
                silent.raw(update * 24000)  # answers for more than the buffers hold, and less than is too much
                time.sleep(2)  # the writer hangs
                silent.connection.shutdown(socket.SHUT_WR)
                self.assertTrue(until(lambda: own.active_streams() == 0, 20))
                with WebSocket(own.http) as other:
                    other.send(self.speech)
                    other.send(COMMIT)
                    self.assertTrue(other.next(COMPLETED)["transcript"])
                self.assertTrue(until(lambda: own.descriptors() <= descriptors, 20), own.descriptors())

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
                    stub = self.riva.stubs.RivaSpeechRecognitionStub(channel)
                    with self.assertRaises(grpc.RpcError) as refused:
                        list(stub.StreamingRecognize(self.riva.requests(self.riva.configuration(), b"", 1), timeout=60))
                    self.assertEqual(refused.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                first.send(COMMIT)
                first.next(COMPLETED)
